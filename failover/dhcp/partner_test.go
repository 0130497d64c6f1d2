package dhcp

import (
	"testing"
	"time"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// pair is a failover pool of four addresses, two of each side.
const pair = `ping-check off; authoritative; default-lease-time 600;
failover peer "west" { primary; address 10.0.0.1; peer address 10.0.0.2; mclt 60; split 128; }
subnet 10.0.0.0 netmask 255.255.255.0 { pool { failover peer "west"; range 10.0.0.100 10.0.0.103; } }`

// script is a partner that answers as it is told.
type script struct {
	serve, available, grant, ended Verdict
	states                         []lease.State
	mclt                           lease.Seconds
	retry                          lease.Time
	asked                          Query
}

func (s *script) Serve(_ lease.Now, q Query) Verdict { s.asked = q; return s.serve }
func (s *script) Available(_ lease.Now, l *lease.Lease, _ bool) Verdict {
	if l.State == lease.Backup {
		return s.available
	}
	return Yes
}
func (s *script) FreeStates(lease.Now) []lease.State { return s.states }
func (s *script) Grant(now lease.Now, _ *lease.Lease, want lease.Seconds) (lease.Seconds, lease.Time, Verdict) {
	return min(want, s.mclt), now.Time().Add(want + want/2), s.grant
}
func (s *script) Ended(_ lease.Now, _ *lease.Lease, to lease.State) (lease.State, lease.Time, Verdict) {
	return to, s.retry, s.ended
}

// sure is a script that knows what the partner has given.
type sure struct{ script }

func (*sure) Deny(lease.Now, *lease.Lease) Verdict { return Yes }

func normal() script {
	return script{serve: Yes, grant: Yes, ended: Yes, states: soloStates, mclt: 60,
		available: Verdict{Rule: "half", Why: "the address is the partner's to give"}}
}

func pairRig(t *testing.T, p Partner) *rig {
	g := newRigWith(t, pair, func(*conf.Pool) Partner { return p })
	for _, a := range []string{"10.0.0.101", "10.0.0.103"} {
		g.table.Apply(lease.Lease{IP: ip(a), State: lease.Backup, Rewind: lease.Backup})
	}
	return g
}

func TestPairGrant(t *testing.T) {
	s := normal()
	g := pairRig(t, &s)
	offer := g.from(1, msgDiscover).secs(7).uid("me").send().reply(msgOffer)
	if offer.YourIPAddr.String() != "10.0.0.100" || offer.IPAddressLeaseTime(0) != time.Minute {
		t.Errorf("offer of %v for %v", offer.YourIPAddr, offer.IPAddressLeaseTime(0))
	}
	if s.asked.Kind != Discover || string(s.asked.Key) != "me" || s.asked.Secs != 7 || s.asked.Lease != nil || s.asked.Addressed {
		t.Errorf("asked %+v", s.asked)
	}
	res := g.from(1, msgRequest).uid("me").wants("10.0.0.100").server("10.0.0.1").send()
	if d := res.reply(msgACK).IPAddressLeaseTime(0); d != time.Minute {
		t.Errorf("lease time %v", d)
	}
	if !s.asked.Addressed || s.asked.Kind != Selecting {
		t.Errorf("asked %+v", s.asked)
	}
	l := res.changed[0]
	if l.TSTP != g.now.Time()+900 || l.Ends != g.now.Time()+60 || l.Flags != 0 || l.Rewind != lease.Free {
		t.Errorf("lease %+v", l)
	}
	g.from(2, msgRequest).wants("10.0.0.102").send().reply(msgACK)
	if string(s.asked.Key) != "\x02\x00\x00\x00\x00\x02" {
		t.Errorf("hash key %x", s.asked.Key)
	}
	g.from(3, msgDiscover).send().silent().logs("DHCPDISCOVER from 02:00:00:00:00:03 via eth0: peer holds all free leases")
	g.from(3, msgRequest).wants("10.0.0.101").send().silent().logs("DHCPREQUEST for 10.0.0.101 from 02:00:00:00:00:03 via eth0: lease owned by peer")
}

func TestPairBalance(t *testing.T) {
	s := normal()
	s.serve = Verdict{Rule: ruleHash, Why: "the partner serves this client"}
	g := pairRig(t, &s)
	g.from(1, msgDiscover).send().silent().logs("DHCPDISCOVER from 02:00:00:00:00:01 via eth0: load balance to peer west")
	// The partner has nothing left to give.
	for _, a := range []string{"10.0.0.101", "10.0.0.103"} {
		g.table.Apply(lease.Lease{IP: ip(a), State: lease.Active, HW: "\x01other", Ends: g.now.Time() + 1000})
	}
	res := g.from(1, msgDiscover).send()
	res.reply(msgOffer)
	res.logs("DHCPDISCOVER from 02:00:00:00:00:01 via eth0: cancel load balance to peer west - no free leases")
}

func TestPairSilent(t *testing.T) {
	s := normal()
	g := pairRig(t, &s)
	a := g.bind(1, "").String()
	s.serve = Verdict{Rule: "R3", Why: "no contact since the start"}
	for name, m := range map[string]*msg{
		"discover": g.from(1, msgDiscover), "renew": g.from(1, msgRequest).ciaddr(a).unicast(),
		"release": g.from(1, msgRelease).ciaddr(a).unicast(), "decline": g.from(1, msgDecline).wants(a),
		"inform": g.from(1, msgInform).ciaddr(a).unicast(),
	} {
		if res := m.send().silent(); len(res.changed) != 0 {
			t.Errorf("%s changes %v", name, res.changed)
		}
	}
	g.from(1, msgRequest).ciaddr(a).unicast().send().
		logs("DHCPREQUEST for " + a + " from 02:00:00:00:00:01 via eth0: not responding (no contact since the start)")
	s.serve, s.grant = Yes, Verdict{Rule: "H", Why: "past the horizon"}
	g.wait(30 * time.Second)
	if res := g.from(1, msgRequest).ciaddr(a).unicast().send().silent(); len(res.changed) != 0 {
		t.Error("a lease without a grant")
	}
	g.from(2, msgDiscover).send().silent()
}

// TestPairNAK wants no DHCPNAK about an address that the partner may have
// given to the client, unless the partner is known not to have.
func TestPairNAK(t *testing.T) {
	s := normal()
	g := pairRig(t, &s)
	a := g.bind(1, "").String()
	g.from(2, msgRequest).wants(a).send().silent()
	g.from(2, msgRequest).ciaddr(a).send().silent()
	g.from(2, msgRequest).wants(a).server("10.0.0.1").send().reply(msgNAK)
	if g.r.count[cNotCertain] != 2 {
		t.Errorf("%d withheld", g.r.count[cNotCertain])
	}
	g.from(2, msgRequest).wants("192.0.2.1").send().reply(msgNAK)
	known := pairRig(t, &sure{normal()})
	known.bind(1, "")
	known.from(2, msgRequest).wants(a).send().reply(msgNAK)
}

func TestPairEnded(t *testing.T) {
	s := normal()
	g := pairRig(t, &s)
	a := g.bind(1, "")
	s.ended = Verdict{Rule: "secondary", Why: "only the primary ends leases"}
	s.retry = g.now.Time() + 500
	g.wait(70 * time.Second)
	if l := g.table.Get(a); l.State != lease.Active {
		t.Fatalf("ended against the partner's word: %v", l.State)
	}
	s.ended = Yes
	g.wait(300 * time.Second)
	if l := g.table.Get(a); l.State != lease.Active {
		t.Error("looked at before the time")
	}
	g.wait(200 * time.Second)
	if l := g.table.Get(a); l.State != lease.Expired || l.Flags != 0 {
		t.Errorf("ended lease %+v", l)
	}
	// Not given to others before the partner knows.
	g.from(2, msgDiscover).send().reply(msgOffer)
	g.from(3, msgDiscover).send().silent()
}

// TestPeerRemoved wants the addresses of a pool whose peer was taken out of
// the configuration back in use, whatever state they were left in.
func TestPeerRemoved(t *testing.T) {
	g := newRig(t, `ping-check off; subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.100 10.0.0.103; }`)
	for i, s := range []lease.State{lease.Backup, lease.Expired, lease.Released, lease.Reset} {
		g.table.Apply(lease.Lease{IP: ip("10.0.0.100") + lease.IP(i), State: s, HW: "\x01old"})
	}
	for n := byte(1); n <= 4; n++ {
		g.bind(n, "")
	}
}
