package failover

import (
	"time"

	"tandem/failover/lease"
)

// start begins service: what is remembered decides the saved state, STARTUP
// is entered, and the partner is called.
func (e *Endpoint) start() {
	e.started = e.now
	e.machine.quietFrom, e.machine.waryMono = e.now.Mono, e.now.Mono
	e.reapAt = e.now.Mono
	fresh := e.peer.State == lease.UnknownState
	e.peer.Name = e.cfg.Name
	switch {
	case fresh && e.boot.Origin != "restored" && e.obeys(RuleR4):
		// Nothing was ever recorded: the store is new or was lost.
		e.loseStore()
	case e.boot.Origin == "new" || e.boot.Origin == "restored":
		if e.obeys(RuleR4) {
			e.log(Alarm, "the store is %s: everything has to come from the partner first", e.boot.Origin)
			e.loseStore()
		}
	}
	switch e.peer.State {
	case lease.Shutdown:
		// The partner was told to take everything.
		e.peer.State, e.peer.Since = lease.Recover, e.vouched()
	case lease.UnknownState, lease.Startup:
		e.peer.State, e.peer.Since = lease.Recover, e.vouched()
	case lease.Paused:
		e.peer.State = lease.CommunicationsInterrupt
	}
	if !e.cfg.Secondary {
		e.peer.HBA = e.cfg.HBA
	}
	e.save()
	e.emit(Entered{lease.UnknownState, lease.Startup, "started; saved state " + e.peer.State.String()})
	if e.machine.clock || !e.obeys(RuleR1) {
		e.reckon()
		e.beginStartup()
	}
}

// timely tells whether the time of day says anything (R1): no wait is over by
// a clock that nobody vouches for.
func (e *Endpoint) timely() bool { return e.machine.clock || !e.obeys(RuleR1) }

// vouched is the time if the clock is trusted, else zero: what was not dated
// at the start is dated by reckon.
func (e *Endpoint) vouched() lease.Time {
	if e.timely() {
		return e.now.Time()
	}
	return 0
}

// reckon does that part of the start which needs the time, as soon as the
// clock is trusted: how long this box was off, since when it recovers, what
// may be forgotten. A clock that nobody vouches for may be wrong by years.
func (e *Endpoint) reckon() {
	if e.reckoned {
		return
	}
	e.reckoned = true
	e.machine.apart = e.now.Wall - e.now.Mono
	e.started.Wall = e.now.Wall - (e.now.Mono - e.started.Mono)
	e.machine.waryWall = e.now.Time()
	if e.peer.Since == 0 {
		e.peer.Since = e.now.Time()
	}
	if e.peer.Facts&lease.PeerNeedsAll != 0 && e.peer.Lost == 0 {
		e.peer.Lost = e.now.Time()
	}
	if e.boot.LastAlive == 0 {
		e.lapseAfter(time.Duration(1<<62), "it is not known how long this box was off")
	} else {
		e.lapseAfter(e.now.Time().Sub(e.boot.LastAlive).Duration(), "this box was off")
	}
	e.save()
}

// loseStore obeys R4: this box may have made promises that it does not
// remember.
func (e *Endpoint) loseStore() {
	e.peer.State, e.peer.Since = lease.Recover, e.vouched()
	e.peer.Facts |= lease.PeerNeedsAll
	e.peer.Facts &^= lease.PeerBoundToRecover | aloneFacts
	e.peer.Lost = e.vouched()
	e.peer.DownFrom = 0
}

// saved is the state that counts while STARTUP lasts (draft section 9.3.2
// step 2): as if communication had failed.
func (e *Endpoint) saved() lease.ServerState {
	if e.state != lease.Startup {
		return e.state
	}
	return e.peer.State
}

// due does everything whose time has come. A step that comes long after its
// deadline means that the box did not run (R9), whoever noticed it or not.
func (e *Endpoint) due() {
	if late := e.now.Mono - e.wanted; e.wanted != 0 && late > int64(lateWait) {
		e.wokenLate(time.Duration(late))
	}
	e.dueLink()
	e.dueContact()
	e.dueConnections()
	e.dueStartup()
	e.dueTransfer()
	e.dueParting()
	if e.timely() {
		e.dueRecovery()
		e.dueDeferred()
		e.dueReap()
	}
	e.dueBalance()
	e.duePartnerDown()
	e.dueAgain()
}

// dueStartup leaves STARTUP without a partner (draft section 9.3.2 step 6).
func (e *Endpoint) dueStartup() {
	if e.state == lease.Startup && e.passed(e.startBy) && !e.Connected() {
		e.enter(interrupted(e.peer.State), "no contact within the startup time")
	}
}

// react does what the table says about the partner's state.
func (e *Endpoint) react(partner lease.ServerState) {
	own := e.saved()
	if own == lease.PartnerDown && e.up.startup {
		e.meetStarting()
		return
	}
	t := towardISC
	if e.tandem() {
		t = towardTandem
	}
	m, ok := t.on(own, partner)
	if !ok {
		return
	}
	e.perform(m, partner)
}

