package change

import (
	"fmt"
	"time"

	"tandem/init/pair/version"
)

// Status tells how things are.
func (m *Machine) Status(now time.Duration) Status {
	m.now = max(m.now, now)
	s := Status{Settled: m.mem.Settled, State: m.stateText(), Change: m.progressNow(), Synchronised: m.synced}
	if m.serving.known {
		s.Active = m.serving.id
	}
	if a := m.attempt; a != nil && a.inForce() {
		s.Until = a.deadline
	}
	if m.partner.state != nil {
		s.Partner = m.partner.state.Settled
	}
	if m.serving.problem != "" {
		s.Alarms = append(s.Alarms, fmt.Sprintf("dhcpfd does not take %v: %s", m.mem.Settled, m.serving.problem))
	}
	if s.Drift = m.drift(); s.Drift != "" {
		s.Alarms = append(s.Alarms, s.Drift)
	}
	return s
}

func (m *Machine) stateText() string {
	a := m.attempt
	switch {
	case a == nil && m.serving.busy:
		return "preparing"
	case a == nil:
		return "in force"
	case a.phase == Healthy && !a.confirmed:
		return "waiting for confirmation"
	case a.inForce():
		return "on trial"
	}
	return "preparing"
}

// drift says how the boxes differ though no change is under way; empty if
// they do not.
func (m *Machine) drift() string {
	if m.disk != "" {
		return "the files of " + m.mem.Settled.String() + " were changed on disk: " + m.disk
	}
	s := m.partner.state
	if m.cfg.Solo || s == nil {
		return ""
	}
	who := m.cfg.Partner
	switch {
	case s.Disk != "":
		return fmt.Sprintf("at %s the files were changed on disk: %s", who, s.Disk)
	case m.relation() == fork:
		return m.forkText()
	case m.relation() == behind && s.Settled.ID == m.refused:
		return fmt.Sprintf("this box cannot use %v of %s: %s", s.Settled, who, m.refusedWhy)
	case m.relation() == ahead && s.Refused == m.mem.Settled.ID && s.Refused != (version.ID{}):
		return fmt.Sprintf("%s cannot use %v: %s", who, m.mem.Settled, s.RefusedWhy)
	case !m.reachable() || m.attempt != nil || s.Change != nil || m.serving.busy:
		return ""
	case m.relation() == behind || m.relation() == ahead:
		return fmt.Sprintf("%v is in force here, %v at %s", m.mem.Settled, s.Settled, who)
	case m.serving.known && s.Active != m.serving.id:
		return fmt.Sprintf("dhcpfd at %s does not serve by %v", who, s.Settled)
	}
	return ""
}
