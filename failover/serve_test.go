package failover

import (
	"testing"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// Two keys of the spec's vectors: split 128 gives the first to the secondary,
// the second to the primary.
var (
	keyOfSecondary = []byte{2, 0, 0, 0, 0, 1}
	keyOfPrimary   = []byte{2, 0, 0, 0, 0, 2}
)

func TestLoadBalancing(t *testing.T) {
	bound := lease.Lease{IP: 5, State: lease.Active, Rewind: lease.Active, Ends: epoch + 500, HW: "\x01\x02\x00\x00\x00\x00\x01"}
	fresh := bound
	fresh.Flags = lease.FlagPending
	for _, c := range []struct {
		name string
		d    wire.Dialect
		edit func(*Endpoint)
		q    Query
		ok   bool
		rule string
	}{
		{"DISCOVER of ours", wire.ISC, nil, Query{Kind: Discover, Key: keyOfPrimary}, true, "hash"},
		{"DISCOVER of the partner's", wire.ISC, nil, Query{Kind: Discover, Key: keyOfSecondary}, false, "hash"},
		{"secs at the limit", wire.ISC, nil, Query{Kind: Discover, Key: keyOfSecondary, Secs: 3}, false, "hash"},
		{"secs above it", wire.ISC, nil, Query{Kind: Discover, Key: keyOfSecondary, Secs: 4}, true, "secs"},
		{"partner has no addresses", wire.ISC, func(e *Endpoint) { drain(e) }, Query{Kind: Discover, Key: keyOfSecondary}, true, "dry"},
		{"balancing is off", wire.ISC, func(e *Endpoint) { e.cfg.LoadBalanceMaxSeconds = 0 }, Query{Kind: Discover, Key: keyOfSecondary}, true, ""},
		{"BOOTP of the partner's", wire.ISC, nil, Query{Kind: BOOTP, Key: keyOfSecondary}, false, "hash"},
		{"REQUEST is never filtered with dhcpd", wire.ISC, nil, Query{Kind: Rebinding, Key: keyOfSecondary, Lease: &bound}, true, ""},
		{"unicast renewal", wire.Tandem, nil, Query{Kind: Renewing, Key: keyOfSecondary, Lease: &bound}, true, ""},
		{"broadcast REQUEST of ours", wire.Tandem, nil, Query{Kind: Rebinding, Key: keyOfPrimary, Lease: &bound}, true, "hash"},
		{"broadcast REQUEST of the partner's", wire.Tandem, nil, Query{Kind: Rebinding, Key: keyOfSecondary, Lease: &bound}, false, "hash"},
		{"which the partner does not know yet", wire.Tandem, nil, Query{Kind: Rebinding, Key: keyOfSecondary, Lease: &fresh}, true, ""},
		{"without a lease", wire.Tandem, nil, Query{Kind: InitReboot, Key: keyOfSecondary}, true, ""},
		{"that names this server", wire.Tandem, nil, Query{Kind: Rebinding, Key: keyOfSecondary, Lease: &bound, Addressed: true}, true, ""},
		{"release", wire.Tandem, nil, Query{Kind: Release, Key: keyOfSecondary, Lease: &bound}, true, ""},
	} {
		e := inNormal(t, c.d, false)
		e.cfg.LoadBalanceMaxSeconds = 3
		e.table.Apply(lease.Lease{IP: 9, State: lease.Backup, Rewind: lease.Backup})
		if c.edit != nil {
			c.edit(e)
		}
		if v := e.Serve(e.now, c.q); v.OK != c.ok || v.Rule != c.rule {
			t.Errorf("%s: %+v", c.name, v)
		}
	}
}

// drain leaves the partner without free addresses.
func drain(e *Endpoint) {
	for i := range e.table.Len() {
		l := *e.table.At(i)
		l.State, l.Rewind = lease.Free, lease.Free
		e.table.Apply(l)
	}
}

// TestNoClientStaysUnanswered: one that never counts up secs is answered in
// the end, unless the partner serves it.
func TestNoClientStaysUnanswered(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.cfg.LoadBalanceMaxSeconds = 3
	q := Query{Kind: Discover, Key: keyOfSecondary}
	e.table.Apply(lease.Lease{IP: 9, State: lease.Backup, Rewind: lease.Backup})
	for i := range patienceAsks {
		if v := e.Serve(e.now, q); v.OK {
			t.Fatalf("answered at attempt %d: %v", i+1, v)
		}
	}
	if v := e.Serve(e.now, q); !v.OK || v.Rule != "patience" {
		t.Fatalf("not answered: %v", v)
	}
	// The partner answers: it is no longer waiting.
	m := news(lease.Active, 1, epoch, epoch+60)
	if got := answer(t, e, m); got != "ok" {
		t.Fatal(got)
	}
	if v := e.Serve(e.now, q); v.OK {
		t.Errorf("answered again although the partner does: %v", v)
	}
	// And the memory is bounded.
	for i := range 3 * maxPatience {
		e.Serve(e.now, Query{Kind: Discover, Key: []byte{9, byte(i), byte(i >> 8), byte(i >> 16), 0, 7}})
	}
	if len(e.patience.asked) > maxPatience || e.counters.PatienceFull == 0 {
		t.Errorf("%d clients remembered, overflow counted %d times", len(e.patience.asked), e.counters.PatienceFull)
	}
}

// TestWhatIsServedInEachPosture.
func TestWhatIsServedInEachPosture(t *testing.T) {
	bound := &lease.Lease{IP: 5, State: lease.Active, Ends: epoch + 500}
	for _, c := range []struct {
		state  lease.ServerState
		q      Query
		served bool
	}{
		{lease.Recover, Query{Kind: Renewing, Lease: bound}, false},
		{lease.Recover, Query{Kind: Inform}, false},
		{lease.PotentialConflict, Query{Kind: Renewing, Lease: bound}, true},
		{lease.PotentialConflict, Query{Kind: Discover, Lease: bound}, true},
		{lease.PotentialConflict, Query{Kind: Discover}, false},
		{lease.PotentialConflict, Query{Kind: Release, Lease: bound}, true},
		{lease.RecoverDone, Query{Kind: Rebinding, Lease: bound}, true},
		{lease.RecoverDone, Query{Kind: InitReboot}, false},
		{lease.CommunicationsInterrupt, Query{Kind: Discover}, true},
		{lease.PartnerDown, Query{Kind: Discover}, true},
	} {
		e := inNormal(t, wire.Tandem, false)
		e.Step(e.now, Closed{Conn: 1})
		e.state = c.state
		if v := e.Serve(e.now, c.q); v.OK != c.served {
			t.Errorf("%v, kind %d, lease %v: %+v", c.state, c.q.Kind, c.q.Lease != nil, v)
		} else if !v.OK && (v.Rule == "" || v.Why == "") {
			t.Errorf("%v: refused without a rule that explains it: %+v", c.state, v)
		}
	}
}

// TestStaleNormalIsNoContact obeys R9: a box that was stopped finds itself in
// NORMAL with a connection on which it has heard nothing since.
func TestStaleNormalIsNoContact(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.cfg.Authority, e.peer.Authority, e.cfg.MCLT, e.peer.MCLT = 60, 60, 60, 60
	if s := e.Stance(e.now); s.Posture != Full {
		t.Fatalf("%v", s)
	}
	if s := e.Stance(e.now.Add(25 * time.Second)); s.Posture != Full || s.Rule != "R3" {
		t.Errorf("after 25 s: %v", s)
	}
	if s := e.Stance(e.now.Add(70 * time.Second)); s.Posture != RenewOnly {
		t.Errorf("after 70 s: %v", s)
	}
}
