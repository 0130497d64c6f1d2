package failover

import (
	"fmt"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// refusal is why a message is not accepted.
type refusal struct {
	reason wire.Reject
	text   string
	until  lease.Time // when the reason ends by itself; zero if it does not
}

func refused(r wire.Reject, format string, args ...any) *refusal {
	return &refusal{reason: r, text: fmt.Sprintf(format, args...)}
}

// onConnect is the secondary's answer to CONNECT (draft section 7.8.2), with
// dhcpd's checks in dhcpd's order and more between two Tandem boxes.
func (e *Endpoint) onConnect(c *conn, m *wire.Connect) {
	if c.securing || c == e.up {
		return
	}
	reply := wire.Opt[uint8]{}
	if !c.secure {
		r, reject := wire.AnswerTLS(m.TLSRequest.Or(wire.TLSNone), e.cfg.TLS)
		if m.TLSRequest.Set || reject != wire.RejectNone {
			reply = wire.Some(r)
		}
		if reject != wire.RejectNone {
			e.rejectConnect(c, m, reply, refused(reject, "%v", reject))
			return
		}
		if r == 1 {
			e.reply(c, e.connectack(reply), m.XID)
			c.securing = true
			e.emit(Secure{c.id, false})
			return
		}
	}
	g, no := e.readGreeting(m.Vendor)
	if no == nil {
		no = e.judgeConnect(c, m, g)
	}
	if no != nil {
		e.rejectConnect(c, m, reply, no)
		return
	}
	if e.up != nil {
		e.hangup(e.up, "the partner made a new connection")
	}
	e.peer.MCLT = m.MCLT.V
	e.peer.HBA = m.HBA.V
	e.reply(c, e.connectack(reply), m.XID)
	e.establish(c, m.ReceiveTimer.Or(defaultResponseDelay), m.MaxUnacked.Or(1), g)
}

// connectack is an acceptance.
func (e *Endpoint) connectack(tls wire.Opt[uint8]) *wire.Connectack {
	return &wire.Connectack{
		Relationship: wire.Some(e.cfg.Name),
		MaxUnacked:   wire.Some(e.ourWindow()),
		ReceiveTimer: wire.Some(e.cfg.MaxResponseDelay),
		VendorClass:  wire.Some(e.vendorClass()),
		Version:      wire.Some(uint8(wire.Version)),
		TLSReply:     tls,
		Vendor:       wire.Some(e.greet()),
	}
}

func (e *Endpoint) rejectConnect(c *conn, m *wire.Connect, tls wire.Opt[uint8], no *refusal) {
	e.refuse("the partner's CONNECT is refused: %s", no.text)
	ack := e.connectack(tls)
	// dhcpd looks for its own name first and for the reason afterwards.
	ack.Relationship = wire.Some(m.Relationship.Or(e.cfg.Name))
	ack.Reject, ack.Message = wire.Some(no.reason), wire.Some(no.text)
	e.reply(c, ack, m.XID)
	e.hangup(c, no.text)
}

// judgeConnect gives the first reason against a CONNECT, nil if there is none.
func (e *Endpoint) judgeConnect(c *conn, m *wire.Connect, g *wire.Greeting) *refusal {
	switch {
	case !m.Relationship.Set:
		return refused(wire.RejectInvalidPartner, "CONNECT without a relationship name")
	case m.Relationship.V != e.cfg.Name:
		return refused(wire.RejectInvalidPartner, "the partner calls the relationship %q, here it is %q", m.Relationship.V, e.cfg.Name)
	case !e.cfg.Secondary:
		return refused(wire.RejectInvalidPartner, "both servers are primary for %q: make one of them secondary", e.cfg.Name)
	}
	if no := e.judgeTime(m.Time, g); no != nil {
		return no
	}
	switch {
	case !m.HBA.Set:
		return refused(wire.RejectHBAConflict, "CONNECT without a valid hash bucket assignment")
	case e.up != nil && !e.halfOpen(g):
		return refused(wire.RejectDuplicateConn, "already connected")
	case !m.MCLT.Set || m.MCLT.V == 0:
		return refused(wire.RejectInvalidMCLT, "CONNECT without MCLT")
	case g != nil && e.cfg.MCLT != 0 && e.cfg.MCLT != m.MCLT.V:
		return refused(wire.RejectInvalidMCLT, "mclt is %d s on the partner and %d s here: make them equal", m.MCLT.V, e.cfg.MCLT)
	}
	return e.judgeGreeting(g)
}

// halfOpen tells whether the present connection is worth less than a new
// CONNECT from a Tandem: the partner was restarted, or nothing is heard on
// the old one although it should be.
func (e *Endpoint) halfOpen(g *wire.Greeting) bool {
	if g == nil {
		return false
	}
	quiet := e.now.Mono - e.up.heard
	return g.Boot != e.greeting.Boot || quiet > int64(e.cfg.MaxResponseDelay.Duration())/3+int64(redialWait)/2
}

// judgeTime compares the clocks.
func (e *Endpoint) judgeTime(theirs lease.Time, g *wire.Greeting) *refusal {
	ours := e.now.Time()
	bound := e.cfg.MaxClockDelta
	if bound == 0 {
		bound = iscClockDelta
		if g != nil {
			bound = tandemClockDelta
		}
	}
	if delta := max(ours.Sub(theirs), theirs.Sub(ours)); delta > bound {
		return refused(wire.RejectTimeMismatch, "the clocks differ by %d s, at most %d s may be: partner %v, here %v", delta, bound, theirs, ours)
	}
	return nil
}

// readGreeting tells who the partner is; nil is a dhcpd.
func (e *Endpoint) readGreeting(vendor wire.Opt[string]) (*wire.Greeting, *refusal) {
	g, ours, err := wire.DecodeGreeting(vendor.Or(""))
	switch {
	case err != nil:
		return nil, refused(wire.RejectMisc, "%v", err)
	case ours && e.cfg.Expect == ExpectISC:
		return nil, refused(wire.RejectInvalidPartner, "the partner is a Tandem, but dhcpd is configured")
	case !ours && e.cfg.Expect == ExpectTandem:
		return nil, refused(wire.RejectInvalidPartner, "the partner is no Tandem, but one is configured")
	case !ours:
		return nil, nil
	}
	return &g, nil
}

// judgeGreeting compares the two configurations.
func (e *Endpoint) judgeGreeting(g *wire.Greeting) *refusal {
	if g == nil {
		return nil
	}
	own := wire.RolePrimary
	if e.cfg.Secondary {
		own = wire.RoleSecondary
	}
	a := e.cfg.Authority
	switch {
	case g.Role == own:
		return refused(wire.RejectInvalidPartner, "both servers are %v for %q: make one of them the other", own, e.cfg.Name)
	case e.cfg.Digest != "" && g.Pools != "" && e.cfg.Digest != g.Pools:
		return refused(wire.RejectInvalidPartner, "the pools differ: partner %q, here %q: make them equal", g.Pools, e.cfg.Digest)
	case g.MCLT.Set && e.cfg.MCLT != 0 && g.MCLT.V != e.cfg.MCLT:
		return refused(wire.RejectInvalidMCLT, "mclt is %d s on the partner and %d s here: make them equal", g.MCLT.V, e.cfg.MCLT)
	case g.Authority.Set && a != 0 && g.Authority.V != a:
		return refused(wire.RejectInvalidMCLT, "the grant authority is %d s on the partner and %d s here: make them equal", g.Authority.V, a)
	}
	return nil
}

// onConnectack is the primary's part, with dhcpd's checks in dhcpd's order.
func (e *Endpoint) onConnectack(c *conn, m *wire.Connectack) {
	if !c.connected || c.securing || c == e.up {
		return
	}
	switch {
	case !m.Relationship.Set:
		e.farewell(c, wire.RejectInvalidPartner, "CONNECTACK without a relationship name")
		return
	case m.Reject.Set:
		e.refuse("the partner refuses: %s (%v)", m.Message.Or("no message"), m.Reject.V)
		e.hangup(c, "refused by the partner")
		return
	case !c.secure && m.TLSReply.Or(0) == 1 && e.cfg.TLS != wire.TLSNone:
		c.securing = true
		e.emit(Secure{c.id, true})
		return
	}
	g, no := e.readGreeting(m.Vendor)
	if no == nil {
		no = e.judgeConnectack(c, m, g)
	}
	if no != nil {
		if no.reason != wire.RejectDuplicateConn {
			e.refuse("the partner's CONNECTACK is refused: %s", no.text)
		}
		e.farewell(c, no.reason, "%s", no.text)
		return
	}
	if e.up != nil {
		e.hangup(e.up, "a new connection takes its place")
	}
	e.peer.MCLT, e.peer.HBA = e.cfg.MCLT, e.cfg.HBA
	e.establish(c, m.ReceiveTimer.Or(defaultResponseDelay), m.MaxUnacked.Or(1), g)
}

func (e *Endpoint) judgeConnectack(c *conn, m *wire.Connectack, g *wire.Greeting) *refusal {
	switch {
	case m.Relationship.V != e.cfg.Name:
		return refused(wire.RejectInvalidPartner, "the partner calls the relationship %q, here it is %q", m.Relationship.V, e.cfg.Name)
	case !c.secure && e.cfg.TLS == wire.TLSRequired:
		return refused(wire.RejectTLSRequired, "a key is pinned and the partner offers no TLS")
	case e.up != nil && !e.halfOpen(g):
		return refused(wire.RejectDuplicateConn, "already connected")
	}
	if no := e.judgeTime(m.Time, g); no != nil {
		return no
	}
	return e.judgeGreeting(g)
}
