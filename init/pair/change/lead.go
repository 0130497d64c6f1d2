package change

import (
	"fmt"
	"time"

	"tandem/init/pair/version"
)

// This is the coordinator's side of a change.

func (m *Machine) onPropose(e Propose) {
	who := asker{request: e.Request}
	if why := m.hinders(e); why != "" {
		m.reply(who, false, why)
		return
	}
	m.mem.Highest++
	v := &version.Version{
		Meta: version.Meta{Number: m.mem.Highest, Parent: m.mem.Settled.ID, Who: e.Who,
			When: e.When.UTC().Truncate(time.Second), Comment: e.Comment},
		Files: e.Files,
	}
	if err := v.Check(); err != nil {
		m.reply(who, false, err.Error())
		return
	}
	m.attempt = &attempt{ref: v.Ref(), parent: v.Parent, body: v, coordinator: true, alone: m.cfg.Solo || !m.reachable(),
		who: e.Who, asked: who, noConfirm: e.NoConfirm, confirmed: e.NoConfirm, confirm: e.ConfirmTime}
	if e.ConfirmTime == 0 {
		m.attempt.confirm = m.cfg.ConfirmTime
	}
	m.enter(m.attempt, Proposing)
	m.do(Examine{v})
}

// hinders says why there can be no new change now; empty if there can.
func (m *Machine) hinders(e Propose) string {
	switch {
	case m.attempt != nil:
		return fmt.Sprintf("another change is under way: %s by %s; wait for its end, or end it with failctl config confirm or failctl config cancel",
			m.attempt.ref, m.attempt.who)
	case e.ConfirmTime != 0 && (e.ConfirmTime < MinConfirmTime || e.ConfirmTime > MaxConfirmTime):
		return fmt.Sprintf("a confirmation can be waited for from %v to %v", MinConfirmTime, MaxConfirmTime)
	case e.Base != (version.ID{}) && e.Base != m.mem.Settled.ID:
		return fmt.Sprintf("%v is in force by now, which is not the one that was edited; edit that one", m.mem.Settled)
	case !m.serving.known || m.serving.id != m.mem.Settled.ID:
		return fmt.Sprintf("%v is still being put in force; try again in a moment", m.mem.Settled)
	case m.cfg.Solo:
		return ""
	case !m.reachable():
		if e.Alone {
			return ""
		}
		return fmt.Sprintf("%s cannot be reached: nothing was changed. With --alone only this box is changed, and %s gets it on return",
			m.cfg.Partner, m.cfg.Partner)
	}
	switch m.relation() {
	case same:
	case fork:
		return m.forkText()
	case ahead:
		if m.partner.state.Refused == m.mem.Settled.ID {
			return "" // the new version may be one that it can use
		}
		return fmt.Sprintf("%s is still taking over %v; try again in a moment", m.cfg.Partner, m.mem.Settled)
	default:
		return fmt.Sprintf("%s has %v, which this box does not have yet; see failctl config show", m.cfg.Partner, m.partner.state.Settled)
	}
	if c := m.partner.state.Change; c != nil {
		return fmt.Sprintf("%s is in the middle of a change: %s by %s; try again when it is over", m.cfg.Partner, c.Version, c.Who)
	}
	return ""
}

// lead takes one step as coordinator; false if nothing moved.
func (m *Machine) lead(a *attempt) bool {
	if a.phase == Proposing {
		return m.propose(a)
	}
	if why := m.leadEnds(a); why != "" {
		m.end(RolledBack, why)
		return true
	}
	p := m.theirs(a.ref.ID)
	switch a.phase {
	case Trying:
		there := a.alone || p != nil && m.partner.state.Active == a.ref.ID
		if a.active && there && a.asked != (asker{}) && !a.noConfirm {
			m.reply(a.asked, true, m.onTrialText(a))
			a.asked = asker{}
		}
		if m.well(a) && (a.alone || p != nil && (p.Phase == Healthy || p.Phase == Promised)) {
			m.enter(a, Healthy)
			return true
		}
	case Healthy:
		if a.confirmed && a.alone {
			m.settle(m.lineage())
			return true
		}
		if a.confirmed && p != nil {
			m.enter(a, Settling)
			return true
		}
	case Settling:
		if p != nil && p.Phase == Promised {
			m.settle(m.lineage())
			return true
		}
	}
	return false
}

