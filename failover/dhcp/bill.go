package dhcp

import (
	"tandem/failover/conf"
	"tandem/failover/lease"
)

// billKey is a class with a lease limit, or one value of a class whose
// subclasses each have the limit (`spawn with`, `subclass`).
type billKey struct{ class, value string }

// billOf gives what a member of c counts against, and the limit; zero for none.
func billOf(c *conf.Class) (billKey, int) {
	if c.Super != nil {
		limit := c.LeaseLimit
		if limit == 0 {
			limit = c.Super.LeaseLimit
		}
		return billKey{c.Super.Name, c.Value}, limit
	}
	return billKey{class: c.Name}, c.LeaseLimit
}

// billable finds the class that the lease counts against: the one it counts
// against already if the client is still in it, else the first with room. It
// is false, and the client is refused, if every class with a limit is full.
func (r *Responder) billable(q *inquiry, t *target) (billKey, bool) {
	if !r.limits || t.pool == nil {
		return billKey{}, true
	}
	have := billKey{}
	if t.same && t.lease.State == lease.Active {
		have = billed(&t.lease)
	}
	last := ""
	var room billKey
	for i := len(q.classes) - 1; i >= 0; i-- {
		k, limit := billOf(q.classes[i])
		if limit == 0 {
			continue
		}
		if k == have {
			return k, true
		}
		last = k.class
		if room.class == "" && r.billedTo(k, t.ip) < limit {
			room = k
		}
	}
	if last == "" || room.class != "" {
		return room, true
	}
	r.refuse(q, t, cLimit, ruleLeaseLimit, LevelInfo,
		": no available billing: lease limit reached in all matching classes (last: '", last, "')")
	return billKey{}, false
}

// billed is what a lease counts against.
func billed(l *lease.Lease) billKey {
	if l.Extra == nil {
		return billKey{}
	}
	return billKey{l.Extra.Billing, l.Extra.BillingSub}
}

// billedTo counts the leases and offers, other than except, that count
// against k. The set may have grown stale, because the partner changes leases
// too: what no longer counts is dropped here.
func (r *Responder) billedTo(k billKey, except lease.IP) int {
	n := 0
	for ip := range r.bills[k] {
		l := r.table.Get(ip)
		o := r.offers.byIP[ip]
		switch {
		case ip == except:
		case l != nil && l.State == lease.Active && billed(l) == k, o != nil && o.billed == k:
			n++
		default:
			delete(r.bills[k], ip)
		}
	}
	return n
}

// bill counts ip against k.
func (r *Responder) bill(k billKey, ip lease.IP) {
	if k.class == "" {
		return
	}
	if r.bills[k] == nil {
		r.bills[k] = map[lease.IP]struct{}{}
	}
	r.bills[k][ip] = struct{}{}
}

func (r *Responder) billOffer(o *offer, k billKey) {
	o.billed = k
	r.bill(k, o.ip)
}

// unbill ends what l counts against.
func (r *Responder) unbill(l *lease.Lease) {
	k := billed(l)
	if k.class == "" {
		return
	}
	delete(r.bills[k], l.IP)
	if len(r.bills[k]) == 0 {
		delete(r.bills, k)
	}
}

// countBills counts the whole table, after recovery or a new configuration.
func (r *Responder) countBills() {
	clear(r.bills)
	if !r.limits {
		return
	}
	for i := range r.table.Len() {
		if l := r.table.At(i); l.State == lease.Active {
			r.bill(billed(l), l.IP)
		}
	}
}
