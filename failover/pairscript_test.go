package failover

import (
	"testing"
	"time"

	"tandem/failover/lease"
)

// scripts are the interaction scripts: two boxes, a story, and what must be
// true at its end. Each leaves a golden trace.
var scripts = []struct {
	name string
	edit func(a, b *Config)
	run  func(t *testing.T, w *world)
}{
	{"release", nil, func(t *testing.T, w *world) {
		a, b := w.normal()
		give(t, a, 1, 60)
		give(t, b, 2, 60)
		w.run(3 * time.Second)
		a.release(1)
		b.release(2)
		w.run(3 * time.Second)
		w.wantEqual()
		if n := a.table.Count(0, lease.Active); n != 0 {
			t.Errorf("%d leases are still active", n)
		}
	}},
	{"expiry", nil, func(t *testing.T, w *world) {
		a, b := w.normal()
		give(t, a, 1, 20)
		give(t, b, 2, 20)
		w.run(10 * time.Second)
		if n := a.table.Count(0, lease.Active); n != 2 {
			t.Errorf("%d leases are active before their end, want 2", n)
		}
		w.run(15 * time.Second)
		w.wantEqual()
		if n := a.table.Count(0, lease.Active); n != 0 {
			t.Errorf("%d leases are active after their end", n)
		}
	}},
	{"killed-secondary-returns", nil, func(t *testing.T, w *world) { killAndReturn(t, w, 1) }},
	{"killed-primary-returns", nil, func(t *testing.T, w *world) { killAndReturn(t, w, 0) }},
	{"partner-down-secondary-returns", nil, func(t *testing.T, w *world) { downAndReturn(t, w, 1) }},
	{"partner-down-primary-returns", nil, func(t *testing.T, w *world) { downAndReturn(t, w, 0) }},
	{"both-partner-down", nil, func(t *testing.T, w *world) {
		a, b := w.normal()
		give(t, a, 1, 300)
		w.run(2 * time.Second)
		w.cut(true)
		w.run(200 * time.Second)
		w.wantStates(lease.CommunicationsInterrupt, lease.CommunicationsInterrupt)
		order(t, a, OrderPartnerDown)
		order(t, b, OrderPartnerDown)
		give(t, a, 3, 300)
		give(t, b, 4, 300)
		w.cut(false)
		w.run(20 * time.Second)
		w.wantStates(lease.Normal, lease.Normal)
		w.wantEqual()
	}},
	{"amnesic-secondary", nil, func(t *testing.T, w *world) { amnesia(t, w, 1) }},
	{"amnesic-primary", nil, func(t *testing.T, w *world) { amnesia(t, w, 0) }},
	{"interrupted-transfer", nil, func(t *testing.T, w *world) {
		a, b := w.normal()
		for n := range 6 {
			give(t, a, n+1, 300)
		}
		w.run(2 * time.Second)
		b.crash()
		b.wipe()
		w.run(time.Second)
		b.boot()
		w.limit = 12 // in the middle of the transfer
		w.run(20 * time.Second)
		w.limit = -1
		w.cut(false)
		w.run(20 * time.Second)
		w.wantStates(lease.CommunicationsInterrupt, lease.RecoverWait)
		w.run(70 * time.Second)
		w.wantStates(lease.Normal, lease.Normal)
		w.wantEqual()
	}},
	{"window-3", func(a, b *Config) { a.MaxUnacked, b.MaxUnacked = 3, 3 }, func(t *testing.T, w *world) {
		a, b := w.normal()
		w.cut(true)
		w.run(15 * time.Second)
		for n := range 8 {
			give(t, a, n+1, 300)
			give(t, b, n+20, 300)
		}
		w.cut(false)
		w.run(20 * time.Second)
		w.wantStates(lease.Normal, lease.Normal)
		w.wantEqual()
	}},
	{"link-cut", nil, func(t *testing.T, w *world) {
		a, b := w.normal()
		give(t, a, 1, 300)
		give(t, b, 2, 300)
		w.run(2 * time.Second)
		w.cut(true)
		w.run(15 * time.Second)
		w.wantStates(lease.CommunicationsInterrupt, lease.CommunicationsInterrupt)
		give(t, a, 2, 300)
		give(t, b, 1, 300)
		give(t, a, 3, 300)
		give(t, b, 4, 300)
		b.release(2)
		w.run(5 * time.Second)
		w.cut(false)
		w.run(20 * time.Second)
		w.wantStates(lease.Normal, lease.Normal)
		w.wantEqual()
	}},
	{"goodbye", nil, func(t *testing.T, w *world) {
		a, b := w.normal()
		give(t, a, 1, 300)
		give(t, b, 2, 300)
		order(t, a, OrderMaintenance)
		w.run(time.Second)
		w.wantStates(lease.Shutdown, lease.PartnerDown)
		if !a.ep.Parted() {
			t.Errorf("A is not through with its goodbye")
		}
		for n := range 17 {
			give(t, b, n+10, 300) // the whole pool, at once
		}
		a.crash()
		w.run(30 * time.Second)
		a.boot()
		w.run(20 * time.Second)
		w.wantStates(lease.Normal, lease.Normal)
		w.wantEqual()
	}},
}

