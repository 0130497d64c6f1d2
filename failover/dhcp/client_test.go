package dhcp

import (
	"testing"
	"time"

	"tandem/failover/lease"
)

// TestIdentity wants a client known by its identifier, else by its hardware
// address, and a boot ROM without identifier taken for the system after it.
func TestIdentity(t *testing.T) {
	g := newRig(t, office)
	rom := g.bind(1, "")
	if system := g.bind(1, "\xff01"); system != rom {
		t.Errorf("after the ROM's %v the system got %v", rom, system)
	}
	if again := g.bind(1, ""); again == rom {
		t.Error("a lease with an identifier given to a client without")
	}
	if other := g.bind(1, "\xff02"); other == rom {
		t.Error("two identifiers share an address")
	}
	if same := g.bind(7, "\xff01"); same != rom {
		t.Errorf("on another card the client got %v", same)
	}
	ignoring := newRig(t, "ignore-client-uids on;"+office)
	a := ignoring.bind(1, "x")
	if b := ignoring.bind(1, "y"); b != a || ignoring.table.Get(a).UID != "" {
		t.Errorf("identifiers are not ignored: %v, %v", a, b)
	}
}

func TestOneLeasePerClient(t *testing.T) {
	two := `ping-check off; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.100 10.0.0.109; }
		subnet 10.1.0.0 netmask 255.255.255.0 { range 10.1.0.100 10.1.0.109; }`
	for _, test := range []struct {
		conf, uid string
		want      lease.State
	}{
		{"", "me", lease.Active}, {"one-lease-per-client on;", "me", lease.Free}, {"one-lease-per-client on;", "", lease.Free},
	} {
		g := newRig(t, test.conf+two)
		first := g.bind(1, test.uid)
		m := g.from(1, msgRequest).relay("10.1.0.1").wants("10.1.0.100")
		if test.uid != "" {
			m.uid(test.uid)
		}
		m.send().reply(msgACK)
		if s := g.table.Get(first).State; s != test.want {
			t.Errorf("%q %q: the lease in the other network is %v", test.conf, test.uid, s)
		}
	}
}

func TestDuplicatesDenied(t *testing.T) {
	for flag, want := range map[string]lease.State{"allow": lease.Active, "deny": lease.Free} {
		g := newRig(t, flag+" duplicates; host h { hardware ethernet 02:00:00:00:00:01; }"+office)
		first := g.bind(1, "windows")
		g.bind(1, "linux")
		if s := g.table.Get(first).State; s != want {
			t.Errorf("%s duplicates: the other system's lease is %v", flag, s)
		}
	}
}

func TestFixedAddress(t *testing.T) {
	g := newRig(t, office+`
		host h { hardware ethernet 02:00:00:00:00:01; fixed-address 10.9.0.1, 10.0.0.50; default-lease-time 1000; }
		host i { option dhcp-client-identifier "me"; fixed-address 10.0.0.51; }`)
	// A dynamic lease from before goes when the fixed address comes.
	g.table.Apply(lease.Lease{IP: ip("10.0.0.103"), State: lease.Active, HW: "\x01\x02\x00\x00\x00\x00\x02", UID: "me", Starts: g.now.Time(), Ends: g.now.Time() + 900})
	res := g.from(1, msgRequest).wants("10.0.0.50").send()
	if d := res.reply(msgACK).IPAddressLeaseTime(0); d != 1000*time.Second || len(res.changed) != 0 {
		t.Errorf("fixed: %v, changed %v", d, res.changed)
	}
	if a := g.from(2, msgDiscover).uid("me").send().reply(msgOffer).YourIPAddr.String(); a != "10.0.0.51" {
		t.Errorf("by identifier: %s", a)
	}
	g.from(2, msgRequest).uid("me").wants("10.0.0.51").server("10.0.0.1").send().reply(msgACK)
	if l := g.table.Get(ip("10.0.0.103")); l.State != lease.Free {
		t.Errorf("the dynamic lease is %v", l.State)
	}
	g.from(1, msgRequest).wants("10.0.0.105").send().reply(msgNAK)
}

// TestFixedInPool wants a fixed address that is also in a pool given to its
// host alone, and to nobody while another client still holds it.
func TestFixedInPool(t *testing.T) {
	g := newRig(t, `ping-check off; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.100 10.0.0.101; }
		host h { hardware ethernet 02:00:00:00:00:01; fixed-address 10.0.0.100; }`)
	if a := g.bind(2, ""); a != ip("10.0.0.101") {
		t.Errorf("another client got %v", a)
	}
	g.from(3, msgDiscover).send().silent()
	g.from(3, msgRequest).wants("10.0.0.100").send().reply(msgNAK)
	g.from(1, msgRequest).wants("10.0.0.100").send().reply(msgACK)
	g.table.Apply(lease.Lease{IP: ip("10.0.0.100"), State: lease.Active, HW: "\x01other", Ends: g.now.Time() + 100})
	g.from(1, msgDiscover).send().silent().logs("DHCPDISCOVER from 02:00:00:00:00:01 via eth0: fixed address 10.0.0.100 is leased to another client.")
	g.from(1, msgRequest).wants("10.0.0.100").send().silent()
}

