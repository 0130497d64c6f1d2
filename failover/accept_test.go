package failover

import (
	"fmt"
	"strings"
	"testing"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// inNormal is an endpoint in NORMAL with a partner of dialect d.
func inNormal(t *testing.T, d wire.Dialect, secondary bool) *Endpoint {
	t.Helper()
	e := standing(t, d, secondary, lease.Normal, false)
	outcome(t, e, d, lease.Normal)
	if d == wire.ISC {
		done := &wire.Upddone{}
		done.Time = epoch
		e.Step(e.now, Received{1, done})
	}
	for _, x := range e.flights() {
		e.land(x)
	}
	e.updates.todo, e.updates.head = nil, 0
	clear(e.updates.queued)
	e.Effects()
	return e
}

// flights lists the xids in the window.
func (e *Endpoint) flights() (xids []uint32) {
	for x := range e.updates.flight {
		xids = append(xids, x)
	}
	return xids
}

// answer is what the endpoint says to an update: "ok", or the reason; "later"
// if it says nothing yet.
func answer(t *testing.T, e *Endpoint, m *wire.Bndupd) string {
	t.Helper()
	m.Time, m.XID = e.now.Time(), 77
	e.Step(e.now, Received{1, m})
	for _, x := range e.Effects() {
		if s, ok := x.(Send); ok {
			if ack, ok := s.Message.(*wire.Bndack); ok && ack.XID == 77 {
				if ack.Reject.Set {
					return fmt.Sprint(uint8(ack.Reject.V))
				}
				return "ok"
			}
		}
	}
	return "later"
}

// news is an update about address 5: its client n was heard at cltt.
func news(s lease.State, n int, cltt, ends lease.Time) *wire.Bndupd {
	m := &wire.Bndupd{}
	m.IP, m.Status = wire.Some(lease.IP(5)), wire.Some(s)
	if s != lease.Abandoned {
		m.HW = wire.Some(hw(n))
	}
	m.LeaseExpiry, m.PotentialExpiry, m.STOS = wire.Some(ends), wire.Some(ends), wire.Some(cltt)
	m.CLTT = wire.Some(cltt)
	return m
}

// hold puts a lease on address 5 that the partner has acknowledged.
func hold(e *Endpoint, s lease.State, n int, cltt, ends lease.Time) {
	l := lease.Lease{IP: 5, State: s, Rewind: s, HW: hw(n), Starts: cltt, CLTT: cltt, Ends: ends, STOS: cltt}
	if s == lease.Abandoned {
		l.HW = ""
	}
	e.table.Apply(l)
}

// TestEveryCellOfTheAcceptanceTable walks held x incoming status for leases
// that run and for leases that have ended, heard of before and after.
func TestEveryCellOfTheAcceptanceTable(t *testing.T) {
	states := []lease.State{lease.Free, lease.Active, lease.Expired, lease.Released, lease.Abandoned, lease.Reset, lease.Backup}
	for _, d := range []wire.Dialect{wire.Tandem, wire.ISC} {
		var out strings.Builder
		for _, secondary := range []bool{false, true} {
			for _, c := range []struct {
				name       string
				heldEnds   lease.Time
				theirs     lease.Time // cltt
				theirEnds  lease.Time
				sameClient bool
			}{
				{"ours runs, theirs is older and ended", epoch + 500, epoch - 300, epoch - 10, true},
				{"ours runs, theirs is later and ended", epoch + 500, epoch - 100, epoch - 10, true},
				{"ours runs, theirs is later, another client", epoch + 500, epoch - 100, epoch + 400, false},
				{"ours has ended, theirs is older", epoch - 20, epoch - 300, epoch - 10, true},
				{"ours has ended, theirs is later and runs", epoch - 20, epoch - 100, epoch + 400, true},
			} {
				fmt.Fprintf(&out, "facing %v, secondary %v: %s\n%-10s", d, secondary, c.name, "")
				for _, s := range states {
					fmt.Fprintf(&out, " %-9v", s)
				}
				out.WriteString("\n")
				for _, held := range states {
					fmt.Fprintf(&out, "%-10v", held)
					for _, s := range states {
						e := inNormal(t, d, secondary)
						hold(e, held, 1, epoch-200, c.heldEnds)
						client := 1
						if !c.sameClient {
							client = 2
						}
						fmt.Fprintf(&out, " %-9s", answer(t, e, news(s, client, c.theirs, c.theirEnds)))
					}
					out.WriteString("\n")
				}
				out.WriteString("\n")
			}
		}
		wantGolden(t, "acceptance-"+strings.ToLower(strings.Fields(d.String())[0]), out.String())
	}
}

func TestUpdatesThatLackOrMisplaceSomething(t *testing.T) {
	cases := []struct {
		name string
		edit func(*wire.Bndupd)
		want string
	}{
		{"no address", func(m *wire.Bndupd) { m.IP = wire.Opt[lease.IP]{} }, "3"},
		{"no status", func(m *wire.Bndupd) { m.Status = wire.Opt[lease.State]{} }, "3"},
		{"status 9", func(m *wire.Bndupd) { m.Status = wire.Some(lease.State(9)) }, "6"},
		{"unknown address", func(m *wire.Bndupd) { m.IP = wire.Some(lease.IP(500)) }, "1"},
		{"no hardware address", func(m *wire.Bndupd) { m.HW = wire.Opt[string]{} }, "3"},
		{"long hardware address", func(m *wire.Bndupd) { m.HW = wire.Some(strings.Repeat("x", 22)) }, "6"},
		{"reserved for nobody here", func(m *wire.Bndupd) {
			m.Status, m.IPFlags = wire.Some(lease.Backup), wire.Some(wire.IPReserved)
		}, "19"},
		{"nothing wrong", func(m *wire.Bndupd) {}, "ok"},
	}
	for _, c := range cases {
		e := inNormal(t, wire.ISC, true)
		m := news(lease.Active, 1, epoch, epoch+60)
		c.edit(m)
		if got := answer(t, e, m); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestDuelsHaveOneWinner crosses two updates for one address between an
// endpoint of each role: exactly one yields, whatever the states.
func TestDuelsHaveOneWinner(t *testing.T) {
	states := []lease.State{lease.Free, lease.Active, lease.Expired, lease.Released, lease.Abandoned, lease.Reset, lease.Backup}
	for _, p := range states {
		for _, s := range states {
			for _, later := range []lease.Time{0, 100} {
				for _, ends := range []lease.Time{epoch - 10, epoch + 500} {
					prim, sec := inNormal(t, wire.Tandem, false), inNormal(t, wire.Tandem, true)
					hold(prim, p, 1, epoch-200, ends)
					hold(sec, s, 1, epoch-200+later, ends)
					a, b := prim.table.Look(5), sec.table.Look(5)
					py := prim.yields(&a, news(s, 1, epoch-200+later, ends))
					sy := sec.yields(&b, news(p, 1, epoch-200, ends))
					if py == sy {
						t.Errorf("primary %v, secondary %v (+%d): primary yields %v, secondary yields %v", p, s, later, py, sy)
					}
				}
			}
		}
	}
}

// TestDuelsWithDHCPD: its rule, except where it lets both sides yield.
func TestDuelsWithDHCPD(t *testing.T) {
	for _, secondary := range []bool{false, true} {
		for _, c := range []struct {
			mine, theirs lease.State
			fresh        lease.Time // of theirs; ours is 0
			want         bool
		}{
			{lease.Active, lease.Active, 1, true},
			{lease.Active, lease.Active, 0, secondary},
			{lease.Active, lease.Expired, 0, true},
			{lease.Active, lease.Free, 0, secondary},
			{lease.Backup, lease.Active, 0, true},
			{lease.Free, lease.Free, 0, secondary},
		} {
			e := inNormal(t, wire.ISC, secondary)
			hold(e, c.mine, 1, epoch-200, epoch-10)
			l := e.table.Look(5)
			if got := e.yields(&l, news(c.theirs, 1, epoch-200+c.fresh, epoch-10)); got != c.want {
				t.Errorf("secondary %v: %v against %v (+%d): yields %v", secondary, c.mine, c.theirs, c.fresh, got)
			}
		}
		e := inNormal(t, wire.ISC, secondary)
		hold(e, lease.Active, 1, epoch-200, epoch-10)
		l := e.table.Look(5)
		if e.yields(&l, news(lease.Expired, 1, epoch-300, epoch-10)) {
			t.Errorf("secondary %v: yields to the end of an older lease, as dhcpd will to ours", secondary)
		}
	}
}

// TestEndThatComesATouchTooEarlyIsAnsweredLater: dhcpd would not repeat it.
func TestEndThatComesATouchTooEarlyIsAnsweredLater(t *testing.T) {
	e := inNormal(t, wire.ISC, true)
	hold(e, lease.Active, 1, epoch-60, epoch+2)
	if got := answer(t, e, news(lease.Expired, 1, epoch-60, epoch+2)); got != "later" {
		t.Fatalf("answered at once: %s", got)
	}
	e.Step(e.now.Add(3e9), Tick{})
	for _, x := range e.Effects() {
		if s, ok := x.(Send); ok {
			if ack, ok := s.Message.(*wire.Bndack); ok && !ack.Reject.Set {
				if got := e.table.Look(5).State; got != lease.Free {
					t.Errorf("accepted, but %v", got)
				}
				return
			}
		}
	}
	t.Error("never answered")
}

// TestExtraTravelsBetweenTandems: what the protocol has no room for.
func TestExtraTravelsBetweenTandems(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.normal()
	ip := give(t, a, 1, 300)
	l := a.table.Look(ip)
	l.Extra = &lease.Extra{Hostname: "printer", VendorClass: "acme", RelayAgent: "\x01\x02xy", Requested: "\x01\x03"}
	a.table.Apply(l)
	w.step(a, Bound{l})
	w.run(1e9)
	got := b.table.Look(ip)
	if got.Extra == nil || got.Extra.Hostname != "printer" || got.Extra.VendorClass != "acme" || got.Extra.RelayAgent != "\x01\x02xy" {
		t.Errorf("arrived: %+v", got.Extra)
	}
}
