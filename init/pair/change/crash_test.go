package change

import (
	"testing"
	"time"

	"tandem/init/pair/version"
)

// scenarios are whole changes without a fault; each ends within span.
var scenarios = []struct {
	name string
	span time.Duration
	play func(w *world)
	// good is set if the operator is told that the version is committed.
	good bool
}{
	{"confirmed where it was typed", time.Minute, func(w *world) {
		w.propose(w.boxes[0], "good", short)
		w.after(40*time.Second, func() { w.confirm(w.boxes[0], false) })
	}, true},
	{"confirmed at the other box", time.Minute, func(w *world) {
		w.propose(w.boxes[1], "good", short)
		w.after(40*time.Second, func() { w.confirm(w.boxes[0], false) })
	}, true},
	{"no confirmation needed", time.Minute, func(w *world) {
		w.propose(w.boxes[1], "good", func(p *Propose) { p.NoConfirm = true })
	}, true},
	{"not confirmed", 90 * time.Second, func(w *world) { w.propose(w.boxes[0], "good", short) }, false},
	{"falls ill at the other box", time.Minute, func(w *world) { w.propose(w.boxes[0], "sick-B", short) }, false},
	{"the other box cannot reload", time.Minute, func(w *world) { w.propose(w.boxes[1], "reload-A", short) }, false},
	{"alone, then the partner returns", 2 * time.Minute, func(w *world) {
		w.cut()
		w.after(10*time.Second, func() {
			w.propose(w.boxes[1], "good", func(p *Propose) { p.Alone, p.NoConfirm = true, true })
		})
		w.after(60*time.Second, w.connect)
	}, true},
}

func short(p *Propose) { p.ConfirmTime = MinConfirmTime }

// TestCrashAnywhere crashes a box before each single effect of each scenario:
// then both boxes are the same again, with the new version or the old.
func TestCrashAnywhere(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			straight := play(t, s.play, s.span, 0)
			if got := len(straight.committed) == 1; got != s.good {
				straight.fail("committed: %v, want %v", got, s.good)
			}
			points := straight.effects
			straight.heal()
			straight.checkHealed()
			var news, olds int
			for at := 1; at <= points; at++ {
				w := play(t, s.play, s.span, at)
				w.heal()
				w.checkHealed()
				a, b := w.boxes[0].memory.Settled, w.boxes[1].memory.Settled
				if a != b {
					w.fail("crash before effect %d: %v and %v", at, a, b)
				}
				if a.Number == 1 {
					olds++
				} else {
					news++
				}
			}
			t.Logf("%d crashes: %d times the new version, %d times the old", news+olds, news, olds)
			if s.good && (news == 0 || olds == 0) {
				t.Error("the crashes did not hit the decision")
			}
		})
	}
}

func play(t *testing.T, scene func(w *world), span time.Duration, crashAt int) *world {
	w := newWorld(t, 3)
	w.runFor(5 * time.Second)
	w.effects, w.crashAt = 0, crashAt
	scene(w)
	w.runFor(span)
	return w
}

// A box that was replaced, or restored, has nothing or too little: it gets
// what the other has.
func TestBlankBoxGetsTheVersion(t *testing.T) {
	w := newWorld(t, 1)
	w.runFor(5 * time.Second)
	w.propose(w.boxes[0], "good", func(p *Propose) { p.NoConfirm = true })
	w.runFor(time.Minute)
	b := w.boxes[1]
	b.crash()
	b.memory, b.stored = Memory{}, map[version.ID]*version.Version{{}: {Files: version.Files{version.Main: nil}}}
	w.runFor(30 * time.Second)
	w.connect()
	w.runFor(30 * time.Second)
	w.checkHealed()
	if b.memory.Settled != w.boxes[0].memory.Settled || len(b.memory.Chain) != 1 {
		w.fail("the blank box has %+v", b.memory)
	}
}
