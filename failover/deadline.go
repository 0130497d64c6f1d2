package failover

import (
	"tandem/failover/lease"
)

// Deadline is the monotonic moment in nanoseconds at which time alone changes
// something: the shell then steps with Tick. Zero means never.
func (e *Endpoint) Deadline() int64 {
	if e.started == (lease.Now{}) {
		return 0
	}
	var d int64
	sooner := func(at int64) {
		if at != 0 && (d == 0 || at < d) {
			d = at
		}
	}
	if e.state == lease.Startup && !e.Connected() {
		sooner(e.startBy)
	}
	e.deadlineOfConnections(sooner)
	if e.settling.drain && e.drained() {
		sooner(e.monoAt(e.forgottenUntil()))
	}
	if e.parting.phase == flushing || e.parting.phase == saying {
		sooner(e.parting.until)
	}
	if e.timely() {
		e.deadlineOfWaits(sooner)
	}
	if e.state == lease.Normal && e.Connected() {
		sooner(e.balance.next)
	}
	if e.declares() {
		sooner(e.declareAt())
	}
	sooner(e.updates.againAt)
	if s := &e.updates.sweep; s.kind != sweepNone && s.next < e.table.Len() && e.up != nil && len(e.updates.flight) < e.up.window {
		sooner(e.now.Mono) // a long walk goes on at once
	}
	return d
}

// deadlineOfWaits is for what counts by the time of day.
func (e *Endpoint) deadlineOfWaits(sooner func(int64)) {
	if e.state == lease.RecoverWait || e.state == lease.PotentialConflict && e.settling.resolved {
		sooner(e.monoAt(e.conflictUntil()))
	}
	for i := range e.deferred {
		sooner(e.monoAt(e.deferred[i].at))
	}
	if e.reaping() {
		sooner(e.reapAt)
	}
}

func (e *Endpoint) deadlineOfConnections(sooner func(int64)) {
	for _, c := range e.conns {
		if c != e.up {
			sooner(c.since + int64(handshakeWait))
		}
	}
	if e.dialling != 0 {
		sooner(e.dialling + int64(dialWait))
	} else if e.up == nil && !e.parting.closed() && (e.machine.clock || !e.obeys(RuleR1)) && !e.dialPending() {
		sooner(e.redial)
	}
	c := e.up
	if c == nil {
		return
	}
	sooner(c.heard + int64(e.cfg.MaxResponseDelay.Duration()))
	if !c.known {
		sooner(c.met + int64(handshakeWait))
	}
	if c.told {
		last := c.sent
		if e.tandem() {
			last = c.echoed
		}
		sooner(last + int64(c.contactEvery()))
	}
	if e.transfer.wanted {
		sooner(e.transfer.news + int64(stallWait))
	}
}

// dialPending tells whether a connection that we dialled is under way.
func (e *Endpoint) dialPending() bool {
	for _, c := range e.conns {
		if c.dialled {
			return true
		}
	}
	return false
}

// monoAt gives the Mono moment of a wall-clock moment, by this step's reading;
// never zero.
func (e *Endpoint) monoAt(t lease.Time) int64 {
	at := e.now.Mono + int64(t)*1e9 - e.now.Wall
	return max(at, 1)
}
