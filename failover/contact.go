package failover

import (
	"fmt"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// onReceived takes one message. Before the relationship is established only
// CONNECT, CONNECTACK and DISCONNECT mean anything.
func (e *Endpoint) onReceived(ev Received) {
	c := e.find(ev.Conn)
	if c == nil || ev.Message == nil {
		return
	}
	switch m := ev.Message.(type) {
	case *wire.Connect:
		e.onConnect(c, m)
		return
	case *wire.Connectack:
		e.onConnectack(c, m)
		return
	case *wire.Disconnect:
		e.refuse("the partner disconnects: %s (%v)", m.Message.Or("no message"), m.Reject.V)
		e.hangup(c, "disconnected by the partner")
		return
	}
	if c != e.up {
		return
	}
	e.hear(c, ev.Message)
	if !c.known {
		if m, ok := ev.Message.(*wire.State); ok {
			e.onState(c, m)
		}
		return
	}
	switch m := ev.Message.(type) {
	case *wire.State:
		e.onState(c, m)
	case *wire.Bndupd:
		e.onBndupd(c, m)
	case *wire.Bndack:
		e.onBndack(m)
	case *wire.Updreq:
		e.onUpdreq(m.XID, false)
	case *wire.UpdreqAll:
		e.onUpdreq(m.XID, true)
	case *wire.Upddone:
		e.onUpddone()
	case *wire.Poolreq:
		e.onPoolreq(c, m)
	case *wire.Poolresp, *wire.Contact, *wire.Unknown:
		// Hearing them is all they are for. dhcpd does nothing about POOLRESP
		// either; the addresses come as BNDUPDs.
	}
}

// hear notes a sign of life and what it proves.
func (e *Endpoint) hear(c *conn, m wire.Message) {
	c.heard, e.machine.quietFrom = e.now.Mono, e.now.Mono
	c.latest = *m.Head()
	e.proven(e.proof(c, m))
	if c.known {
		e.trust(c)
	}
	if e.peer.LastContact.Sub(e.savedContact) >= e.contactCadence() {
		e.save()
	}
}

// proven moves the last proven contact on. Two new stores take no note of it
// before they have everything: that is how new boxes know each other.
func (e *Endpoint) proven(h lease.Time) {
	if e.virgin() && e.peer.Facts&lease.PeerNeedsAll != 0 {
		return
	}
	e.peer.LastContact = max(e.peer.LastContact, h)
}

// proof gives a moment at which the partner is known to have still heard us.
// It drops a connection on which it heard nothing for its receive-timer, so a
// message that it sent at s proves s - receive-timer; an echo proves more.
func (e *Endpoint) proof(c *conn, m wire.Message) lease.Time {
	h := back(min(m.Head().Time, e.now.Time()), c.timer)
	if contact, ok := m.(*wire.Contact); ok {
		if echo, ok, err := wire.DecodeEcho(contact.Vendor.Or("")); err == nil && ok {
			h = max(h, min(echo.Time, e.now.Time()))
		}
	}
	return h
}

// contactCadence is how far the last proven contact may run ahead of what is
// saved: an older one is only more careful.
func (e *Endpoint) contactCadence() lease.Seconds {
	return max(1, min(5, e.grantTime()/20))
}

// contactEvery is the time between our CONTACTs: a third of the partner's
// receive-timer.
func (c *conn) contactEvery() time.Duration {
	return max(c.timer/3, 1).Duration()
}

// dueContact keeps the connection alive and ends one that is dead.
func (e *Endpoint) dueContact() {
	c := e.up
	if c == nil {
		return
	}
	if delay := e.cfg.MaxResponseDelay; e.now.Mono-c.heard >= int64(delay.Duration()) {
		e.farewell(c, wire.RejectNoTraffic, "nothing heard for %d s", delay)
		return
	}
	if !c.told {
		return
	}
	// A Tandem gets its echo also while other messages flow.
	last := c.sent
	if e.tandem() {
		last = c.echoed
	}
	if e.now.Mono-last < int64(c.contactEvery()) {
		return
	}
	m := &wire.Contact{}
	if e.tandem() {
		m.Vendor = wire.Some(wire.Echo(c.latest).Encode())
	}
	c.echoed = e.now.Mono
	e.send(c, m)
}

// announcement is what our state looks like on the wire: in STARTUP the saved
// state with a flag. dhcpd in COMMUNICATIONS-INTERRUPTED takes RECOVER-WAIT
// for the end of the recovery, so it is told RECOVER as long as that lasts.
func (e *Endpoint) announcement() (lease.ServerState, wire.ServerFlags) {
	if e.state == lease.Startup {
		return e.saved(), wire.FlagStartup
	}
	if e.state == lease.RecoverWait && !e.tandem() {
		return lease.Recover, 0
	}
	return e.state, 0
}

// announce tells our state, if the partner does not know it already.
func (e *Endpoint) announce() {
	c := e.up
	if c == nil || !c.known && !e.tandem() {
		return
	}
	s, flags := e.announcement()
	if c.told && s == c.said && flags == c.saidAs {
		return
	}
	if !e.tandem() {
		if err := wire.CheckState(s, c.partner); err != nil {
			e.counters.Unsafe++
			e.log(Alarm, "%v: hanging up instead", err)
			e.hangup(c, "our state would harm the partner")
			return
		}
	}
	c.told, c.said, c.saidAs = true, s, flags
	m := &wire.State{State: wire.Some(s), Flags: wire.Some(flags), Since: wire.Some(e.peer.Since)}
	if e.parting.promised {
		m.Vendor = wire.Some(wire.GoodbyeBoundToRecover.Encode())
	}
	e.send(c, m)
}

// onState takes the partner's state (draft section 7.10).
func (e *Endpoint) onState(c *conn, m *wire.State) {
	s, startup := m.State.Or(lease.UnknownState), m.Flags.Or(0)&wire.FlagStartup != 0
	if !wire.OnWire(s) {
		e.log(Warning, "the partner announced state %d, which does not exist; ignored", uint8(s))
		return
	}
	goodbye, err := wire.DecodeGoodbye(m.Vendor.Or(""))
	if err != nil {
		e.log(Warning, "the partner's goodbye is ignored: %v", err)
	}
	first := !c.known
	if s == lease.CommunicationsInterrupt && !first && c.startup && !startup && !e.tandem() {
		// A dhcpd that was restarted while it was interrupted leaves STARTUP as
		// it was if it hears the state that it remembers, NORMAL as a rule, and
		// would stay interrupted for as long as the connection lasts. Said once
		// more our state counts.
		c.told = false
	}
	// Repeated states are no news on the same connection. Across connections
	// they are: what was heard before may have been acted on by nobody.
	repeated := !first && c.partner == s && c.startup == startup && goodbye == wire.GoodbyeNone
	c.known, c.partner, c.startup, c.partnerSince = true, s, startup, m.Since.Or(e.now.Time())
	c.recovers = c.recovers || s == lease.Recover
	e.trust(c)
	c.goodbye = goodbye == wire.GoodbyeBoundToRecover && s == lease.Shutdown && e.tandem()
	if !repeated {
		e.recordPartner(s, startup)
		e.react(s)
	}
	if s == lease.PartnerDown {
		e.partedWell()
	}
	if e.up == c {
		e.announce()
	}
}

// recordPartner saves what the partner says.
func (e *Endpoint) recordPartner(s lease.ServerState, startup bool) {
	if startup {
		e.log(Info, "partner: %v, starting up", s)
	} else {
		e.log(Info, "partner: %v", s)
	}
	e.peer.Partner, e.peer.PartnerSince = s, e.up.partnerSince
	if s != lease.Shutdown {
		// It is back, and will renew what it is told of.
		e.peer.Facts &^= lease.PeerGoodbye
	}
	e.save()
}

func (e *Endpoint) log(level Level, format string, args ...any) {
	e.emit(Log{level, fmt.Sprintf(format, args...)})
}
