package failover

import (
	"errors"
	"fmt"
	"time"

	"tandem/failover/lease"
)

// aloneFacts belong to PARTNER-DOWN and end with it.
const aloneFacts = lease.PeerLapsed | lease.PeerGoodbye | lease.PeerRemoved | lease.PeerHalfDoubtful

// Command carries out an operator's order, or says why it does not.
func (e *Endpoint) Command(now lease.Now, c Command) error {
	e.now = now
	by := "operator"
	if c.By != "" {
		by = c.By
	}
	switch c.Order {
	case OrderPartnerDown, OrderRemoved:
		return e.declareDown(c.Order, by)
	case OrderMaintenance:
		return e.handOver(by)
	case OrderPause:
		e.pause(by)
		return nil
	case OrderResume:
		return e.resume(by)
	case OrderCalm:
		e.machine.calm = true
		return nil
	}
	return errors.New("unknown order")
}

// declareDown obeys R6b: the operator asserts that the partner is off and
// stays off.
func (e *Endpoint) declareDown(o Order, by string) error {
	removed := o == OrderRemoved
	switch {
	case e.parting.under():
		return errors.New("this server is stopped by command; resume it first")
	case e.heard(e.now) && e.obeys(RuleR6Heard):
		return fmt.Errorf("the partner is heard (%s): it is not down", e.heardHow())
	case !e.machine.clock && e.obeys(RuleR1):
		return errors.New("the clock is not trusted: nobody could tell from when PARTNER-DOWN counts; " +
			"say it again once the time servers agree")
	case e.peer.Facts&lease.PeerNeedsAll != 0 && !removed:
		return errors.New("this server lost its store and does not know which addresses are in use; " +
			"if the partner is gone for good and nobody can lose an address, declare it removed")
	case e.peer.Facts&lease.PeerBoundToRecover != 0 && !removed:
		return errors.New("this server handed over and promised to serve nobody before it has heard everything from the partner; " +
			"if the partner is gone for good, declare it removed")
	}
	from := e.downFrom()
	e.partnerDown(from, o.String()+" by "+by, false)
	if removed {
		e.peer.Facts |= lease.PeerRemoved
		e.save()
	}
	return nil
}

func (e *Endpoint) heardHow() string {
	if e.live(e.now) {
		return "on the failover connection, state " + e.peer.Partner.String()
	}
	return fmt.Sprintf("on another path %v ago", time.Duration(e.now.Mono-e.machine.beat).Round(time.Second))
}

// downFrom is p, the moment from which PARTNER-DOWN counts if it is entered
// now: when G of observed silence is complete (R6).
func (e *Endpoint) downFrom() lease.Time {
	rest := e.silenceTime().Duration() - e.silence(e.now)
	return e.now.Time().Add(lease.Seconds(max(0, rest+time.Second-1) / time.Second))
}

// partnerDown enters PARTNER-DOWN, or renews its authority.
func (e *Endpoint) partnerDown(from lease.Time, why string, goodbye bool) {
	doubt := lease.PeerFacts(0)
	if e.halfDoubtful() {
		doubt = lease.PeerHalfDoubtful
	}
	e.peer.Facts &^= aloneFacts
	e.peer.Facts |= doubt
	if goodbye {
		e.peer.Facts |= lease.PeerGoodbye
	}
	e.peer.Epoch++
	e.peer.DownFrom = from
	if e.state == lease.PartnerDown {
		e.save()
		e.log(Info, "PARTNER-DOWN renewed: %s", why)
		return
	}
	e.enter(lease.PartnerDown, why)
}

// halfDoubtful tells whether the partner may have given addresses of this
// server's half: it was, or may have been, in PARTNER-DOWN itself.
func (e *Endpoint) halfDoubtful() bool {
	lapsed := (e.machine.wary != "" || e.strict()) && e.now.Time() >= e.authority() && e.tandem()
	switch {
	case e.now.Time() < e.doubtUntil():
		return true
	case lapsed && e.silenceTime() < e.waitMCLT():
		return true // what a partner gave alone outlives it by MCLT
	case lapsed && e.cfg.AutoPartnerDown != 0 && !e.cfg.Survivor && !e.diedInTime() && e.obeys(RuleR6Wait):
		return true // the survivor was alone by time, until it died
	}
	switch e.saved() {
	case lease.Normal, lease.CommunicationsInterrupt, lease.ConflictDone:
		return e.peer.Partner == lease.PartnerDown
	case lease.PartnerDown:
		return e.peer.Facts&lease.PeerHalfDoubtful != 0
	}
	return true
}

// Evidence says what is known about the partner, and what PARTNER-DOWN would
// mean, for an operator who is about to declare it.
func (e *Endpoint) Evidence(now lease.Now) []string {
	e.now = now
	var out []string
	if e.heard(now) {
		out = append(out, "the partner is heard "+e.heardHow()+": the command would be refused")
	} else {
		out = append(out, fmt.Sprintf("silent for %v, observed with carrier; last proven contact %v",
			e.silence(now).Round(time.Second), e.peer.LastContact))
	}
	out = append(out, "clients' network: "+carrier(e.machine.lan)+"; cable to the partner: "+e.machine.cable.String())
	if e.machine.wary != "" {
		out = append(out, e.machine.wary)
	}
	from := e.downFrom()
	whole := from.Add(e.waitMCLT()).Add(e.slack())
	partnerHas := 0
	for _, id := range e.pools {
		partnerHas += e.table.Count(id, e.partnerFree())
	}
	out = append(out, fmt.Sprintf("PARTNER-DOWN would count from %v; %d free addresses of the partner could be given from %v", from, partnerHas, whole))
	switch {
	case !e.tandem():
		out = append(out, "if the partner lives, both servers give the same addresses: dhcpd does not limit itself")
	case e.cfg.AutoPartnerDown != 0 && !e.cfg.Survivor:
		out = append(out, "if the partner lives, both servers may give the same addresses: it is the survivor and takes over by itself after G")
	case e.strict():
		out = append(out, "if the partner lives, no address gets two clients: `strict` ends its authority first")
	default:
		out = append(out, "if the partner lives and did not restart, both servers may give the same addresses (`standard`)")
	}
	return append(out, "never declare both boxes the survivor while they cannot hear each other: no rule repairs that")
}

func carrier(up bool) string {
	if up {
		return "carrier"
	}
	return "no carrier"
}

// String is what is known of the cable.
func (c Cable) String() string {
	switch c {
	case CableUp:
		return "carrier"
	case CableDown:
		return "no carrier"
	}
	return "unknown"
}
