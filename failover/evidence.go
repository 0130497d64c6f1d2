package failover

import (
	"fmt"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// duePartnerDown obeys R6c: automatic PARTNER-DOWN, by time alone on the
// survivor, elsewhere only with evidence that the partner is dead.
func (e *Endpoint) duePartnerDown() {
	if !e.declares() {
		return
	}
	if e.now.Mono >= e.declareAt() {
		e.partnerDown(e.downFrom(), fmt.Sprintf("automatic: silence for %v", e.silence(e.now).Round(time.Second)), false)
	}
}

// declares tells whether silence alone leads to PARTNER-DOWN. A server that is
// stopped by command hears nobody because it hung up.
func (e *Endpoint) declares() bool {
	if e.cfg.AutoPartnerDown == 0 || e.state != lease.CommunicationsInterrupt || e.up != nil || e.parting.under() {
		return false
	}
	ok, _ := e.mayDeclare()
	return ok
}

// declareAt is the Mono moment at which PARTNER-DOWN may be automatic if
// nothing is heard before: the silence was observed while others on the
// clients' network, where there are any, were heard. A survivor that was off
// for less than G goes on alone (R5), so the proof that it is dead has to last
// as long (R6).
func (e *Endpoint) declareAt() int64 {
	m := &e.machine
	if !e.obeys(RuleR6) {
		return m.quietFrom + int64(e.autoWait().Duration())
	}
	from := max(m.quietFrom, m.lanSince)
	if !e.cfg.Survivor {
		from = max(from, m.cableDown)
	}
	return from + int64(e.autoWait().Duration())
}

// autoWait is the silence after which PARTNER-DOWN may be automatic.
func (e *Endpoint) autoWait() lease.Seconds { return max(e.cfg.AutoPartnerDown, e.silenceTime()) }

// mayDeclare tells whether this box may enter PARTNER-DOWN by itself, or why not.
func (e *Endpoint) mayDeclare() (bool, string) {
	m := &e.machine
	switch {
	case m.wary != "" && e.obeys(RuleR6):
		return false, m.wary
	case !m.lan:
		return false, "the clients' network has no carrier"
	case e.now.Mono < m.flapUntil:
		return false, "the carrier of the clients' network is flapping"
	case !m.clock && e.obeys(RuleR1):
		return false, "the clock is not trusted"
	case e.tandem() && e.greeting.Capabilities&wire.CapStrict == 0:
		return false, "the partner does not keep `strict`"
	case e.lanCutOff():
		return false, "nobody answers on the clients' network"
	case e.cfg.Survivor:
		return true, ""
	}
	return e.provenDead()
}

// provenDead obeys R6c at the box that is not the survivor: heartbeats on the
// clients' network, which lives, have ended, and so has the cable's carrier.
func (e *Endpoint) provenDead() (bool, string) {
	m := &e.machine
	switch {
	case m.cable != CableDown || !m.lanAlive:
		return false, "the other box is the survivor, and nothing proves it dead"
	case !e.lanFellSilent():
		return false, "the other box is the survivor, and no heartbeat came over the clients' network, as it is now, before it fell silent"
	case e.cableWasOut():
		return false, "the other box is the survivor, and the cable had no carrier before it fell silent"
	}
	return true, ""
}

// lanCutOff tells whether others on the clients' network answered and do not
// any more: then silence there says nothing of the partner (R6).
func (e *Endpoint) lanCutOff() bool {
	m := &e.machine
	return !m.lanAlive && m.lanSince != 0 && e.obeys(RuleR6)
}

// lanFellSilent tells whether heartbeats came over the clients' network until
// the partner fell silent, and others there have been heard ever since: only a
// path that worked, and did not fail itself, proves by silence (R6).
func (e *Endpoint) lanFellSilent() bool {
	m := &e.machine
	late := time.Duration(m.quietFrom - m.lanBeat)
	return m.lanBeat != 0 && m.lanBeat >= m.lanSince && late <= e.cfg.MaxResponseDelay.Duration() || !e.obeys(RuleR6)
}

// cableWasOut tells whether the cable had no carrier while the partner was
// still heard: then it says nothing of the partner (R6).
func (e *Endpoint) cableWasOut() bool {
	m := &e.machine
	return m.quietFrom-m.cableDown > int64(e.cfg.MaxResponseDelay.Duration()) && e.obeys(RuleR6)
}

// diedInTime tells whether the direct cable's carrier went before the partner,
// the survivor, could be in PARTNER-DOWN by time, and never came back.
func (e *Endpoint) diedInTime() bool {
	m := &e.machine
	if m.cable != CableDown || m.cableDown == 0 {
		return false
	}
	ago := time.Duration(e.now.Mono - m.cableDown)
	return back(e.now.Time(), lease.Seconds(ago/time.Second)) < e.authority()
}
