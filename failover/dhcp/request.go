package dhcp

import (
	"tandem/failover/conf"
	"tandem/failover/lease"
)

// request answers a DHCPREQUEST from any of its four states (RFC 2131 section
// 4.3.2), as dhcpd does: the network that the address belongs to decides what
// can be given, the network that the packet came from whether it may be used.
func (r *Responder) request(q *inquiry) {
	t := &r.t
	ip := q.asked()
	s := r.cfg.SubnetOf(ip)
	var n *conf.SharedNetwork
	if s != nil {
		n = s.Network
		r.identify(q, n)
	}
	r.stashedAgent(q, ip)
	if r.elsewhere(q, s, ip) {
		return
	}
	if r.wrongNetwork(q, s, n, ip) {
		return
	}
	r.claim(q, t, n, ip)
}

// nameOf is the record of ip if the client holds or last held it.
func (r *Responder) nameOf(q *inquiry, ip lease.IP) *lease.Lease {
	if l := r.table.Get(ip); l != nil && q.same(l) {
		return l
	}
	return nil
}

// stashedAgent gives a renewal that came straight from the client the relay
// data that its earlier packets had, so that classes and host-identifiers
// match as they did (dhcpd.conf(5), stash-agent-options).
func (r *Responder) stashedAgent(q *inquiry, ip lease.IP) {
	if q.kind != Renewing || len(q.agent) > 0 {
		return
	}
	l := r.table.Get(ip)
	if l == nil || l.Extra == nil || l.Extra.RelayAgent == "" || !q.same(l) || !l.Binding(q.now.Time()) {
		return
	}
	q.agent, q.stashed = []byte(l.Extra.RelayAgent), true
	if r.cfg.Classes != nil {
		q.classes = append(q.classes[:0], r.cfg.ClassesOf(q)...)
	}
	if r.byOption {
		r.identify(q, r.networkOf(ip))
	}
}

// elsewhere sees to a client that chose another server's offer: what was
// offered to it here is free again.
func (r *Responder) elsewhere(q *inquiry, s *conf.Subnet, ip lease.IP) bool {
	if q.kind != Selecting || r.ours(q, s) {
		return false
	}
	r.head(q, "DHCPREQUEST", r.nameOf(q, ip))
	r.count[cNotOurs]++
	if n := q.network; n != nil {
		if o := r.offers.find(q, n); o != nil {
			r.count[cOfferRetracted]++
			r.dropOffer(o)
		}
	}
	r.say(q, LevelDebug, ": other server selected.")
	r.note(q, decision{outcome: outIgnored, ip: ip, subnet: s, rule: ruleOtherServer})
	return true
}

// wrongNetwork sees to a client that asks for an address of another network
// than the one it is on, or of none. Whether a packet that came straight from
// a client with an address crossed a router cannot be known, so only what a
// relay passed on, or what was broadcast without an address, is judged. An
// interface without a subnet of its own takes renewals from beyond routers.
func (r *Responder) wrongNetwork(q *inquiry, s *conf.Subnet, n *conf.SharedNetwork, ip lease.IP) bool {
	if q.network != nil && (n == q.network || !(q.ciaddr != 0 && q.giaddr != 0 || q.hasWanted && q.ciaddr == 0)) {
		return false
	}
	r.head(q, "DHCPREQUEST", r.nameOf(q, ip))
	if q.network == nil && q.giaddr == 0 && !q.hasLink {
		if q.kind == Renewing && s != nil {
			return false
		}
		r.refuse(q, nil, cUnknownSegment, ruleSegment, LevelInfo, ": unknown network segment")
		return true
	}
	authoritative, why := false, "unknown subnet"
	switch {
	case q.network != nil:
		authoritative, why = q.network.Authoritative, "not authoritative"
	case s != nil:
		authoritative, why = s.Authoritative, "not authoritative"
	}
	if !authoritative {
		r.count[cNotCertain]++
		r.say(q, LevelInfo, ": ignored (", why, ").")
		r.note(q, decision{outcome: outIgnored, ip: ip, subnet: s, rule: ruleNotAuthoritative})
		return true
	}
	r.say(q, LevelInfo, ": wrong network.")
	r.nak(q, s, ip, nakUnavailable)
	r.note(q, decision{outcome: outNAK, ip: ip, subnet: s, rule: ruleWrongNetwork})
	return true
}

