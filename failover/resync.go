package failover

import (
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// transfer is what we have asked the partner for.
type transfer struct {
	wanted bool  // UPDDONE has not come
	all    bool  // UPDREQALL
	news   int64 // Mono moment of the latest update
	got    uint64
	// blind: dhcpd answers, but what it says proves nothing (see repeatTransfer).
	blind bool
	// virgin: neither server remembers the other.
	virgin bool
}

// requestUpdates asks the partner for what it has, once per connection and
// state: for what we have not acknowledged, or for everything if our store was
// lost (draft section 9.7). dhcpd is always asked for everything, as it does it.
func (e *Endpoint) requestUpdates() {
	if e.transfer.wanted || !e.Connected() || e.state == lease.Recover && e.up.startup {
		return
	}
	e.announce() // dhcpd wants our state before anything else
	if e.up == nil {
		return
	}
	all := e.peer.Facts&(lease.PeerNeedsAll|lease.PeerTransferCut) != 0 ||
		!e.tandem() && e.state != lease.PotentialConflict
	blind := !e.tandem() && e.state == lease.Recover && e.peer.Facts&lease.PeerTransferCut != 0
	e.transfer = transfer{wanted: true, all: all, news: e.now.Mono, blind: blind, virgin: e.virgin()}
	if all {
		e.send(e.up, &wire.UpdreqAll{})
		return
	}
	e.send(e.up, &wire.Updreq{})
}

// cutTransfer notes what the end of the connection interrupted: a transfer, or
// what a dhcpd was telling. Where that does not change its state, it forgets what
// was in flight, and its next UPDDONE proves nothing.
func (e *Endpoint) cutTransfer(c *conn) {
	t := &e.transfer
	cut := t.wanted && t.all || c.known && (forgets(c.partner) || c.said == lease.Shutdown)
	if cut && !e.tandem() && e.peer.Facts&lease.PeerTransferCut == 0 {
		e.peer.Facts |= lease.PeerTransferCut
		e.save()
	}
	t.wanted = false
}

// forgets tells whether a dhcpd that serves in state s forgets what was in
// flight when it loses the connection.
func forgets(s lease.ServerState) bool {
	return s == lease.CommunicationsInterrupt || s == lease.PartnerDown
}

// dueTransfer: a dhcpd whose window is full of forgotten updates never
// answers. Its answer in NORMAL will be whole.
func (e *Endpoint) dueTransfer() {
	t := &e.transfer
	if !t.wanted || e.up == nil || e.now.Mono-t.news < int64(stallWait) {
		return
	}
	switch {
	case e.state == lease.Recover && !e.tandem():
		e.log(Warning, "nothing comes of the transfer for %v: it is repeated in NORMAL", stallWait)
		t.blind = true
		e.peer.Facts |= lease.PeerTransferCut
		e.save()
		e.onUpddone()
	case e.state == lease.Normal && !t.all:
		t.wanted = false
		e.release()
	default:
		e.hangup(e.up, "nothing comes of the transfer")
	}
}

// onUpddone ends a transfer. xids are not compared: dhcpd answers the latest
// request only.
func (e *Endpoint) onUpddone() {
	t := &e.transfer
	if !t.wanted {
		return
	}
	t.wanted = false
	e.log(Info, "the partner has sent what it has: %d updates", t.got)
	if t.virgin {
		e.peer.Lost = 0 // nothing was ever promised
	}
	if t.all && !t.blind {
		e.clearFacts(lease.PeerNeedsAll)
	}
	switch e.state {
	case lease.Recover:
		if e.now.Time() < e.recoverUntil() {
			e.enter(lease.RecoverWait, "the partner has sent everything")
			return
		}
		e.enter(lease.RecoverDone, "the partner has sent everything")
	case lease.PotentialConflict:
		// If the primary began anew meanwhile, its CONFLICT-DONE comes again,
		// and with it our turn.
		e.settling.resolved = !e.cfg.Secondary || e.up.partner == lease.ConflictDone
		e.dueRecovery()
	case lease.Normal:
		again := e.peer.Facts&lease.PeerTransferCut != 0 && e.unstick()
		e.clearFacts(lease.PeerTransferCut | lease.PeerNeedsAll)
		if !again {
			e.release()
		}
	}
}

// unstick begins a new connection with a dhcpd in NORMAL: leaving that state it
// queues what it has forgotten in its window, and it gets a small window again,
// without which it would keep acknowledgements back.
func (e *Endpoint) unstick() bool {
	c := e.up
	if e.tandem() || c.partner != lease.Normal {
		return false
	}
	e.hangup(c, "dhcpd is to queue again what it forgot")
	e.redial = e.now.Mono
	return true
}

// release sends the news of ended leases that was held back.
func (e *Endpoint) release() {
	if e.updates.hold {
		e.updates.hold = false
		e.sweepPending()
	}
}

func (e *Endpoint) clearFacts(f lease.PeerFacts) {
	if e.peer.Facts&f != 0 {
		e.peer.Facts &^= f
		e.save()
	}
}

// repeatTransfer is what entering NORMAL with a dhcpd needs: the transfer that
// was cut, again; or after an interruption what it has not told yet, because
// it believes news of an ended lease even if it renewed that lease itself.
func (e *Endpoint) repeatTransfer(from lease.ServerState) {
	switch {
	case e.peer.Facts&lease.PeerTransferCut != 0:
		e.updates.hold = true
		e.requestUpdates()
	case from == lease.CommunicationsInterrupt || from == lease.Startup:
		e.updates.hold = true
		e.transfer = transfer{wanted: true, news: e.now.Mono}
		e.send(e.up, &wire.Updreq{})
	}
}

// recoverUntil is the end of RECOVER-WAIT: MCLT after this server may last
// have promised something (draft section 9.7). Zero: no wait.
func (e *Endpoint) recoverUntil() lease.Time {
	if !e.obeys(RuleR4Wait) || e.bothNew() {
		return 0
	}
	if e.peer.Facts&lease.PeerBoundToRecover != 0 && e.peer.Facts&lease.PeerNeedsAll == 0 {
		// Said goodbye: everything was told before. But a survivor that lost its
		// store since does not remember what it gave in the meantime.
		return e.forgottenUntil()
	}
	stopped := e.boot.LastAlive
	if e.peer.Lost != 0 {
		stopped = max(stopped, e.peer.Lost)
	} else if stopped == 0 {
		stopped = e.started.Time()
	}
	return stopped.Add(e.waitMCLT()).Add(e.slack())
}

// bothNew tells whether neither server ever promised anything: both recover
// and neither remembers contact. dhcpd cannot be asked for the latter; it
// skips the wait itself whenever both recover.
func (e *Endpoint) bothNew() bool {
	if !e.Connected() {
		return false
	}
	switch e.up.partner {
	case lease.Recover, lease.RecoverWait, lease.RecoverDone:
	default:
		return false
	}
	if !e.tandem() {
		return e.up.partner != lease.RecoverWait
	}
	return e.transfer.virgin
}

// virgin tells whether neither server remembers the other. A new store takes
// no note of contact before it has everything, see proven.
func (e *Endpoint) virgin() bool {
	return e.peer.LastContact == 0 && e.boot.Origin != "restored" && !e.greeting.LastContact.Set
}

// dueRecovery goes on when the wait for forgotten promises is over.
func (e *Endpoint) dueRecovery() {
	waiting := e.state == lease.RecoverWait || e.state == lease.PotentialConflict && e.settling.resolved && !e.unasked()
	if !waiting || e.now.Time() < e.conflictUntil() {
		return
	}
	switch {
	case e.state == lease.RecoverWait:
		e.enter(lease.RecoverDone, "promises that nobody remembers have ended")
	case !e.cfg.Secondary:
		e.enter(lease.ConflictDone, "the secondary has sent what it has")
	default:
		e.enter(lease.Normal, "conflict resolved")
	}
}

// unasked tells whether a Tandem that came to the conflict out of RECOVER has
// yet to say, by what it asks for, whether it lost its store: what it forgot
// then has to end before anything is resolved (R4-wait).
func (e *Endpoint) unasked() bool {
	return e.tandem() && e.up != nil && e.up.recovers && !e.up.asked && e.obeys(RuleR4Wait)
}

// conflictUntil is recoverUntil where it applies: a conflict between two
// servers that remember everything needs no wait.
func (e *Endpoint) conflictUntil() lease.Time {
	if e.state != lease.PotentialConflict {
		return e.recoverUntil()
	}
	return e.forgottenUntil()
}

// forgottenUntil is the end of the latest new lease that a server may have
// given before it lost its store; zero if none did.
func (e *Endpoint) forgottenUntil() lease.Time {
	if e.peer.Lost == 0 || !e.obeys(RuleR4Wait) {
		return 0
	}
	return e.peer.Lost.Add(e.waitMCLT()).Add(e.slack())
}

// partnerLost obeys R4-lost: the partner lost its store, so nobody remembers
// which leases it renewed lately. Those that ended here without its knowledge
// count as bound again until the latest moment that it may have promised.
func (e *Endpoint) partnerLost() {
	if e.virgin() {
		return
	}
	lost := e.now.Time()
	if e.up.partner == lease.Recover {
		lost = min(lost.Add(e.slack()), e.up.partnerSince) // its start, as it counts itself
	}
	e.peer.Lost = max(e.peer.Lost, lost)
	if e.up.doubtful && (e.state != lease.PartnerDown || e.peer.Facts&lease.PeerLapsed != 0) {
		e.peer.Facts |= lease.PeerHalfDoubtful
	}
	e.save()
	for i := range e.table.Len() {
		l := e.table.At(i)
		if e.owns(l.IP) && ended(l.State) && e.lostUntil(l) > e.now.Time() {
			bound := *l
			bound.State = lease.Active
			bound.Flags |= lease.FlagPending
			e.store(bound)
			e.enqueue(bound.IP)
		}
	}
}
