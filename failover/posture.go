package failover

import (
	"fmt"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// Posture is what a server may do now; see the package comment.
type Posture uint8

// Postures, the most careful first.
const (
	Silent Posture = iota
	RenewOnly
	Full
	Alone
)

var postureNames = [...]string{"SILENT", "RENEW-ONLY", "FULL", "ALONE"}

// String is the name of the posture in the restart rules.
func (p Posture) String() string { return postureNames[p] }

// Stance is a posture and the rule that set it.
type Stance struct {
	Posture Posture
	Rule    string
	// Why is one clause: the facts.
	Why string
	// Until is the moment at which time alone changes the posture, zero if
	// none does. What else ends it is in Why.
	Until lease.Time
}

// facts is everything that a posture depends on.
type facts struct {
	state   lease.ServerState
	dialect wire.Dialect
	now     lease.Time

	clock     bool              // R1: the clock is trusted
	leaving   bool              // a goodbye is under way
	parted    bool              // stopped by command
	live      bool              // the partner's state is known from a live connection
	partner   lease.ServerState // as last heard
	startup   bool              // and it was in STARTUP then
	doubt     lease.Time        // R4-wait: until when a partner without a store may have promised anything
	resync    bool              // an interrupted transfer has not been repeated
	wary      string            // no contact since: why that matters, or ""
	strict    bool              // R11 is asked for
	authority lease.Time        // Q
	lapsed    bool              // R5: PARTNER-DOWN without authority
	storm     lease.Time        // R10: until when; zero if there is none
	flapping  bool              // R7
	isolated  Isolation
	afterLong bool // `after-long-outage serve`
}

// Place is where a server stands: the state of the protocol, and the posture
// with the rule that set it.
type Place struct {
	State   lease.ServerState
	Posture Posture
	Rule    string
	// Connected tells whether the partner's state is known from a connection.
	Connected bool
}

// Place gives the place at now.
func (e *Endpoint) Place(now lease.Now) Place {
	s := e.Stance(now)
	return Place{State: e.state, Posture: s.Posture, Rule: s.Rule, Connected: e.Connected()}
}

// postureOf is the restart rules as a function of the facts. It and what it is
// made of give the parts of a Stance, which stay in registers.
func postureOf(f *facts) (p Posture, rule, why string, until lease.Time) {
	p, rule, why, until = stanceOf(f)
	switch {
	case p <= RenewOnly:
	case f.storm > f.now: // R10
		return RenewOnly, "R10", "three restarts within 15 minutes that nobody commanded", f.storm
	case f.flapping: // R7
		return RenewOnly, "R7", "the carrier of the clients' network is flapping; 30 s without a change end this", 0
	}
	return p, rule, why, until
}

// stanceOf is postureOf without the caps that hold in every state.
func stanceOf(f *facts) (p Posture, rule, why string, until lease.Time) {
	switch {
	case f.parted:
		return Silent, "goodbye", "stopped by command", 0
	case !f.clock: // R1
		return Silent, "R1", "the clock is not trusted; the time servers' agreement ends this", 0
	case f.leaving:
		return Silent, "goodbye", "handing over to the partner", 0
	}
	switch f.state {
	case lease.Normal, lease.CommunicationsInterrupt, lease.ConflictDone:
		return stanceBeside(f)
	case lease.PartnerDown:
		return stanceAlone(f)
	case lease.RecoverDone, lease.PotentialConflict, lease.ResolutionInterrupted:
		// Renewals up to the horizon cannot harm whatever the partner holds,
		// so what nobody contests goes on during conflict resolution.
		return RenewOnly, "R2", f.state.String() + ": only what both know may be renewed", 0
	}
	return Silent, "R2", silentWhy(f.state), 0
}

func silentWhy(s lease.ServerState) string {
	switch s {
	case lease.Startup:
		return "startup: waiting for the partner"
	case lease.Recover:
		return "recover: the partner has to send what it knows first"
	case lease.RecoverWait:
		return "recover-wait: promises that nobody remembers have to end first"
	case lease.Paused, lease.Shutdown:
		return s.String() + ": stopped by command"
	}
	return s.String()
}

// stanceBeside is the posture of a server that shares its pools with a
// partner which is, or may be, alive.
func stanceBeside(f *facts) (p Posture, rule, why string, until lease.Time) {
	switch {
	case f.resync:
		return Silent, "R4", "the transfer of everything was interrupted and has to be repeated by the partner", 0
	case f.now < f.doubt: // R4-wait
		return RenewOnly, "R4-wait", "the partner lost its store and may have given this server's addresses before", f.doubt
	case f.live && (f.state == lease.Normal || f.state == lease.ConflictDone && inResolution(f.partner)):
		return Full, "R2", "in contact", 0
	case f.live && atRest(f.partner) && !f.startup:
		return Full, "R2", "in contact; the partner is in " + f.partner.String() + " and serves nobody", 0
	case f.partner == lease.PartnerDown:
		return RenewOnly, "partner-state", "the partner was last heard in PARTNER-DOWN and may be giving this server's addresses", 0
	case f.dialect == wire.ISC:
		return stanceBesideISC(f)
	case f.wary != "" && f.afterLong:
		return Full, "R3", f.wary + "; `after-long-outage serve` gives addresses although the partner may give the same ones", 0
	case f.wary != "" || f.strict: // R3, R11
		rule, why = "R11", "`strict`, and no contact"
		if f.wary != "" {
			rule, why = "R3", f.wary
		}
		if f.now < f.authority {
			return Full, rule, why + "; grant authority goes on for G after the last proven contact", f.authority
		}
		return RenewOnly, rule, why + "; grant authority has ended; contact, the partner's goodbye or `partner-down` ends this", 0
	}
	return Full, "R11", "no contact, no restart since: `standard` goes on with the own half", 0
}

// stanceBesideISC: dhcpd knows no G and frees ended leases early, so that a
// restart without contact leaves nothing that is safe.
func stanceBesideISC(f *facts) (p Posture, rule, why string, until lease.Time) {
	if f.wary == "" {
		return Full, "R11", "no contact, no restart since: as the draft has it", 0
	}
	switch f.isolated {
	case IsolatedServe:
		return Full, "R3", f.wary + "; `serve-isolated`: as dhcpd does, one address may get two clients", 0
	case IsolatedRenewOnly:
		return RenewOnly, "R3", f.wary + "; `renew-only`: contact or `partner-down` ends this", 0
	}
	return Silent, "R3", f.wary + " and dhcpd takes over early; contact or `partner-down` ends this", 0
}

// stanceAlone is the posture in PARTNER-DOWN.
func stanceAlone(f *facts) (p Posture, rule, why string, until lease.Time) {
	switch {
	case f.lapsed && f.now < f.doubt: // R4-wait
		return RenewOnly, "R4-wait", "PARTNER-DOWN has lapsed, and the partner lost its store after it may have given any address", f.doubt
	case f.live && atRest(f.partner) && !f.startup:
		return Alone, "R2", "the partner is in " + f.partner.String() + " and serves nobody", 0
	case !f.lapsed:
		return Alone, "R6", "the partner is down", 0
	case f.dialect == wire.ISC && f.isolated == IsolatedSilent:
		return Silent, "R5", "PARTNER-DOWN ended with the restart; contact or `partner-down` ends this", 0
	}
	return RenewOnly, "R5", "PARTNER-DOWN lapsed: this box was off for G or longer, or heard the partner; contact or `partner-down` ends this", 0
}

// inResolution tells whether a secondary in state s gives no new addresses
// that the primary in CONFLICT-DONE has not heard of.
func inResolution(s lease.ServerState) bool {
	return s == lease.PotentialConflict || s == lease.ResolutionInterrupted || s == lease.Normal
}

// atRest tells whether a server in state s serves no client at all.
func atRest(s lease.ServerState) bool {
	switch s {
	case lease.Recover, lease.RecoverWait, lease.Paused, lease.Shutdown:
		return true
	}
	return false
}

// Stance gives the posture at now, and the rule and facts that set it.
func (e *Endpoint) Stance(now lease.Now) (s Stance) {
	var f facts
	e.collect(now, &f)
	s.Posture, s.Rule, s.Why, s.Until = postureOf(&f)
	return s
}

// collect fills f, which is empty, with what the posture depends on. This is
// asked for every packet, and to return f would copy all of it.
func (e *Endpoint) collect(now lease.Now, f *facts) {
	m := &e.machine
	f.state, f.dialect, f.now = e.state, dialectOf(&e.cfg, &e.peer), now.Time()
	f.clock = m.clock || !e.obeys(RuleR1)
	f.leaving, f.parted = e.parting.under(), e.parting.closed()
	f.live, f.partner = e.live(now), e.peer.Partner
	f.doubt = e.doubtUntil()
	f.resync = e.peer.Facts&lease.PeerTransferCut != 0 && !e.tandem()
	f.wary, f.strict = m.wary, e.strict()
	f.authority = e.authority()
	f.lapsed = e.peer.Facts&lease.PeerLapsed != 0
	f.storm = e.stormUntil()
	f.flapping = now.Mono < m.flapUntil && e.obeys(RuleR7)
	f.isolated, f.afterLong = e.cfg.Isolated, e.cfg.ServeAfterOutage || !e.obeys(RuleR3)
	if e.up != nil && e.up.known {
		f.startup = e.up.startup
		if !f.live && f.wary == "" && e.obeys(RuleR9) {
			// R9: the connection looks alive only because nobody looked at it.
			f.wary = "nothing was heard for longer than max-response-delay"
		}
	}
}

// doubtUntil obeys R4-wait at the box that kept its store: if it had no
// authority when the other one came back without a store, that one may have
// been in PARTNER-DOWN and given any address.
func (e *Endpoint) doubtUntil() lease.Time {
	switch c := e.up; {
	case !e.obeys(RuleR4Wait) || e.state == lease.PartnerDown && e.peer.Facts&lease.PeerLapsed == 0:
		return 0
	case c != nil && c.doubtful && c.known && c.partner == lease.Recover && !c.asked:
		return lease.Never // until it has said what it lacks
	case e.peer.Facts&lease.PeerHalfDoubtful != 0:
		return e.forgottenUntil()
	}
	return 0
}

// live tells whether the partner's state is known from a connection on which
// it was heard within max-response-delay.
func (e *Endpoint) live(now lease.Now) bool {
	return e.up != nil && e.up.known && now.Mono < e.up.heard+int64(e.cfg.MaxResponseDelay.Duration())
}

// strict tells whether R11 limits authority without a restart as well.
func (e *Endpoint) strict() bool {
	return (e.cfg.Strict || e.cfg.AutoPartnerDown != 0) && e.obeys(RuleR11)
}

// grantTime is G: what both boxes agreed on, the smaller of what is configured
// and recorded. It is zero towards dhcpd.
func (e *Endpoint) grantTime() lease.Seconds {
	if !e.tandem() {
		return 0
	}
	g := orSeconds(e.cfg.Authority, e.mclt())
	if a := e.peer.Authority; a != 0 {
		g = min(g, a)
	}
	return g
}

// silenceTime is G as this box has to wait for it, the larger of the two.
func (e *Endpoint) silenceTime() lease.Seconds {
	if !e.tandem() || !e.obeys(RuleR6) {
		return 0
	}
	return max(orSeconds(e.cfg.Authority, e.waitMCLT()), e.peer.Authority)
}

// authority is Q, the end of the right to give new addresses without contact:
// last proven contact + G - clock error bound. Both readings of the clock may
// be wrong by the bound, hence twice.
func (e *Endpoint) authority() lease.Time {
	if e.peer.LastContact == 0 {
		return 0
	}
	return back(e.peer.LastContact.Add(e.grantTime()), e.slack())
}

// back is t - d, not below zero.
func back(t lease.Time, d lease.Seconds) lease.Time {
	if t == lease.Never {
		return t
	}
	return t - min(t, lease.Time(d))
}

// slack is added to the end of every promise before an address is taken as
// unused: both clocks may be wrong by the bound of the gate, and the wire
// counts whole seconds.
func (e *Endpoint) slack() lease.Seconds {
	if !e.obeys(RuleSlack) {
		return 0
	}
	return lease.Seconds((2*e.machine.clockError+time.Second-1)/time.Second) + 1
}

// mclt is the MCLT for what this server promises; waitMCLT the one by which
// it waits for promises of the partner. They differ between a change of the
// configuration and the next contact.
func (e *Endpoint) mclt() lease.Seconds {
	switch {
	case e.cfg.MCLT == 0 || e.peer.MCLT == 0:
		return orSeconds(max(e.cfg.MCLT, e.peer.MCLT), defaultMCLT)
	}
	return min(e.cfg.MCLT, e.peer.MCLT)
}

func (e *Endpoint) waitMCLT() lease.Seconds {
	return orSeconds(max(e.cfg.MCLT, e.peer.MCLT), defaultMCLT)
}

// String is the posture with its rule and facts.
func (s Stance) String() string { return fmt.Sprintf("%v by %s: %s", s.Posture, s.Rule, s.Why) }
