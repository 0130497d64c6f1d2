package pairs

import (
	"testing"
	"time"

	"tandem/failover/lease"
)

// One server is killed: clients renew at the other one, new ones get leases
// there; the first comes back and both agree.
func TestKillAndReturn(t *testing.T) {
	eachRole(t, Options{}, 30, func(h *harness, victim *Box) {
		h.acquire(0, 20)
		h.settled()
		victim.Kill()
		began := time.Now()
		before := h.addrs(0, 20)
		must0(h, h.crowd.Renew(within(h), 0, 20, 20))
		h.Logf("20 clients have renewed %v after the kill", time.Since(began).Round(time.Millisecond))
		h.keep(before, 0, 20)
		h.acquire(20, 30)
		h.giveBack()
		must0(h, h.Other(victim).AwaitState("communications-interrupted", Patience))
		must0(h, victim.Start())
		h.settled()
		before = h.addrs(0, 30)
		must0(h, h.crowd.Renew(within(h), 3, 30, 20))
		h.keep(before[3:], 3, 30)
		h.settled()
	})
}

// One server is killed and declared down: after MCLT the other one gives out
// the whole pool. The first comes back through RECOVER and both agree.
func TestPartnerDownAndReturn(t *testing.T) {
	const size = 20
	o := Options{MCLT: 10, LeaseTime: 120, Ranges: []string{"10.0.1.1 10.0.1.20"}}
	eachRole(t, o, size, func(h *harness, victim *Box) {
		h.acquire(0, 6)
		h.settled()
		must0(h, h.crowd.Renew(within(h), 0, 6, 6)) // from here on for longer than MCLT
		h.settled()
		victim.Kill()
		survivor := h.Other(victim)
		must0(h, survivor.AwaitState("communications-interrupted", Patience))
		must0(h, survivor.PartnerDown())
		must0(h, survivor.AwaitState("partner-down", Patience))
		began := time.Now()
		h.acquire(6, 18)
		h.Logf("the survivor had given 18 of %d addresses %v after the command", size, time.Since(began).Round(time.Millisecond))
		before := h.addrs(0, 18)
		must0(h, h.crowd.Renew(within(h), 0, 18, 18))
		h.keep(before, 0, 18)
		must0(h, victim.Start())
		h.settled()
		before = h.addrs(0, 18) // short leases may have ended in RECOVER-WAIT
		must0(h, h.crowd.Renew(within(h), 0, 18, 18))
		h.keep(before, 0, 18)
		h.settled()
	})
}

// One server comes back without its leases. It gets them from the other one
// and gives no address before.
func TestAmnesia(t *testing.T) {
	eachRole(t, Options{MCLT: 10, LeaseTime: 120}, 25, func(h *harness, victim *Box) {
		h.acquire(0, 20)
		h.settled()
		must0(h, h.crowd.Renew(within(h), 0, 20, 20)) // from here on for longer than MCLT
		h.settled()
		victim.Kill()
		must0(h, victim.Forget())
		must0(h, victim.Start())
		before := h.addrs(0, 20)
		h.acquire(20, 25)
		must0(h, h.AwaitNormal(Patience))
		must0(h, h.crowd.Renew(within(h), 0, 25, 25))
		h.keep(before, 0, 20)
		h.settled()
	})
}

// The link between the servers is cut, both serve on; healed, both agree.
func TestLinkCut(t *testing.T) {
	each(t, Options{LeaseTime: 120}, 40, func(h *harness) {
		h.acquire(0, 20)
		h.settled()
		h.cut()
		before := h.addrs(0, 20)
		must0(h, h.crowd.Renew(within(h), 0, 20, 20))
		h.keep(before, 0, 20)
		h.acquire(20, 30)
		h.giveBack()
		must0(h, h.crowd.Decline(3, 4))
		must0(h, h.Link.Heal())
		h.settled()
		h.acquire(30, 40)
		h.settled()
	})
}

// giveBack lets three clients release their addresses, once every answer that
// is under way has come.
func (h *harness) giveBack() {
	h.Helper()
	h.answered()
	must0(h, h.crowd.Release(0, 3))
}

