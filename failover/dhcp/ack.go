package dhcp

import (
	"slices"
	"strings"

	"tandem/failover/lease"
)

// ack gives target t to the client: the table changes first, then comes the
// reply that promises it.
func (r *Responder) ack(q *inquiry, t *target) {
	p := r.settle(q, t)
	if !r.admitted(q, t, p) {
		return
	}
	if t.pool == nil {
		granted := r.leaseTime(q, p, t)
		r.forget(q, p, t)
		r.acked(q, t, p, granted, nil)
		return
	}
	bill, ok := r.billable(q, t)
	if !ok {
		return
	}
	extra := r.extra(q, t, p, bill)
	if left, ok := r.reusable(q, t, p); ok && extra == t.lease.Extra {
		r.count[cReused]++
		r.settleOffer(q, t)
		r.acked(q, t, p, left, &t.lease)
		return
	}
	granted, potential, v := r.partnerOf(t.pool).Grant(q.now, &t.lease, r.leaseTime(q, p, t))
	if !v.OK {
		r.refuseBy(q, t, v, ": not responding (", v.Why, ")")
		return
	}
	r.forget(q, p, t)
	l := r.bind(q, t, p, granted, potential, extra)
	r.bill(bill, t.ip)
	r.acked(q, t, p, granted, l)
}

// bind makes the lease of target t the client's until the end of granted.
func (r *Responder) bind(q *inquiry, t *target, p *profile, granted lease.Seconds, potential lease.Time, x *lease.Extra) *lease.Lease {
	now, l := q.now.Time(), t.lease
	r.name(q, t, &l)
	if l.State != lease.Active || !t.same {
		l.STOS = now
	}
	l.State = lease.Active
	l.Starts, l.CLTT, l.Ends = now, now, now.Add(granted)
	if old := t.lease.Ends; t.pool.Peer != nil && t.same && t.lease.Binding(now) && old != lease.Never {
		// The partner may have answered as well, and the client taken that.
		l.Ends = max(l.Ends, old)
	}
	l.TSTP = potential
	l.Extra = x
	l.Flags &^= lease.FlagBOOTP | lease.FlagDeclined
	if q.kind == BOOTP {
		l.Flags |= lease.FlagBOOTP
	}
	if granted == lease.Infinite && p.infiniteReserved {
		l.Flags |= lease.FlagReserved
	}
	r.settleOffer(q, t)
	return r.change(l, q.out)
}

// name writes the client's names into l, with the memory of the old ones or
// of the offer where they are the same.
func (r *Responder) name(q *inquiry, t *target, l *lease.Lease) {
	o := r.offers.byIP[t.ip]
	switch {
	case l.HW == string(q.hw):
	case o != nil && o.hw == string(q.hw):
		l.HW = o.hw
	default:
		l.HW = string(q.hw)
	}
	switch {
	case l.UID == string(q.uid):
	case o != nil && o.uid == string(q.uid):
		l.UID = o.uid
	default:
		l.UID = string(q.uid)
	}
}

// settleOffer ends the offers that the binding of t makes pointless: the one
// of this address and the client's in this network.
func (r *Responder) settleOffer(q *inquiry, t *target) {
	if r.offers.n == 0 {
		return
	}
	if o := r.offers.byIP[t.ip]; o != nil {
		r.dropOffer(o)
	}
	if o := r.offers.find(q, t.subnet.Network); o != nil {
		r.dropOffer(o)
	}
}

// acked sends the DHCPACK. l is nil for a fixed address.
func (r *Responder) acked(q *inquiry, t *target, p *profile, granted lease.Seconds, l *lease.Lease) {
	r.count[cACK]++
	r.say(q, LevelInfo)
	r.reply(q, p, t, answerSpec{typ: msgACK, ciaddr: q.ciaddr, yiaddr: t.ip, time: granted})
	name := ""
	if l != nil {
		name = l.Hostname()
	}
	r.sayReply(q, "DHCPACK", t.ip, name)
	r.note(q, decision{outcome: outBound, ip: t.ip, pool: t.pool, subnet: t.subnet, seconds: granted})
}