func TestScripts(t *testing.T) {
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			w := newWorld(t, s.edit)
			s.run(t, w)
			wantGolden(t, "pair-"+s.name, w.trace.String())
		})
	}
}

func give(t *testing.T, b *box, n int, want lease.Seconds) lease.IP {
	t.Helper()
	ip, _, v := b.lease(n, want)
	if !v.OK {
		t.Fatalf("%s refuses client %d: %s: %s\n%s", b.name, n, v.Rule, v.Why, b.w.tail())
	}
	return ip
}

func order(t *testing.T, b *box, o Order) {
	t.Helper()
	b.w.note("%s is told %v", b.name, o)
	if err := b.ep.Command(b.now(), Command{Order: o}); err != nil {
		t.Fatalf("%s refuses %v: %v\n%s", b.name, o, err, b.w.tail())
	}
	b.w.carryOut(b)
}

// killAndReturn kills one box, lets the other serve, and brings it back.
func killAndReturn(t *testing.T, w *world, dead int) {
	w.normal()
	x, y := w.boxes[dead], w.boxes[1-dead]
	give(t, x, 1, 300)
	give(t, y, 2, 300)
	w.run(2 * time.Second)
	x.crash()
	w.run(2 * time.Second)
	give(t, y, 1, 300)
	give(t, y, 3, 300)
	w.run(14 * time.Second)
	x.boot()
	w.run(20 * time.Second)
	w.wantStates(lease.Normal, lease.Normal)
	w.wantEqual()
}

// downAndReturn kills one box, declares it down, gives the whole pool away,
// and brings it back.
func downAndReturn(t *testing.T, w *world, dead int) {
	w.normal()
	x, y := w.boxes[dead], w.boxes[1-dead]
	give(t, x, 1, 300)
	give(t, y, 2, 300)
	w.run(2 * time.Second)
	x.crash()
	w.run(70 * time.Second)
	order(t, y, OrderPartnerDown)
	for n := range 9 {
		give(t, y, n+10, 300)
	}
	if _, _, v := y.lease(40, 300); v.OK || v.Rule != "none" && v.Rule != "R6-wait" {
		t.Errorf("%s gives from the partner's half at once (%v)", y.name, v)
	}
	w.run(65 * time.Second)
	for n := range 9 {
		give(t, y, n+40, 300)
	}
	x.boot()
	w.run(30 * time.Second)
	w.wantStates(lease.Normal, lease.Normal)
	w.wantEqual()
}

// amnesia kills one box and brings it back without its disk.
func amnesia(t *testing.T, w *world, dead int) {
	w.normal()
	x, y := w.boxes[dead], w.boxes[1-dead]
	give(t, x, 1, 300)
	give(t, y, 2, 300)
	w.run(2 * time.Second)
	x.crash()
	x.wipe()
	w.run(2 * time.Second)
	x.boot()
	w.run(20 * time.Second)
	if s := x.ep.State(); s != lease.RecoverWait {
		t.Fatalf("%s is in %v, want RECOVER-WAIT\n%s", x.name, s, w.tail())
	}
	give(t, y, 3, 300)
	w.run(60 * time.Second)
	w.wantStates(lease.Normal, lease.Normal)
	w.wantEqual()
}