// cut cuts the link and waits until both have noticed.
func (h *harness) cut() {
	h.Helper()
	must0(h, h.Link.Cut())
	for _, b := range h.Boxes() {
		must0(h, b.AwaitState("communications-interrupted", Patience))
	}
}

// The link is cut and each is told that the other one is down. While less
// than MCLT has passed nobody takes the other one's addresses; healed, the
// conflict is resolved and both agree.
func TestBothPartnerDown(t *testing.T) {
	each(t, Options{MCLT: 30, LeaseTime: 120}, 30, func(h *harness) {
		h.acquire(0, 20)
		h.settled()
		h.cut()
		for _, b := range h.Boxes() {
			must0(h, b.PartnerDown())
			must0(h, b.AwaitState("partner-down", Patience))
		}
		before := h.addrs(0, 20)
		must0(h, h.crowd.Renew(within(h), 0, 20, 20))
		h.keep(before, 0, 20)
		h.acquire(20, 25)
		must0(h, h.Link.Heal())
		must0(h, h.Primary.AwaitState("potential-conflict|conflict-done|normal", Patience))
		h.settled()
		h.acquire(25, 30)
		h.settled()
	})
}

// A link that is cut again and again for less than anybody notices, and for
// longer, does no harm.
func TestFlappingLink(t *testing.T) {
	each(t, Options{ResponseDelay: 4, LeaseTime: 120}, 60, func(h *harness) {
		for i := range 6 {
			h.acquire(10*i, 10*i+10)
			if i%2 == 0 {
				must0(h, h.Primary.Node.Unplug("eth1"))
				must0(h, h.crowd.Renew(within(h), 0, 10*i+10, 20))
				must0(h, h.Primary.Node.Replug("eth1"))
				continue
			}
			h.cut()
			must0(h, h.Link.Heal())
			must0(h, h.AwaitNormal(Patience))
		}
		h.settled()
	})
}

// A server that lost its leases is being sent all of them when the link is
// cut in the middle. Afterwards it has them all, or says that it has not.
func TestTransferInterrupted(t *testing.T) {
	long(t)
	const n = 600
	o := Options{MCLT: 10, LeaseTime: 600, ResponseDelay: 4, Ranges: []string{"10.0.1.1 10.0.4.250"}}
	eachRole(t, o, n, func(h *harness, victim *Box) {
		h.acquire(0, n)
		h.settled()
		must0(h, h.crowd.Renew(within(h), 0, n, 50)) // from here on for longer than MCLT
		h.settled()
		sender := h.Other(victim)
		victim.Kill()
		must0(h, victim.Forget())
		must0(h, sender.Node.Slow("eth1", "64kbit"))
		must0(h, victim.Start())
		must0(h, victim.AwaitState("recover", Patience))
		for i := range 3 {
			if whole := h.awaitMore(victim, 30, sender); whole && i > 0 {
				break // a slow machine sees less of the transfer
			} else if whole {
				h.Fatal("the transfer was over before it could be interrupted")
			}
			mark := sender.Server.Mark()
			must0(h, h.Link.Cut())
			// It may not have been connected again yet.
			_, _ = sender.Server.Await(mark, lostContact, 10*time.Second)
			must0(h, h.Link.Heal())
		}
		must0(h, sender.Node.Slow("eth1", ""))
		h.settled()
		before := h.addrs(0, n)
		must0(h, h.crowd.Renew(within(h), 0, n, 50))
		h.keep(before, 0, n)
		h.settled()
	})
}

// awaitMore waits until a server that is being filled has so many more active
// leases than now, or all that its source has.
func (h *harness) awaitMore(b *Box, more int, from *Box) (whole bool) {
	h.Helper()
	before := must(b.Leases())(h).Count(lease.Active)
	must0(h, poll(Patience, func() (bool, error) {
		t, err := b.Leases()
		if err != nil {
			return false, err
		}
		all, err := from.Leases()
		n := t.Count(lease.Active)
		whole = n >= all.Count(lease.Active)
		return whole || n >= before+more, err
	}))
	return whole
}
