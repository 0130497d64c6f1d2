package clock

import (
	"fmt"
	"time"
)

// Policy is what the gate goes by. Zero fields mean the defaults.
type Policy struct {
	Need
	// Floor is a moment that is certainly past: the newest record in the
	// store or the build time, whichever is later.
	Floor time.Time
	// Bound is the largest error at which the clock is trusted; default 1 s.
	Bound time.Duration
	// StepAbove is the offset that is not slewed after the first step at boot;
	// default 0.4 s (the kernel slews at most 0.5 s).
	StepAbove time.Duration
	// Drift is the assumed rate error of the oscillator before it has been
	// measured, in seconds a second; default 100e-6.
	Drift float64
}

// minDrift is the rate error that is assumed at the least, however well the
// oscillator did so far: temperature moves a quartz by some 10 ppm.
const minDrift = 15e-6

func (p Policy) withDefaults() Policy {
	if p.Bound == 0 {
		p.Bound = time.Second
	}
	if p.StepAbove == 0 {
		p.StepAbove = 400 * time.Millisecond
	}
	if p.Drift == 0 {
		p.Drift = 100e-6
	}
	return p
}

// State is how far the time of day can be trusted.
type State string

// The gate's states.
const (
	// Waiting: no agreement yet since boot.
	Waiting State = "waiting"
	// Trusted: servers agreed recently.
	Trusted State = "trusted"
	// Holdover: the servers are gone, the error bound grows but still holds.
	Holdover State = "holdover"
	// Lost: the error bound has grown past what is trusted, or the servers
	// contradict the clock.
	Lost State = "lost"
)

// Status is the gate's answer.
type Status struct {
	State   State         `json:"state"`
	Trusted bool          `json:"trusted"`
	Offset  time.Duration `json:"offset"` // last agreed offset, before it was corrected
	Bound   time.Duration `json:"bound"`  // error bound now
	Drift   float64       `json:"drift"`  // rate error assumed, seconds a second
	// Left is how long the clock stays trusted without servers.
	Left time.Duration `json:"left"`
	Why  string        `json:"why"`
	// Apart is the time of day less the time since boot (CLOCK_BOOTTIME), in
	// nanoseconds, as of the latest agreement: who reads it otherwise sees a
	// time of day that was set since, which nobody vouches for. 0: no agreement.
	Apart   int64    `json:"apart"`
	Servers []string `json:"servers"`
	Liars   []string `json:"falsetickers,omitempty"`
}

// Action is what the shell must do to the clock. At most one is set.
type Action struct {
	Step time.Duration // set the clock forward (or back) by this much at once
	Slew time.Duration // let the kernel work this much off
}

// Gate decides from samples whether the time of day is trusted. It is pure:
// moments come in as monotonic time since boot.
type Gate struct {
	policy  Policy
	state   State
	why     string
	agreed  Agreement
	at      time.Duration // monotonic moment of the last agreement
	apart   int64         // see Status
	drift   float64       // measured, or the policy's
	stepped bool
	residue time.Duration // what was left to slew at the last agreement
	jump    struct {      // servers that contradict the clock
		offset time.Duration
		since  time.Duration // monotonic; the first time they said so
	}
	still time.Duration // how late the time of day is, as the clock chip says
	last  struct {      // the agreement before, for the measurement of drift
		at  time.Duration
		set bool
	}
}

// NewGate starts in Waiting. drift is what an earlier run measured, zero if
// nothing is known.
func NewGate(p Policy, drift float64) *Gate {
	p = p.withDefaults()
	g := &Gate{policy: p, state: Waiting, drift: p.Drift, why: "no time server has answered yet"}
	if drift > 0 {
		g.drift = clampDrift(drift)
	}
	return g
}

func clampDrift(d float64) float64 { return min(max(d, minDrift), 500e-6) }

// Samples takes one round of answers, got at the monotonic moment mono while
// the local clock showed local.
func (g *Gate) Samples(mono time.Duration, local time.Time, samples []Sample) Action {
	a, err := Agree(samples, g.policy.Need)
	if err != nil {
		g.why = err.Error()
		return Action{}
	}
	if right := local.Add(a.Offset + a.Bound); right.Before(g.policy.Floor) {
		g.why = fmt.Sprintf("the servers say %s, but the store already holds records of %s: they are wrong or the store is",
			right.UTC().Format(time.DateTime), g.policy.Floor.UTC().Format(time.DateTime))
		if g.state != Waiting {
			g.state = Lost
		}
		return Action{}
	}
	act := g.accept(mono, a)
	if g.at == mono && g.state != Waiting { // agreed now
		g.apart = local.Add(act.Step).UnixNano() - int64(mono)
	}
	return act
}

