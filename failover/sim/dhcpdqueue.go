package sim

import (
	"cmp"
	"slices"

	"tandem/failover/conf"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// tell queues news of an address, in the place of older news, and sends it if
// there is room.
func (d *dhcpd) tell(ip lease.IP, s lease.State) {
	of := func(u update) bool { return u.ip == ip }
	if i := slices.IndexFunc(d.todo, of); i >= 0 {
		d.todo[i].state = s
	} else {
		d.flight = slices.DeleteFunc(d.flight, of)
		d.todo = append(d.todo, update{ip: ip, state: s})
	}
	d.pump()
}

// queue lines up what the partner has not acknowledged, or everything. What
// is lined up or in flight already stays where it is, be it for ever.
func (d *dhcpd) queue(all bool) {
	waits := map[lease.IP]bool{}
	for _, u := range append(d.todo[:len(d.todo):len(d.todo)], d.flight...) {
		waits[u.ip] = true
	}
	for _, id := range d.pools() {
		for _, l := range d.leases(d.cfg.Pools[id]) {
			if !waits[l.IP] && (all || l.TSTP > l.ATSFP || endedISC(l.State)) {
				d.todo = append(d.todo, update{ip: l.IP, state: l.State})
			}
		}
	}
}

// leases lists a pool in the order of dhcpd's lists: by state, and then by
// the end.
func (d *dhcpd) leases(p *conf.Pool) []lease.Lease {
	rank := [...]int{lease.Free: 0, lease.Active: 1, lease.Expired: 2, lease.Released: 2, lease.Reset: 2, lease.Abandoned: 3, lease.Backup: 4}
	reserved := func(l *lease.Lease) int { return int(l.Flags & lease.FlagReserved) }
	var list []lease.Lease
	for _, r := range p.Ranges {
		for ip := r.Low; ip <= r.High; ip++ {
			list = append(list, d.table.Look(ip))
		}
	}
	slices.SortStableFunc(list, func(a, b lease.Lease) int {
		return cmp.Or(cmp.Compare(reserved(&a), reserved(&b)), cmp.Compare(rank[a.State], rank[b.State]),
			cmp.Compare(a.Ends, b.Ends), cmp.Compare(d.place[b.IP], d.place[a.IP]))
	})
	return list
}

// owe answers UPDREQ and UPDREQALL. The end is said when the last update that
// is lined up now is acknowledged.
func (d *dhcpd) owe(xid uint32, all bool) {
	d.owed, d.owedTo = true, xid
	d.queue(all)
	if len(d.todo) == 0 {
		d.sayDone()
		return
	}
	d.owedAfter = d.todo[len(d.todo)-1].ip
	d.pump()
}

func (d *dhcpd) sayDone() {
	d.owed = false
	if d.up != 0 {
		d.sendOn(d.up, &wire.Upddone{}, d.owedTo)
	}
}

// pump sends what the window takes, after what is to be acknowledged. While it
// recovers or resolves a conflict dhcpd sends what it is asked for.
func (d *dhcpd) pump() {
	s := d.state()
	if !d.known || !d.owed && s != lease.Normal && s != lease.CommunicationsInterrupt && s != lease.PartnerDown {
		return
	}
	d.sayAcks()
	for len(d.todo) > 0 && len(d.flight) < d.window {
		u := d.todo[0]
		d.todo = d.todo[1:]
		d.sendUpdate(u)
	}
}

func (d *dhcpd) sayAcks() {
	for _, a := range d.acks {
		d.sendOn(d.up, a, a.XID)
	}
	d.acks = nil
}

func (d *dhcpd) sendUpdate(u update) {
	l, m := d.table.Look(u.ip), &wire.Bndupd{}
	m.IP, m.Status = wire.Some(l.IP), wire.Some(u.state)
	if l.UID != "" {
		m.ClientID = wire.Some(l.UID)
	}
	if l.HW != "" {
		m.HW = wire.Some(l.HW)
	}
	m.LeaseExpiry, m.PotentialExpiry, m.STOS = wire.Some(l.Ends), wire.Some(l.TSTP), wire.Some(l.Starts)
	if l.CLTT != 0 {
		m.CLTT = wire.Some(l.CLTT)
	}
	if f := wire.IPFlags(l.Flags & (lease.FlagReserved | lease.FlagBOOTP)); f != 0 {
		m.IPFlags = wire.Some(f)
	}
	u.xid = d.xid
	d.send(m)
	d.flight = append(d.flight, u)
	if !l.Flags.Has(lease.FlagSent) {
		l.Flags |= lease.FlagSent
		d.dirty = append(d.dirty, d.table.Apply(l))
		d.was[l.IP] = l
	}
}
