package change

import (
	"flag"
	"fmt"
	"testing"
	"time"

	"tandem/init/pair/version"
)

var lives = flag.Int("lives", 600, "how many random lives are run")

// TestRandomLives has operators at both boxes do what they like while the
// network loses, reorders and cuts, and the boxes crash between any two
// effects. The invariants are in check, checkSave and checkHealed.
func TestRandomLives(t *testing.T) {
	n := *lives
	if testing.Short() {
		n /= 10
	}
	var commits, forks, rollbacks int
	for seed := range n {
		w := life(t, uint64(seed))
		commits += len(w.committed)
		if w.boxes[0].machine.relation() == fork {
			forks++
		}
		for _, b := range w.boxes {
			for _, notes := range b.notes {
				for _, note := range notes {
					if note.Outcome == RolledBack {
						rollbacks++
					}
				}
			}
		}
		endForks(w)
	}
	t.Logf("%d lives: %d versions reported as committed, %d versions taken back, %d forks", n, commits, rollbacks, forks)
	if commits < n/4 || rollbacks < n/4 || forks < n/100 {
		t.Errorf("%d commits, %d roll-backs and %d forks are too few to prove anything", commits, rollbacks, forks)
	}
}

// life is one random life, healed.
func life(t *testing.T, seed uint64) *world {
	w := newWorld(t, seed)
	w.runFor(time.Duration(w.rng.IntN(30)) * time.Second)
	w.loss = []float64{0, 0.02, 0.3}[w.rng.IntN(3)]
	w.delay = []time.Duration{5 * time.Millisecond, 300 * time.Millisecond, 3 * time.Second}[w.rng.IntN(3)]
	w.crashes = []float64{0, 0.0005, 0.003}[w.rng.IntN(3)]
	w.illness = []time.Duration{20 * time.Second, 120 * time.Second}[w.rng.IntN(2)]
	for range 10 + w.rng.IntN(25) {
		act(w)
		w.runFor(w.random([]time.Duration{time.Second, 10 * time.Second, 60 * time.Second, 400 * time.Second}[w.rng.IntN(4)]))
	}
	w.heal()
	w.checkHealed()
	return w
}

// texts are configurations: good ones, and those that one or both boxes
// refuse at some stage.
var texts = []string{"good", "good", "good", "good", "syntax", "bad-A", "bad-B", "reload-A", "reload-B", "sick-A", "sick-B"}

// act is one random deed.
func act(w *world) {
	b := w.boxes[w.rng.IntN(2)]
	put := func(b *simBox) {
		w.propose(b, fmt.Sprintf("%s %d", texts[w.rng.IntN(len(texts))], w.rng.IntN(1000)), func(p *Propose) {
			p.Alone = w.rng.IntN(3) == 0
			p.NoConfirm = w.rng.IntN(3) == 0
			p.ConfirmTime = []time.Duration{0, MinConfirmTime}[w.rng.IntN(2)]
		})
	}
	switch w.rng.IntN(12) {
	case 0, 1, 2:
		put(b)
	case 3: // both in one moment
		put(w.boxes[0])
		put(w.boxes[1])
	case 4, 5, 6, 7:
		w.confirm(b, w.rng.IntN(4) == 0)
	case 8:
		w.requests++
		b.step(Cancel{Request: w.requests, Who: "operator"})
	case 9:
		w.cut()
	case 10:
		w.connect()
	case 11:
		b.crash()
	}
}

// endForks has an operator choose, or two at both boxes in the same moment;
// in the end both boxes are the same.
func endForks(w *world) {
	w.t.Helper()
	a, b := w.boxes[0], w.boxes[1]
	if a.machine.relation() != fork {
		return
	}
	w.taking = true
	if how := w.rng.IntN(3); how > 0 {
		before := [2]version.Ref{a.memory.Settled, b.memory.Settled}
		for _, box := range w.boxes {
			w.requests++
			box.step(Take{Request: w.requests, Who: "operator", Mine: how == 1})
		}
		w.runFor(2 * time.Minute)
		if a.memory.Settled == before[1] && b.memory.Settled == before[0] {
			w.fail("the boxes have swapped their versions")
		}
		for r := w.requests - 1; r <= w.requests; r++ {
			if _, ok := w.replies[r]; !ok {
				w.fail("request %d has no answer", r)
			}
		}
	}
	for range 2 { // the second time with the other box's, where one cannot use the first
		if a.machine.relation() == fork {
			w.takeOne(w.rng.IntN(2) == 0)
		}
	}
}

// takeOne has an operator at A choose one side.
func (w *world) takeOne(mine bool) {
	a, b := w.boxes[0], w.boxes[1]
	keep, lose := a, b
	if !mine {
		keep, lose = b, a
	}
	want := keep.memory.Settled
	usable := !lose.refuses(want.ID)
	w.requests++
	a.step(Take{Request: w.requests, Who: "operator", Mine: mine})
	w.runFor(2 * time.Minute)
	r, answered := w.replies[w.requests]
	if !answered || r.OK != usable {
		w.fail("take: usable %v, answer %+v (%v)", usable, r, answered)
	}
	if usable && (a.memory.Settled != want || b.memory.Settled != want) {
		w.fail("the fork is not ended: %v and %v instead of %v", a.memory.Settled, b.memory.Settled, want)
	}
	w.checkHealed()
}
