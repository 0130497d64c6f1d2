package dhcp

import "tandem/failover/lease"

// release answers nothing (RFC 2131 section 4.3.4): it frees the lease on
// ciaddr if the client is the one that holds it. The record keeps the client,
// so that it can have the address again.
func (r *Responder) release(q *inquiry) {
	l := r.table.Get(q.ciaddr)
	if l != nil && (l.HW != string(q.hw) || l.UID != "" && l.UID != string(q.uid)) {
		l = nil
	}
	r.head(q, "DHCPRELEASE", l)
	if l == nil {
		r.say(q, LevelInfo, " (not found)")
		r.note(q, decision{outcome: outIgnored, ip: q.ciaddr, rule: ruleNotHolder})
		return
	}
	r.say(q, LevelInfo, " (found)")
	if l.State != lease.Active {
		r.note(q, decision{outcome: outIgnored, ip: q.ciaddr, rule: ruleNotHolder})
		return
	}
	t := &r.t
	pool := r.cfg.PoolOf(l.IP)
	if pool != nil {
		*t = target{ip: l.IP, lease: *l, pool: pool, subnet: r.cfg.SubnetOf(l.IP), same: true}
		if !r.serves(q, t) {
			return
		}
	}
	held := *l
	held.CLTT = q.now.Time()
	r.count[cReleased]++
	r.finish(q.now, held, lease.Released, q.out)
	r.note(q, decision{outcome: outReleased, ip: q.ciaddr, pool: pool})
}
