package dhcp

import "tandem/failover/lease"

// decline takes an address out of service that the client found in use by
// somebody else (RFC 2131 section 4.3.3). dhcpd believes anybody; here only
// the client that holds the address, or was offered it, is believed, since
// one malicious client could otherwise empty every pool.
func (r *Responder) decline(q *inquiry) {
	if !q.hasWanted {
		r.count[cMalformed]++
		return
	}
	t := &r.t
	found := r.consider(q, t, q.wanted, q.network) && r.declinable(q, t)
	if !found {
		r.head(q, "DHCPDECLINE", nil)
		r.say(q, LevelInfo, ": not found")
		r.note(q, decision{outcome: outIgnored, ip: q.wanted, rule: ruleNotHolder})
		return
	}
	r.head(q, "DHCPDECLINE", &t.lease)
	r.identify(q, q.network)
	p := r.settle(q, t)
	if p.declines != allow {
		if p.declines == deny {
			r.say(q, LevelInfo, ": ignored")
		}
		r.note(q, decision{outcome: outIgnored, ip: t.ip, pool: t.pool, subnet: t.subnet, rule: ruleDeclines})
		return
	}
	if !r.serves(q, t) {
		return
	}
	if o := r.offers.byIP[t.ip]; o != nil {
		r.dropOffer(o)
	}
	by := string(appendHex(append(r.line[:0], "declined by "...), q.hw[min(1, len(q.hw)):]))
	r.abandon(q.now, t.lease, p.abandonTime, true, by, q.out)
	r.say(q, LevelInfo, ": abandoned")
	r.note(q, decision{outcome: outDeclined, ip: t.ip, pool: t.pool, subnet: t.subnet})
}

// declinable tells whether the client has a reason to know the address.
func (r *Responder) declinable(q *inquiry, t *target) bool {
	if t.same && t.lease.State == lease.Active {
		return true
	}
	o := r.offers.byIP[t.ip]
	return o != nil && o.isFor(q) && t.lease.State != lease.Active
}
