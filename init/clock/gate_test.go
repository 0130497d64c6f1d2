package clock

import (
	"errors"
	"strings"
	"testing"
	"time"
)

const ms = time.Millisecond

func sample(name string, offset, distance time.Duration) Sample {
	return Sample{Server: name, Offset: offset, Distance: distance, Stratum: 2}
}

func TestAgree(t *testing.T) {
	silent := Sample{Server: "d", Err: errors.New("timeout")}
	for _, c := range []struct {
		name    string
		in      []Sample
		single  bool
		offset  time.Duration
		bound   time.Duration
		liars   string
		wantErr string
	}{
		{"three agree", []Sample{sample("a", 10*ms, 5*ms), sample("b", 12*ms, 5*ms), sample("c", 8*ms, 5*ms)}, false, 10 * ms, 3 * ms, "", ""},
		{"one of three lies", []Sample{sample("a", 10*ms, 5*ms), sample("b", 5*time.Second, 5*ms), sample("c", 12*ms, 5*ms)}, false, 11 * ms, 4 * ms, "b", ""},
		{"two agree, one silent", []Sample{sample("a", 10*ms, 5*ms), silent, sample("c", 12*ms, 5*ms)}, false, 11 * ms, 4 * ms, "", ""},
		{"two disagree", []Sample{sample("a", 0, 5*ms), sample("b", time.Second, 5*ms)}, false, 0, 0, "", "disagree"},
		{"two and two", []Sample{sample("a", 0, 5*ms), sample("b", 0, 5*ms), sample("c", time.Second, 5*ms), sample("e", time.Second, 5*ms)}, false, 0, 0, "", "disagree"},
		{"one answers of three", []Sample{sample("a", 0, 5*ms), silent, silent}, false, 0, 0, "", "nobody confirms"},
		{"single not allowed", []Sample{sample("a", 0, 5*ms)}, false, 0, 0, "", "only one time server is configured"},
		{"single allowed", []Sample{sample("a", 7*ms, 5*ms)}, true, 7 * ms, 5 * ms, "", ""},
		{"single allowed does not excuse two silent of three", []Sample{sample("a", 0, 5*ms), silent, silent}, true, 0, 0, "", "nobody confirms"},
		{"nobody", []Sample{silent}, true, 0, 0, "", "no time server answers"},
		{"too far", []Sample{sample("a", 0, 2*time.Second), sample("b", 0, 2*time.Second)}, false, 0, 0, "", "no time server answers"},
		{"touching", []Sample{sample("a", 0, 5*ms), sample("b", 10*ms, 5*ms)}, false, 5 * ms, 0, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := Agree(c.in, Need{AllowSingle: c.single})
			if c.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), c.wantErr) {
					t.Fatalf("error %v, want one about %q", err, c.wantErr)
				}
				return
			}
			if err != nil || a.Offset != c.offset || a.Bound != c.bound || strings.Join(a.False, ",") != c.liars {
				t.Fatalf("%+v, %v; want offset %v bound %v liars %q", a, err, c.offset, c.bound, c.liars)
			}
		})
	}
}

func agreeing(off time.Duration) []Sample {
	return []Sample{sample("a", off, 5*ms), sample("b", off, 5*ms), sample("c", off, 5*ms)}
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestGateStepsAtBootThenSlews(t *testing.T) {
	g := NewGate(Policy{}, 0)
	if s := g.Now(0); s.Trusted || s.State != Waiting {
		t.Fatalf("before the first answer: %+v", s)
	}
	years := 6 * 365 * 24 * time.Hour
	if a := g.Samples(time.Second, noon.Add(-years), agreeing(years)); a.Step != years {
		t.Fatalf("first agreement gave %+v, want a step of six years", a)
	}
	if s := g.Now(2 * time.Second); !s.Trusted || s.Bound > 10*ms || s.Apart != noon.UnixNano()-int64(time.Second) {
		t.Fatalf("after the step: %+v", s)
	}
	if a := g.Samples(64*time.Second, noon, agreeing(3*ms)); a.Slew != 3*ms || a.Step != 0 {
		t.Fatalf("a small offset gave %+v, want a slew", a)
	}
}

// Servers that jump are not followed before the promises of the old time have
// run out by the clock that nobody sets.
func TestGateOutlivesAJumpOfTheServers(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour, -2 * time.Second} {
		g := NewGate(Policy{}, 0)
		g.Samples(0, noon, agreeing(0))
		at := 64 * time.Second
		if a := g.Samples(at, noon, agreeing(jump)); a != (Action{}) {
			t.Fatalf("%v: followed at once: %+v", jump, a)
		}
		if s := g.Now(at); s.Trusted || !strings.Contains(s.Why, "contradict") {
			t.Fatalf("%v: %+v", jump, s)
		}
		if a := g.Samples(at+jump.Abs()-time.Second, noon, agreeing(jump)); a != (Action{}) {
			t.Fatalf("%v: followed too early: %+v", jump, a)
		}
		if a := g.Samples(at+jump.Abs(), noon, agreeing(jump)); a.Step != jump {
			t.Fatalf("%v: %+v, want to follow in the end", jump, a)
		}
	}
}

