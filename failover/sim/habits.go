package sim

import (
	"time"

	"tandem/failover/lease"
)

// rest waits for T1, or for what else this client does with its life.
func (c *client) rest() {
	c.phase = bound
	left := max(time.Duration(c.until-c.w.now), 0)
	t1 := max(time.Duration(c.start.after(c.length/2)-c.w.now), 0)
	if left <= t1 {
		t1 = left / 2
	}
	if c.w.peace || c.spec.Kind == Steady || c.spec.Kind == Renewer || c.spec.Kind == Newcomer {
		c.alarm(t1, c.renew)
		return
	}
	some := func() time.Duration { return time.Duration(c.rng.Int64N(int64(left) + 1)) }
	switch n := c.rng.IntN(100); {
	case n < 12:
		c.alarm(some(), c.release)
	case n < 24:
		c.alarm(some(), func() { c.sleep(time.Duration(c.rng.IntN(30)) * time.Second) })
	case n < 34:
		c.alarm(some(), func() { c.sleep(time.Duration(c.rng.Int64N(int64(4*c.length) + 1))) })
	case n < 44 && c.spec.Kind == Nomad && c.w.plan.Far > 0:
		c.alarm(some(), c.move)
	case n < 60 && c.spec.Kind == Rogue:
		c.alarm(min(some(), t1), c.misbehave)
	default:
		c.alarm(t1, c.renew)
	}
}

// release gives the address back and comes again later.
func (c *client) release() {
	m := c.message(typeRelease)
	m.ciaddr, m.server = c.have, c.server
	c.w.tell("%s releases %v", c.name, c.have)
	c.send(m, c.server)
	c.lapse("released")
	c.phase = off
	c.alarm(time.Duration(c.rng.IntN(60))*time.Second, c.discover)
}

// sleep goes away without a word, and comes back with the old address.
func (c *client) sleep(d time.Duration) {
	c.phase = off
	c.alarm(d, func() {
		if c.have != 0 && !c.believes() {
			c.lapse("lease over while away")
		}
		if c.have != 0 && c.rng.IntN(4) > 0 {
			c.reboot()
			return
		}
		c.discover()
	})
}

// move goes to the other network and asks there for what it had here.
func (c *client) move() {
	c.w.tell("%s moves", c.name)
	c.lapse("moved")
	c.far = !c.far
	c.alarm(time.Second, c.reboot)
}

// misbehave sends what no client should: requests, releases and declines for
// any address, a request to the wrong server.
func (c *client) misbehave() {
	ip := lease.MustIP("10.0.0.100") + lease.IP(c.rng.IntN(c.w.plan.Pool+1))
	m := c.message([]byte{typeRequest, typeRelease, typeDecline, typeRequest}[c.rng.IntN(4)])
	m.xid = c.rng.Uint32()
	m.requested = ip
	switch c.rng.IntN(3) {
	case 0:
		m.ciaddr = ip
	case 1:
		m.server = c.w.boxes[c.rng.IntN(2)].iface.Addrs[0]
	}
	c.send(m, everybody)
	if m.typ == typeRequest || ip == c.have {
		// It asked for another address, or gave back its own.
		c.lapse("misbehaved")
		c.phase = off
		c.alarm(time.Duration(1+c.rng.IntN(5))*time.Second, c.discover)
		return
	}
	c.alarm(time.Second, c.rest)
}
