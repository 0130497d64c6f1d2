package failover

import (
	"fmt"
	"strings"
	"time"

	"tandem/failover/lease"
)

// Why explains the endpoint at now (R12): one sentence for the state, one for
// the posture, then what else matters and what will change it when.
func (e *Endpoint) Why(now lease.Now) []string {
	t := now.Time()
	s := e.Stance(now)
	out := []string{
		fmt.Sprintf("%s: %v since %v: %s.", e.cfg.Name, e.state, e.peer.Since, e.why),
		fmt.Sprintf("Posture %v by rule %s: %s%s.", s.Posture, s.Rule, s.Why, until(t, s.Until)),
		e.whyPartner(now),
	}
	if w := e.wayOut(now); w != "" {
		out = append(out, w)
	}
	if e.state == lease.PartnerDown {
		out = append(out, e.whyAlone(t))
	}
	if n := e.Waiting(); n > 0 {
		out = append(out, fmt.Sprintf("%d updates wait for the partner.", n))
	}
	if e.scolded != "" && e.up == nil {
		out = append(out, "The last connection failed: "+strings.TrimSuffix(e.scolded, "?")+".")
	}
	return out
}

// until is the time left, in words.
func until(now, at lease.Time) string {
	if at <= now || at == lease.Never {
		return ""
	}
	return fmt.Sprintf(", for another %v", at.Sub(now).Duration())
}

func (e *Endpoint) whyPartner(now lease.Now) string {
	switch {
	case e.live(now):
		delta := ""
		if e.tandem() {
			delta = ", a Tandem,"
		}
		return fmt.Sprintf("The partner%s is heard; its state is %v.", delta, e.peer.Partner)
	case e.peer.LastContact == 0:
		return "The partner was never heard."
	}
	served := ""
	if e.peer.Facts&lease.PeerServedAlone != 0 {
		served = " Leases were given or renewed since without its knowledge."
	}
	return fmt.Sprintf("The partner has been silent for %v; its last state was %v; last proven contact %v.%s",
		e.silence(now).Round(time.Second), e.peer.Partner, e.peer.LastContact, served)
}

// byCommand is the way out of every stop that was ordered.
const byCommand = "Stopped by command; a restart or `resume` ends this."

// wayOut says how the state will end: every state has a way out without a
// person, once the partner can be heard.
func (e *Endpoint) wayOut(now lease.Now) string {
	t := now.Time()
	if e.parting.under() {
		return byCommand
	}
	if e.transfer.wanted && e.state != lease.PotentialConflict {
		return fmt.Sprintf("The partner is sending what it knows: %d updates so far.", e.transfer.got)
	}
	switch e.state {
	case lease.Startup:
		if e.startBy == 0 {
			return "STARTUP ends when the clock is trusted and the partner is heard."
		}
		left := max(0, time.Duration(e.startBy-now.Mono)).Round(time.Second)
		return fmt.Sprintf("STARTUP ends with contact, or in %v.", left)
	case lease.Recover:
		return "RECOVER ends when the partner has sent what it knows; if it is gone for good, declare it removed."
	case lease.RecoverWait:
		return "RECOVER-WAIT ends by itself" + until(t, e.recoverUntil()) + "."
	case lease.RecoverDone:
		return "RECOVER-DONE ends when the partner says NORMAL."
	case lease.CommunicationsInterrupt:
		return "COMMUNICATIONS-INTERRUPTED ends with contact" + e.whyAuto(now) + "."
	case lease.PotentialConflict:
		return "POTENTIAL-CONFLICT ends when both have sent what they know" + until(t, e.conflictUntil()) + "."
	case lease.ResolutionInterrupted:
		return "RESOLUTION-INTERRUPTED ends with contact."
	case lease.ConflictDone:
		return "CONFLICT-DONE ends when the secondary says NORMAL."
	case lease.Shutdown, lease.Paused:
		return byCommand
	}
	return ""
}

// whyAuto says when PARTNER-DOWN would be automatic, or why it is not.
func (e *Endpoint) whyAuto(now lease.Now) string {
	if e.cfg.AutoPartnerDown == 0 {
		return "; automatic partner-down is off"
	}
	e.now = now
	if ok, no := e.mayDeclare(); !ok {
		return "; no automatic partner-down: " + no
	}
	left := time.Duration(e.declareAt() - now.Mono)
	return fmt.Sprintf(", or with automatic partner-down in %v", max(0, left).Round(time.Second))
}

func (e *Endpoint) whyAlone(t lease.Time) string {
	switch {
	case e.peer.Facts&lease.PeerLapsed != 0:
		return "While PARTNER-DOWN is lapsed, no address is given that the partner may have given."
	case e.settling.drain:
		return "The partner is back; NORMAL follows as soon as it knows everything that was given here."
	case e.peer.Facts&lease.PeerGoodbye != 0:
		return "The partner said goodbye: every address may be given."
	}
	if from := e.wholePoolFrom(); from > t {
		return fmt.Sprintf("PARTNER-DOWN counts from %v; free addresses of the partner may be given from %v%s.", e.peer.DownFrom, from, until(t, from))
	}
	return "The partner's free addresses may be given; leases that it could have renewed end MCLT after their latest promise."
}

// WhyLease explains what the relationship means for one lease.
func (e *Endpoint) WhyLease(now lease.Now, l *lease.Lease) string {
	t := now.Time()
	switch {
	case !e.owns(l.IP):
		return l.IP.String() + " is in no pool of this relationship."
	case l.State == lease.Active && !l.Binding(t):
		return fmt.Sprintf("%v: the lease ended %v; %s.", l.IP, l.Ends, e.whyKept(now, l))
	case l.State == lease.Active && l.Flags.Has(lease.FlagPending):
		return fmt.Sprintf("%v: bound until %v; the partner has not acknowledged this yet and knows %v.", l.IP, l.Ends, potential(l))
	case l.State == lease.Active:
		return fmt.Sprintf("%v: bound until %v; both servers know, and a renewal without contact may run until %v.", l.IP, l.Ends, e.horizon(t, l))
	}
	switch v := e.Available(now, l, false); {
	case v.OK:
		return fmt.Sprintf("%v: %v; may be given to any client.", l.IP, l.State)
	case v.Rule == "R6-wait":
		at := e.takeover(l)
		return fmt.Sprintf("%v: %v; may be given to any client from %v on, in %v (rule R6-wait).", l.IP, l.State, at, at.Sub(t).Duration())
	default:
		return fmt.Sprintf("%v: %v; not given to a new client by rule %s: %s.", l.IP, l.State, v.Rule, v.Why)
	}
}

// whyKept says why a lease whose end has passed still counts as bound.
func (e *Endpoint) whyKept(now lease.Now, l *lease.Lease) string {
	if e.state == lease.Normal && e.cfg.Secondary { // Ended would remind the partner
		return "the primary ends it and tells this server (rule primary-expires)"
	}
	_, retry, v := e.Ended(now, l, lease.Expired)
	if v.OK {
		return "it is being freed"
	}
	return fmt.Sprintf("it counts as bound by rule %s: %s; the next look comes within %v", v.Rule, v.Why, retry.Sub(now.Time()).Duration())
}
