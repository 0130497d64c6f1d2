package sim

import (
	"fmt"
	"strings"
	"time"

	"tandem/failover"
)

// The small world that is walked through completely: two boxes, two addresses
// (one in each half), two clients. Each step is one of steps, followed by
// stepTime, in which everything that is on its way arrives and timers fire.
const (
	smallMCLT = 60
	stepTime  = 40 * time.Second
)

// steps are what may happen: the link is cut or healed, a box loses or gets
// power, is told that its partner is down, a client leaves without a word or
// comes back for its address; or nothing.
var steps = []string{"link", "power A", "power B", "declare A", "declare B", "client 1", "client 2", "wait"}

// Script is a sequence of steps, by index.
type Script []int

// String names the steps.
func (s Script) String() string {
	var words []string
	for _, x := range s {
		words = append(words, steps[x])
	}
	return strings.Join(words, ", ")
}

// small is the state of the small world as far as steps depend on it.
type small struct{ off [2]bool }

// can tells whether a step would do anything.
func (s small) can(x int) bool { return x != 3 && x != 4 || !s.off[x-3] }

func (s small) after(x int) small {
	if x == 1 || x == 2 {
		s.off[x-1] = !s.off[x-1]
	}
	return s
}

// EachScript calls fn for every script of that many steps, without those that
// do nothing, until it is false.
func EachScript(depth int, fn func(Script) bool) bool {
	return each(small{}, make(Script, 0, depth), fn)
}

func each(s small, script Script, fn func(Script) bool) bool {
	if len(script) == cap(script) {
		return fn(script)
	}
	for x := range steps {
		if s.can(x) && !each(s.after(x), append(script, x), fn) {
			return false
		}
	}
	return true
}

// RunScript lives a script from a pair in NORMAL, with peace at the end.
func RunScript(s Script, promise Promise, without failover.Rule, told bool) Result {
	p := &Plan{Seed: 1, Without: without, Promise: promise, MCLT: smallMCLT, Lease: 2 * smallMCLT, Delay: 6, Pool: 2,
		Clients: []ClientSpec{{N: 1, Kind: Steady}, {N: 2, Kind: Steady}}}
	w := newWorld(p, told)
	for i := range w.boxes {
		w.light(i)
	}
	w.advance(Moment(20 * time.Second))
	for _, x := range s {
		w.tell("-- %s --", steps[x])
		w.step(x)
		w.advance(w.now.after(stepTime))
	}
	if w.failed == nil {
		w.makePeace()
	}
	return Result{Violation: w.failed, Story: w.story, Hours: time.Duration(w.now).Hours(), Cover: w.Cover}
}

// light gives box i power and the time.
func (w *World) light(i int) {
	b := w.boxes[i]
	b.powerOn(time.Second)
	b.wild = 0
	b.trust(true)
}

func (w *World) step(x int) {
	switch steps[x] {
	case "link":
		if w.link.down == 0 {
			w.link.cut()
		} else {
			w.link.heal()
		}
	case "power A", "power B":
		if b := w.boxes[x-1]; b.powered {
			b.powerOff("power cut")
		} else {
			w.light(b.i)
		}
	case "declare A", "declare B":
		w.operator.declare(w.boxes[x-3], "partner-down")
	case "client 1", "client 2":
		w.clients[x-5].toggle()
	}
}

// toggle has a client leave without a word, or come back.
func (c *client) toggle() {
	switch {
	case c.phase != off:
		c.phase = off
		c.alarm(0, func() {})
	case c.believes():
		c.reboot()
	default:
		c.have = 0
		c.discover()
	}
}

// Exhaust lives every script of that many steps and gives how many there
// were, and the first that breaks a promise.
func Exhaust(depth int, promise Promise) (n int, err error) {
	EachScript(depth, func(s Script) bool {
		n++
		if v := RunScript(s, promise, 0, false).Violation; v != nil {
			err = fmt.Errorf("%v: %w", s, v)
		}
		return err == nil
	})
	return n, err
}