// meetStarting: in PARTNER-DOWN a partner that is starting up is ignored (draft
// section 9.6): it hears our state and goes where it has to. A box that is
// starting up as well obeys R5: it does not resume PARTNER-DOWN on its own.
func (e *Endpoint) meetStarting() {
	if e.state != lease.Startup {
		return
	}
	if e.obeys(RuleR5) {
		e.lapse("the partner was heard after the restart")
	}
	e.enter(lease.PartnerDown, "contact; both are starting up")
}

// perform carries out one cell of the tables.
func (e *Endpoint) perform(m move, partner lease.ServerState) {
	why := "partner in " + partner.String()
	switch m {
	case stay:
		if e.state == lease.Startup {
			e.enter(e.peer.State, why)
		}
	case toNormal:
		e.enter(lease.Normal, why)
	case toInterrupted:
		e.enter(lease.CommunicationsInterrupt, why)
	case toConflict:
		e.enter(lease.PotentialConflict, why)
	case toPartnerDown:
		e.partnerDown(e.now.Time(), why, e.up.goodbye)
	case outlived:
		e.meetSurvivor(why)
	case recoveredPartner:
		if e.state == lease.Startup {
			e.enter(lease.PartnerDown, why)
		}
		e.settling.drain = true
		e.sweepPending() // also what was given while the partner was away again
	case request:
		if e.state == lease.Startup {
			e.enter(lease.Recover, why)
		}
		e.requestUpdates()
	case resolved:
		if e.state == lease.Startup {
			e.enter(lease.PotentialConflict, why)
		}
		if e.cfg.Secondary {
			e.requestUpdates()
		}
	case heal:
		e.peer.Facts |= lease.PeerTransferCut
		e.enter(lease.Normal, why+", which would not survive to hear of a conflict")
	}
}

// meetSurvivor: the partner is in PARTNER-DOWN (draft section 9.3.2 step 5).
func (e *Endpoint) meetSurvivor(why string) {
	if e.state == lease.Startup && e.up.partnerSince > e.boot.LastAlive.Add(e.slack()) {
		e.enter(lease.Recover, why+" since after this server stopped")
		return
	}
	e.enter(lease.PotentialConflict, why)
}

// enter is the only place where the state changes.
func (e *Endpoint) enter(to lease.ServerState, why string) {
	from := e.state
	if from == to {
		return
	}
	if from != lease.Startup || to != e.peer.State {
		e.peer.Since = e.now.Time()
	}
	e.state, e.peer.State, e.why = to, to, why
	e.settling = settling{}
	e.counters.StateChanges++
	e.leave(from)
	e.emit(Entered{from, to, why})
	switch to {
	case lease.Normal:
		e.enterNormal(from)
	case lease.PartnerDown:
		e.save()
		e.reapAt = e.now.Mono
		e.updates.hold = false
	case lease.PotentialConflict:
		e.save()
		recovering := e.up != nil && e.up.told && e.up.said == lease.Recover
		e.announce()
		e.enterConflict(recovering)
	case lease.Recover:
		e.enterRecover()
	case lease.RecoverDone:
		e.save()
		e.announce()
		if e.Connected() && !e.up.startup {
			e.react(e.up.partner)
		}
	default:
		e.save()
	}
	if e.state == to {
		e.announce()
	}
}

// leave clears what belongs to a state alone.
func (e *Endpoint) leave(from lease.ServerState) {
	if from == lease.PartnerDown {
		e.peer.DownFrom = 0
		e.peer.Facts &^= aloneFacts
	}
	if from == lease.Recover || from == lease.PotentialConflict {
		e.transfer.wanted = false
	}
}

// enterNormal shares the pools again: what the partner has not acknowledged
// is sent, and the free addresses are balanced.
func (e *Endpoint) enterNormal(from lease.ServerState) {
	e.peer.Facts &^= lease.PeerBoundToRecover | lease.PeerServedAlone | lease.PeerHalfDoubtful
	e.save()
	e.announce()
	if e.state != lease.Normal || e.up == nil {
		return
	}
	if !e.tandem() {
		e.repeatTransfer(from)
	}
	e.rebalance(false)
	e.sweepPending()
}

// enterConflict begins the resolution: the primary asks first (draft section
// 9.8), the secondary waits for CONFLICT-DONE. One that told a Tandem of RECOVER
// asks at once, because the primary has to know what it lacks.
func (e *Endpoint) enterConflict(recovering bool) {
	if e.state != lease.PotentialConflict || !e.Connected() {
		return
	}
	if !e.cfg.Secondary || e.up.partner == lease.ConflictDone || recovering && e.tandem() {
		e.requestUpdates()
	}
}

// enterRecover asks for everything, if the partner is there to be asked.
func (e *Endpoint) enterRecover() {
	e.save()
	e.announce()
	if e.state == lease.Recover && e.Connected() {
		if m, _ := towardTandem.on(lease.Recover, e.up.partner); m == request {
			e.requestUpdates()
		}
	}
}

// settle makes the transitions that wait for our own work.
func (e *Endpoint) settle() {
	e.pump()
	if e.settling.drain && e.Connected() && e.drained() && e.now.Time() >= e.forgottenUntil() {
		e.enter(lease.Normal, "partner in recover-done, and everything is told")
		e.pump()
	}
}
