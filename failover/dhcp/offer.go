package dhcp

import (
	"slices"
	"time"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// recentProbe is how long an address that was found unused is trusted to be
// so.
const recentProbe = 60 * time.Second

// probeGrace is how much later than its timeout the result of a probe may
// come before the probe is taken for lost.
const probeGrace = 2 * time.Second

// maxProbes bounds the addresses that are probed in turn for one discover.
const maxProbes = 3

// offer offers target t, after a probe where the address could be in use.
func (r *Responder) offer(q *inquiry, t *target) {
	p := r.settle(q, t)
	if !r.admitted(q, t, p) {
		return
	}
	bill, ok := r.billable(q, t)
	if !ok {
		return
	}
	granted, v := r.grant(q, t, p)
	if !v.OK {
		r.refuseBy(q, t, v, ": not responding (", v.Why, ")")
		return
	}
	if t.pool != nil {
		o := r.reserve(q, t)
		r.billOffer(o, bill)
		if r.needsProbe(q, t, p, o) {
			r.probe(q, t, p, o)
			return
		}
		o.waiting = nil
	}
	if t.pool != nil && t.lease.State == lease.Abandoned {
		r.count[cReclaimed]++
		q.out.line(LevelWarning, "abandon", append(t.ip.Append(append(r.line[:0], "Reclaiming abandoned lease "...)), '.'))
	}
	r.count[cOffer]++
	r.say(q, LevelInfo)
	r.reply(q, p, t, answerSpec{typ: msgOffer, yiaddr: t.ip, time: granted})
	name := ""
	if t.pool != nil && t.same {
		name = t.lease.Hostname()
	}
	if sent := q.hostname(); len(sent) > 0 {
		name = string(sent)
	}
	r.sayReply(q, "DHCPOFFER", t.ip, name)
	r.note(q, decision{outcome: outOffered, ip: t.ip, pool: t.pool, subnet: t.subnet, seconds: granted})
}

// admitted applies the flags that refuse a client whatever address it would
// get; the log has dhcpd's words.
func (r *Responder) admitted(q *inquiry, t *target, p *profile) bool {
	switch {
	case q.kind == Discover && uint32(q.secs) < p.minSecs:
		r.refuse(q, t, cRefused, ruleMinSecs, LevelInfo, ": configured min-secs value (", itoa(int(p.minSecs)),
			") is greater than secs field (", itoa(int(q.secs)), ").  message dropped.")
	case !q.known && p.bootUnknown != allow:
		r.refuseQuietly(q, t, p.bootUnknown, ruleUnknownClients, ": unknown client")
	case p.booting != allow:
		r.refuseQuietly(q, t, p.booting, ruleBooting, ": booting disallowed")
	default:
		return true
	}
	return false
}

// grant bounds the lease time by what the partner knows.
func (r *Responder) grant(q *inquiry, t *target, p *profile) (lease.Seconds, Verdict) {
	want := r.leaseTime(q, p, t)
	if t.pool == nil {
		return want, Yes
	}
	if left, ok := r.reusable(q, t, p); ok {
		return left, Yes
	}
	granted, _, v := r.partnerOf(t.pool).Grant(q.now, &t.lease, want)
	return granted, v
}

// needsProbe tells whether somebody could be using the address without having
// been given it. The live lease of this client is not probed: the answer
// would be its own.
func (r *Responder) needsProbe(q *inquiry, t *target, p *profile, o *offer) bool {
	switch {
	case o.probed != 0 && q.now.Mono-o.probed < int64(recentProbe):
		return false
	case t.lease.State == lease.Abandoned:
		return true
	case !p.ping || t.same && t.lease.Binding(q.now.Time()):
		return false
	case t.same && t.lease.CLTT != 0 && q.now.Time().Sub(t.lease.CLTT) <= p.pingAfter:
		return false
	}
	return true
}

// probe asks the shell to look for a user of the address; the request waits
// for the result. A repeated request takes the place of the one that waits.
func (r *Responder) probe(q *inquiry, t *target, p *profile, o *offer) {
	w := o.waiting
	if w == nil || q.now.Mono > w.late {
		if w != nil {
			r.count[cProbeLate]++
		}
		r.count[cProbe]++
		q.out.Probes = append(q.out.Probes, Probe{
			IP: t.ip, If: q.p.If, OnLink: q.giaddr == 0, Timeout: p.pingTimeout,
		})
		w = &waiting{late: q.now.Mono + int64(p.pingTimeout+probeGrace)}
		o.waiting = w
	}
	w.tries = q.tries
	w.packet = *q.p
	w.packet.Raw = slices.Clone(q.p.Raw)
	r.note(q, decision{outcome: outProbing, ip: t.ip, pool: t.pool, subnet: t.subnet})
}

// ProbeDone tells the result of a Probe. The request that waits for it is
// answered: with the address if nobody uses it, else with another one, while
// the first is abandoned. by describes who answered the probe. A result that
// nobody waits for is ignored.
func (r *Responder) ProbeDone(now lease.Now, ip lease.IP, inUse bool, by string, out *Out) {
	r.last = now
	o := r.offers.byIP[ip]
	if o == nil || o.waiting == nil {
		r.count[cProbeLate]++
		return
	}
	w := *o.waiting
	o.waiting = nil
	if !inUse {
		o.probed = max(1, now.Mono)
	} else {
		r.count[cProbeInUse]++
		r.dropOffer(o)
		if !r.foundInUse(now, ip, by, out) || w.tries >= maxProbes {
			return
		}
		w.tries++
	}
	if r.q.read(now, &w.packet, out) {
		r.q.tries = w.tries
		r.answer(&r.q)
	}
}

// foundInUse abandons an address that answered a probe, unless a client has
// got it in the meantime. It tells whether another address should be tried
// for the client: not if this one was abandoned before, for then the pool is
// dry, and dhcpd does not try one abandoned address after the other either.
func (r *Responder) foundInUse(now lease.Now, ip lease.IP, by string, out *Out) bool {
	l := r.table.Look(ip)
	pool := r.cfg.PoolOf(ip)
	if pool == nil || l.State == lease.Active {
		return false
	}
	again := l.State != lease.Abandoned
	r.abandon(now, l, r.probation(pool, ip), false, by, out)
	return again
}

// probation is how long an address of the pool rests after it was abandoned.
// Only the statements of the network count: the client that asked has nothing
// to do with it.
func (r *Responder) probation(pool *conf.Pool, ip lease.IP) lease.Seconds {
	var s *conf.Subnet
	if pr := rangeOf(pool, ip); pr != nil {
		s = pr.Subnet
	}
	return r.base(&r.q, pool.Network, s).abandonTime
}
