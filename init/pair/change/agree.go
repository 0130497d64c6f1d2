package change

import (
	"fmt"
	"slices"

	"tandem/init/pair/version"
)

// relation is how the settled versions of both boxes stand to each other.
type relation uint8

const (
	unknown relation = iota
	same
	ahead  // the partner's is an ancestor of ours
	behind // ours is an ancestor of the partner's
	fork   // neither is
)

// relation compares with what the partner said last.
func (m *Machine) relation() relation {
	s := m.partner.state
	if s == nil {
		return unknown
	}
	mine, their := m.mem.Settled.ID, s.Settled.ID
	switch {
	case mine == their:
		return same
	case their == (version.ID{}) || slices.Contains(m.mem.Chain, their):
		return ahead
	case mine == (version.ID{}) || slices.Contains(s.Chain, mine):
		return behind
	case len(s.Chain) == 0:
		return unknown // it comes with the next State
	}
	return fork
}

// reconcile brings a box that is behind up to its partner; false if nothing
// moved.
func (m *Machine) reconcile() bool {
	if m.cfg.Solo || !m.reachable() || m.relation() != behind || m.now < m.fetchAfter {
		return false
	}
	their := m.partner.state.Settled
	if their.ID == m.refused {
		return false
	}
	m.attempt = &attempt{ref: their, who: m.cfg.Partner}
	m.enter(m.attempt, CatchUp)
	return true
}

// catchUp takes one step of taking over the partner's version; false if
// nothing moved.
func (m *Machine) catchUp(a *attempt) bool {
	switch {
	case a.active:
		m.settle(a.chain)
		return true
	case a.examined && m.mem.Trying != a.ref:
		m.mem.Trying = a.ref
		m.serving.known = false // even if it is the same, read it again
		m.save()
		return true
	case a.chain != nil: // examined, or put in force
		return false
	case m.lost() || m.expired(a, PrepareTime):
		m.stopFetching(m.cfg.Partner + " did not send it")
		return true
	}
	if m.partner.up && m.now >= a.repeatAt {
		a.repeatAt = m.now + RetryTime
		m.do(Send{Fetch{a.ref.ID}})
	}
	return false
}

func (m *Machine) stopFetching(why string) {
	m.fetchAfter = m.now + RetryTime
	m.end(Refused, why)
}

// onFetch gives the partner what is settled here. A box that is about to take
// the partner's version gives none, or the two would swap theirs.
func (m *Machine) onFetch(f Fetch) {
	switch {
	case m.attempt != nil && m.attempt.phase == CatchUp:
		m.do(Send{Give{Why: "the other box is taking over a version itself"}})
	case f.ID != m.mem.Settled.ID:
		m.do(Send{Give{Why: fmt.Sprintf("%v is in force there by now", m.mem.Settled)}})
	default:
		m.do(Deliver{f.ID, m.lineage()})
	}
}

func (m *Machine) onGive(g Give) {
	a := m.attempt
	if a == nil || a.phase != CatchUp || a.chain != nil {
		return
	}
	if g.Version == nil {
		m.stopFetching(m.cfg.Partner + " gives no version: " + g.Why)
		return
	}
	if g.Version.ID() != a.ref.ID {
		return // an answer to an older question
	}
	if len(g.Chain) == 0 || g.Chain[0] != a.ref.ID || len(g.Chain) > 1 && g.Chain[1] != g.Version.Parent {
		m.stopFetching(m.cfg.Partner + " sent a version with a wrong line of ancestors")
		return
	}
	a.chain = g.Chain[1:]
	a.parent, a.who = g.Version.Parent, g.Version.Who
	m.mem.Highest = max(m.mem.Highest, g.Version.Number)
	m.do(Examine{g.Version})
}

// refuse remembers a version of the partner that this box cannot use.
func (m *Machine) refuse(id version.ID, why string) {
	m.refused, m.refusedWhy = id, why
	m.partner.stale = true
}

func (m *Machine) onTake(e Take) {
	who := asker{request: e.Request}
	if e.Mine {
		m.giveOrderToTake(who, e.Who)
		return
	}
	m.take(who, e.Who)
}

// take ends a fork, or repairs what is on disk, by the partner's version.
func (m *Machine) take(who asker, name string) {
	if why := m.cannotTake(); why != "" {
		m.reply(who, false, why)
		return
	}
	if r := m.relation(); r == ahead || r == same && m.disk == "" {
		m.reply(who, false, fmt.Sprintf("nothing is to be decided: %s has nothing that this box does not have", m.cfg.Partner))
		return
	}
	m.refused, m.refusedWhy = version.ID{}, ""
	m.attempt = &attempt{ref: m.partner.state.Settled, forced: true, who: name, asked: who}
	m.enter(m.attempt, CatchUp)
}

// giveOrderToTake has the partner take this box's version.
func (m *Machine) giveOrderToTake(who asker, name string) {
	if why := m.cannotTake(); why != "" {
		m.reply(who, false, why)
		return
	}
	m.order(who, wordTake, m.mem.Settled.ID, name)
}

func (m *Machine) cannotTake() string {
	switch {
	case m.cfg.Solo:
		return "this box has no partner"
	case !m.reachable() || m.relation() == unknown:
		return m.cfg.Partner + " cannot be reached"
	case m.attempt != nil:
		return fmt.Sprintf("another change is under way: %v by %s", m.attempt.ref, m.attempt.who)
	}
	return ""
}

func (m *Machine) forkText() string {
	return fmt.Sprintf("both boxes were changed alone: %v (%s) here, %v (%s) at %s; choose with failctl config take mine or failctl config take theirs",
		m.mem.Settled, m.mem.Settled.ID.Short(), m.partner.state.Settled, m.partner.state.Settled.ID.Short(), m.cfg.Partner)
}
