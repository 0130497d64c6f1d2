package dhcp

import (
	"tandem/failover/conf"
	"tandem/failover/lease"
)

// permitted tells whether the client may have addresses of the pool: refused
// if any deny matches, or if there are allows and none does (dhcpd.conf(5),
// "allow and deny within pool declarations"). by is the permit that decided,
// nil if none did.
func permitted(pool *conf.Pool, c client) (ok bool, by *conf.Permit) {
	for i := range pool.Deny {
		if c.matches(&pool.Deny[i]) {
			return false, &pool.Deny[i]
		}
	}
	if len(pool.Allow) == 0 {
		return true, nil
	}
	for i := range pool.Allow {
		if c.matches(&pool.Allow[i]) {
			return true, &pool.Allow[i]
		}
	}
	return false, &pool.Allow[0]
}

// client is what permits look at.
type client interface {
	matches(p *conf.Permit) bool
}

func (q *inquiry) matches(p *conf.Permit) bool {
	switch p.Kind {
	case conf.PermitKnown:
		return q.known
	case conf.PermitUnknown:
		return !q.known
	case conf.PermitAll, conf.PermitUnauthenticated:
		return true
	case conf.PermitAuthenticated:
		return false
	case conf.PermitDynamicBOOTP:
		return q.kind == BOOTP
	case conf.PermitMembers:
		return q.Member(p.Class)
	case conf.PermitAfter:
		return q.now.Time() > p.After
	}
	return false
}

// bootpFrom tells whether a BOOTP client may be given an address of range pr
// of the pool: always by `range dynamic-bootp`; else only where an explicit
// pool does not object, and from a failover pool only if it is allowed in so
// many words, because both servers would have to keep the address for ever.
func bootpFrom(pool *conf.Pool, pr *conf.PoolRange) bool {
	if pr.DynamicBOOTP {
		return true
	}
	for i := range pool.Allow {
		if pool.Allow[i].Kind == conf.PermitDynamicBOOTP {
			return true
		}
	}
	return pool.Peer == nil && pool.Scope != nil && pool.Scope.Kind == "pool"
}

// rangeOf finds the range of the pool that an address is in.
func rangeOf(pool *conf.Pool, ip lease.IP) *conf.PoolRange {
	lo, hi := 0, len(pool.Ranges)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if pool.Ranges[mid].High < ip {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(pool.Ranges) && pool.Ranges[lo].Contains(ip) {
		return &pool.Ranges[lo]
	}
	return nil
}
