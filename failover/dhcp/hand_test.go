package dhcp

import (
	"testing"

	"tandem/failover/lease"
)

func (g *rig) change(h Hand) Verdict {
	g.out.Reset()
	return g.r.Change(g.now, h, &g.out)
}

func TestChangeByHand(t *testing.T) {
	g := newRig(t, office)
	at := g.bind(1, "")
	was := g.table.Look(at)
	if v := g.change(Hand{IP: at, Vars: []lease.Var{{Name: "note", Value: "x"}, {Name: "also", Value: "y"}}, Flags: lease.FlagReserved, Mask: lease.FlagReserved}); !v.OK {
		t.Fatal(v)
	}
	l := g.table.Look(at)
	if len(g.out.Changed) != 1 || l.State != lease.Active || l.Ends != was.Ends || !l.Flags.Has(lease.FlagReserved) ||
		len(l.Extra.Vars) != 2 || l.Extra.Vars[0].Name != "also" {
		t.Fatalf("%d changed, %+v %+v", len(g.out.Changed), l, l.Extra)
	}
	if v := g.change(Hand{IP: at, Vars: []lease.Var{{Name: "also"}}}); !v.OK || len(g.table.Look(at).Extra.Vars) != 1 {
		t.Errorf("unset: %v %+v", v, g.table.Look(at).Extra)
	}
	if v := g.change(Hand{IP: at, Vars: []lease.Var{{Name: "note", Value: "x"}}}); !v.OK {
		t.Error(v)
	}
	if v := g.change(Hand{IP: at, Ends: was.Ends + 50}); !v.OK || g.table.Look(at).Ends != was.Ends+50 {
		t.Errorf("later end: %v, %v", v, g.table.Look(at).Ends)
	}
	if v := g.change(Hand{IP: at, Ends: was.Ends - 50, State: lease.Released}); v.OK || g.table.Look(at).State != lease.Active {
		t.Errorf("an earlier end was taken: %+v", g.table.Look(at))
	}
	if v := g.change(Hand{IP: at, State: lease.Released}); !v.OK || g.table.Look(at).State != lease.Free {
		t.Errorf("release: %v, %v", v, g.table.Look(at).State)
	}
	if v := g.change(Hand{IP: at, State: lease.Released}); v.OK {
		t.Error("a free address was released")
	}
	if v := g.change(Hand{IP: ip("192.0.2.1"), State: lease.Released}); v.OK || v.Rule != ruleHandPool {
		t.Errorf("an address of no pool: %v", v)
	}
}

func TestAbandonByHand(t *testing.T) {
	g := newRig(t, office)
	at := g.bind(1, "")
	if v := g.change(Hand{IP: at, State: lease.Abandoned}); !v.OK {
		t.Fatal(v)
	}
	l := g.table.Look(at)
	if l.State != lease.Abandoned || l.Ends <= g.now.Time() || l.HW != "" {
		t.Fatalf("%+v", l)
	}
	if v := g.change(Hand{IP: at, State: lease.Free}); !v.OK || g.table.Look(at).State != lease.Free {
		t.Fatalf("back: %v, %+v", v, g.table.Look(at))
	}
}

// An address that is the secondary's is not reserved by hand: dhcpd and this
// server refuse to hear of that from the partner.
func TestReserveByHand(t *testing.T) {
	g := newRig(t, office)
	g.table.Apply(lease.Lease{IP: ip("10.0.0.105"), State: lease.Backup, Rewind: lease.Backup})
	reserve := Hand{IP: ip("10.0.0.105"), Flags: lease.FlagReserved, Mask: lease.FlagReserved}
	if v := g.change(reserve); v.OK || v.Rule != ruleHandReserve {
		t.Errorf("%+v", v)
	}
	reserve.IP = ip("10.0.0.106")
	if v := g.change(reserve); !v.OK || !g.table.Look(reserve.IP).Flags.Has(lease.FlagReserved) {
		t.Errorf("%+v", v)
	}
}
