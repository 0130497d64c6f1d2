package dhcp

import (
	"testing"
	"time"

	"tandem/failover/lease"
)

func TestOfferLapses(t *testing.T) {
	g := newRig(t, office)
	first := fromNet(g.from(1, msgDiscover).send().reply(msgOffer).YourIPAddr)
	again := fromNet(g.from(1, msgDiscover).send().reply(msgOffer).YourIPAddr)
	other := fromNet(g.from(2, msgDiscover).send().reply(msgOffer).YourIPAddr)
	if again != first || other == first {
		t.Errorf("offers %v, %v, to the other %v", first, again, other)
	}
	if at := g.r.Deadline(); at != g.now.Mono+int64(offerLife) {
		t.Errorf("deadline in %v", time.Duration(at-g.now.Mono))
	}
	g.wait(offerLife - 1)
	if !g.table.Held(first) {
		t.Error("offer lapsed early")
	}
	g.wait(1)
	if g.table.Held(first) || g.r.offers.n != 0 || g.r.Deadline() != 0 || g.r.count[cOfferLapsed] != 2 {
		t.Errorf("offers stay: %d, deadline %d", g.r.offers.n, g.r.Deadline())
	}
}

// TestOfferKept wants an offered address kept from clients who ask for it.
func TestOfferKept(t *testing.T) {
	g := newRig(t, office)
	a := g.from(1, msgDiscover).send().reply(msgOffer).YourIPAddr.String()
	if got := g.from(2, msgDiscover).wants(a).send().reply(msgOffer).YourIPAddr.String(); got == a {
		t.Error("offered twice")
	}
	g.from(3, msgRequest).wants(a).send().reply(msgNAK)
	g.from(1, msgRequest).wants(a).server("10.0.0.1").send().reply(msgACK)
}

func TestOtherServerChosen(t *testing.T) {
	g := newRig(t, office)
	a := g.from(1, msgDiscover).send().reply(msgOffer).YourIPAddr.String()
	g.from(1, msgRequest).wants("10.0.0.200").server("10.0.0.99").send().silent()
	if g.table.Held(ip(a)) || g.r.count[cOfferRetracted] != 1 {
		t.Error("offer kept for a client that chose another server")
	}
}

func TestOfferLimit(t *testing.T) {
	g := newRig(t, lab)
	first := g.from(0, msgDiscover).uid("client-0").send().reply(msgOffer).YourIPAddr
	for i := 1; i <= maxOffers; i++ {
		g.from(0, msgDiscover).uid("client-" + itoa(i)).send().reply(msgOffer)
	}
	if g.r.offers.n != maxOffers || g.r.count[cOfferEvicted] != 1 || g.table.Held(fromNet(first)) {
		t.Errorf("%d offers, %d evicted", g.r.offers.n, g.r.count[cOfferEvicted])
	}
}

func TestAddressOrder(t *testing.T) {
	g := newRig(t, office)
	// Used and released addresses come after fresh ones, the longest unused first.
	for n := byte(1); n <= 3; n++ {
		a := g.bind(n, "")
		g.wait(time.Minute)
		g.from(n, msgRelease).ciaddr(a.String()).unicast().send()
	}
	for n := byte(11); n <= 17; n++ {
		if a := g.bind(n, ""); a != ip("10.0.0.92")+lease.IP(n) {
			t.Errorf("client %d got %v", n, a)
		}
	}
	if a := g.bind(18, ""); a != ip("10.0.0.100") {
		t.Errorf("least recently used is %v", a)
	}
	// The last client of .101 comes back and gets it again.
	if a := g.bind(2, ""); a != ip("10.0.0.101") {
		t.Errorf("returning client got %v", a)
	}
	// A client gets the free address that it asks for, and no other's.
	if a := g.from(20, msgDiscover).wants("10.0.0.102").send().reply(msgOffer).YourIPAddr.String(); a != "10.0.0.102" {
		t.Errorf("offer of %s", a)
	}
	g.from(21, msgDiscover).send().silent().logs("DHCPDISCOVER from 02:00:00:00:00:15 via eth0: network 10.0.0.0/24: no free leases")
}

const pinging = `ping-check on; ping-timeout 2;
default-lease-time 600; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.100 10.0.0.102; }`

func (g *rig) probed(a string, inUse bool) *result {
	g.out.Reset()
	g.r.ProbeDone(g.now, ip(a), inUse, "00:11:22:33:44:55", &g.out)
	return g.result()
}

