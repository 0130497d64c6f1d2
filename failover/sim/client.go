package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"tandem/failover/lease"
)

// Kinds of clients.
const (
	// Steady clients keep their address and do nothing else.
	Steady = "steady"
	// Mute clients never count up secs.
	Mute = "mute"
	// Rogue clients ask for and give back what is not theirs.
	Rogue = "rogue"
	// Nomads move between the networks.
	Nomad = "nomad"
)

// phase is where a client is in RFC 2131 figure 5.
type phase uint8

const (
	off phase = iota
	selecting
	requesting
	rebooting
	bound
	renewing
	rebinding
)

// client is one DHCP client. It believes in its lease from the moment at
// which it asked, as RFC 2131 section 4.4.1 has it.
type client struct {
	w    *World
	spec ClientSpec
	rng  *rand.Rand
	name string
	far  bool

	phase  phase
	timer  uint64
	xid    uint32
	since  Moment // of the first packet of this exchange
	asked  Moment // of the request that is being answered
	tries  int
	server lease.IP
	wanted lease.IP // the address of the exchange
	have   lease.IP // the address believed in, or the last one
	until  Moment   // the end of the belief
	length time.Duration
	start  Moment
	idle   Moment // without an address since
	served uint64
}

func newClient(w *World, spec ClientSpec) *client {
	return &client{w: w, spec: spec, rng: stream(w.plan.Seed, 1000+uint64(spec.N)), name: fmt.Sprintf("c%d", spec.N), far: spec.Far}
}

// twinUID is the client identifier that several clients have. To a server
// they are one: what one of them gives back, the others lose.
const twinUID = "twin"

func (c *client) twin() bool { return c.spec.UID == twinUID }

func (c *client) begin() {
	c.idle = c.w.now
	c.discover()
}

// alarm has something happen later, unless something else comes before.
func (c *client) alarm(d time.Duration, do func()) {
	c.timer++
	timer := c.timer
	c.w.in(d, func() {
		if c.timer == timer {
			do()
		}
	})
}

// exchange begins a new one.
func (c *client) exchange(p phase) {
	c.phase, c.tries = p, 0
	c.xid = c.rng.Uint32()
	c.since, c.asked = c.w.now, c.w.now
}

func (c *client) discover() {
	c.exchange(selecting)
	c.sendDiscover()
}

func (c *client) sendDiscover() {
	m := c.message(typeDiscover)
	if c.have != 0 && c.rng.IntN(2) == 0 {
		m.requested = c.have
	}
	c.send(m, everybody)
	c.again(c.sendDiscover)
}

// again repeats with the pauses of RFC 2131 section 4.1.
func (c *client) again(do func()) {
	wait := min(4<<min(c.tries, 4), 64)
	c.tries++
	if c.phase == selecting && c.tries == 6 {
		c.w.check.unserved(c)
		c.tries = 0
	}
	c.alarm(time.Duration(wait)*time.Second+time.Duration(c.rng.IntN(2000)-1000)*time.Millisecond, do)
}

func (c *client) message(typ byte) *message {
	m := &message{typ: typ, xid: c.xid, number: uint32(c.spec.N), uid: c.spec.UID}
	if c.spec.Kind != Mute {
		m.secs = uint16((c.w.now - c.since) / Moment(time.Second))
	}
	return m
}

func (c *client) send(m *message, dst lease.IP) {
	src := m.ciaddr
	if c.far && dst == everybody {
		m.giaddr = relayIP
	}
	c.w.lan.request(m.encode(), src, dst, c.far, m.typ == typeRelease)
}

func (c *client) sendRequest() {
	if c.tries > 3 {
		c.discover()
		return
	}
	m := c.message(typeRequest)
	m.requested, m.server = c.wanted, c.server
	c.send(m, everybody)
	c.again(c.sendRequest)
}

// reboot asks for the address that the client remembers.
func (c *client) reboot() {
	c.exchange(rebooting)
	c.wanted = c.have
	c.sendReboot()
}

