package daemon

import (
	"bytes"
	"strings"
	"testing"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

const twoNets = `
subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.20; }
shared-network far { interface "tun0"; subnet 172.16.0.0 netmask 255.255.0.0 { } }
`

// config compiles a configuration.
func config(t testing.TB, text string) *conf.Config {
	t.Helper()
	cfg, list := conf.Load("test.conf", func(string) ([]byte, error) { return []byte(text), nil })
	if cfg == nil {
		t.Fatalf("%+v", list)
	}
	return cfg
}

func names(links []link) string {
	var out []string
	for _, l := range links {
		out = append(out, l.name)
	}
	return strings.Join(out, " ")
}

func TestChooseInterfaces(t *testing.T) {
	machine := func() []link {
		return []link{
			{index: 1, name: "lo", up: true, addrs: []lease.IP{lease.MustIP("127.0.0.1")}},
			{index: 2, name: "eth0", up: true, broadcast: true, addrs: []lease.IP{lease.MustIP("192.168.1.1"), lease.MustIP("10.0.0.1")}},
			{index: 3, name: "eth1", up: true, broadcast: true, addrs: []lease.IP{lease.MustIP("192.168.2.1")}},
			{index: 4, name: "eth2", broadcast: true, addrs: []lease.IP{lease.MustIP("10.0.0.2")}},
			{index: 5, name: "tun0", up: true, broadcast: true},
		}
	}
	tests := []struct{ named, want, said string }{
		{"", "eth0 tun0", "No subnet declaration for eth1 (192.168.2.1)"},
		{"eth1", "eth1", "No subnet declaration for eth1 (192.168.2.1)"},
		{"lo eth0", "lo eth0", ""},
		{"eth2 eth9 eth0", "eth0", "eth9 does not exist or is down"},
	}
	for _, tt := range tests {
		var said bytes.Buffer
		log := NewLogger(&said, LogPlain, 0)
		p := newPorts(strings.Fields(tt.named), config(t, twoNets), nil, nil, log)
		for range 2 { // what is odd is said once
			if got := names(p.choose(machine())); got != tt.want {
				t.Errorf("%q: serves %q, want %q", tt.named, got, tt.want)
			}
		}
		log.Close()
		if tt.said != "" && strings.Count(said.String(), tt.said) != 1 {
			t.Errorf("%q: said\n%s", tt.named, said.String())
		}
	}
}
