package dhcp

import (
	"testing"

	"tandem/failover/lease"
)

// campus has a shared network with two subnets, one network only behind
// relays, and one bound to an interface by name.
const campus = `
ping-check off; authoritative;
shared-network floor {
  subnet 10.1.0.0 netmask 255.255.255.0 { option routers 10.1.0.1; range 10.1.0.10 10.1.0.11; }
  subnet 10.2.0.0 netmask 255.255.255.0 { option routers 10.2.0.1; range 10.2.0.10 10.2.0.11; }
}
subnet 10.3.0.0 netmask 255.255.0.0 { range 10.3.1.0 10.3.1.9; }
subnet 10.4.0.0 netmask 255.255.255.0 { interface "eth4"; range 10.4.0.10 10.4.0.19; }
`

func TestLocate(t *testing.T) {
	g := newRig(t, campus)
	floor := &Interface{Index: 2, Name: "eth0", Addrs: []lease.IP{ip("192.0.2.1"), ip("10.2.0.2")}}
	named := &Interface{Index: 4, Name: "eth4"}
	tests := []struct {
		name string
		m    *msg
		want string // network of the offer, or ""
	}{
		{"second address of the interface", g.from(1, msgDiscover).on(floor), "10.1.0.0"},
		{"interface statement", g.from(1, msgDiscover).on(named), "10.4.0.0"},
		{"relay", g.from(1, msgDiscover).on(floor).relay("10.3.200.1"), "10.3.0.0"},
		{"unknown relay", g.from(1, msgDiscover).on(floor).relay("10.9.0.1"), ""},
		{"link selection before relay", g.from(1, msgDiscover).on(floor).relay("10.9.0.1").opt(optAgent, 5, 4, 10, 3, 0, 0), "10.3.0.0"},
		{"link selection before subnet selection", g.from(1, msgDiscover).on(floor).relay("10.9.0.1").
			opt(optAgent, 5, 4, 10, 3, 0, 0).opt(optSubnetSelect, 10, 4, 0, 0), "10.3.0.0"},
		{"subnet selection", g.from(1, msgDiscover).on(floor).opt(optSubnetSelect, 10, 4, 0, 0), "10.4.0.0"},
		{"damaged link selection", g.from(1, msgDiscover).on(floor).relay("10.3.200.1").opt(optAgent, 5, 3, 10, 3, 0), ""},
	}
	for _, test := range tests {
		res := test.m.send()
		if test.want == "" {
			res.silent()
			continue
		}
		got := fromNet(res.reply(msgOffer).YourIPAddr)
		s := g.cfg.SubnetOf(got)
		if s == nil || s.Network != g.r.networkOf(ip(test.want)) {
			t.Errorf("%s: offer of %v", test.name, got)
		}
	}
}

// TestSharedNetwork wants both subnets of a link used, each with its own routers.
func TestSharedNetwork(t *testing.T) {
	g := newRig(t, campus)
	g.iface.Addrs = []lease.IP{ip("10.1.0.1")}
	routers := map[string]string{}
	for n := byte(1); n <= 4; n++ {
		offer := g.from(n, msgDiscover).opt(optRequestList, 3).send().reply(msgOffer)
		routers[offer.YourIPAddr.String()] = offer.Router()[0].String()
	}
	want := map[string]string{"10.1.0.10": "10.1.0.1", "10.1.0.11": "10.1.0.1", "10.2.0.10": "10.2.0.1", "10.2.0.11": "10.2.0.1"}
	for a, r := range want {
		if routers[a] != r {
			t.Errorf("%s has router %q, want %s", a, routers[a], r)
		}
	}
	g.from(5, msgDiscover).send().silent().logs("DHCPDISCOVER from 02:00:00:00:00:05 via eth0: network floor: no free leases")
}