func (c *client) sendReboot() {
	if c.tries > 2 {
		if c.believes() { // RFC 2131 section 3.2: it may go on with its lease
			c.rest()
			return
		}
		c.discover()
		return
	}
	m := c.message(typeRequest)
	m.requested = c.wanted
	c.send(m, everybody)
	c.again(c.sendReboot)
}

// renew asks the server, rebind everybody, and the end of the lease ends all.
func (c *client) renew() {
	c.exchange(renewing)
	c.wanted = c.have
	c.sendRenew()
}

func (c *client) sendRenew() {
	t2 := c.start + Moment(c.length)*7/8
	switch {
	case !c.believes():
		c.lapse("lease over")
		c.discover()
		return
	case c.phase == renewing && c.w.now >= t2:
		c.phase = rebinding
	}
	m := c.message(typeRequest)
	m.ciaddr = c.have
	next := t2
	dst := c.server
	if c.phase == rebinding {
		dst, next = everybody, c.until
	}
	c.asked = c.w.now // each renewal is a request of its own
	c.xid = c.rng.Uint32()
	m.xid = c.xid
	c.send(m, dst)
	wait := max(time.Duration(next-c.w.now)/2, 4*time.Second)
	wait = min(wait, max(time.Duration(next-c.w.now), time.Millisecond))
	c.alarm(wait, c.sendRenew)
}

func (c *client) believes() bool { return c.have != 0 && c.w.now < c.until }

// lapse ends the belief without a word to anybody.
func (c *client) lapse(why string) {
	c.w.check.gave(c)
	c.until = 0
	c.idle = c.w.now
	c.w.tell("%s has no address any more: %s", c.name, why)
}

// hears tells whether a datagram is for this client.
func (c *client) hears(r reply) bool {
	return r.client == uint32(c.spec.N) && c.phase != off && r.xid == c.xid
}

// receive takes a server's answer.
func (c *client) receive(b *Box, r reply) {
	switch {
	case r.typ == typeOffer && c.phase == selecting:
		c.wanted, c.server = r.ip, r.server
		c.phase, c.tries, c.asked = requesting, 0, c.w.now
		c.sendRequest()
	case r.typ == typeACK && c.phase >= requesting && c.phase != bound:
		if c.spec.Kind != Rogue && c.wanted != r.ip {
			c.w.fail("dhcp", "%s asked for %v and was given %v", c.name, c.wanted, r.ip)
			return
		}
		c.take(b, r)
	case r.typ == typeNAK && c.phase >= requesting && c.phase != bound:
		c.refused(b)
	}
}

// take begins to believe in a lease.
func (c *client) take(b *Box, r reply) {
	fresh := !c.believes() || c.have != r.ip
	if fresh && c.believes() {
		c.w.check.gave(c)
	}
	c.have, c.server, c.length, c.start = r.ip, r.server, r.time.Duration(), c.asked
	c.until = c.asked.after(c.length)
	c.served++
	if fresh {
		c.w.tell("%s has %v from %s until %v", c.name, c.have, b.name, c.until)
	} else {
		c.w.tell("%s renewed %v at %s until %v", c.name, c.have, b.name, c.until)
	}
	c.w.check.took(c, b)
	if fresh && c.spec.Kind == "" && c.rng.IntN(60) == 0 {
		c.decline()
		return
	}
	c.rest()
}

// refused takes a DHCPNAK.
func (c *client) refused(b *Box) {
	if c.believes() {
		c.w.check.nak(c, b)
		c.lapse("DHCPNAK from " + b.name)
	}
	c.have = 0
	c.phase = off
	c.alarm(time.Duration(1+c.rng.IntN(3))*time.Second, c.discover)
}

func (c *client) decline() {
	m := c.message(typeDecline)
	m.requested, m.server = c.have, c.server
	c.w.tell("%s declines %v", c.name, c.have)
	c.send(m, everybody)
	c.lapse("declined")
	c.have = 0
	c.phase = off
	c.alarm(10*time.Second, c.discover)
}
