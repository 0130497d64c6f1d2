package failover

import (
	"testing"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// TestLeaseTimesAsDHCPDReckonsThem are the worked examples of dhcpd's rule:
// MCLT 20, wanted 60.
func TestLeaseTimesAsDHCPDReckonsThem(t *testing.T) {
	e := inNormal(t, wire.ISC, false)
	e.cfg.MCLT, e.peer.MCLT = 20, 20
	cases := []struct {
		name        string
		state       lease.State
		known       lease.Time // acknowledged potential expiry, from epoch
		at          lease.Time // now, from epoch
		want, given lease.Seconds
		told        lease.Time // from epoch
	}{
		{"first lease", lease.Free, 0, 0, 60, 20, 70},
		{"renewed after the acknowledgement", lease.Active, 70, 7, 60, 60, 97},
		{"40 s without acknowledgement", lease.Active, 70, 40, 60, 50, 125},
		{"65 s", lease.Active, 70, 65, 60, 25, 137},
		{"70 s", lease.Active, 70, 70, 60, 20, 140},
		{"for ever", lease.Active, 70, 500, 60, 20, 570},
		{"never acknowledged", lease.Active, 0, 15, 60, 20, 85},
		{"shorter than MCLT", lease.Free, 0, 0, 15, 15, 22},
		{"what an earlier client was promised does not count", lease.Free, 70, 0, 60, 20, 70},
	}
	for _, c := range cases {
		now := lease.Now{Wall: int64(epoch+c.at) * 1e9, Mono: e.now.Mono}
		l := lease.Lease{IP: 5, State: c.state}
		if c.known != 0 {
			l.ATSFP = epoch + c.known
		}
		given, told, v := e.Grant(now, &l, c.want)
		if !v.OK || given != c.given || told != epoch+c.told {
			t.Errorf("%s: %d s, told +%d (%v), want %d s and +%d", c.name, given, told-epoch, v, c.given, c.told)
		}
	}
	_, told, _ := e.Grant(e.now, &lease.Lease{State: lease.Free}, lease.Infinite)
	if told != forever {
		t.Errorf("a lease without end is told as %v", told)
	}
}

// TestHorizonBoundsRenewalsWithoutAuthority: H, and not beyond it.
func TestHorizonBoundsRenewalsWithoutAuthority(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.cfg.MCLT, e.peer.MCLT, e.cfg.Strict = 60, 60, true
	e.Step(e.now, Closed{Conn: 1})
	later := func(s int64) lease.Now { return lease.Now{Wall: e.now.Wall + s*1e9, Mono: e.now.Mono + s*1e9} }
	both := lease.Lease{IP: 5, State: lease.Active, Ends: epoch + 200, TSFP: epoch + 300, ATSFP: epoch + 250}
	mine := lease.Lease{IP: 6, State: lease.Active, Ends: epoch + 200, Flags: lease.FlagPending}
	for _, c := range []struct {
		name string
		l    lease.Lease
		at   int64
		want lease.Seconds
		ok   bool
	}{
		{"both know: P + MCLT", both, 100, 260, true},
		{"both know, later", both, 350, 10, true},
		{"both know, past H", both, 360, 0, false},
		{"only this server knows: its end as given", mine, 100, 100, true},
		{"only this server knows, past its end", mine, 201, 0, false},
	} {
		given, _, v := e.Grant(later(c.at), &c.l, 1000)
		if v.OK != c.ok || given != c.want {
			t.Errorf("%s: %d s (%v), want %d s", c.name, given, v, c.want)
		}
	}
	free := lease.Lease{IP: 7, State: lease.Free}
	if _, _, v := e.Grant(later(100), &free, 1000); v.OK || v.Rule != "R11" {
		t.Errorf("a new lease without authority: %v", v)
	}
	if v := e.Available(later(100), &free, false); v.OK {
		t.Errorf("an address for a new client without authority: %v", v)
	}
	if s := e.FreeStates(later(100)); s != nil {
		t.Errorf("free states without authority: %v", s)
	}
	if s := e.FreeStates(later(10)); len(s) != 1 || s[0] != lease.Free {
		t.Errorf("free states with authority: %v", s)
	}
}

// TestTakeoverWaitsForEveryPromise: PARTNER-DOWN gives the partner's half, and
// what it could have renewed, only MCLT after all of it.
func TestTakeoverWaitsForEveryPromise(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.cfg.MCLT, e.peer.MCLT = 60, 60
	e.Step(e.now, Closed{Conn: 1})
	if err := e.Command(e.now.Add(20e9), Command{Order: OrderPartnerDown}); err != nil {
		t.Fatal(err)
	}
	// Silence counts from the last message on, so p is G after it.
	const p = epoch + 3600
	if e.peer.DownFrom != p {
		t.Fatalf("PARTNER-DOWN counts from +%d, want +3600", e.peer.DownFrom-epoch)
	}
	slack := lease.Time(e.slack())
	for _, c := range []struct {
		name string
		l    lease.Lease
		at   lease.Time
	}{
		{"virgin of the partner's half", lease.Lease{State: lease.Backup}, p + 60 + slack},
		{"ended", lease.Lease{State: lease.Expired, Ends: epoch + 100}, p + 60 + slack},
		{"promised for long by us", lease.Lease{State: lease.Expired, Ends: epoch + 100, TSTP: p + 500}, p + 560 + slack},
		{"promised for long by the partner", lease.Lease{State: lease.Expired, Ends: epoch + 100, TSFP: p + 700}, p + 760 + slack},
		{"given in this PARTNER-DOWN", lease.Lease{State: lease.Expired, Ends: p + 5, TSTP: p + 900, Epoch: e.peer.Epoch}, p + 5 + slack},
		{"given in an earlier one", lease.Lease{State: lease.Expired, Ends: p + 5, Epoch: e.peer.Epoch - 1}, p + 65 + slack},
	} {
		if got := e.takeover(&c.l); got != c.at {
			t.Errorf("%s: +%d after p, want +%d", c.name, got-p, c.at-p)
		}
		before, after := lease.Now{Wall: int64(c.at-1) * 1e9}, lease.Now{Wall: int64(c.at) * 1e9}
		if e.Available(before, &c.l, false).OK || !e.Available(after, &c.l, false).OK {
			t.Errorf("%s: not available exactly from then on", c.name)
		}
	}
	if v := e.Available(e.now, &lease.Lease{State: lease.Free}, false); !v.OK {
		t.Errorf("the own half: %v", v)
	}
}

// TestWhoEndsLeases: in NORMAL the primary, otherwise everybody, never in doubt.
func TestWhoEndsLeases(t *testing.T) {
	ran := lease.Lease{IP: 5, State: lease.Active, Rewind: lease.Active, Starts: epoch - 100, CLTT: epoch - 100, Ends: epoch - 50}
	told := ran
	told.Rewind, told.Flags = lease.Free, lease.FlagPending|lease.FlagSent
	untold := ran
	untold.Rewind, untold.Flags = lease.Free, lease.FlagPending
	for _, c := range []struct {
		name      string
		secondary bool
		state     lease.ServerState
		l         lease.Lease
		want      lease.State
		ok        bool
	}{
		{"primary in NORMAL", false, lease.Normal, ran, lease.Expired, true},
		{"secondary in NORMAL", true, lease.Normal, ran, lease.Active, false},
		{"secondary, interrupted", true, lease.CommunicationsInterrupt, ran, lease.Expired, true},
		{"never told: rewound", false, lease.CommunicationsInterrupt, untold, lease.Free, true},
		{"told, not acknowledged: not rewound", false, lease.CommunicationsInterrupt, told, lease.Expired, true},
		{"in conflict", false, lease.PotentialConflict, ran, lease.Active, false},
		{"recovering", false, lease.Recover, ran, lease.Active, false},
		{"within the slack", false, lease.Normal, lease.Lease{IP: 5, State: lease.Active, Ends: epoch}, lease.Active, false},
	} {
		e := inNormal(t, wire.Tandem, c.secondary)
		e.state = c.state
		s, retry, v := e.Ended(e.now, &c.l, lease.Expired)
		if s != c.want || v.OK != c.ok || !c.ok && retry <= e.now.Time() {
			t.Errorf("%s: %v, again at +%d (%v)", c.name, s, retry-epoch, v)
		}
	}
}
