package dhcp

import (
	"tandem/failover/lease"
)

// discover answers a DHCPDISCOVER (RFC 2131 section 4.3.1): it finds the
// address for the client, in this order: its fixed address, the one it asks
// for, the one it has or had, the one offered to it before, a new one.
func (r *Responder) discover(q *inquiry) {
	t := &r.t
	r.identify(q, q.network)
	found := r.returning(q, t)
	r.head(q, "DHCPDISCOVER", nameSource(t, found))
	if found && t.pool == nil {
		r.offer(q, t)
		return
	}
	if !found && q.fixed != 0 {
		r.refuse(q, t, cRefused, ruleFixedTaken, LevelError, ": fixed address ", q.fixed.String(), " is leased to another client.")
		return
	}
	if !found && !r.allocate(q, t) {
		r.noFree(q)
		return
	}
	if r.serves(q, t) {
		r.offer(q, t)
	}
}

// nameSource is the lease whose host name the log line shows.
func nameSource(t *target, found bool) *lease.Lease {
	if !found || t.pool == nil {
		return nil
	}
	return &t.lease
}

// returning finds the address that the client has a claim or a wish to.
func (r *Responder) returning(q *inquiry, t *target) bool {
	if q.fixed != 0 {
		return r.staticTarget(q, t)
	}
	if q.hasWanted && r.wished(q, t) {
		r.duplicate(q, t)
		return true
	}
	ip, ok := r.own(q, q.network)
	r.dropUnfit(q)
	if ok && r.consider(q, t, ip, q.network) && r.usable(q, t).OK {
		return true
	}
	if o := r.offers.find(q, q.network); o != nil && r.consider(q, t, o.ip, q.network) {
		if fit, _ := permitted(t.pool, q); fit && r.usable(q, t).OK {
			return true
		}
	}
	return false
}

// duplicate logs that the client, known by its identifier, asks for another
// address than it holds.
func (r *Responder) duplicate(q *inquiry, t *target) {
	if len(q.uid) == 0 {
		return
	}
	r.table.EachByUID(string(q.uid), func(l *lease.Lease) bool {
		if l.IP != t.ip && l.Binding(q.now.Time()) && r.networkOf(l.IP) == t.subnet.Network {
			r.sayDuplicate(q, t, l.IP)
		}
		return true
	})
}

// wished tells whether the client can have the address that it asks for.
func (r *Responder) wished(q *inquiry, t *target) bool {
	if !r.consider(q, t, q.wanted, q.network) || !r.fits(q, t.pool, t.ip) {
		return false
	}
	fit, _ := permitted(t.pool, q)
	return fit && r.usable(q, t).OK
}

// noFree says that there is no address for the client.
func (r *Responder) noFree(q *inquiry) {
	if v, restrained := r.restrained(q); restrained {
		r.count[cNotServed]++
		r.say(q, LevelInfo, ": not responding (", v.Why, ")")
		r.note(q, decision{outcome: outRefused, rule: v.Rule, detail: v.Why})
		return
	}
	if r.peerHasLeases(q) {
		r.refuse(q, nil, cNoFree, rulePeerHolds, LevelError, ": peer holds all free leases")
		return
	}
	r.refuse(q, nil, cNoFree, ruleNoFree, LevelError, ": network ", q.network.Name, ": no free leases")
}

// restrained tells whether it is a rule that keeps this server from giving
// any address of the client's network, and which.
func (r *Responder) restrained(q *inquiry) (Verdict, bool) {
	for _, pool := range q.network.Pools {
		if ok, _ := permitted(pool, q); !ok || pool.Peer == nil || len(r.partnerOf(pool).FreeStates(q.now)) > 0 {
			continue
		}
		v := r.partnerOf(pool).Serve(q.now, Query{Kind: q.kind, Key: q.key(), Secs: q.secs, Addressed: q.addressed(false)})
		if !v.OK && v.Rule != ruleHash {
			return v, true
		}
	}
	return Verdict{}, false
}

// serves asks the partner of t's pool whether this server may answer now. A
// client that the load balance gives to the partner is served all the same if
// the partner has no address for it.
func (r *Responder) serves(q *inquiry, t *target) bool {
	if t.pool == nil {
		return true
	}
	query := Query{Kind: q.kind, Key: q.key(), Secs: q.secs}
	if !t.fresh {
		query.Lease = &t.lease
	}
	query.Addressed = q.addressed(r.ours(q, t.subnet))
	v := r.partnerOf(t.pool).Serve(q.now, query)
	if v.OK {
		return true
	}
	peer := ""
	if t.pool.Peer != nil {
		peer = t.pool.Peer.Name
	}
	if v.Rule != ruleHash {
		r.refuseBy(q, t, v, ": not responding (", v.Why, ")")
		return false
	}
	if q.kind == Discover && t.fresh && r.theirs(q.now, t.pool) == 0 {
		r.say(q, LevelDebug, ": cancel load balance to peer ", peer, " - no free leases")
		return true
	}
	r.refuseBy(q, t, v, ": load balance to peer ", peer)
	return false
}

// ruleHash is the name of the rule by which the load balance gives a client
// to the partner (RFC 3074).
const ruleHash = "hash"
