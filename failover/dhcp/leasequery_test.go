package dhcp

import (
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

func TestLeaseQuery(t *testing.T) {
	g := newRig(t, "allow leasequery; dhcp-cache-threshold 0;"+office)
	g.from(1, msgRequest).uid("me").relay("10.0.0.7").wants("10.0.0.100").opt(optAgent, 1, 1, 'p').send().reply(msgACK)
	g.from(2, msgRequest).wants("10.0.0.101").send().reply(msgACK)
	g.wait(100 * time.Second)
	ask := func(n byte) *msg {
		return g.from(n, msgLeaseQuery).relay("10.0.0.7").opt(optRequestList, 51, 58, 59, 61, 82, 91, 92, 51)
	}
	noHW := func(m *msg) *msg { m.m.ClientHWAddr, m.m.HWType = nil, 0; return m }
	tests := []struct {
		name string
		m    *msg
		typ  byte
		line string
	}{
		{"address", noHW(ask(0)).ciaddr("10.0.0.100"), msgLeaseActive, "DHCPLEASEACTIVE to 10.0.0.7 for IP 10.0.0.100 (0 associated IPs)"},
		{"free address", noHW(ask(0)).ciaddr("10.0.0.105"), msgLeaseUnassigned, "DHCPLEASEUNASSIGNED to 10.0.0.7 for IP 10.0.0.105 (0 associated IPs)"},
		{"foreign address", noHW(ask(0)).ciaddr("10.0.0.5"), msgLeaseUnknown, "DHCPLEASEUNKNOWN to 10.0.0.7 for IP 10.0.0.5 (0 associated IPs)"},
		{"hardware", ask(2), msgLeaseActive, "DHCPLEASEACTIVE to 10.0.0.7 for MAC address 02:00:00:00:00:02 (1 associated IPs)"},
		{"unknown hardware", ask(3), msgLeaseUnknown, "DHCPLEASEUNKNOWN to 10.0.0.7 for MAC address 02:00:00:00:00:03 (0 associated IPs)"},
		{"identifier", noHW(ask(0)).uid("me"), msgLeaseActive, "DHCPLEASEACTIVE to 10.0.0.7 for client-id 6d:65 (1 associated IPs)"},
	}
	for _, test := range tests {
		res := test.m.send()
		if m := res.reply(test.typ); m.GatewayIPAddr.String() != "10.0.0.7" {
			t.Errorf("%s: %v", test.name, m)
		}
		res.logs(test.line)
		if rep := res.replies[0]; rep.Dst != ip("10.0.0.7") || rep.DstPort != 67 {
			t.Errorf("%s: goes to %v port %d", test.name, rep.Dst, rep.DstPort)
		}
	}
	m := noHW(ask(0)).ciaddr("10.0.0.100").send().reply(msgLeaseActive)
	if m.IPAddressLeaseTime(0) != 500*time.Second || string(m.Options.Get(dhcpv4.OptionClientIdentifier)) != "me" ||
		m.ClientHWAddr.String() != "02:00:00:00:00:01" || string(m.Options[optAgent]) != "\x01\x01p" ||
		m.IPAddressRenewalTime(0) != 200*time.Second || m.Options[optLastTransact][3] != 100 {
		t.Errorf("answer %v", m.Summary())
	}
}

func TestLeaseQueryRefused(t *testing.T) {
	g := newRig(t, office)
	g.from(1, msgLeaseQuery).relay("10.0.0.7").send().silent().logs("DHCPLEASEQUERY from 10.0.0.7: LEASEQUERY not allowed, query ignored")
	g = newRig(t, "allow leasequery;"+office)
	g.from(1, msgLeaseQuery).ciaddr("10.0.0.100").send().silent().logs("DHCPLEASEQUERY from 0.0.0.0: missing giaddr, ignored")
	g.from(1, msgLeaseQuery).relay("10.0.0.7").uid("me").send().silent()
	both := g.from(1, msgLeaseQuery).relay("10.0.0.7")
	both.m.ClientHWAddr, both.m.HWType = nil, 0
	both.send().silent()
}

// TestLeaseQueryAssociated wants the other addresses of the client named.
func TestLeaseQueryAssociated(t *testing.T) {
	g := newRig(t, "allow leasequery;"+office)
	g.bind(1, "a")
	g.bind(1, "b")
	m := g.from(1, msgLeaseQuery).relay("10.0.0.7").opt(optRequestList, 92).send().reply(msgLeaseActive)
	if v := m.Options[optAssociatedIP]; len(v) != 8 {
		t.Errorf("associated %v", v)
	}
}
