package change

import (
	"fmt"

	"tandem/init/pair/version"
)

// This is the participant's side of a change.

func (m *Machine) onPrepare(v *version.Version) {
	ref := v.Ref()
	m.mem.Highest = max(m.mem.Highest, ref.Number)
	m.partner.stale = true
	a := m.attempt
	if a != nil && a.ref.ID == ref.ID {
		return // asked again: State is the answer
	}
	if a != nil && a.coordinator && a.phase == Proposing && !m.cfg.First && !a.alone {
		m.end(Refused, fmt.Sprintf("%s proposed %v in the same moment, and its proposals go first; look at that, and repeat yours on top of it", m.cfg.Partner, ref))
		a = nil
	}
	if why := m.cannotFollow(a, v); why != "" {
		m.do(Send{Refusal{ref.ID, why}})
		return
	}
	m.attempt = &attempt{ref: ref, parent: v.Parent, who: v.Who}
	m.enter(m.attempt, Examining)
	m.do(Examine{v})
}

// cannotFollow says why the partner's proposal is not looked at.
func (m *Machine) cannotFollow(a *attempt, v *version.Version) string {
	switch {
	case a != nil:
		return fmt.Sprintf("another change is under way there: %v by %s", a.ref, a.who)
	case v.Parent != m.mem.Settled.ID && m.refused != v.Parent:
		return fmt.Sprintf("%v is in force there, and the proposal was made on top of another one", m.mem.Settled)
	case !m.serving.known || m.serving.id != m.mem.Settled.ID:
		return fmt.Sprintf("%v is still being put in force there", m.mem.Settled)
	}
	return ""
}

func (m *Machine) onExamined(e Examined) {
	a := m.attempt
	if a == nil || a.ref.ID != e.ID || a.examined {
		return
	}
	switch {
	case e.Problem == "":
		a.examined = true
		if a.phase == Examining {
			m.enter(a, Prepared)
		}
	case a.phase == CatchUp:
		m.refuse(a.ref.ID, e.Problem)
		m.end(Refused, e.Problem)
	case a.coordinator:
		m.end(Refused, e.Problem)
	default:
		m.do(Send{Refusal{a.ref.ID, e.Problem}})
		m.end(Refused, e.Problem)
	}
}

func (m *Machine) onRefusal(r Refusal) {
	if a := m.attempt; a != nil && a.coordinator && a.ref.ID == r.ID && a.phase == Proposing {
		m.end(Refused, m.cfg.Partner+" refuses it: "+r.Why)
	}
}

func (m *Machine) onEnded(e Ended) {
	a := m.attempt
	if a == nil || a.ref.ID != e.ID || a.phase == CatchUp || a.alone {
		return
	}
	outcome := Refused
	if a.inForce() {
		outcome = RolledBack
	}
	m.end(outcome, m.cfg.Partner+" ended it: "+e.Why)
}

// follow takes one step as participant; false if nothing moved.
func (m *Machine) follow(a *attempt) bool {
	if m.reachable() && m.partner.state.Settled.ID == a.ref.ID && a.examined {
		return m.followCommit(a)
	}
	if why := m.followEnds(a); why != "" {
		outcome := Refused
		if a.inForce() {
			outcome = RolledBack
		}
		m.end(outcome, why)
		return true
	}
	p := m.theirs(a.ref.ID)
	if p != nil {
		a.deadline = m.partner.heard + p.Left + Grace
	}
	switch {
	case a.phase == Prepared && p != nil && p.Phase != Proposing:
		m.try(a)
	case a.phase == Trying && m.well(a):
		m.enter(a, Healthy)
	case a.phase == Healthy && p != nil && p.Phase == Settling:
		m.enter(a, Promised)
	default:
		return false
	}
	return true
}

// followCommit settles what the coordinator has settled.
func (m *Machine) followCommit(a *attempt) bool {
	switch {
	case !a.inForce():
		m.try(a)
	case a.active:
		chain := m.lineage()
		if s := m.partner.state; len(s.Chain) > 0 {
			chain = s.Chain[1:]
		}
		m.settle(chain)
	case m.expired(a, 2*ActivateTime):
		m.end(RolledBack, "dhcpfd did not answer the order to reload")
	default:
		return false
	}
	return true
}

// followEnds says why the participant gives up; empty if it need not. Once it
// has promised, its own health does not count any more.
func (m *Machine) followEnds(a *attempt) string {
	late := a.phase == Healthy || a.phase == Promised
	switch {
	case m.reachable() && m.theirs(a.ref.ID) == nil:
		return m.cfg.Partner + " took it back, or restarted"
	case m.lost() && !late:
		return m.cfg.Partner + " was lost"
	case late && m.now >= a.deadline:
		return m.cfg.Partner + " did not commit it in time"
	case a.phase == Examining && m.expired(a, PrepareTime):
		return fmt.Sprintf("it was not checked within %v", PrepareTime)
	case a.phase == Trying || a.phase == Healthy:
		return m.unwell(a)
	}
	return ""
}
