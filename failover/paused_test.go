package failover

import (
	"testing"
	"time"

	"tandem/failover/wire"
)

// TestPausedMachine obeys R9 where every clock of the machine stood still with
// it: the box learns of the time that it missed when the time of day is set,
// before or after its clock is called untrusted.
func TestPausedMachine(t *testing.T) {
	const bound = 100 * time.Millisecond
	for _, c := range []struct {
		name   string
		missed time.Duration
		first  bool // untrusted before the time is set
		want   Posture
		rule   string
	}{
		{"as much as the clock may be off", time.Second, false, Full, "R11"},
		{"less than G", time.Minute, false, Full, "R3"},
		{"longer than G", 2 * time.Hour, false, RenewOnly, "R3"},
		{"longer than G, untrusted first", 2 * time.Hour, true, RenewOnly, "R3"},
	} {
		e := inNormal(t, wire.Tandem, false)
		e.Step(e.now, ClockFacts{Trusted: true, Error: bound})
		e.Step(e.now, Closed{Conn: 1})
		if c.first {
			e.Step(e.now, ClockFacts{})
		}
		now := e.now
		now.Wall += int64(c.missed)
		if !c.first {
			e.Step(now, Tick{})
		}
		e.Step(now, ClockFacts{})
		e.Step(now.Add(time.Second), ClockFacts{Trusted: true, Error: bound})
		if s := e.Stance(e.now); s.Posture != c.want || s.Rule != c.rule {
			t.Errorf("%s: %v", c.name, s)
		}
	}
}

// TestSlewedClockIsNoPause: a clock that is steered runs fast or slow, and never
// jumps.
func TestSlewedClockIsNoPause(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.Step(e.now, Closed{Conn: 1})
	now := e.now
	for range 3600 {
		now = now.Add(time.Second)
		now.Wall += int64(500 * time.Microsecond)
		e.Step(now, Tick{})
	}
	if s := e.Stance(e.now); s.Rule != "R11" {
		t.Errorf("after an hour: %v", s)
	}
}