func TestGateTrustsServersThatComeToTheirSenses(t *testing.T) {
	g := NewGate(Policy{}, 0)
	g.Samples(0, noon, agreeing(0))
	g.Samples(64*time.Second, noon, agreeing(time.Hour))
	g.Samples(65*time.Second, noon, agreeing(ms))
	if s := g.Now(65 * time.Second); !s.Trusted {
		t.Fatalf("%+v", s)
	}
	// The next jump is watched anew.
	if a := g.Samples(2*time.Hour, noon, agreeing(time.Hour)); a != (Action{}) {
		t.Fatalf("%+v", a)
	}
}

func TestGateHoldsOverThenGivesUp(t *testing.T) {
	g := NewGate(Policy{}, 50e-6)
	g.Samples(0, noon, agreeing(0))
	s := g.Now(time.Hour)
	if s.State != Holdover || !s.Trusted {
		t.Fatalf("an hour without servers: %+v", s)
	}
	if want := 5*ms + time.Duration(50e-6*float64(time.Hour)); s.Bound != want {
		t.Fatalf("bound %v, want %v", s.Bound, want)
	}
	if s := g.Now(time.Hour + s.Left + time.Second); s.Trusted || s.State != Lost {
		t.Fatalf("past the bound: %+v", s)
	}
	g.Samples(20*time.Hour, noon, agreeing(200*ms))
	if s := g.Now(20 * time.Hour); !s.Trusted {
		t.Fatalf("servers are back: %+v", s)
	}
}

func TestGateKeepsTheFloor(t *testing.T) {
	g := NewGate(Policy{Floor: noon}, 0)
	if a := g.Samples(0, noon.Add(-time.Hour), agreeing(time.Minute)); a != (Action{}) {
		t.Fatalf("servers behind the floor led to %+v", a)
	}
	if s := g.Now(0); s.Trusted || !strings.Contains(s.Why, "store already holds") {
		t.Fatalf("%+v", s)
	}
	if a := g.Samples(time.Second, noon.Add(-time.Hour), agreeing(2*time.Hour)); a.Step != 2*time.Hour {
		t.Fatalf("servers above the floor led to %+v", a)
	}
}

func TestGateLearnsDrift(t *testing.T) {
	g := NewGate(Policy{}, 20e-6)
	g.Samples(0, noon, agreeing(0))
	g.Samples(100*time.Second, noon, agreeing(20*ms)) // 200 ppm
	if s := g.Now(100 * time.Second); s.Drift < 190e-6 || s.Drift > 210e-6 {
		t.Fatalf("drift %v, want about 200e-6", s.Drift)
	}
	for i := range 60 {
		g.Samples(time.Duration(200+100*i)*time.Second, noon, agreeing(0))
	}
	if s := g.Now(6200 * time.Second); s.Drift != minDrift {
		t.Fatalf("drift %v after an hour without error, want the least, %v", s.Drift, minDrift)
	}
}

func TestGateRefusesServersTooFarAway(t *testing.T) {
	g := NewGate(Policy{Bound: 100 * ms}, 0)
	far := []Sample{sample("a", 0, 300*ms), sample("b", 0, 300*ms)}
	g.Samples(0, noon, far)
	if s := g.Now(0); s.Trusted || !strings.Contains(s.Why, "too far away") {
		t.Fatalf("%+v", s)
	}
}

// A machine that was paused is late by as much as its clock chip went on: it
// follows the servers at once.
func TestGateFollowsTheServersAfterAPause(t *testing.T) {
	for _, c := range []struct{ chip, servers, want time.Duration }{
		{41 * time.Second, 40 * time.Second, 40 * time.Second},
		{41 * time.Second, time.Hour, 0}, // the chip says otherwise
		{5 * time.Second, 3 * ms, 0},     // the chip was wrong
	} {
		g := NewGate(Policy{}, 0)
		g.Samples(0, noon, agreeing(0))
		g.StoodStill(c.chip)
		if s := g.Now(time.Second); s.Trusted || !strings.Contains(s.Why, "stood still") {
			t.Fatalf("%+v", s)
		}
		if a := g.Samples(time.Second, noon, agreeing(c.servers)); a.Step != c.want {
			t.Errorf("chip %v, servers %v: %+v", c.chip, c.servers, a)
		}
		if s := g.Now(time.Second); s.Trusted != (c.servers < time.Hour) {
			t.Errorf("chip %v, servers %v: %+v", c.chip, c.servers, s)
		}
	}
}