// propose has the version checked here and then by the partner.
func (m *Machine) propose(a *attempt) bool {
	switch {
	case !a.examined:
		if m.expired(a, PrepareTime) {
			m.end(Refused, fmt.Sprintf("it was not checked within %v", PrepareTime))
			return true
		}
		return false
	case a.alone:
		m.tryUntil(a)
		return true
	case m.lost():
		m.end(Refused, m.cfg.Partner+" was lost before it had agreed")
		return true
	case m.expired(a, PrepareTime):
		m.end(Refused, fmt.Sprintf("%s did not agree within %v", m.cfg.Partner, PrepareTime))
		return true
	}
	if p := m.theirs(a.ref.ID); p != nil && p.Phase == Prepared {
		m.tryUntil(a)
		return true
	}
	if m.partner.up && m.now >= a.repeatAt {
		a.repeatAt = m.now + RetryTime
		m.do(Send{Prepare{a.body}})
	}
	return false
}

// tryUntil begins the trial and sets its end.
func (m *Machine) tryUntil(a *attempt) {
	limit := a.confirm
	if a.noConfirm {
		limit = ActivateTime + HealthTime + SettleTime + Grace
	}
	a.deadline = m.now + limit
	m.try(a)
}

// leadEnds says why the trial must end; empty if it need not.
func (m *Machine) leadEnds(a *attempt) string {
	if why := m.unwell(a); why != "" {
		return why
	}
	if a.alone {
		if r := m.relation(); m.reachable() && (r == behind || r == fork) {
			return m.cfg.Partner + " came back with a change of its own; look at it, and repeat yours on top of it"
		}
	} else if why := m.partnerEnds(a); why != "" {
		return why
	}
	if a.phase == Settling {
		if m.expired(a, SettleTime) {
			return m.cfg.Partner + " did not answer to the confirmation"
		}
		return ""
	}
	if m.now >= a.deadline {
		if a.noConfirm || !m.well(a) {
			return "it did not prove itself in time"
		}
		return "it was not confirmed in time"
	}
	return ""
}

// partnerEnds says why the trial must end because of the partner.
func (m *Machine) partnerEnds(a *attempt) string {
	p := m.theirs(a.ref.ID)
	switch {
	case m.lost():
		if a.phase == Trying {
			return m.cfg.Partner + " was lost during the trial"
		}
	case m.reachable() && p == nil:
		return m.cfg.Partner + " went back, or restarted"
	case p != nil && p.Phase == Prepared && a.phase == Trying && m.expired(a, ActivateTime):
		return m.cfg.Partner + " did not put it in force"
	}
	return ""
}

func (m *Machine) onTrialText(a *attempt) string {
	where := "on both boxes"
	switch {
	case m.cfg.Solo:
		where = "here"
	case a.alone:
		where = "on this box alone"
	}
	return fmt.Sprintf("%v is in force %s, on trial: confirm it within %v with failctl config confirm, else %v comes back",
		a.ref, where, (a.deadline - m.now).Round(time.Second), m.mem.Settled)
}

func (m *Machine) onConfirm(e Confirm) {
	who := asker{request: e.Request}
	a := m.attempt
	if a != nil && !a.coordinator && a.inForce() {
		m.order(who, wordConfirm, a.ref.ID, e.Who)
		return
	}
	m.confirm(who, e.Alone)
}

// confirm takes an operator's word that the change is good.
func (m *Machine) confirm(who asker, alone bool) {
	a := m.attempt
	switch {
	case a == nil || !a.coordinator || !a.inForce():
		m.reply(who, false, "there is no change on trial that could be confirmed")
	case len(a.waiting) >= maxWaiting:
		m.reply(who, false, "too many wait for this change already")
	case !a.alone && m.lost() && !alone:
		m.reply(who, false, fmt.Sprintf("%s was lost during the trial. Confirm when it is back, or with --alone: then it gets %v on return",
			m.cfg.Partner, a.ref))
	default:
		a.alone = a.alone || m.lost()
		a.confirmed = true
		a.waiting = append(a.waiting, who)
	}
}

func (m *Machine) onCancel(e Cancel) {
	who := asker{request: e.Request}
	a := m.attempt
	if a != nil && !a.coordinator && a.phase != CatchUp {
		m.order(who, wordCancel, a.ref.ID, e.Who)
		return
	}
	m.cancel(who, e.Who)
}

// cancel takes the change back at an operator's word.
func (m *Machine) cancel(who asker, name string) {
	a := m.attempt
	if a == nil || !a.coordinator || a.phase == Settling {
		m.reply(who, false, "there is no change under way that could be taken back; failctl config rollback N makes version N the new one")
		return
	}
	outcome := Refused
	if a.inForce() {
		outcome = RolledBack
	}
	m.end(outcome, "cancelled by "+name)
	m.replyBack(who, true, fmt.Sprintf("%v is taken back", a.ref))
}
