package dhcp

import (
	"tandem/failover/conf"
	"tandem/failover/lease"
)

// target is an address under consideration for a client.
type target struct {
	ip lease.IP
	// lease is a copy of the address's record; meaningless without pool.
	lease lease.Lease
	// pool is nil for a fixed address, which no table knows.
	pool   *conf.Pool
	subnet *conf.Subnet
	// same is set if the client holds or last held the address.
	same bool
	// fresh is set if the address was chosen by allocation.
	fresh bool
}

// identify finds the host declarations that match the client: by client
// identifier, then hardware address, then host-identifier. It sets whether
// the client is known, its fixed address in network n if it has one, and the
// declaration whose statements apply: the one with that address, else the
// first without any address.
func (r *Responder) identify(q *inquiry, n *conf.SharedNetwork) {
	q.known, q.host, q.fixed = false, nil, 0
	if len(r.cfg.Hosts) == 0 {
		return
	}
	var plain *conf.Host
	try := func(hosts []*conf.Host) bool {
		for _, h := range hosts {
			if h.Deleted {
				continue
			}
			q.known = true
			if ip, ok := r.fixedIn(h, n); ok {
				q.host, q.fixed = h, ip
				return true
			}
			if plain == nil && len(h.Fixed) == 0 && len(h.FixedNames) == 0 {
				plain = h
			}
		}
		return false
	}
	switch {
	case len(q.uid) > 0 && try(r.cfg.HostsByUID(string(q.uid))):
		return
	case len(q.hw) > 0 && try(r.cfg.HostsByHW(string(q.hw))):
		return
	case r.byOption && try(r.cfg.HostsByIdentifier(q)):
		return
	}
	q.host = plain
}

// fixedIn gives the host's fixed address in network n.
func (r *Responder) fixedIn(h *conf.Host, n *conf.SharedNetwork) (lease.IP, bool) {
	if n == nil {
		return 0, false
	}
	for _, ip := range h.Fixed {
		if r.networkOf(ip) == n {
			return ip, true
		}
	}
	return 0, false
}

// same tells whether l is the client's: by client identifier where the lease
// has one, else by hardware address. A client that did not send an identifier
// when it got the lease, a boot ROM for example, may do so later.
func (q *inquiry) same(l *lease.Lease) bool {
	if l.UID != "" {
		return l.UID == string(q.uid)
	}
	return l.HW != "" && l.HW == string(q.hw)
}

// consider makes ip the target: false if it is in no pool of network n. The
// table's record is copied.
func (r *Responder) consider(q *inquiry, t *target, ip lease.IP, n *conf.SharedNetwork) bool {
	pool := r.cfg.PoolOf(ip)
	if pool == nil || pool.Network != n {
		return false
	}
	pr := rangeOf(pool, ip)
	if pr == nil {
		return false
	}
	*t = target{ip: ip, lease: r.table.Look(ip), pool: pool, subnet: pr.Subnet}
	t.same = q.same(&t.lease)
	return true
}

// staticTarget makes the client's fixed address the target. An address that
// is also in a pool and that another client holds now cannot be given.
func (r *Responder) staticTarget(q *inquiry, t *target) bool {
	s := r.cfg.SubnetOf(q.fixed)
	if s == nil {
		return false
	}
	*t = target{ip: q.fixed, subnet: s, same: true}
	if l := r.table.Get(q.fixed); l != nil && l.Binding(q.now.Time()) && !q.same(l) {
		return false
	}
	return true
}

// held tells whether the address is offered to, or kept for, somebody else.
func (r *Responder) held(q *inquiry, t *target) bool {
	if _, ok := r.fixed[t.ip]; ok && t.ip != q.fixed {
		return true
	}
	if t.lease.Flags.Has(lease.FlagReserved) && !t.same {
		return true
	}
	o := r.offers.byIP[t.ip]
	return o != nil && !o.isFor(q)
}

// usable tells whether the client may have target t now as far as its binding
// goes: its own live binding, or an address that is available to it.
func (r *Responder) usable(q *inquiry, t *target) Verdict {
	now := q.now.Time()
	switch {
	case t.same && t.lease.Binding(now):
		return Yes
	case t.lease.State == lease.Active && (!t.same || t.lease.Binding(now)):
		return Verdict{Rule: "bound", Why: "another client holds it"}
	case t.lease.State == lease.Abandoned && r.offers.byIP[t.ip] == nil:
		return Verdict{Rule: "abandoned", Why: "it is in use by somebody who was not given it"}
	case r.held(q, t):
		return Verdict{Rule: "held", Why: "it is offered to or reserved for another client"}
	}
	return r.partnerOf(t.pool).Available(q.now, &t.lease, t.same)
}