func TestPermits(t *testing.T) {
	g := newRig(t, `ping-check off; authoritative;
		class "phone" { match if substring(option vendor-class-identifier, 0, 5) = "phone"; }
		subnet 10.0.0.0 netmask 255.255.255.0 {
			pool { range 10.0.0.10; allow members of "phone"; }
			pool { range 10.0.0.20; allow known-clients; }
			pool { range 10.0.0.30; allow unknown-clients; deny members of "phone"; deny dynamic bootp clients; }
			pool { range 10.0.0.40; deny after 4 2027/01/14 00:00:00; deny known-clients; deny unknown-clients; }
			pool { range 10.0.0.50; allow after 6 2037/01/14 00:00:00; }
		}
		host k { hardware ethernet 02:00:00:00:00:02; }`)
	tests := []struct {
		m    *msg
		want string
	}{
		{g.from(1, msgDiscover), "10.0.0.30"},
		{g.from(2, msgDiscover), "10.0.0.20"},
		{g.from(3, msgDiscover).text(optVendorClass, "phone-7"), "10.0.0.10"},
		{g.from(4, msgDiscover), ""},
		{g.from(5, 0), ""},
	}
	for i, test := range tests {
		res := test.m.send()
		if test.want == "" {
			res.silent()
		} else if got := res.reply(msgOffer).YourIPAddr.String(); got != test.want {
			t.Errorf("%d: %s, want %s", i, got, test.want)
		}
	}
	// A client that may no longer have its lease loses it when it begins anew.
	g.table.Apply(lease.Lease{IP: ip("10.0.0.20"), State: lease.Active, HW: "\x01\x02\x00\x00\x00\x00\x09", Ends: g.now.Time() + 500})
	g.from(9, msgDiscover).send()
	if l := g.table.Get(ip("10.0.0.20")); l.State != lease.Free {
		t.Errorf("unfit lease is %v", l.State)
	}
}

// TestPoolCloses wants leases to end no later than `deny after`.
func TestPoolCloses(t *testing.T) {
	g := newRig(t, `ping-check off; default-lease-time 5000; min-lease-time 10;
		subnet 10.0.0.0 netmask 255.255.255.0 { pool { range 10.0.0.10; deny after epoch 1800001000; } }`)
	if d := g.from(1, msgDiscover).send().reply(msgOffer).IPAddressLeaseTime(0); d != 1000*time.Second {
		t.Errorf("lease time %v", d)
	}
	g.wait(1001 * time.Second)
	g.from(1, msgDiscover).send().silent()
}

func TestLeaseLimits(t *testing.T) {
	g := newRig(t, `class "port" { spawn with option agent.circuit-id; lease limit 2; }`+office)
	on := func(n byte, typ byte, port string) *msg {
		return g.from(n, typ).relay("10.0.0.7").text(optAgent, "\x01\x01"+port)
	}
	for n := byte(1); n <= 2; n++ {
		on(n, msgRequest, "a").wants("10.0.0.10" + itoa(int(n))).send().reply(msgACK)
	}
	on(3, msgDiscover, "a").send().silent().logs("DHCPDISCOVER from 02:00:00:00:00:03 via 10.0.0.7: no available billing: lease limit reached in all matching classes (last: 'port')")
	on(3, msgDiscover, "b").send().reply(msgOffer)
	// Offers count too.
	on(4, msgDiscover, "b").send().reply(msgOffer)
	on(5, msgDiscover, "b").send().silent()
	// Members renew, and who leaves makes room.
	on(1, msgRequest, "a").ciaddr("10.0.0.101").send().reply(msgACK)
	g.from(2, msgRelease).ciaddr("10.0.0.102").unicast().send()
	on(3, msgDiscover, "a").send().reply(msgOffer)
	// The count survives a new configuration.
	g.r.Reconfigure(g.cfg, nil)
	on(6, msgRequest, "a").wants("10.0.0.106").send().reply(msgACK)
	on(7, msgRequest, "a").wants("10.0.0.107").send().silent()
	// A lease that the partner ended no longer counts.
	l := *g.table.Get(ip("10.0.0.106"))
	l.State = lease.Free
	g.table.Apply(l)
	on(7, msgRequest, "a").wants("10.0.0.107").send().reply(msgACK)
}