// reusable tells whether the client's lease is so young that it is told the
// rest of it instead of being given a new one, which need not be written
// (dhcpd.conf(5), dhcp-cache-threshold).
func (r *Responder) reusable(q *inquiry, t *target, p *profile) (left lease.Seconds, ok bool) {
	now, l := q.now.Time(), &t.lease
	if p.cacheThreshold == 0 || !t.same || !l.Binding(now) || l.Ends == lease.Never || l.UID != string(q.uid) || l.HW != string(q.hw) {
		return 0, false
	}
	if q.kind == BOOTP || l.Flags.Has(lease.FlagBOOTP) {
		return 0, false
	}
	_, repeats := r.partnerOf(t.pool).(Repeater)
	if t.pool.Peer != nil && q.kind != Renewing && (q.kind == Selecting || !repeats) {
		// It may have released the lease at the partner meanwhile, and got it
		// anew; the record must show that it came here later than that. Only
		// who renews asks the server that it heard last.
		return 0, false
	}
	length, age := l.Ends.Sub(l.Starts), now.Sub(l.Starts)
	if uint64(age)*100 > uint64(length)*uint64(p.cacheThreshold) {
		return 0, false
	}
	return l.Ends.Sub(now), true
}

// extra describes the client as its packet does. The result is the lease's
// own Extra if nothing has changed.
func (r *Responder) extra(q *inquiry, t *target, p *profile, bill billKey) *lease.Extra {
	o := q.m.Options
	agent := q.agent
	if !p.stash {
		agent = nil
	}
	host := q.hostname()
	var old lease.Extra
	kept := t.same && t.lease.Extra != nil && t.lease.State == lease.Active
	if kept {
		old = *t.lease.Extra
	}
	fqdn := fqdnText(o[optFQDN])
	vars := mergeVars(old.Vars, p.set.Vars())
	if kept && old.Hostname == string(host) && old.FQDN == string(fqdn) &&
		old.VendorClass == string(o[optVendorClass]) && old.UserClass == string(o[optUserClass]) &&
		old.RelayAgent == string(agent) && old.Requested == string(q.prl) &&
		old.Billing == bill.class && old.BillingSub == bill.value && slices.Equal(old.Vars, vars) {
		return t.lease.Extra
	}
	x := lease.Extra{
		Hostname: string(host), FQDN: string(fqdn),
		VendorClass: r.text(o[optVendorClass]), UserClass: r.text(o[optUserClass]),
		RelayAgent: string(agent), Requested: r.text(q.prl),
		Billing: bill.class, BillingSub: bill.value, Vars: vars,
	}
	if empty(&x) {
		return nil
	}
	return &x
}

// mergeVars gives the variables of a lease after the statements for one
// request set and unset some (conf.Settings.Vars). Both lists are sorted by
// name; an empty value takes a variable away.
func mergeVars(old, changed []lease.Var) []lease.Var {
	if len(changed) == 0 {
		return old
	}
	vars := make([]lease.Var, 0, len(old)+len(changed))
	for _, v := range old {
		if !slices.ContainsFunc(changed, func(c lease.Var) bool { return c.Name == v.Name }) {
			vars = append(vars, v)
		}
	}
	for _, c := range changed {
		if c.Value != "" {
			vars = append(vars, c)
		}
	}
	slices.SortFunc(vars, func(a, b lease.Var) int { return strings.Compare(a.Name, b.Name) })
	return vars
}

func empty(x *lease.Extra) bool {
	return x.Hostname == "" && x.FQDN == "" && x.VendorClass == "" && x.UserClass == "" &&
		x.RelayAgent == "" && x.Requested == "" && x.Billing == "" && len(x.Vars) == 0
}

// maxTexts bounds the strings that many clients have in common.
const maxTexts = 1024

// text gives b as a string, the same one for the same octets: vendor classes
// and parameter request lists are few, and clients many.
func (r *Responder) text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if s, ok := r.texts[string(b)]; ok {
		return s
	}
	if len(r.texts) >= maxTexts {
		clear(r.texts)
	}
	s := string(b)
	r.texts[s] = s
	return s
}
