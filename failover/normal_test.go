package failover

import (
	"testing"
	"time"

	"tandem/failover/lease"
)

func TestFreshPairReachesNormalAndSharesThePool(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.normal()
	for _, x := range []*box{a, b} {
		if free, backup := x.table.Count(0, lease.Free), x.table.Count(0, lease.Backup); free != 10 || backup != 10 {
			t.Errorf("%s has %d free and %d backup, want 10 and 10\n%s", x.name, free, backup, w.tail())
		}
	}
	if w.now.Time() > epoch+8 {
		t.Errorf("it took until %v", w.now.Time())
	}
	w.wantEqual()
}

func TestLeaseIsReplicatedAndRenewalReachesFullLength(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.normal()
	ip, d, v := a.lease(1, 300)
	if !v.OK || d != 60 {
		t.Fatalf("first lease: %v %d %v, want the MCLT of 60 s", ip, d, v)
	}
	w.run(time.Second)
	w.wantEqual()
	if l := b.table.Look(ip); l.State != lease.Active || l.HW != hw(1) || l.TSFP != epoch+8+300+30 {
		t.Errorf("on the partner: %+v", l)
	}
	for _, x := range []*box{b, a} {
		if _, d, v := x.lease(1, 300); d != 300 {
			t.Errorf("%s renews for %d s (%v), want 300", x.name, d, v)
		}
		w.run(time.Second)
		w.wantEqual()
	}
}
