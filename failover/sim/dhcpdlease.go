package sim

import (
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

func (d *dhcpd) state() lease.ServerState {
	if d.startup {
		return lease.Startup
	}
	return d.peer.State
}

// Serve implements dhcp.Partner by dhcpd's table of who serves in which state.
func (d *dhcpd) Serve(_ lease.Now, q dhcp.Query) dhcp.Verdict {
	switch d.peer.Partner {
	case lease.PartnerDown, lease.PotentialConflict, lease.ConflictDone, lease.ResolutionInterrupted:
		return dhcp.Verdict{Rule: "dhcpd", Why: "the partner's state"}
	}
	switch d.state() {
	case lease.CommunicationsInterrupt, lease.PartnerDown:
		return dhcp.Yes
	case lease.Normal:
		mine := wire.HBA(d.peer.HBA).Primary(wire.Hash(q.Key)) != d.def.Secondary
		if q.Kind == dhcp.Discover && !mine && int(q.Secs) <= d.def.LoadBalanceMaxSeconds {
			return dhcp.Verdict{Rule: "hash"}
		}
		return dhcp.Yes
	}
	return dhcp.Verdict{Rule: "dhcpd", Why: d.state().String()}
}

// Available implements dhcp.Partner.
func (d *dhcpd) Available(now lease.Now, l *lease.Lease, same bool) dhcp.Verdict {
	no := dhcp.Verdict{Rule: "dhcpd", Why: "not this server's"}
	switch {
	case l.State == d.own(), l.State == lease.Abandoned && !d.def.Secondary:
		return dhcp.Yes
	case l.State == d.other() && d.state() == lease.PartnerDown:
		if now.Time() > max(d.peer.Since, l.TSFP).Add(d.peer.MCLT) {
			return dhcp.Yes
		}
	case same && (l.State == lease.Expired || l.State == lease.Released) && !l.Flags.Has(lease.FlagSent):
		return dhcp.Yes
	}
	return no
}

// FreeStates implements dhcp.Partner.
func (d *dhcpd) FreeStates(lease.Now) []lease.State {
	if d.state() == lease.PartnerDown {
		return []lease.State{d.own(), d.other()}
	}
	return []lease.State{d.own()}
}

// Grant implements dhcp.Partner: dhcpd's arithmetic, the same in every state.
func (d *dhcpd) Grant(now lease.Now, l *lease.Lease, want lease.Seconds) (lease.Seconds, lease.Time, dhcp.Verdict) {
	t, m, length := now.Time(), d.peer.MCLT, want
	tsfp := l.TSFP
	if l.State != lease.Active {
		tsfp = 0
	}
	switch {
	case want <= m:
	case tsfp <= t:
		length = m
	case t.Add(want) > tsfp.Add(m):
		length = tsfp.Sub(t) + m
	}
	return length, t.Add(want).Add(length / 2), dhcp.Yes
}

// Ended implements dhcp.Partner: the primary ends leases in NORMAL, everybody
// does otherwise, and in PARTNER-DOWN they are free early.
func (d *dhcpd) Ended(now lease.Now, l *lease.Lease, to lease.State) (lease.State, lease.Time, dhcp.Verdict) {
	later := now.Time().Add(10)
	s := d.state()
	switch {
	case to == lease.Released:
		return to, 0, dhcp.Yes
	case s == lease.Normal && d.def.Secondary, s != lease.Normal && s != lease.CommunicationsInterrupt && s != lease.PartnerDown:
		return l.State, later, dhcp.Verdict{Rule: "dhcpd"}
	case to == lease.Free:
		return d.own(), 0, dhcp.Yes
	case s == lease.PartnerDown:
		if at := max(d.peer.Since.Add(d.peer.MCLT), l.Ends); at > now.Time() {
			return l.State, at, dhcp.Verdict{Rule: "dhcpd"}
		}
		return d.own(), 0, dhcp.Yes
	case l.Rewind == d.own() && !l.Flags.Has(lease.FlagSent):
		return l.Rewind, 0, dhcp.Yes
	}
	return lease.Expired, 0, dhcp.Yes
}

// tell queues news of an address.
func (d *dhcpd) tell(ip lease.IP) {
	if d.up == 0 || !d.known || d.startup {
		return
	}
	for xid, x := range d.flight {
		if x == ip {
			delete(d.flight, xid)
		}
	}
	for _, x := range d.todo {
		if x == ip {
			return
		}
	}
	d.todo = append(d.todo, ip)
	d.pump() // at once, as long as the window lasts
}

// owe answers UPDREQ and UPDREQALL.
func (d *dhcpd) owe(xid uint32, all bool) {
	d.owed, d.owedTo = true, xid
	if !all {
		d.owePending()
		return
	}
	for i := range d.table.Len() {
		d.tell(d.table.At(i).IP)
	}
}

func (d *dhcpd) owePending() {
	for i := range d.table.Len() {
		if l := d.table.At(i); l.Flags.Has(lease.FlagPending) || endedISC(l.State) {
			d.tell(l.IP)
		}
	}
}

func endedISC(s lease.State) bool {
	return s == lease.Expired || s == lease.Released || s == lease.Reset
}

// pump sends what the window takes.
func (d *dhcpd) pump() {
	if d.up == 0 || !d.known {
		d.todo = d.todo[:0]
		return
	}
	for len(d.todo) > 0 && len(d.flight) < max(d.window, 1) {
		l := d.table.Look(d.todo[0])
		d.todo = d.todo[1:]
		d.sendUpdate(&l)
	}
	if d.owed && len(d.todo) == 0 && len(d.flight) == 0 {
		d.owed = false
		d.sendOn(d.up, &wire.Upddone{}, d.owedTo)
	}
}

func (d *dhcpd) sendUpdate(l *lease.Lease) {
	m := &wire.Bndupd{}
	m.IP, m.Status = wire.Some(l.IP), wire.Some(l.State)
	if l.State != lease.Abandoned {
		if l.UID != "" {
			m.ClientID = wire.Some(l.UID)
		}
		if l.HW != "" {
			m.HW = wire.Some(l.HW)
		}
	}
	m.LeaseExpiry, m.PotentialExpiry, m.STOS = wire.Some(l.Ends), wire.Some(l.TSTP), wire.Some(l.Starts)
	if l.CLTT != 0 {
		m.CLTT = wire.Some(l.CLTT)
	}
	d.send(m)
	d.flight[d.xid] = l.IP
	if l.Flags.Has(lease.FlagPending) {
		x := *l
		x.Flags |= lease.FlagSent
		d.store(x)
	}
}

// hearUpdate believes nearly everything (its checks of transitions and duels).
func (d *dhcpd) hearUpdate(m *wire.Bndupd) {
	ack := &wire.Bndack{}
	ack.IP = wire.Some(m.IP.V)
	l := d.table.Look(m.IP.V)
	if !d.accepts(&l, m) {
		ack.Reject = wire.Some(wire.RejectFatalConflict)
		d.sendOn(d.up, ack, m.XID)
		return
	}
	s := m.Status.V
	if m.HW.Set || s == lease.Abandoned {
		l.HW, l.UID = m.HW.V, m.ClientID.V
	}
	l.Ends, l.Starts = m.LeaseExpiry.Or(l.Ends), m.STOS.Or(l.Starts)
	l.TSFP = m.PotentialExpiry.Or(l.TSFP)
	l.Extra = nil
	switch {
	case endedISC(s):
		d.atRest(l, lease.Free)
	case s == lease.Free || s == lease.Backup:
		d.atRest(l, s)
	default:
		l.State, l.Rewind = s, s
		l.Flags &^= lease.FlagPending | lease.FlagSent
		d.store(l)
	}
	d.sendOn(d.up, ack, m.XID)
}

func (d *dhcpd) accepts(l *lease.Lease, m *wire.Bndupd) bool {
	now, s := d.now.Time(), m.Status.V
	for xid, ip := range d.flight {
		if ip != l.IP {
			continue
		}
		mine, theirs := l.State == lease.Active, s == lease.Active
		lost := d.def.Secondary
		switch {
		case mine && theirs && l.CLTT != m.CLTT.V:
			lost = m.CLTT.V > l.CLTT
		case mine && s == lease.Expired, !mine && theirs:
			lost = true
		}
		if !lost {
			return false
		}
		delete(d.flight, xid)
	}
	if l.State != lease.Active {
		return true
	}
	switch s {
	case lease.Expired:
		return !(d.state() == lease.Normal && !d.def.Secondary) && l.Ends <= now.Add(dhcpdEarly)
	case lease.Free, lease.Backup:
		return d.state() == lease.Normal && d.def.Secondary && m.PotentialExpiry.V <= now
	}
	return true
}

func (d *dhcpd) hearAck(m *wire.Bndack) {
	ip, ok := d.flight[m.XID]
	if !ok {
		return
	}
	delete(d.flight, m.XID)
	l := d.table.Look(ip)
	switch {
	case m.Reject.Set:
	case endedISC(l.State):
		d.atRest(l, lease.Free)
	default:
		l.TSFP, l.ATSFP, l.Rewind = l.TSTP, l.TSTP, l.State
		l.Flags &^= lease.FlagPending | lease.FlagSent
		d.store(l)
	}
}
