package failover

import (
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// balanceStep bounds the addresses that one balancing looks at per pool.
const balanceStep = 1 << 16

// balancer is when the pools are looked at.
type balancer struct {
	last int64 // Mono moment of the latest balancing
	next int64 // of the next one, 0 none
}

// shares is dhcpd's arithmetic for one pool: integers, division toward zero.
type shares struct {
	send  int // addresses to give away
	hold  int // so many too few are kept for clients of one's own
	panic int // below it the partner is asked for addresses
}

func sharesOf(own, theirs, misbalance, ownership int) shares {
	total := own + theirs
	thresh := (total*misbalance + 50) / 100
	s := shares{send: (own - theirs) / 2, hold: (total*ownership + 50) / 100, panic: -2 * thresh}
	if s.panic == 0 {
		s.panic = -1
	}
	return s
}

func (e *Endpoint) sharesOf(pool int) shares {
	return sharesOf(e.table.Count(pool, e.ownFree()), e.table.Count(pool, e.partnerFree()),
		e.cfg.MaxMisbalance, e.cfg.MaxOwnership)
}

// rebalance gives addresses to the partner as dhcpd does, and says how many.
// timed: by the timer, which alone asks the partner for some.
func (e *Endpoint) rebalance(timed bool) (given int) {
	if e.state != lease.Normal || !e.Connected() {
		return 0
	}
	needy := false
	for _, id := range e.pools {
		s := e.sharesOf(id)
		given += e.giveFrom(id, s)
		needy = needy || s.send < s.panic
	}
	if timed && needy {
		e.send(e.up, &wire.Poolreq{})
	}
	e.balance.last = e.now.Mono
	e.balance.next = e.nextBalance()
	return given
}

// giveFrom gives away from one pool, in two passes over the own addresses,
// the longest unused first: those whose last client is the partner's, then any.
func (e *Endpoint) giveFrom(pool int, s shares) int {
	if s.send <= -s.hold {
		return 0
	}
	var first, second []lease.Lease
	send, seen := s.send, 0
	e.table.Candidates(pool, e.ownFree(), func(l lease.Lease) bool {
		seen++
		used := l.UID != "" || l.HW != ""
		switch {
		case used && send > -s.hold && !e.bucketHere(wire.HashClient(l.UID, l.HW)):
			first = append(first, l)
			send--
		case len(second) < max(s.send, 0)+s.hold:
			second = append(second, l)
		}
		return seen < balanceStep && send > -s.hold
	})
	for _, l := range second {
		used := l.UID != "" || l.HW != ""
		if used && send <= s.hold || !used && send <= 0 {
			continue
		}
		first = append(first, l)
		send--
	}
	for _, l := range first {
		e.give(l)
	}
	return len(first)
}

// give makes one address the partner's. From here on it is not ours.
func (e *Endpoint) give(l lease.Lease) {
	now := e.now.Time()
	l.Rewind = l.State
	l.State, l.STOS, l.TSTP, l.Starts = e.partnerFree(), now, now, now
	l.Flags |= lease.FlagPending
	e.store(l)
	e.enqueue(l.IP)
}

// giveByAffinity: an address that became free goes to the partner at once if
// its last client is the partner's and we are not short of addresses.
func (e *Endpoint) giveByAffinity(l *lease.Lease) {
	if e.cfg.Secondary || e.state != lease.Normal || !e.Connected() || l.State != lease.Free ||
		l.Flags&(lease.FlagReserved|lease.FlagBOOTP) != 0 || e.bucketHere(wire.HashClient(l.UID, l.HW)) {
		return
	}
	if s := e.sharesOf(e.table.PoolOf(l.IP)); s.send > -s.hold {
		e.give(*l)
	}
}

// onPoolreq answers in both roles, as dhcpd does: the number first, then the
// addresses.
func (e *Endpoint) onPoolreq(c *conn, m *wire.Poolreq) {
	given := e.rebalance(false)
	e.reply(c, &wire.Poolresp{Transferred: wire.Some(uint32(given))}, m.XID)
}

// nextBalance is dhcpd's schedule: a share of the time for which the first
// address of either list has been unused, within the configured bounds.
func (e *Endpoint) nextBalance() int64 {
	wait := e.cfg.MaxBalance
	for _, id := range e.pools {
		own := e.unused(id, e.ownFree())
		theirs := e.unused(id, e.partnerFree())
		est := min(2*uint64(own), uint64(theirs)) * uint64(e.cfg.MaxMisbalance) / 100
		wait = lease.Seconds(min(uint64(wait), est))
	}
	at := e.balance.last + int64(max(wait, e.cfg.MinBalance).Duration())
	return at + int64(e.roll(5))*int64(time.Second)
}

// unused is for how long the first free address of a list has been unused.
func (e *Endpoint) unused(pool int, s lease.State) lease.Seconds {
	var est lease.Seconds
	e.table.Candidates(pool, s, func(l lease.Lease) bool {
		est = e.now.Time().Sub(l.Ends)
		return false
	})
	return est
}

// dueBalance balances by the timer.
func (e *Endpoint) dueBalance() {
	if e.state == lease.Normal && e.Connected() && e.passed(e.balance.next) {
		e.rebalance(true)
	}
}
