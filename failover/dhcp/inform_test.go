package dhcp

import "testing"

func TestInform(t *testing.T) {
	g := newRig(t, `class "c" { match if option vendor-class-identifier = "c"; filename "f"; next-server 10.0.0.8; }`+office)
	res := g.from(1, msgInform).ciaddr("10.0.0.50").unicast().opt(optRequestList, 6).text(optVendorClass, "c").send()
	m := res.reply(msgACK)
	if len(m.DNS()) != 2 || m.YourIPAddr.String() != "0.0.0.0" || m.IPAddressLeaseTime(0) != 0 || m.BootFileName != "f" || m.ServerIPAddr.String() != "10.0.0.8" {
		t.Errorf("reply %v", m.Summary())
	}
	res.logs("DHCPINFORM from 10.0.0.50 via eth0").logs("DHCPACK to 10.0.0.50 (02:00:00:00:00:01) via eth0")
	// A client that does not fill ciaddr is answered where it sent from.
	m2 := g.from(1, msgInform)
	m2.p.Src = ip("10.0.0.51")
	if rep := m2.send().replies[0]; rep.Dst != ip("10.0.0.51") {
		t.Errorf("reply to %v", rep.Dst)
	}
	g.from(1, msgInform).send().silent().logs("DHCPINFORM from 0.0.0.0 via eth0: ignored (null source address).")
	g.from(1, msgInform).ciaddr("192.0.2.1").send().silent().logs("DHCPINFORM from 192.0.2.1 via eth0: unknown subnet for client address 192.0.2.1")
}

func TestInformNotAuthoritative(t *testing.T) {
	g := newRig(t, "subnet 10.0.0.0 netmask 255.255.255.0 { }")
	g.from(1, msgInform).ciaddr("10.0.0.50").send().silent().logs("DHCPINFORM from 10.0.0.50 via eth0: not authoritative for subnet 10.0.0.0")
	g = newRig(t, "deny booting;"+office)
	g.from(1, msgInform).ciaddr("10.0.0.50").send().silent()
}

// TestNotAuthoritative wants silence, not DHCPNAK, about what may be right on
// a network that others may serve, and DHCPNAK about own addresses all the same.
func TestNotAuthoritative(t *testing.T) {
	g := newRig(t, "ping-check off; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.11; }")
	g.from(1, msgRequest).wants("192.0.2.1").send().silent().logs("DHCPREQUEST for 192.0.2.1 from 02:00:00:00:00:01 via eth0: ignored (not authoritative).")
	a := g.bind(1, "").String()
	g.from(2, msgRequest).wants(a).send().reply(msgNAK)
}

// TestRenewalBeyondRouter wants a renewal served that comes in, straight from
// a client behind a router, on an interface of another or of no subnet.
func TestRenewalBeyondRouter(t *testing.T) {
	g := newRig(t, office)
	a := g.from(1, msgRequest).relay("10.0.0.7").wants("10.0.0.100").send().reply(msgACK).YourIPAddr.String()
	outside := &Interface{Index: 5, Name: "wan", Addrs: g.iface.Addrs[:0]}
	g.from(1, msgRequest).on(outside).ciaddr(a).unicast().send().reply(msgACK)
	g.from(1, msgRequest).on(outside).wants(a).send().silent()
	g.from(1, msgRelease).on(outside).ciaddr(a).unicast().send().logs("DHCPRELEASE of " + a + " from 02:00:00:00:00:01 via wan (found)")
}