// StoodStill tells that the clock chip went on for d while this machine did
// not, as a virtual one that was paused; or, with d below zero, that somebody
// else set the time of day. Until the servers have said by how much it is wrong
// now, it is not trusted.
func (g *Gate) StoodStill(d time.Duration) {
	if g.state == Waiting {
		return
	}
	g.state, g.still = Lost, d
	if d < 0 {
		g.why = fmt.Sprintf("the time of day was set forward by about %s, as the clock chip says", -d.Round(time.Second))
		return
	}
	g.why = fmt.Sprintf("this machine stood still for about %s, or its time of day was set back, as its clock chip says", d.Round(time.Second))
}

// chipError is how far the clock chip and the servers may differ about it: the
// chip counts whole seconds.
const chipError = 3 * time.Second

// accept moves the clock towards what was agreed.
func (g *Gate) accept(mono time.Duration, a Agreement) Action {
	off := a.Offset
	if far := off.Abs() > g.policy.StepAbove; g.stepped && far && !g.outlived(mono, off) {
		return Action{}
	} else if !g.stepped || far {
		g.why = fmt.Sprintf("stepped by %+.3f s to the time that %d servers agree on", off.Seconds(), len(a.True))
		g.agreed, g.at, g.stepped, g.residue, g.jump.offset, g.still = a, mono, true, 0, 0, 0
		g.last.at, g.last.set = mono, true
		g.settle(a.Bound)
		return Action{Step: off}
	}
	g.measure(mono, off)
	g.agreed, g.at, g.jump.offset, g.still = a, mono, 0, 0
	g.last.at, g.last.set = mono, true
	g.why = fmt.Sprintf("%d servers agree", len(a.True))
	g.residue = off
	g.settle(a.Bound + off.Abs())
	return Action{Slew: off}
}

// outlived tells whether servers that contradict a clock that was trusted are
// to be followed. A step by d would make every promise seem to end d earlier,
// or bring back time in which promises were already made. So nothing is
// trusted for as long as d, by the clock that nobody sets: by then the two
// readings are the same for all that was promised.
func (g *Gate) outlived(mono, off time.Duration) bool {
	if g.still != 0 && (off-g.still).Abs() <= chipError {
		return true // the chip bears the servers out: the old time was right
	}
	if (off-g.jump.offset).Abs() > g.policy.StepAbove || g.jump.offset == 0 {
		g.jump.offset, g.jump.since = off, mono
	}
	left := off.Abs() - (mono - g.jump.since)
	if left <= 0 {
		return true
	}
	g.state = Lost
	g.why = fmt.Sprintf("the servers contradict the clock that they set: they say %+.3f s; they are followed in %s, if they still say so then, and at once after a restart",
		off.Seconds(), left.Round(time.Second))
	return false
}

// settle says whether an error bound of now is good enough.
func (g *Gate) settle(bound time.Duration) {
	if bound <= g.policy.Bound {
		g.state = Trusted
		return
	}
	g.state = Lost
	g.why = fmt.Sprintf("the servers are too far away: error bound %.3f s, allowed %.3f s", bound.Seconds(), g.policy.Bound.Seconds())
}

// measure learns the oscillator's rate error from what had to be corrected
// since the agreement before; short intervals say nothing.
func (g *Gate) measure(mono, off time.Duration) {
	const shortest = 60 * time.Second
	if !g.last.set || mono-g.last.at < shortest || !g.stepped {
		return
	}
	moved := (off - g.residue).Abs()
	if g.residue.Abs() > 0 && off.Abs() < g.residue.Abs() {
		moved = off.Abs() // the kernel has worked the rest off
	}
	seen := moved.Seconds() / (mono - g.last.at).Seconds()
	// Up at once, down slowly: the bound must hold.
	g.drift = clampDrift(max(seen, g.drift*0.9))
}

// holdoverAfter is the age of the last agreement at which servers count as
// gone.
const holdoverAfter = 5 * time.Minute

// Now gives the status at the monotonic moment mono.
func (g *Gate) Now(mono time.Duration) Status {
	s := Status{State: g.state, Offset: g.agreed.Offset, Drift: g.drift, Why: g.why, Apart: g.apart,
		Servers: g.agreed.True, Liars: g.agreed.False}
	if g.state == Waiting {
		return s
	}
	age := mono - g.at
	s.Bound = g.agreed.Bound + g.residue.Abs() + time.Duration(float64(age)*g.drift)
	s.Left = time.Duration(float64(g.policy.Bound-s.Bound) / g.drift)
	switch {
	case g.state == Lost:
		s.Left = 0
	case s.Bound > g.policy.Bound:
		g.state, s.State, s.Left = Lost, Lost, 0
		g.why = fmt.Sprintf("no agreement for %s: the clock may be off by %.3f s, allowed is %.3f s",
			age.Round(time.Second), s.Bound.Seconds(), g.policy.Bound.Seconds())
		s.Why = g.why
	case age > holdoverAfter:
		s.State = Holdover
		s.Why = fmt.Sprintf("no agreement for %s (%s); trusted for another %s", age.Round(time.Second), g.why, s.Left.Round(time.Second))
	}
	s.Trusted = s.State == Trusted || s.State == Holdover
	return s
}
