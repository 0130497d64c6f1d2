package sim

import (
	"tandem/failover/conf"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// pools lists the pools that the pair shares.
func (d *dhcpd) pools() (ids []int) {
	for id, p := range d.cfg.Pools {
		if p.Peer != nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// stock is how the free addresses of a pool are shared, reservations apart.
type stock struct {
	send        int // addresses too many here; negative if too few
	hold, panic int
}

func (d *dhcpd) stock(id int) stock {
	mine, theirs := 0, 0
	for _, l := range d.leases(d.cfg.Pools[id]) {
		switch {
		case l.Flags.Has(lease.FlagReserved):
		case l.State == d.own():
			mine++
		case l.State == d.other():
			theirs++
		}
	}
	s := stock{send: (mine - theirs) / 2}
	s.hold = ((mine+theirs)*d.def.MaxLeaseOwnership + 50) / 100
	if s.panic = -2 * (((mine+theirs)*d.def.MaxLeaseMisbalance + 50) / 100); s.panic == 0 {
		s.panic = -1
	}
	return s
}

// balance shares the free addresses of every pool. It tells how many it gave
// away, and whether some pool has far too few.
func (d *dhcpd) balance() (n int, scarce bool) {
	d.balanced, d.balanceAt = d.now.Time(), 0
	for _, id := range d.pools() {
		s := d.stock(id)
		scarce = scarce || s.send < s.panic
		n += d.share(id, s)
		d.schedule(id)
	}
	return n, scarce
}

// share gives addresses to the partner: first those that its clients had, then
// any.
func (d *dhcpd) share(id int, s stock) int {
	var give []lease.Lease
	for pass := range 2 {
		for _, l := range d.leases(d.cfg.Pools[id]) {
			limit := -s.hold
			if pass == 1 && l.Ends != 0 {
				limit = s.hold
			} else if pass == 1 {
				limit = 0
			}
			if l.State == d.own() && s.send > limit && !l.Flags.Has(lease.FlagReserved) && (pass == 1 || d.theirs(&l)) && !given(give, l.IP) {
				give = append(give, l)
				s.send--
			}
		}
	}
	for _, l := range give {
		d.give(l)
	}
	return len(give)
}

func given(list []lease.Lease, ip lease.IP) bool {
	for _, l := range list {
		if l.IP == ip {
			return true
		}
	}
	return false
}

// give makes an address the partner's.
func (d *dhcpd) give(l lease.Lease) {
	l.State, l.Starts, l.TSTP, l.ATSFP = d.other(), d.now.Time(), d.now.Time(), 0
	d.store(l)
	d.tell(l.IP, l.State)
}

// theirs tells whether the load balance gives the last client of an address
// to the partner.
func (d *dhcpd) theirs(l *lease.Lease) bool {
	key := l.UID
	if key == "" && len(l.HW) > 1 {
		key = l.HW[1:]
	}
	return key != "" && wire.HBA(d.peer.HBA).Primary(wire.Hash([]byte(key))) == d.def.Secondary
}

// affine gives an address that has just become free to the secondary if the
// secondary serves its last client.
func (d *dhcpd) affine(ip lease.IP) {
	l := d.table.Look(ip)
	if d.def.Secondary || l.State != lease.Free || l.Flags.Has(lease.FlagReserved) || !d.theirs(&l) {
		return
	}
	if s := d.stock(d.table.PoolOf(ip)); s.send > -s.hold {
		d.give(l)
	}
}

// sharePools answers POOLREQ.
func (d *dhcpd) sharePools(xid uint32) {
	room := d.window
	d.window = 0 // the answer comes before the addresses
	n, acks := 0, d.acks
	d.acks = nil
	if d.peer.State == lease.Normal {
		n, _ = d.balance()
	}
	d.window, d.acks = room, acks
	d.sendOn(d.up, &wire.Poolresp{Transferred: wire.Some(uint32(n))}, xid)
	if n > 0 {
		d.pump()
	}
}

// balances tells whether the timer runs.
func (d *dhcpd) balances() bool { return d.peer.State == lease.Normal && !d.startup }

// dueBalance balances if it is time to, and asks for addresses where they are
// scarce.
func (d *dhcpd) dueBalance() {
	if !d.balances() || d.balanceAt == 0 || d.balanceAt > d.now.Mono {
		return
	}
	if _, scarce := d.balance(); scarce {
		d.send(&wire.Poolreq{})
	}
}

// reconsider moves the time of balancing forward when an address changes.
func (d *dhcpd) reconsider(ip lease.IP) {
	if p := d.cfg.PoolOf(ip); p != nil && p.Peer != nil && d.balances() {
		d.schedule(p.ID)
	}
}

// schedule plans the next balancing: a part of how long ago the oldest free
// address was in use, since it will be about as long until it is used again.
func (d *dhcpd) schedule(id int) {
	now := d.now.Time()
	rest := d.def.MaxBalance
	for _, s := range []lease.State{d.own(), d.other()} {
		est := lease.Seconds(0)
		if ends, ok := d.oldest(d.cfg.Pools[id], s); ok && ends < now {
			est = lease.Seconds((uint64(now.Sub(ends))*uint64(d.def.MaxLeaseMisbalance) + 50) / 100)
		}
		if s == d.own() && est < d.def.MaxBalance {
			est *= 2
		}
		rest = min(rest, est)
	}
	wait := max(now.Add(rest), d.balanced.Add(d.def.MinBalance)).Add(d.luck()).Sub(now)
	if at := d.now.Mono + int64(wait.Duration()); d.balanceAt == 0 || at < d.balanceAt {
		d.balanceAt = at
	}
}

// oldest gives the earliest end among the addresses of a pool in a state.
func (d *dhcpd) oldest(p *conf.Pool, s lease.State) (ends lease.Time, ok bool) {
	for _, r := range p.Ranges {
		for ip := r.Low; ip <= r.High; ip++ {
			if l := d.table.Look(ip); l.State == s && (!ok || l.Ends < ends) {
				ends, ok = l.Ends, true
			}
		}
	}
	return ends, ok
}