func TestProbe(t *testing.T) {
	g := newRig(t, pinging)
	res := g.from(1, msgDiscover).send().silent()
	if len(res.probes) != 1 || res.probes[0].IP != ip("10.0.0.100") || !res.probes[0].OnLink || res.probes[0].Timeout != 2*time.Second {
		t.Fatalf("probes %+v", res.probes)
	}
	if again := g.from(1, msgDiscover).send().silent(); len(again.probes) != 0 {
		t.Error("probed again while a probe is under way")
	}
	offer := g.probed("10.0.0.100", false).reply(msgOffer)
	if offer.YourIPAddr.String() != "10.0.0.100" || offer.TransactionID[3] != 2 {
		t.Errorf("offer %v for %v", offer.YourIPAddr, offer.TransactionID)
	}
	// What was just probed is offered at once.
	g.from(1, msgDiscover).send().reply(msgOffer)
	g.from(1, msgRequest).wants("10.0.0.100").server("10.0.0.1").send().reply(msgACK)
	// The client's own live lease is not probed.
	g.wait(200 * time.Second)
	g.from(1, msgDiscover).send().reply(msgOffer)
	// A late result changes nothing.
	g.probed("10.0.0.100", true).silent()
	if l := g.table.Get(ip("10.0.0.100")); l.State != lease.Active {
		t.Errorf("late result made %v of it", l.State)
	}
}

func TestProbeFindsUser(t *testing.T) {
	g := newRig(t, pinging)
	g.from(1, msgDiscover).send()
	res := g.probed("10.0.0.100", true).silent()
	res.logs("Abandoning IP address 10.0.0.100: pinged before offer")
	if len(res.changed) != 1 || res.changed[0].State != lease.Abandoned || res.changed[0].Ends != g.now.Time().Add(86400) {
		t.Fatalf("changed %+v", res.changed)
	}
	if len(res.probes) != 1 || res.probes[0].IP != ip("10.0.0.101") {
		t.Fatalf("the next address is not tried: %+v", res.probes)
	}
	g.probed("10.0.0.101", false).reply(msgOffer)
}

// TestProbeBounded wants one request to take no more than so many addresses
// out of service, and a dry pool to give back an abandoned one that is unused.
func TestProbeBounded(t *testing.T) {
	g := newRig(t, pinging)
	res := g.from(1, msgDiscover).send()
	for tries := 0; len(res.probes) > 0; tries++ {
		if tries > maxProbes+1 {
			t.Fatal("probes without end")
		}
		res = g.probed(res.probes[0].IP.String(), true)
	}
	if n := g.table.Count(0, lease.Abandoned); n != 3 {
		t.Fatalf("%d abandoned", n)
	}
	g.wait(time.Minute)
	res = g.from(1, msgDiscover).send().silent()
	if len(res.probes) != 1 {
		t.Fatal("abandoned address not tried")
	}
	if more := g.probed(res.probes[0].IP.String(), true); len(more.probes) != 0 {
		t.Error("cycles through abandoned addresses")
	}
	res = g.from(1, msgDiscover).send()
	a := res.probes[0].IP.String()
	res = g.probed(a, false)
	res.reply(msgOffer)
	res.logs("Reclaiming abandoned lease " + a + ".")
	g.from(1, msgRequest).wants(a).server("10.0.0.1").send().reply(msgACK)
	if l := g.table.Get(ip(a)); l.State != lease.Active || l.Extra != nil {
		t.Errorf("reclaimed lease %+v", l)
	}
}

func TestLostProbe(t *testing.T) {
	g := newRig(t, pinging)
	g.from(1, msgDiscover).send()
	g.wait(5 * time.Second)
	if res := g.from(1, msgDiscover).send(); len(res.probes) != 1 || g.r.count[cProbeLate] != 1 {
		t.Errorf("lost probe is not made up for: %+v", res.probes)
	}
}

// TestReconfigure wants offers and probes of the old configuration gone.
func TestReconfigure(t *testing.T) {
	g := newRig(t, pinging)
	g.from(1, msgDiscover).send()
	cfg := compile(t, office)
	g.table.SetPools(Pools(cfg))
	g.r.Reconfigure(cfg, nil)
	g.probed("10.0.0.100", false).silent()
	if a := g.bind(1, ""); a != ip("10.0.0.100") {
		t.Errorf("got %v", a)
	}
	g.r.Explain(g.now, WhyQuery{IP: ip("10.0.0.100")})
}
