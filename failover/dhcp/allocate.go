package dhcp

import (
	"tandem/failover/conf"
	"tandem/failover/lease"
)

// maxTries bounds the addresses of one state in one pool that are looked at
// for one client, where the partner keeps some of them back.
const maxTries = 64

// idleStates are the states, besides FREE, of addresses in a pool whose
// failover peer was taken out of the configuration: nobody else owns them.
var idleStates = []lease.State{lease.Free, lease.Backup, lease.Expired, lease.Released, lease.Reset}

// allocate chooses a new address for the client: over all pools of its
// network that permit it the one that was never used or least recently used,
// and only if there is none the abandoned one that has rested longest.
func (r *Responder) allocate(q *inquiry, t *target) bool {
	if r.allocateFrom(q, t, false) {
		return true
	}
	return r.allocateFrom(q, t, true)
}

func (r *Responder) allocateFrom(q *inquiry, t *target, abandoned bool) bool {
	var best lease.Lease
	var from *conf.Pool
	for _, pool := range q.network.Pools {
		if ok, _ := permitted(pool, q); !ok {
			continue
		}
		l, ok := r.candidate(q, pool, abandoned)
		if ok && (from == nil || l.Ends < best.Ends) {
			best, from = l, pool
		}
	}
	if from == nil {
		return false
	}
	*t = target{ip: best.IP, lease: best, pool: from, subnet: rangeOf(from, best.IP).Subnet, fresh: true}
	t.same = q.same(&t.lease)
	return true
}

// candidate gives the best available address of one pool.
func (r *Responder) candidate(q *inquiry, pool *conf.Pool, abandoned bool) (found lease.Lease, ok bool) {
	partner := r.partnerOf(pool)
	states := partner.FreeStates(q.now)
	switch {
	case abandoned && len(states) == 0:
		return found, false
	case abandoned:
		states = abandonedOnly
	case pool.Peer == nil:
		states = idleStates
	}
	for _, s := range states {
		tries := 0
		r.table.Candidates(pool.ID, s, func(l lease.Lease) bool {
			if _, taken := r.fixed[l.IP]; taken {
				// A fixed address inside a pool is never given to others.
				r.table.Hold(l.IP)
				return true
			}
			if tries++; tries > maxTries {
				return false
			}
			if r.table.Held(l.IP) || !r.fits(q, pool, l.IP) || !partner.Available(q.now, &l, false).OK {
				return true
			}
			found, ok = l, true
			return false
		})
		if ok {
			return found, true
		}
	}
	return found, false
}

var abandonedOnly = []lease.State{lease.Abandoned}

// fits tells whether the client may have this address of the pool.
func (r *Responder) fits(q *inquiry, pool *conf.Pool, ip lease.IP) bool {
	if q.kind != BOOTP {
		return true
	}
	pr := rangeOf(pool, ip)
	return pr != nil && bootpFrom(pool, pr)
}

// peerHasLeases tells whether the partner could serve the client where this
// server does not: it has free addresses in a pool that permits the client.
func (r *Responder) peerHasLeases(q *inquiry) bool {
	for _, pool := range q.network.Pools {
		if pool.Peer == nil {
			continue
		}
		if ok, _ := permitted(pool, q); !ok {
			continue
		}
		if r.theirs(q.now, pool) > 0 {
			return true
		}
	}
	return false
}

// theirs counts the free addresses of the pool that only the partner may give.
func (r *Responder) theirs(now lease.Now, pool *conf.Pool) int {
	n := r.table.Count(pool.ID, lease.Free) + r.table.Count(pool.ID, lease.Backup)
	for _, s := range r.partnerOf(pool).FreeStates(now) {
		if s == lease.Free || s == lease.Backup {
			n -= r.table.Count(pool.ID, s)
		}
	}
	return n
}
