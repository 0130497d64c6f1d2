package sim

import (
	"slices"
	"time"
)

// Budgets of I4: how long clients wait at most, after any single fault.
const (
	renewBudget = 10 * time.Second
	newBudget   = 30 * time.Second
)

// Kinds of clients that measure I4. From is the second at which they ask.
const (
	// Renewer has a lease and asks everybody to prolong it.
	Renewer = "renewer"
	// Newcomer has none.
	Newcomer = "newcomer"
)

// SingleFaults are the faults after which clients are still served.
func SingleFaults() []Fault {
	return []Fault{
		{What: "power", For: 600_000}, {What: "power", For: 5_000}, {What: "crash", For: 2_000},
		{What: "freeze", For: 600_000}, {What: "freeze", For: 9_000}, {What: "link", For: 600_000}, {What: "link-reset"},
		{What: "lan", For: 600_000}, {What: "carrier", For: 600_000}, {What: "flap", N: 5}, {What: "clock-wild", For: 600_000, N: 50},
		{What: "clock-step", N: 1999}, {What: "disk-lost", For: 5_000}, {What: "storm", N: 4, For: 45_000},
		{What: "maintenance", For: 600_000}, {What: "pause", For: 600_000}, {What: "upgrade", For: 5_000}, {What: "reload"},
		{What: "link", For: 600_000, N: alsoLAN | alsoCable | unplugged}, {What: "deaf", For: 600_000, N: alsoLAN | unplugged},
		{What: "paused-machine", For: 600_000}, {What: "paused-machine", For: 9_000, N: bothStand},
		{What: "paused-machine", For: 9_000, N: bootStands}, {What: "paused-machine", For: 9_000, N: noneStands},
	}
}

// faultAt is when the single fault comes, in seconds.
const faultAt = 300

// ServicePlan is a life with one fault, and clients that measure how long
// they wait.
func ServicePlan(seed uint64, promise Promise, f Fault) *Plan {
	p := &Plan{Seed: seed, Promise: promise, Seconds: faultAt + 200, MCLT: 120, Lease: 600, Delay: 12, Bound: 1000, Pool: 60, Watchdog: 30, Beats: BeatsBoth, Gateway: true}
	f.At = faultAt * 1000
	p.Faults = []Fault{f}
	for i, after := range []int{0, 1, 3, 6, 10, 15, 25, 40, 60, 90} {
		n := 100*int(seed%1000) + i
		p.Clients = append(p.Clients,
			ClientSpec{N: 2*n + 1, Kind: Renewer, From: faultAt + after},
			ClientSpec{N: 2*n + 2, Kind: Newcomer, From: faultAt + after})
	}
	slices.SortStableFunc(p.Clients, func(a, b ClientSpec) int { return a.From - b.From })
	return p
}

// measure begins what a client of I4 does.
func (c *client) measure() {
	asks := Moment(c.spec.From) * Moment(time.Second)
	if c.spec.Kind == Newcomer {
		c.w.at(asks, c.begin)
		c.w.at(asks.after(newBudget), func() {
			if c.served == 0 {
				c.w.fail("I4", "%s, which is new, got no address within %v", c.name, newBudget)
			}
		})
		return
	}
	c.w.at(Moment(30*time.Second)+asks%Moment(7*time.Second), c.begin)
	c.w.at(asks, func() {
		if !c.believes() {
			c.w.fail("I4", "%s got no address before the fault", c.name)
			return
		}
		before := c.served
		c.exchange(rebinding)
		c.wanted = c.have
		c.insist()
		c.w.in(renewBudget, func() {
			if c.served == before {
				c.w.fail("I4", "%s, which has a lease, could not renew it within %v", c.name, renewBudget)
			}
		})
	})
}

// insist asks everybody every 2 s.
func (c *client) insist() {
	m := c.message(typeRequest)
	m.ciaddr = c.have
	c.asked = c.w.now
	c.send(m, everybody)
	c.alarm(2*time.Second, c.insist)
}
