package failover

import (
	"fmt"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// maxConns bounds the connections that are not through with CONNECT; the
// oldest gives way to a new one.
const maxConns = 8

// conn is one connection.
type conn struct {
	id      ConnID
	dialled bool
	since   int64 // Mono moment of its begin
	xid     uint32

	securing  bool // a handshake is under way
	secure    bool // the partner proved the pinned key
	connected bool // our CONNECT has gone

	// From here on only for Endpoint.up.
	met          int64 // Mono moment at which the CONNECT was accepted
	heard        int64 // Mono moment of the latest message
	sent         int64 // Mono moment of our latest message
	echoed       int64 // Mono moment of our latest CONTACT
	latest       wire.Header
	timer        lease.Seconds // partner's receive-timer
	window       int           // partner's max-unacked-bndupd
	told         bool          // our state was announced
	said         lease.ServerState
	saidAs       wire.ServerFlags
	known        bool // the partner's state was heard
	partner      lease.ServerState
	startup      bool // it was in STARTUP then
	goodbye      bool // and promised to recover before it serves
	doubtful     bool // we had no authority when it came
	recovers     bool // it was heard in RECOVER
	asked        bool // it has asked for our updates
	relearns     bool // it lost its store, and has not got everything yet
	partnerSince lease.Time
}

// next gives the xid of the next message; dhcpd counts from 0 as well.
func (c *conn) next() uint32 {
	x := c.xid
	c.xid++
	return x
}

// find gives the connection named id, nil if it is gone.
func (e *Endpoint) find(id ConnID) *conn {
	for _, c := range e.conns {
		if c.id == id {
			return c
		}
	}
	return nil
}

// send gives m a new xid and sends it.
func (e *Endpoint) send(c *conn, m wire.Message) uint32 {
	x := c.next()
	e.reply(c, m, x)
	return x
}

// reply sends m with the xid of the message that it answers.
func (e *Endpoint) reply(c *conn, m wire.Message, xid uint32) {
	*m.Head() = wire.Header{Time: e.now.Time(), XID: xid}
	c.sent = e.now.Mono
	e.emit(Send{c.id, m})
}

// onConnected takes a new connection. The primary speaks first on every one,
// whoever dialled, as dhcpd does it.
func (e *Endpoint) onConnected(ev Connected) {
	if ev.Dialled {
		e.dialling = 0
	}
	e.counters.Connections++
	c := &conn{id: ev.Conn, dialled: ev.Dialled, since: e.now.Mono}
	switch {
	case e.parting.closed():
		e.emit(Hangup{c.id, "stopped by command"})
		return
	case !e.machine.clock && e.obeys(RuleR1):
		e.emit(Hangup{c.id, "the clock is not trusted"})
		return
	}
	if len(e.conns) >= maxConns {
		e.counters.Crowded++
		e.hangup(e.oldestPending(), "too many connections")
	}
	e.conns = append(e.conns, c)
	if !e.cfg.Secondary {
		e.sendConnect(c)
	}
}

// oldestPending is the connection that gives way first, never e.up.
func (e *Endpoint) oldestPending() *conn {
	for _, c := range e.conns {
		if c != e.up {
			return c
		}
	}
	return e.conns[0]
}

// onSecured goes on after the TLS handshake: the CONNECT is said again inside.
func (e *Endpoint) onSecured(ev Secured) {
	c := e.find(ev.Conn)
	if c == nil || !c.securing {
		return
	}
	c.securing = false
	if ev.Err != "" {
		e.refuse("TLS with the partner failed: %s", ev.Err)
		e.hangup(c, ev.Err)
		return
	}
	c.secure = true
	if !e.cfg.Secondary {
		e.sendConnect(c)
	}
}

// onClosed takes the end of a connection or of a dial.
func (e *Endpoint) onClosed(ev Closed) {
	if ev.Conn == 0 {
		e.dialling = 0
		e.redial = e.after(redialWait)
		return
	}
	if c := e.find(ev.Conn); c != nil {
		e.drop(c, ev.Why)
	}
}

// hangup ends a connection from our side.
func (e *Endpoint) hangup(c *conn, why string) {
	e.emit(Hangup{c.id, why})
	e.drop(c, why)
}

// farewell says why before it hangs up.
func (e *Endpoint) farewell(c *conn, r wire.Reject, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	e.send(c, &wire.Disconnect{Reject: wire.Some(r), Message: wire.Some(text)})
	e.hangup(c, text)
}

// drop forgets a connection.
func (e *Endpoint) drop(c *conn, why string) {
	for i := range e.conns {
		if e.conns[i] == c {
			e.conns = append(e.conns[:i], e.conns[i+1:]...)
			break
		}
	}
	if c == e.up {
		e.up = nil
		e.lost(c, why)
	}
	if e.up == nil && e.redial == 0 {
		e.redial = e.after(redialWait)
	}
}

// refuse logs why the partner is not talked to, once for each reason.
func (e *Endpoint) refuse(format string, args ...any) {
	e.counters.Refused++
	if text := fmt.Sprintf(format, args...); text != e.scolded {
		e.scolded = text
		e.log(Warning, "%s", text)
	}
}

// dueConnections ends handshakes that take too long and dials.
func (e *Endpoint) dueConnections() {
	for i := 0; i < len(e.conns); i++ {
		c := e.conns[i]
		if c == e.up || e.now.Mono-c.since < int64(handshakeWait) {
			continue
		}
		i--
		if e.cfg.Secondary && !c.securing {
			// Two secondaries wait for each other's CONNECT for ever.
			e.refuse("no CONNECT from the partner within %v: is %q secondary on both servers?", handshakeWait, e.cfg.Name)
			e.farewell(c, wire.RejectInvalidPartner, "no CONNECT within %v: this server is secondary for %q, so must the partner not be",
				handshakeWait, e.cfg.Name)
			continue
		}
		e.hangup(c, "no CONNECTACK in time")
	}
	if e.up != nil && !e.up.known && e.now.Mono-e.up.met >= int64(handshakeWait) {
		e.hangup(e.up, "the partner did not tell its state")
	}
	if e.dialling != 0 && e.now.Mono-e.dialling >= int64(dialWait) {
		e.dialling, e.redial = 0, e.now.Mono
	}
	e.dial()
}

// dial asks for a connection if it is time for one.
func (e *Endpoint) dial() {
	clock := e.machine.clock || !e.obeys(RuleR1)
	if e.up != nil || e.dialling != 0 || !e.passed(e.redial) || !clock || e.parting.closed() {
		return
	}
	if e.dialPending() {
		return
	}
	e.dialling, e.redial = e.now.Mono, e.after(redialWait)
	e.emit(Dial{})
}

// greet is what this box says of itself to a Tandem.
func (e *Endpoint) greet() string {
	g := wire.Greeting{
		Role: wire.RolePrimary, Pools: e.cfg.Digest, Software: e.cfg.Software, Boot: e.cfg.Boot,
		Capabilities: wire.CapExtra | wire.CapEcho | wire.CapGoodbye,
		Epoch:        wire.Some(e.peer.Epoch),
	}
	if e.cfg.Secondary {
		g.Role = wire.RoleSecondary
	}
	if m := e.cfg.MCLT; m != 0 {
		g.MCLT = wire.Some(m)
	}
	if a := e.cfg.Authority; a != 0 || !e.cfg.Secondary {
		g.Authority = wire.Some(orSeconds(a, e.cfg.MCLT))
	}
	if e.peer.LastContact != 0 {
		g.LastContact = wire.Some(e.peer.LastContact)
	}
	if e.strict() {
		g.Capabilities |= wire.CapStrict
	}
	return g.Encode()
}

// vendorClass names the implementation in the field that dhcpd shows.
func (e *Endpoint) vendorClass() string {
	if e.cfg.Software == "" {
		return "tandem"
	}
	return e.cfg.Software
}

// tandemWindow is how many updates a Tandem partner may have in flight: each
// batch is one sync of the disk.
const tandemWindow = 1024

// ourWindow is the max-unacked-bndupd that we announce. After a transfer was
// cut everything has to fit in: dhcpd's window stays full of what was in flight
// then. Otherwise it is small: dhcpd acknowledges at once only from half of it.
func (e *Endpoint) ourWindow() uint32 {
	n := e.cfg.MaxUnacked
	if e.tandem() {
		n = max(n, tandemWindow)
	}
	if e.peer.Facts&lease.PeerTransferCut != 0 {
		for _, id := range e.pools {
			n = max(n, e.poolSize(id))
		}
	}
	return uint32(n)
}

// poolSize is the number of addresses of a pool.
func (e *Endpoint) poolSize(id int) (n int) {
	for s := lease.Free; s <= lease.Backup; s++ {
		n += e.table.Count(id, s)
	}
	return n
}

// sendConnect opens the relationship (draft section 7.8).
func (e *Endpoint) sendConnect(c *conn) {
	m := &wire.Connect{
		Relationship: wire.Some(e.cfg.Name),
		MaxUnacked:   wire.Some(e.ourWindow()),
		ReceiveTimer: wire.Some(e.cfg.MaxResponseDelay),
		VendorClass:  wire.Some(e.vendorClass()),
		Version:      wire.Some(uint8(wire.Version)),
		MCLT:         wire.Some(e.cfg.MCLT),
		HBA:          wire.Some(e.cfg.HBA),
		Vendor:       wire.Some(e.greet()),
	}
	if !c.secure {
		m.TLSRequest = wire.Some(e.cfg.TLS)
	}
	c.connected = true
	e.send(c, m)
}

// establish makes c the connection of the relationship. Others that were on
// their way are dropped without a change of state.
func (e *Endpoint) establish(c *conn, timer lease.Seconds, window uint32, g *wire.Greeting) {
	for i := len(e.conns) - 1; i >= 0; i-- {
		if o := e.conns[i]; o != c && o != e.up {
			e.hangup(o, "another connection was faster")
		}
	}
	e.up = c
	lapsed := e.peer.Facts&lease.PeerLapsed != 0
	c.doubtful = lapsed || (e.machine.wary != "" || e.strict()) && e.now.Time() >= e.authority()
	c.met, c.heard, c.echoed = e.now.Mono, e.now.Mono, e.now.Mono
	c.timer, c.window = timer, int(min(window, 1<<20))
	e.dialling, e.redial, e.scolded = 0, 0, ""
	e.machine.quietFrom = e.now.Mono
	e.greeting = wire.Greeting{}
	e.peer.Facts &^= lease.PeerOurs
	if g != nil {
		e.peer.Facts |= lease.PeerOurs
		e.adopt(g)
	}
	e.save()
	if g != nil {
		e.announce()
	}
	// dhcpd tells its state unasked. Ours is held until then, so that the
	// first thing it hears from us already fits: it exits, or shuts itself
	// down, on a state that does not.
}

// adopt takes what a Tandem partner says of itself.
func (e *Endpoint) adopt(g *wire.Greeting) {
	e.greeting = *g
	e.peer.Epoch = max(e.peer.Epoch, g.Epoch.Or(0))
	if e.cfg.Secondary {
		e.peer.Authority = g.Authority.Or(e.peer.MCLT)
	} else {
		e.peer.Authority = orSeconds(e.cfg.Authority, e.cfg.MCLT)
	}
	e.witness(g)
}

// witnessSlack covers that "last alive" is written every few seconds, and a
// write that was lost with the power.
const witnessSlack lease.Seconds = 60

// witness obeys R4: if the partner was heard by this box after the moment at
// which this box's own store ends, the store is an older copy.
func (e *Endpoint) witness(g *wire.Greeting) {
	first := !e.judged // later a partner speaks of this run
	e.judged = true
	if !first || !e.obeys(RuleR4Witness) || !g.LastContact.Set || e.boot.LastAlive == 0 || e.peer.Facts&lease.PeerNeedsAll != 0 {
		return
	}
	end := e.boot.LastAlive.Add(witnessSlack + e.slack())
	if g.LastContact.V <= end || g.LastContact.V > e.started.Time() {
		return
	}
	e.log(Alarm, "the partner heard this box at %v, but its store ends at %v: it is an older copy", g.LastContact.V, e.boot.LastAlive)
	e.loseStore()
	if e.state != lease.Startup {
		e.enter(lease.Recover, "the store is older than what the partner witnessed")
	}
}

// lost follows the end of the connection of the relationship.
func (e *Endpoint) lost(c *conn, why string) {
	e.redial = e.after(redialWait)
	e.requeueFlight()
	e.cutTransfer(c)
	e.deferred = e.deferred[:0]
	e.settling.drain = false
	if !c.known {
		return
	}
	e.log(Warning, "contact lost: %s", why)
	if e.state == lease.Startup {
		if e.startBy != 0 {
			e.startBy = max(e.startBy, e.after(time.Second))
		}
		return
	}
	if to := interrupted(e.state); to != e.state {
		e.enter(to, "contact lost: "+why)
	}
}
