package change

import (
	"fmt"
	"time"

	"tandem/init/pair/version"
)

// attempt is a change under way on this box.
type attempt struct {
	ref    version.Ref
	parent version.ID
	body   *version.Version // while it is still to be sent or examined
	phase  Phase
	since  time.Duration // when the phase began

	coordinator bool
	alone       bool // the partner takes no part
	forced      bool // catch-up: ends a fork
	chain       []version.ID
	who         string

	asked     asker   // waits until it is in force, or has ended
	waiting   []asker // wait for the commit
	confirmed bool

	noConfirm bool
	confirm   time.Duration
	deadline  time.Duration // when it goes back by itself
	repeatAt  time.Duration // when Prepare or Fetch is sent again
	examined  bool
	active    bool // dhcpfd serves by it, since activeAt
	activeAt  time.Duration
	// excuse: dhcpfd was not well before either. A change may be the cure, so
	// the ailment does not count against it until dhcpfd was well once.
	excuse bool
}

// maxWaiting bounds who waits for one commit.
const maxWaiting = 8

func (m *Machine) enter(a *attempt, p Phase) {
	a.phase, a.since = p, m.now
	m.partner.stale = true
}

// expired tells whether the phase has lasted for limit.
func (m *Machine) expired(a *attempt, limit time.Duration) bool { return m.now-a.since >= limit }

// try puts the version in force on trial.
func (m *Machine) try(a *attempt) {
	m.enter(a, Trying)
	m.mem.Trying = a.ref
	m.save()
	a.excuse = m.health != ""
	a.body = nil
	m.say(false, "%v by %s is put in force on trial", a.ref, a.who)
}

// inForce tells whether the attempt has got as far as dhcpfd.
func (a *attempt) inForce() bool {
	return a.phase == Trying || a.phase == Healthy || a.phase == Settling || a.phase == Promised
}

// unwell says why the version must be taken back as far as this box goes;
// empty if it need not.
func (m *Machine) unwell(a *attempt) string {
	if m.health == "" {
		a.excuse = false
	}
	switch {
	case !a.active:
		if m.expired(a, 2*ActivateTime) {
			return "dhcpfd did not answer the order to reload"
		}
		return ""
	case m.now-m.healthAt > HealthSilence:
		return "nothing was heard of dhcpfd's health"
	case m.health != "" && !a.excuse:
		return "dhcpfd is not well: " + m.health
	}
	return ""
}

// well tells whether dhcpfd has been well with the version for HealthTime.
func (m *Machine) well(a *attempt) bool { return a.active && m.now-a.activeAt >= HealthTime }

// end takes the attempt back.
func (m *Machine) end(outcome Outcome, why string) {
	a := m.attempt
	m.attempt = nil
	m.partner.stale = true
	if m.mem.Trying != (version.Ref{}) {
		m.mem.Trying = version.Ref{}
		m.save()
	}
	if a.ref.ID != m.mem.Settled.ID {
		m.do(Note{a.ref.ID, outcome, why})
	}
	if m.partner.up && !a.alone && a.phase != CatchUp {
		m.do(Send{Ended{a.ref.ID, why}})
	}
	m.say(outcome == RolledBack, "%v is %s: %s", a.ref, outcome, why)
	text := fmt.Sprintf("%v is %s: %s", a.ref, outcome, why)
	for _, w := range append(a.waiting, a.asked) {
		m.replyBack(w, false, text)
	}
}

// held is a reply that waits until the settled version is in force again.
type held struct {
	who  asker
	ok   bool
	text string
}

// replyBack replies once the settled version is in force, if it is not yet.
func (m *Machine) replyBack(who asker, ok bool, text string) {
	m.back = append(m.back, held{who, ok, text})
}

// tellBack gives the replies that waited.
func (m *Machine) tellBack() {
	s := &m.serving
	there := s.known && s.id == m.wanted()
	if len(m.back) == 0 || s.busy || !there && s.problem == "" {
		return
	}
	for _, h := range m.back {
		switch {
		case !there:
			h.text += fmt.Sprintf("\ndhcpfd does not take %v back: %s", m.mem.Settled, s.problem)
		case m.mem.Settled.ID != (version.ID{}):
			h.text += fmt.Sprintf("\n%v is in force", m.mem.Settled)
		}
		m.reply(h.who, h.ok, h.text)
	}
	m.back = nil
}

// settle makes the version the one to which this box goes back. chain are its
// ancestors.
func (m *Machine) settle(chain []version.ID) {
	a, old := m.attempt, m.mem.Settled
	m.attempt = nil
	m.partner.stale = true
	m.mem.Settled, m.mem.Trying = a.ref, version.Ref{}
	m.mem.Chain = chain[:min(len(chain), ChainLength)]
	m.mem.Highest = max(m.mem.Highest, a.ref.Number)
	m.save()
	m.do(Note{a.ref.ID, Committed, ""})
	if a.forced && old.ID != a.ref.ID {
		m.do(Note{old.ID, GivenUp, "the other box's version was taken by " + a.who})
	}
	m.say(false, "%v by %s is committed", a.ref, a.who)
	if a.phase == CatchUp {
		m.reply(a.asked, true, fmt.Sprintf("%v of %s is in force here", a.ref, m.cfg.Partner))
		return
	}
	if !a.coordinator { // nobody waits here
		return
	}
	m.report = &report{ref: a.ref, alone: a.alone, until: m.now + SettleTime, waiting: append(a.waiting, a.asked)}
}

// lineage is this box's settled version and its ancestors, the latest first.
func (m *Machine) lineage() []version.ID {
	if m.mem.Settled.ID == (version.ID{}) {
		return nil
	}
	return append([]version.ID{m.mem.Settled.ID}, m.mem.Chain...)
}

// report is the news of a commit, held back until the partner has it as well,
// or for SettleTime.
type report struct {
	ref     version.Ref
	alone   bool
	until   time.Duration
	waiting []asker
}

func (m *Machine) tellReport() {
	r := m.report
	if r == nil {
		return
	}
	both := m.reachable() && m.partner.state.Settled.ID == r.ref.ID
	if !both && !r.alone && !m.lost() && m.now < r.until {
		return
	}
	m.report = nil
	text := fmt.Sprintf("%v is committed", r.ref)
	switch {
	case m.cfg.Solo:
	case both:
		text += " on both boxes"
	default:
		text += fmt.Sprintf(" on this box; %s gets it on return", m.cfg.Partner)
	}
	for _, w := range r.waiting {
		m.reply(w, true, text)
	}
}
