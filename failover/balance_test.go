package failover

import (
	"testing"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// TestSharesAsDHCPDReckonsThem: integers, division toward zero.
func TestSharesAsDHCPDReckonsThem(t *testing.T) {
	for _, c := range []struct {
		own, theirs       int
		send, hold, panic int
	}{
		{20, 0, 10, 2, -6},
		{0, 20, -10, 2, -6},
		{7, 4, 1, 1, -4},
		{4, 7, -1, 1, -4},
		{1, 0, 0, 0, -1},
		{0, 0, 0, 0, -1},
		{0, 1, 0, 0, -1},
	} {
		got := sharesOf(c.own, c.theirs, 15, 10)
		if got != (shares{c.send, c.hold, c.panic}) {
			t.Errorf("%d own, %d theirs: %+v, want %+v", c.own, c.theirs, got, c)
		}
	}
}

// TestBalanceGivesUsedAddressesToTheirClients: pass 1 by hash, pass 2 the rest.
func TestBalanceGivesUsedAddressesToTheirClients(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	theirs, ours := 0, 0
	for i := 1; theirs < 4 || ours < 16; i++ {
		h := hw(i)
		here := e.bucketHere(wire.HashClient("", h))
		if here && ours == 16 || !here && theirs == 4 {
			continue
		}
		ip := lease.IP(1 + theirs + ours)
		if here {
			ours++
		} else {
			theirs++
		}
		e.table.Apply(lease.Lease{IP: ip, State: lease.Free, Rewind: lease.Free, HW: h, Ends: epoch - 500})
	}
	given := e.rebalance(false)
	// lts 10, hold 2: the partner's four go first, then others until lts is 2.
	if given != 8 || e.table.Count(0, lease.Backup) != 8 {
		t.Fatalf("gave %d, want 8", given)
	}
	for i := range e.table.Len() {
		l := e.table.At(i)
		if here := e.bucketHere(wire.HashClient("", l.HW)); !here && l.State != lease.Backup {
			t.Errorf("%v stays although its client is the partner's", l.IP)
		}
	}
}

// TestAffinityGoesToTheClientsServer: an address that became free follows its
// last client at once.
func TestAffinityGoesToTheClientsServer(t *testing.T) {
	for n, want := range map[int]lease.State{1: lease.Backup, 2: lease.Free} { // hashes 133 and 45
		e := inNormal(t, wire.ISC, false)
		hold(e, lease.Active, n, epoch-100, epoch-10)
		if got := answer(t, e, news(lease.Released, n, epoch-100, epoch-10)); got != "ok" {
			t.Fatalf("release refused: %s", got)
		}
		if got := e.table.Look(5).State; got != want {
			t.Errorf("client %d: %v, want %v", n, got, want)
		}
	}
}

// TestPoolreqIsAnsweredInBothRoles with the number first.
func TestPoolreqIsAnsweredInBothRoles(t *testing.T) {
	for _, secondary := range []bool{false, true} {
		e := inNormal(t, wire.ISC, secondary)
		for ip := lease.IP(1); ip <= 20; ip++ {
			e.table.Apply(lease.Lease{IP: ip, State: e.ownFree(), Rewind: e.ownFree()})
		}
		e.Step(e.now, Received{1, &wire.Poolreq{Header: wire.Header{Time: epoch, XID: 9}}})
		updates := 0
		for i, x := range sends(e.Effects()) {
			switch m := x.(type) {
			case *wire.Poolresp:
				if i != 0 || m.Transferred.V != 10 || m.XID != 9 {
					t.Errorf("secondary %v: POOLRESP %v at place %d, xid %d", secondary, m.Transferred, i, m.XID)
				}
			case *wire.Bndupd:
				if m.Status.V != e.partnerFree() {
					t.Errorf("secondary %v: gives %v", secondary, m.Status.V)
				}
				updates++
			}
		}
		if updates != 10 {
			t.Errorf("secondary %v: %d updates, want 10", secondary, updates)
		}
	}
}

// TestTimerAsksForAddressesWhenShort: POOLREQ by the timer alone.
func TestTimerAsksForAddressesWhenShort(t *testing.T) {
	e := inNormal(t, wire.ISC, true) // 20 virgins of the primary's
	e.Effects()
	asked := func() bool {
		for _, x := range sends(e.Effects()) {
			if _, ok := x.(*wire.Poolreq); ok {
				return true
			}
		}
		return false
	}
	e.rebalance(false)
	if asked() {
		t.Error("asked without the timer")
	}
	e.rebalance(true)
	if !asked() {
		t.Error("did not ask")
	}
}

// sends is the messages among effects.
func sends(effects []Effect) (out []wire.Message) {
	for _, x := range effects {
		if s, ok := x.(Send); ok {
			out = append(out, s.Message)
		}
	}
	return out
}
