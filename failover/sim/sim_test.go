package sim

import (
	"flag"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	freshFor  = flag.Duration("sim.for", time.Minute, "how long to live seeds that nobody has seen; with -short 5 s at most")
	freshFrom = flag.Uint64("sim.from", 0, "first of these seeds; 0 for one that follows from the time")
)

// TestEveryRuleIsNeeded: for each rule a kept life in which the promise breaks
// without it and holds with it.
func TestEveryRuleIsNeeded(t *testing.T) {
	for _, r := range Rules() {
		t.Run(r.String(), func(t *testing.T) {
			p, err := Load(filepath.Join("testdata", "controls", r.String()+".json"))
			if err != nil {
				t.Fatal(err)
			}
			if p.Without != r {
				t.Fatalf("switches off %v", p.Without)
			}
			if v := Run(p, false).Violation; v == nil {
				t.Fatal("the promise holds without the rule")
			}
			p.Without = 0
			if v := Run(p, false).Violation; v != nil {
				t.Fatalf("the promise breaks with the rule: %v", v)
			}
		})
	}
}

// TestKeptLivesKeepThePromise: seeds at which something was learnt; each has
// broken the promise once, see its note.
func TestKeptLivesKeepThePromise(t *testing.T) {
	names, err := filepath.Glob(filepath.Join("testdata", "lives", "*.json"))
	if err != nil || len(names) < 10 {
		t.Fatalf("%d kept lives: %v", len(names), err)
	}
	for _, name := range names {
		p, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if v := Run(p, false).Violation; v != nil {
			t.Errorf("%s: %v\n%s", filepath.Base(name), v, p.Note)
		}
	}
}

// TestTheDraftAlonePromisesTooMuch: the hazard that the rules are there for.
// One of two servers that keep to the draft stops, the other takes over and
// stops as well, and the first one comes back alone.
func TestTheDraftAlonePromisesTooMuch(t *testing.T) {
	p, err := Load(filepath.Join("testdata", "controls", "draft.json"))
	if err != nil {
		t.Fatal(err)
	}
	if v := Run(p, false).Violation; v == nil || v.Promise != "I1" {
		t.Errorf("with the draft alone: %v", v)
	}
	p.Without = 0
	if v := Run(p, false).Violation; v != nil {
		t.Errorf("with the rules: %v", v)
	}
}

// The usual seeds are always the same, so that a change is judged by what it
// changes; fresh ones find what nobody has thought of.
const (
	usualFrom = 20_000
	usualMany = 1000
)

// TestSeedsKeepThePromise lives the usual seeds.
func TestSeedsKeepThePromise(t *testing.T) {
	n := uint64(usualMany)
	if testing.Short() {
		n = 100
	}
	live(t, usualFrom, n, 0)
}

// TestFreshSeedsKeepThePromise lives seeds that nobody has seen.
func TestFreshSeedsKeepThePromise(t *testing.T) {
	d, from := *freshFor, *freshFrom
	if testing.Short() {
		d = min(d, 5*time.Second)
	}
	if from == 0 {
		from = uint64(time.Now().UnixNano())
	}
	t.Logf("seeds from %d on; -sim.from lives them again", from)
	live(t, from, 0, d)
}

// live lives n seeds, or with n zero as many as d allows. It shrinks the first
// that breaks a promise.
func live(t *testing.T, from, n uint64, d time.Duration) {
	t.Helper()
	var bad []uint64
	sum := Many(from, n, d, 2, func(seed uint64, v *Violation) {
		bad = append(bad, seed)
		t.Errorf("seed %d: %v\nas a story: go run ./failover/sim/cmd -seed %d -shrink", seed, v, seed)
	})
	t.Logf("%d lives, %.0f pair-hours", sum.Lives, sum.Hours)
	if len(bad) > 0 {
		small := Shrink(Draw(slices.Min(bad)), 1000)
		t.Logf("smallest plan: %+v\n%s", *small, strings.Join(Run(small, true).Story, "\n"))
	}
	if sum.Lives < 10 {
		t.Errorf("only %d lives", sum.Lives)
	}
	if found := sum.Cover.Impossible(); len(found) > 0 {
		t.Errorf("visited, although declared impossible: %v", found)
	}
}

// TestSameSeedSameLife: stories are equal to the letter.
func TestSameSeedSameLife(t *testing.T) {
	for seed := range uint64(20) {
		a, b := Run(Draw(seed), true), Run(Draw(seed), true)
		if !slices.Equal(a.Story, b.Story) {
			for i := range a.Story {
				if i >= len(b.Story) || a.Story[i] != b.Story[i] {
					t.Fatalf("seed %d, line %d: %q", seed, i, a.Story[i])
				}
			}
		}
		if len(a.Story) < 20 {
			t.Errorf("seed %d has no story: %q", seed, a.Story)
		}
	}
}

// TestTellingDoesNotChangeALife: a failing seed fails in its story as well.
func TestTellingDoesNotChangeALife(t *testing.T) {
	p := Draw(7)
	if a, b := Run(p, true), Run(p, false); a.Hours != b.Hours || a.Violation != nil || b.Violation != nil {
		t.Errorf("told %v %v, untold %v %v", a.Hours, a.Violation, b.Hours, b.Violation)
	}
}

// TestShrinkKeepsTheViolation on a life that is known to break.
func TestShrinkKeepsTheViolation(t *testing.T) {
	p, err := Load(filepath.Join("testdata", "controls", "R3.json"))
	if err != nil {
		t.Fatal(err)
	}
	want := len(p.Faults)
	for i := range 5 {
		p.Faults = append(p.Faults, Fault{At: int64(p.Seconds*1000 - 10*i), What: "loss", N: 1, For: 1})
	}
	small := Shrink(p, 300)
	if len(small.Faults) > want {
		t.Errorf("%d faults are left of %d, %d are needed", len(small.Faults), len(p.Faults), want)
	}
	if v := Run(small, false).Violation; v == nil || v.Promise != "I1" {
		t.Errorf("after shrinking: %v", v)
	}
}
