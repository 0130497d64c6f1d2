package change

import (
	"time"

	"tandem/init/pair/version"
)

// partner is what is known of the other box.
type partner struct {
	up    bool // a session
	state *State
	heard time.Duration // when state came
	seq   uint64        // of state, in this session
	sent  uint64        // Seq of our last State
	next  time.Duration // when ours is due again
	stale bool          // what the partner knows of us is out of date
}

func (m *Machine) onLink(up bool) {
	p := &m.partner
	p.up, p.seq, p.stale = up, 0, up
	if !up {
		m.failOrders()
	}
	if p.state != nil { // of the last session: good for telling people, no more
		p.heard = min(p.heard, m.now)
	}
}

// reachable tells whether the partner's latest State can be relied upon.
func (m *Machine) reachable() bool {
	return m.partner.up && m.partner.seq != 0 && !m.lost()
}

// lost tells whether the partner has been silent for too long.
func (m *Machine) lost() bool {
	return m.partner.state == nil || m.now-m.partner.heard > PartnerSilence
}

// theirs is the partner's part in a change; nil if it takes none.
func (m *Machine) theirs(id version.ID) *Progress {
	if !m.reachable() || m.partner.state.Change == nil || m.partner.state.Change.Version.ID != id {
		return nil
	}
	return m.partner.state.Change
}

func (m *Machine) onMessage(msg Message) {
	if !m.partner.up {
		return
	}
	switch msg := msg.(type) {
	case State:
		m.onState(msg)
	case Prepare:
		m.onPrepare(msg.Version)
	case Refusal:
		m.onRefusal(msg)
	case Ended:
		m.onEnded(msg)
	case Fetch:
		m.onFetch(msg)
	case Give:
		m.onGive(msg)
	case Order:
		m.onOrder(msg)
	case Answer:
		m.onAnswer(msg)
	}
}

func (m *Machine) onState(s State) {
	p := &m.partner
	if s.Seq <= p.seq {
		return
	}
	if len(s.Chain) > ChainLength+1 {
		s.Chain = s.Chain[:ChainLength+1]
	}
	old := p.state
	p.state, p.seq, p.heard = &s, s.Seq, m.now
	m.mem.Highest = max(m.mem.Highest, s.Highest)
	if old == nil || old.Settled != s.Settled {
		p.stale = true // it may need our chain, or not any more
		if m.relation() == fork {
			m.say(true, "%s", m.forkText())
		}
	}
}

// beat tells the partner how things are.
func (m *Machine) beat() {
	p := &m.partner
	if !p.up || !p.stale && m.now < p.next {
		return
	}
	p.sent++
	p.stale, p.next = false, m.now+StateEvery
	s := State{Seq: p.sent, Settled: m.mem.Settled, Highest: m.mem.Highest, Change: m.progressNow(),
		Refused: m.refused, RefusedWhy: m.refusedWhy, Disk: m.disk}
	if m.serving.known {
		s.Active = m.serving.id
	}
	if m.relation() != same {
		s.Chain = m.lineage()
	}
	m.do(Send{s})
}

// progressNow is the change under way as others see it.
func (m *Machine) progressNow() *Progress {
	a := m.attempt
	if a == nil {
		return nil
	}
	p := &Progress{Version: a.ref, Phase: a.phase, Coordinator: a.coordinator, Alone: a.alone, Who: a.who}
	if a.inForce() {
		p.Left = max(0, a.deadline-m.now)
	}
	return p
}