func TestServerIdentifier(t *testing.T) {
	g := newRig(t, campus)
	g.iface.Addrs = []lease.IP{ip("192.0.2.1"), ip("10.2.0.2")}
	sid := func(m *msg) string { return m.send().reply(msgOffer).ServerIdentifier().String() }
	if got := sid(g.from(1, msgDiscover).wants("10.2.0.10")); got != "10.2.0.2" {
		t.Errorf("in the client's subnet: %s", got)
	}
	if got := sid(g.from(2, msgDiscover).wants("10.1.0.10")); got != "192.0.2.1" {
		t.Errorf("first address: %s", got)
	}
	if got := sid(g.from(3, msgDiscover).relay("10.3.0.1").opt(optAgent, 11, 4, 10, 3, 0, 1)); got != "10.3.0.1" {
		t.Errorf("override: %s", got)
	}
	// The request comes back with the identifier that the relay chose.
	g.from(3, msgRequest).relay("10.3.0.1").opt(optAgent, 11, 4, 10, 3, 0, 1).wants("10.3.1.0").server("10.3.0.1").send().reply(msgACK)
	// A request to an identifier that was given out on another interface counts as ours.
	other := &Interface{Index: 9, Name: "eth9", Addrs: []lease.IP{ip("10.3.0.9")}}
	g.from(1, msgRequest).on(other).relay("10.2.0.254").wants("10.2.0.10").server("10.2.0.2").send().reply(msgACK)
}

func TestDestination(t *testing.T) {
	g := newRig(t, office+`class "loud" { match if option vendor-class-identifier = "LOUD"; always-broadcast on; }`)
	a := g.bind(1, "").String()
	hw := "\x01\x02\x00\x00\x00\x00\x01"
	tests := []struct {
		name string
		m    *msg
		dst  string
		port uint16
		hw   string
	}{
		{"offer", g.from(1, msgDiscover), a, 68, hw},
		{"offer, broadcast flag", g.from(1, msgDiscover).broadcast(), "255.255.255.255", 68, ""},
		{"offer, always-broadcast", g.from(1, msgDiscover).text(optVendorClass, "LOUD"), "255.255.255.255", 68, ""},
		{"offer to a relay", g.from(1, msgDiscover).relay("10.0.0.7"), "10.0.0.7", 67, ""},
		{"offer to a relay on this machine", g.from(1, msgDiscover).relay("127.0.0.1").opt(optSubnetSelect, 10, 0, 0, 0), "127.0.0.1", 68, ""},
		{"renewal", g.from(1, msgRequest).ciaddr(a).unicast(), a, 68, ""},
		{"rebinding", g.from(1, msgRequest).ciaddr(a), a, 68, ""},
		{"old client that names the server", g.from(1, msgRequest).ciaddr(a).server("10.0.0.1"), a, 68, hw},
		{"old client that wants a broadcast", g.from(1, msgRequest).ciaddr(a).broadcast(), "255.255.255.255", 68, ""},
		{"rebinding through a relay", g.from(1, msgRequest).ciaddr(a).relay("10.0.0.7"), "10.0.0.7", 67, ""},
		{"NAK", g.from(2, msgRequest).wants(a), "255.255.255.255", 68, ""},
		{"NAK through a relay", g.from(2, msgRequest).wants(a).relay("10.0.0.7"), "10.0.0.7", 67, ""},
		{"inform", g.from(3, msgInform).ciaddr("10.0.0.50").unicast(), "10.0.0.50", 68, ""},
		{"inform through a relay", g.from(3, msgInform).ciaddr("10.0.0.50").relay("10.0.0.7"), "10.0.0.50", 68, ""},
	}
	for _, test := range tests {
		res := test.m.send()
		if len(res.replies) != 1 {
			t.Errorf("%s: %d replies; log %q", test.name, len(res.replies), res.lines)
			continue
		}
		rep := res.replies[0]
		if rep.Dst.String() != test.dst || rep.DstPort != test.port || rep.HW != test.hw || rep.Src != ip("10.0.0.1") {
			t.Errorf("%s: to %v port %d hardware %x from %v", test.name, rep.Dst, rep.DstPort, rep.HW, rep.Src)
		}
	}
}

func TestPorts(t *testing.T) {
	g := newRig(t, office)
	g.r.SetPorts(6767, 6868)
	if p := g.from(1, msgDiscover).relay("10.0.0.7").send().replies[0].DstPort; p != 6767 {
		t.Errorf("relay's port %d", p)
	}
	if p := g.from(1, msgDiscover).send().replies[0].DstPort; p != 6868 {
		t.Errorf("client's port %d", p)
	}
}
