package dhcp

import (
	"encoding/binary"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// leaseTime is the time that the statements in force let this server give
// for t: what the client asks for or the default, within the bounds, less
// when the pool is nearly full or closes soon.
func (r *Responder) leaseTime(q *inquiry, p *profile, t *target) lease.Seconds {
	want := p.defaultTime
	if v := q.m.Options[optLeaseTime]; len(v) == 4 {
		want = lease.Seconds(binary.BigEndian.Uint32(v))
	}
	want = min(want, p.maxTime)
	if t.pool != nil {
		want = r.adapt(q, p, t, want)
		want = closing(q, t.pool, want)
	}
	return max(want, p.minTime, 1)
}

// adapt shortens new leases while more of the pool is in use than
// adaptive-lease-time-threshold says; who has a lease keeps what is left.
func (r *Responder) adapt(q *inquiry, p *profile, t *target, want lease.Seconds) lease.Seconds {
	if p.adaptive == 0 || p.adaptive >= 100 {
		return want
	}
	id, size := t.pool.ID, 0
	for i := range t.pool.Ranges {
		size += t.pool.Ranges[i].Size()
	}
	free := r.table.Count(id, lease.Free) + r.table.Count(id, lease.Backup)
	if uint64(size-free)*100 <= uint64(p.adaptive)*uint64(size) {
		return want
	}
	short := p.minTime
	if t.same && t.lease.Binding(q.now.Time()) {
		short = max(short, t.lease.Ends.Sub(q.now.Time()))
	}
	return min(want, short)
}

// closing ends a lease no later than the pool is open to the client
// (`deny after DATE`).
func closing(q *inquiry, pool *conf.Pool, want lease.Seconds) lease.Seconds {
	for i := range pool.Deny {
		if d := &pool.Deny[i]; d.Kind == conf.PermitAfter {
			want = min(want, max(1, d.After.Sub(q.now.Time())))
		}
	}
	return want
}

// bootpTime is the lease time of a dynamic BOOTP client, which cannot renew:
// for ever unless dynamic-bootp-lease-length or -cutoff says otherwise.
func bootpTime(q *inquiry, p *profile) lease.Seconds {
	length := lease.Infinite
	if p.set.Has(conf.DynamicBOOTPLeaseLength) {
		length = p.set.Seconds(conf.DynamicBOOTPLeaseLength)
	}
	if p.set.Has(conf.DynamicBOOTPLeaseCutoff) {
		length = min(length, lease.Time(p.set.Seconds(conf.DynamicBOOTPLeaseCutoff)).Sub(q.now.Time()))
	}
	return max(1, length)
}

// renewals gives T1 and T2 as far as they are configured and fit the lease
// time granted; zero means that the client computes its own (RFC 2131
// section 4.4.5). dhcpd sends none unless told to.
func (p *profile) renewals(granted lease.Seconds) (t1, t2 lease.Seconds) {
	limit := granted
	if t2 = p.t2; t2 >= limit {
		t2 = 0
	}
	if t2 > 0 {
		limit = t2
	}
	if t1 = p.t1; t1 >= limit {
		t1 = 0
	}
	return t1, t2
}