// maxOwn bounds the records of one client that are looked at: one hardware
// address with ever new client identifiers leaves many.
const maxOwn = 256

// own finds the best of the leases in network n that belong to the client: by
// client identifier, else by hardware address; a live one before an old one,
// the latest first. Leases that the client may no longer have are listed in
// r.ips.
func (r *Responder) own(q *inquiry, n *conf.SharedNetwork) (best lease.IP, ok bool) {
	var found *lease.Lease
	seen := 0
	r.ips = r.ips[:0]
	try := func(l *lease.Lease) bool {
		if seen++; seen > maxOwn {
			return false
		}
		pool := r.cfg.PoolOf(l.IP)
		if l.State == lease.Abandoned || pool == nil || pool.Network != n || !q.same(l) && !q.bootsAgain(l) {
			return true
		}
		if fit, _ := permitted(pool, q); !fit {
			if l.Binding(q.now.Time()) {
				r.ips = append(r.ips, l.IP)
			}
			return true
		}
		if found == nil || preferred(l, found, q.now.Time()) {
			found = l
		}
		return true
	}
	if len(q.uid) > 0 {
		r.table.EachByUID(string(q.uid), try)
	}
	if found == nil && len(q.hw) > 0 {
		r.table.EachByHW(string(q.hw), try)
	}
	if found == nil {
		return 0, false
	}
	return found.IP, true
}

// bootsAgain lets a BOOTP client, which has no identifier, have the lease that
// its DHCP self got with one.
func (q *inquiry) bootsAgain(l *lease.Lease) bool {
	return q.kind == BOOTP && l.HW != "" && l.HW == string(q.hw)
}

// preferred orders the leases of one client.
func preferred(a, b *lease.Lease, now lease.Time) bool {
	if x, y := a.Binding(now), b.Binding(now); x != y {
		return x
	}
	return a.CLTT > b.CLTT || a.CLTT == b.CLTT && a.Ends > b.Ends
}

// dropUnfit frees the leases that own listed: the client asks anew, so it no
// longer uses them.
func (r *Responder) dropUnfit(q *inquiry) {
	if q.ciaddr != 0 {
		return
	}
	for _, ip := range r.ips {
		if l := r.table.Get(ip); l != nil {
			r.count[cReleased]++
			r.finish(q.now, *l, lease.Released, q.out)
		}
	}
	r.ips = r.ips[:0]
}

// forget frees the other live leases that the client holds: under the same
// client identifier in the same network, because a client that begins anew
// has forgotten them; everywhere with one-lease-per-client; and under the same
// hardware address if the configuration denies duplicates.
func (r *Responder) forget(q *inquiry, p *profile, t *target) {
	if q.ciaddr != 0 && !p.oneLease {
		return
	}
	r.ips = r.ips[:0]
	r.collect(q, p, t)
	for _, ip := range r.ips {
		l := r.table.Get(ip)
		if l == nil || l.Flags.Has(lease.FlagReserved) {
			continue
		}
		r.sayDuplicate(q, t, ip)
		r.count[cReleased]++
		r.finish(q.now, *l, lease.Released, q.out)
	}
}

func (r *Responder) collect(q *inquiry, p *profile, t *target) {
	live := func(l *lease.Lease) bool { return l.IP != t.ip && l.Binding(q.now.Time()) }
	if len(q.uid) > 0 {
		r.table.EachByUID(string(q.uid), func(l *lease.Lease) bool {
			if live(l) && (p.oneLease || r.networkOf(l.IP) == t.subnet.Network) {
				r.ips = append(r.ips, l.IP)
			}
			return true
		})
	}
	duplicates := p.duplicates != allow && q.host != nil && q.host.HW == string(q.hw)
	if len(q.hw) == 0 || !p.oneLease && !duplicates {
		return
	}
	r.table.EachByHW(string(q.hw), func(l *lease.Lease) bool {
		if live(l) && (duplicates || q.same(l)) && (len(q.uid) == 0 || l.UID != string(q.uid)) {
			r.ips = append(r.ips, l.IP)
		}
		return true
	})
}
