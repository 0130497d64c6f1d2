package sim

import (
	"maps"
	"slices"

	"tandem/failover"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// states are those that a box can be in, in the order of the tables.
var states = [...]lease.ServerState{lease.Startup, lease.Normal, lease.CommunicationsInterrupt, lease.PartnerDown,
	lease.PotentialConflict, lease.ResolutionInterrupted, lease.ConflictDone, lease.Recover, lease.RecoverWait,
	lease.RecoverDone, lease.Shutdown}

// postures are the postures, the most careful first.
var postures = [...]failover.Posture{failover.Silent, failover.RenewOnly, failover.Full, failover.Alone}

// stateAt is the index in states, by number.
var stateAt = func() (at [256]uint8) {
	for i, s := range states {
		at[s] = uint8(i)
	}
	return at
}()

// Coverage counts what was visited. Boxes that run a dhcpd do not count.
type Coverage struct {
	// visits are the inputs by the place at which they were handled.
	visits [len(states)][happenings][len(postures)]uint64
	// places counts how often each was come to.
	places map[place]uint64
	faults map[string]uint64
	deeds  map[string]uint64
	// Refused counts clients that got no address for about a minute.
	Refused uint64
	// Excused counts lives with both boxes declared the survivor.
	Excused uint64
}

// place is where a box stands, and the rule that says so.
type place struct {
	State   lease.ServerState
	Posture failover.Posture
	Rule    string
}

func newCoverage() *Coverage {
	return &Coverage{places: map[place]uint64{}, faults: map[string]uint64{}, deeds: map[string]uint64{}}
}

func (c *Coverage) fault(what string) { c.faults[what]++ }

func (c *Coverage) visit(at failover.Place, h happening) {
	c.visits[stateAt[at.State]][h][at.Posture]++
}

// Add takes another one's counts.
func (c *Coverage) Add(o *Coverage) {
	for s := range o.visits {
		for h := range o.visits[s] {
			for p, n := range o.visits[s][h] {
				c.visits[s][h][p] += n
			}
		}
	}
	for k, n := range o.places {
		c.places[k] += n
	}
	for k, n := range o.faults {
		c.faults[k] += n
	}
	for k, n := range o.deeds {
		c.deeds[k] += n
	}
	c.Refused += o.Refused
	c.Excused += o.Excused
}

// inPosture counts the inputs handled in a state and posture.
func (c *Coverage) inPosture(state, posture int) (n uint64) {
	for h := range happenings {
		n += c.visits[state][h][posture]
	}
	return n
}

// met counts the inputs of a kind handled in a state.
func (c *Coverage) met(state int, h happening) (n uint64) {
	for p := range postures {
		n += c.visits[state][h][p]
	}
	return n
}

// Missing is what was never reached although nothing forbids it: Of is a
// state, "rule" or "fault".
type Missing struct{ Of, What string }

// Never lists what was not reached although nothing forbids it.
func (c *Coverage) Never() []Missing {
	var never []Missing
	for s, state := range states {
		for p, posture := range postures {
			if c.inPosture(s, p) == 0 && whyNotPosture(state, posture) == "" {
				never = append(never, Missing{state.String(), posture.String()})
			}
		}
		for h := range happenings {
			if c.met(s, h) == 0 && whyNotMet(state, h) == "" {
				never = append(never, Missing{state.String(), h.String()})
			}
		}
	}
	for _, rule := range allRules {
		if !c.ruled(rule) {
			never = append(never, Missing{"rule", rule})
		}
	}
	for _, what := range drawn() {
		if c.faults[what] == 0 {
			never = append(never, Missing{"fault", what})
		}
	}
	for _, what := range deeds {
		if c.deeds[what] == 0 {
			never = append(never, Missing{"deed", what})
		}
	}
	return never
}

// ruled tells whether the rule ever set the posture.
func (c *Coverage) ruled(rule string) bool {
	for p := range c.places {
		if p.Rule == rule {
			return true
		}
	}
	return false
}

// drawn lists the faults that are in a menu or a tale.
func drawn() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(faults)), func(what string) bool { return Fault{What: what}.hopeless() })
}

// allRules are the rules that lives are to come to. One more, partner-state, is
// met once in tens of thousands of lives.
var allRules = []string{"R1", "R2", "R3", "R4-wait", "R5", "R6", "R7", "R10", "R11", "goodbye"}

// handle gives an input to the box's server, and counts it where it meets it.
func (b *Box) handle(now lease.Now, in node.Input) {
	if b.isDhcpd() {
		b.node.Step(now, in)
		return
	}
	h := kindOf(in)
	b.met = failover.Place{}
	if h.local() {
		b.met = b.place(now)
	}
	b.node.Step(now, in)
	if b.met.State == 0 { // no relationship was touched
		b.met = b.place(now)
	}
	at := b.met
	if h.update() && !at.Connected {
		h = unheard
	}
	b.w.Cover.visit(at, h)
}

// meet notes where the first event of an input met the relationship.
func (b *Box) meet(e *failover.Endpoint, now lease.Now) {
	if b.met.State == 0 {
		b.met = e.Place(now)
	}
}

// passes counts a turn of the loop that a timer began.
func (b *Box) passes(now lease.Now) {
	if !b.isDhcpd() {
		b.w.Cover.visit(b.place(now), passing)
	}
}

// place is where the server stands.
func (b *Box) place(now lease.Now) failover.Place {
	switch n := b.node.(type) {
	case *node.Node:
		return n.Place(now)
	case *dhcpd:
		p := failover.Place{State: n.peer.State, Posture: failover.Full, Rule: "draft", Connected: n.known}
		if n.startup {
			p.State = lease.Startup
		}
		return p
	}
	return failover.Place{}
}

// see follows where the box is after a batch.
func (b *Box) see(now lease.Now) {
	p := b.place(now)
	at := place{p.State, p.Posture, p.Rule}
	if at != b.where {
		if !b.isDhcpd() {
			b.w.Cover.places[at]++
		}
		if b.w.told {
			s := b.node.Status(now).Peers[0]
			b.w.tell("%s is in %s, %s by %s: %s", b.name, s.State, s.Posture, s.Rule, s.PostureWhy)
		}
	}
	// A box that comes back to PARTNER-DOWN out of STARTUP was not declared anew.
	back := b.where.State == lease.Startup && b.declaredIn != b.run
	if at.State == lease.PartnerDown && at.State != b.where.State && !back {
		b.w.operator.entered(b)
	}
	if at.State != b.where.State {
		b.did(b.where.State, at.State, p.Connected)
	}
	if at.State == lease.Normal {
		b.declared = false
	}
	b.connected = p.Connected
	switch o := b.partner(); {
	case p.Connected && o.process && o.connected: // both know
		b.aloneAt = 0
	case at.Posture == failover.Alone:
		b.aloneAt = b.w.now
	}
	if b.unsaid && at.State != lease.Startup {
		b.unsaid = false
		if !p.Connected {
			b.w.operator.excuse("an older disk was put back in silence, and there is no contact to show it")
			b.w.check.copied = true
		}
	}
	b.where = at
}
