package sim

import (
	"fmt"
	"slices"

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

// Ended implements dhcp.Partner: a secondary leaves the ends to the primary as
// long as it can, and in PARTNER-DOWN what has ended is free early.
func (d *dhcpd) Ended(_ lease.Now, l *lease.Lease, to lease.State) (lease.State, lease.Time, dhcp.Verdict) {
	s := d.state()
	switch {
	case to == lease.Released:
		return to, 0, dhcp.Yes
	case d.def.Secondary && s != lease.PartnerDown && (s != lease.CommunicationsInterrupt || l.Ends <= d.entered):
		return l.State, d.now.Time().Add(10), dhcp.Verdict{Rule: "dhcpd"}
	case to == lease.Free, s == lease.PartnerDown && d.peer.Since.Add(d.peer.MCLT) <= d.now.Time():
		return lease.Free, 0, dhcp.Yes
	case s == lease.CommunicationsInterrupt && l.Rewind == d.own() && !l.Flags.Has(lease.FlagSent):
		return l.Rewind, 0, dhcp.Yes // nobody was told of it
	}
	return lease.Expired, 0, dhcp.Yes
}

// freeEnded frees, in PARTNER-DOWN, what had ended when that began.
func (d *dhcpd) freeEnded() {
	var list []lease.Lease
	for _, id := range d.pools() {
		d.table.Candidates(id, lease.Expired, func(l lease.Lease) bool {
			if endedISC(l.State) {
				list = append(list, l)
			}
			return true
		})
	}
	for _, l := range list {
		d.rest(&l, lease.Free)
		d.store(l)
		d.tell(l.IP, l.State)
	}
}

func endedISC(s lease.State) bool {
	return s == lease.Expired || s == lease.Released || s == lease.Reset
}

// hearUpdate believes nearly everything.
func (d *dhcpd) hearUpdate(m *wire.Bndupd) {
	ack := &wire.Bndack{}
	ack.Header, ack.IP = m.Header, m.IP
	if m.Status.Set && !m.Status.V.Valid() {
		d.fatal(fmt.Sprintf("dhcpd hears binding status %d and exits", m.Status.V))
		return
	}
	l := d.table.Look(m.IP.V)
	why, text := d.judge(&l, m)
	if why != wire.RejectNone {
		ack.Reject, ack.Message = wire.Some(why), wire.Some(text)
		d.sendOn(d.up, ack, m.XID)
		return
	}
	d.flight = slices.DeleteFunc(d.flight, func(u update) bool { return u.ip == l.IP })
	s := m.Status.V
	if m.HW.Set || s == lease.Abandoned {
		l.HW, l.UID = m.HW.V, m.ClientID.V
	}
	l.Ends, l.Starts = m.LeaseExpiry.Or(l.Ends), m.STOS.Or(l.Starts)
	l.TSFP = m.PotentialExpiry.Or(l.TSFP)
	l.ATSFP = l.TSFP
	l.Extra = nil
	l.Flags &^= lease.FlagSent | lease.FlagReserved | lease.FlagBOOTP
	l.Flags |= lease.Flags(m.IPFlags.V) & (lease.FlagReserved | lease.FlagBOOTP)
	l.State, l.Rewind = s, s
	if endedISC(s) {
		d.rest(&l, lease.Free)
	}
	d.store(l)
	d.acks = append(d.acks, ack)
	d.ackAt = d.now.Mono + dhcpdAckDelay
	if len(d.acks) >= d.window/2 {
		d.sayAcks()
	}
	if endedISC(s) {
		d.affine(l.IP)
	}
}

// judge is dhcpd's checks of an update, in its order.
func (d *dhcpd) judge(l *lease.Lease, m *wire.Bndupd) (wire.Reject, string) {
	s := m.Status.V
	bound := s == lease.Active || s == lease.Expired || s == lease.Released
	switch {
	case !m.IP.Set || !m.Status.Set:
		return wire.RejectMissingInfo, "binding update lacks required options"
	case d.table.PoolOf(l.IP) < 0:
		return wire.RejectIllegalIP, "unknown IP address"
	case d.cfg.PoolOf(l.IP).Peer == nil:
		return wire.RejectIllegalIP, "IP address is covered by a different failover relationship state"
	case d.wins(l, m):
		return wire.RejectLessCritical, "incoming update is less critical than outgoing update"
	case s == lease.Abandoned && m.HW.Set:
		return wire.RejectMisc, "BNDUPD to ABANDONED with a CHADDR"
	case len(m.HW.V) > 21:
		return wire.RejectMisc, "chaddr too long"
	case bound && !m.HW.Set:
		return wire.RejectMissingInfo, "BNDUPD without CHADDR"
	case s == lease.Abandoned && m.ClientID.Set:
		return wire.RejectMisc, "BNDUPD to ABANDONED with client-id"
	case m.IPFlags.V&wire.IPReserved != 0 && l.State == d.own() && !l.Flags.Has(lease.FlagReserved):
		return wire.RejectNotReserved, "Address is not reserved."
	case !d.allows(l, m):
		return wire.RejectFatalConflict, fmt.Sprintf("%v: invalid state transition: %v to %v", l.IP, l.State, s)
	}
	return wire.RejectNone, ""
}

// wins tells whether an update of ours that is in flight beats the partner's.
func (d *dhcpd) wins(l *lease.Lease, m *wire.Bndupd) bool {
	i := slices.IndexFunc(d.flight, func(u update) bool { return u.ip == l.IP })
	if i < 0 {
		return false
	}
	mine, theirs := d.flight[i].state == lease.Active, m.Status.V == lease.Active
	switch {
	case mine && theirs && l.CLTT != m.CLTT.V:
		return m.CLTT.V < l.CLTT
	case mine && m.Status.V == lease.Expired, !mine && theirs:
		return false
	}
	return !d.def.Secondary
}

// allows tells whether the state of a lease may change as the update says.
func (d *dhcpd) allows(l *lease.Lease, m *wire.Bndupd) bool {
	now, s := d.now.Time(), m.Status.V
	normal := d.state() == lease.Normal
	idle := s == lease.Free || s == lease.Backup
	switch l.State {
	case lease.Expired, lease.Reset:
		return !normal || !idle || m.PotentialExpiry.V <= now
	case lease.Active:
		switch {
		case idle:
			return normal && d.def.Secondary && m.PotentialExpiry.V <= now
		case s == lease.Expired:
			return !(normal && !d.def.Secondary) && l.Ends <= now.Add(dhcpdEarly)
		case s == lease.Reset:
			return !(normal && !d.def.Secondary)
		}
	}
	return true
}

// hearAck takes a BNDACK. Of a refusal the number does not matter, and the
// lease stays as it is.
func (d *dhcpd) hearAck(m *wire.Bndack) {
	ip := m.IP.V
	i := slices.IndexFunc(d.flight, func(u update) bool { return u.ip == ip })
	if i >= 0 && (m.Reject.Set || d.flight[i].xid == m.XID) {
		u := d.flight[i]
		d.flight = slices.Delete(d.flight, i, i+1)
		if !m.Reject.Set {
			d.acknowledged(u, m)
		}
	} else if !m.Reject.Set {
		return
	}
	if d.owed && d.owedAfter == ip {
		d.sayDone()
	}
	d.pump()
}

func (d *dhcpd) acknowledged(u update, m *wire.Bndack) {
	l := d.table.Look(u.ip)
	if endedISC(u.state) {
		d.rest(&l, lease.Free)
		l.ATSFP = l.TSTP
		d.store(l)
		d.affine(l.IP)
		return
	}
	l.TSFP, l.Rewind = l.TSTP, l.State
	if m.ClientID.Set {
		l.TSFP = m.PotentialExpiry.V // a mistake of dhcpd's
	}
	l.ATSFP = l.TSTP
	d.dirty = append(d.dirty, d.table.Apply(l))
	d.was[l.IP] = l
}