// claim gives the client the address that it asks for, or tells it that it
// cannot have it, or says nothing.
func (r *Responder) claim(q *inquiry, t *target, n *conf.SharedNetwork, ip lease.IP) {
	if q.fixed != 0 {
		r.claimFixed(q, t, ip)
		return
	}
	if n == nil || !r.consider(q, t, ip, n) {
		r.head(q, "DHCPREQUEST", nil)
		r.count[cUnknownLease]++
		r.say(q, LevelInfo, ": unknown lease ", ip.String(), ".")
		r.note(q, decision{outcome: outIgnored, ip: ip, rule: ruleUnknownLease})
		return
	}
	r.head(q, "DHCPREQUEST", r.nameOf(q, ip))
	if !r.serves(q, t) {
		return
	}
	if fit, by := permitted(t.pool, q); !fit {
		if q.ciaddr == 0 && t.same && t.lease.Binding(q.now.Time()) {
			r.count[cReleased]++
			r.finish(q.now, t.lease, lease.Released, q.out)
		}
		r.unavailable(q, t, decision{rule: rulePermit, permit: by}, true)
		return
	}
	if v := r.usable(q, t); !v.OK {
		r.contested(q, t, v)
		return
	}
	r.ack(q, t)
}

// contested sees to a request for an address that the client cannot have
// because of its binding. dhcpd keeps silent about addresses that only the
// partner may give, and about abandoned ones.
func (r *Responder) contested(q *inquiry, t *target, v Verdict) {
	d := decision{rule: v.Rule, detail: v.Why}
	switch v.Rule {
	case "bound", "held":
		r.unavailable(q, t, d, r.certain(q, t))
	case "abandoned":
		r.count[cUnknownLease]++
		r.say(q, LevelInfo, ": unknown lease ", t.ip.String(), ".")
		d.outcome, d.ip, d.pool, d.subnet = outIgnored, t.ip, t.pool, t.subnet
		r.note(q, d)
	default:
		r.refuseBy(q, t, v, ": lease owned by peer")
	}
}

// Denier is a Partner that can tell whether a client may be told that it
// cannot have an address. A Partner that is none is taken to be unsure about
// every address that the client did not just get offered by this server.
type Denier interface {
	// Deny tells whether it is certain that the partner has not given the
	// address of l to a client that l does not name.
	Deny(now lease.Now, l *lease.Lease) Verdict
}

// certain tells whether a DHCPNAK about target t is right: the address may be
// valid at the partner although this server knows another client on it. Only
// a client that selects this server's own offer has no lease yet.
func (r *Responder) certain(q *inquiry, t *target) bool {
	if t.pool.Peer == nil || q.kind == Selecting {
		return true
	}
	if d, ok := r.partnerOf(t.pool).(Denier); ok {
		return d.Deny(q.now, &t.lease).OK
	}
	return false
}

func (r *Responder) unavailable(q *inquiry, t *target, d decision, certain bool) {
	d.outcome, d.ip, d.pool, d.subnet = outNAK, t.ip, t.pool, t.subnet
	r.say(q, LevelInfo, ": lease ", t.ip.String(), " unavailable.")
	if !certain {
		r.count[cNotCertain]++
		d.outcome = outIgnored
		r.note(q, d)
		return
	}
	r.nak(q, t.subnet, t.ip, nakUnavailable)
	r.note(q, d)
}

// claimFixed answers a client that has a fixed address: it may have that one
// and no other (dhcpd.conf(5), "dynamic address allocation").
func (r *Responder) claimFixed(q *inquiry, t *target, ip lease.IP) {
	ok := r.staticTarget(q, t)
	r.head(q, "DHCPREQUEST", nil)
	if ip != q.fixed {
		t.subnet = r.cfg.SubnetOf(ip)
		r.say(q, LevelInfo, ": lease ", ip.String(), " unavailable.")
		r.nak(q, t.subnet, ip, nakIncorrect)
		r.note(q, decision{outcome: outNAK, ip: ip, subnet: t.subnet, rule: ruleFixedOther})
		return
	}
	if !ok {
		r.refuse(q, t, cRefused, ruleFixedTaken, LevelError, ": fixed address ", ip.String(), " is leased to another client.")
		return
	}
	r.ack(q, t)
}
