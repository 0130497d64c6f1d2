package sim

import (
	"fmt"

	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/wire"
)

// connected: the primary speaks first, whoever dialled.
func (d *dhcpd) connected(id uint64) {
	if d.pending != 0 {
		d.hangup(d.pending)
	}
	d.pending, d.since = id, d.now.Mono
	if !d.def.Secondary {
		d.sendOn(id, &wire.Connect{Relationship: wire.Some(d.def.Name), MaxUnacked: wire.Some(uint32(dhcpdWindow)),
			ReceiveTimer: wire.Some(d.def.MaxResponseDelay), VendorClass: wire.Some("isc"), Version: wire.Some(uint8(1)),
			TLSRequest: wire.Some(wire.TLSNone), MCLT: wire.Some(d.def.MCLT), HBA: wire.Some(wire.HBA(d.def.HBA))}, 0)
	}
}

func (d *dhcpd) sendOn(id uint64, m wire.Message, xid uint32) {
	*m.Head() = wire.Header{Time: d.now.Time(), XID: xid}
	d.sent = d.now.Mono
	d.links = append(d.links, node.Link{Do: node.LinkSend, Peer: d.def.Name, Conn: id, Message: m})
}

func (d *dhcpd) send(m wire.Message) {
	if d.up != 0 {
		d.xid++
		d.sendOn(d.up, m, d.xid)
	}
}

func (d *dhcpd) hangup(id uint64) {
	d.links = append(d.links, node.Link{Do: node.LinkHangup, Peer: d.def.Name, Conn: id})
	d.closed(id)
}

func (d *dhcpd) closed(id uint64) {
	switch {
	case id == 0:
	case id == d.pending:
		d.pending = 0
	case id == d.up:
		d.up, d.wanted, d.owed = 0, false, false
		d.dialAt = d.now.Mono + dhcpdRedial
		if !d.known {
			return
		}
		d.known = false
		if d.startup {
			d.startBy = max(d.startBy, d.now.Mono+1e9)
		} else if to := interruptedISC(d.peer.State); to != d.peer.State {
			d.enter(to)
		}
	}
}

func (d *dhcpd) received(id uint64, m wire.Message) {
	switch m := m.(type) {
	case *wire.Connect:
		ack := &wire.Connectack{Relationship: wire.Some(d.def.Name), MaxUnacked: wire.Some(uint32(dhcpdWindow)),
			ReceiveTimer: wire.Some(d.def.MaxResponseDelay), VendorClass: wire.Some("isc"), Version: wire.Some(uint8(1)), TLSReply: wire.Some(uint8(0))}
		if d.up != 0 {
			d.hangup(id) // the refusal does not arrive
			return
		}
		d.peer.MCLT, d.peer.HBA = m.MCLT.V, m.HBA.V
		d.sendOn(id, ack, m.XID)
		d.establish(id, m.ReceiveTimer.V, m.MaxUnacked.V)
	case *wire.Connectack:
		if m.Reject.Set || d.up != 0 {
			d.hangup(id)
			return
		}
		d.establish(id, m.ReceiveTimer.V, m.MaxUnacked.V)
	case *wire.Disconnect:
		d.hangup(id)
	default:
		if id == d.up {
			d.heard = d.now.Mono
			d.hear(m)
		}
	}
}

func (d *dhcpd) establish(id uint64, timer lease.Seconds, window uint32) {
	d.up, d.pending, d.known, d.heard = id, 0, false, d.now.Mono
	d.timer, d.window = timer, int(window)
	d.sayState()
}

func (d *dhcpd) sayState() {
	flags := wire.ServerFlags(0)
	if d.startup {
		flags = wire.FlagStartup
	}
	d.send(&wire.State{State: wire.Some(d.peer.State), Flags: wire.Some(flags), Since: wire.Some(d.peer.Since)})
}

func (d *dhcpd) hear(m wire.Message) {
	switch m := m.(type) {
	case *wire.State:
		d.hearState(m.State.V, m.Flags.V&wire.FlagStartup != 0)
	case *wire.Bndupd:
		d.hearUpdate(m)
	case *wire.Bndack:
		d.hearAck(m)
	case *wire.Updreq:
		d.owe(m.XID, false)
	case *wire.UpdreqAll:
		d.owe(m.XID, true)
	case *wire.Upddone:
		d.hearDone()
	case *wire.Poolreq:
		d.sendOn(d.up, &wire.Poolresp{Transferred: wire.Some(uint32(0))}, m.XID)
	}
}

// move is dhcpd's reaction to a state of the partner (its table of incoming
// STATE messages).
func (d *dhcpd) move(partner lease.ServerState) (to lease.ServerState, ask bool) {
	own := d.peer.State
	n, ci, pd, pc := lease.Normal, lease.CommunicationsInterrupt, lease.PartnerDown, lease.PotentialConflict
	conflict := partner == pc || partner == lease.ResolutionInterrupted || partner == lease.ConflictDone
	switch own {
	case n:
		switch {
		case partner == pd && d.startup:
			return lease.Recover, false
		case partner == pd:
			return pc, false
		case conflict:
			d.fatal(fmt.Sprintf("dhcpd in NORMAL hears %v and shuts down", partner))
		case partner == lease.Recover || partner == lease.Shutdown:
			return pd, false
		case partner == lease.Paused:
			return ci, false
		}
	case ci:
		switch {
		case partner == n || partner == ci || partner == lease.RecoverDone || partner == lease.RecoverWait:
			return n, false
		case partner == pd || conflict:
			return pc, false
		case partner == lease.Recover || partner == lease.Shutdown:
			return pd, false
		}
	case pd:
		switch {
		case partner == n || partner == ci || partner == pd || conflict:
			return pc, false
		case partner == lease.RecoverDone:
			return n, false
		}
	case pc:
		switch partner {
		case n:
			d.fatal("dhcpd in POTENTIAL-CONFLICT hears NORMAL and shuts down")
		case lease.Recover:
			return lease.Recover, false
		case lease.Shutdown:
			return pd, false
		case lease.ConflictDone:
			return own, true
		}
	case lease.ResolutionInterrupted:
		if partner == lease.Shutdown {
			return pd, false
		}
		if partner != lease.Paused {
			return pc, false
		}
	case lease.ConflictDone:
		switch {
		case partner == n:
			return n, false
		case partner != pc && partner != lease.ResolutionInterrupted:
			d.fatal(fmt.Sprintf("dhcpd in CONFLICT-DONE hears %v and exits", partner))
		}
	case lease.Recover:
		switch {
		case partner == n || conflict:
			return pc, false
		case partner == ci || partner == pd || partner == lease.Recover:
			return own, true
		case partner == lease.Shutdown:
			return pd, false
		}
	case lease.RecoverDone:
		switch partner {
		case n, lease.RecoverDone:
			return n, false
		case lease.Shutdown:
			return pd, false
		}
	}
	return own, false
}

func (d *dhcpd) hearState(s lease.ServerState, startup bool) {
	repeated := d.known && s == d.peer.Partner
	d.known = true
	d.peer.Partner, d.peer.PartnerSince = s, d.now.Time()
	d.save()
	if d.peer.State == lease.PartnerDown && startup || repeated && !d.startup {
		return
	}
	to, ask := d.move(s)
	switch {
	case d.startup:
		d.leaveStartup(to)
	case to != d.peer.State:
		d.enter(to)
	}
	if ask && d.peer.State == to {
		d.ask(&wire.UpdreqAll{})
	}
}

func (d *dhcpd) ask(m wire.Message) {
	d.wanted = true
	d.send(m)
}

// interruptedISC is the state after the connection is lost.
func interruptedISC(s lease.ServerState) lease.ServerState {
	switch s {
	case lease.Normal:
		return lease.CommunicationsInterrupt
	case lease.PotentialConflict:
		return lease.ResolutionInterrupted
	}
	return s
}

func (d *dhcpd) leaveStartup(to lease.ServerState) {
	d.startup = false
	if to != d.peer.State {
		d.enter(to)
		return
	}
	d.save()
	d.sayState()
}

// enter changes the state. The start of NORMAL counts on in RECOVER and
// RECOVER-WAIT, which is why dhcpd often does not wait at all.
func (d *dhcpd) enter(to lease.ServerState) {
	from := d.peer.State
	if to != lease.RecoverWait && !(to == lease.Recover && from == lease.Normal) {
		d.peer.Since = d.now.Time()
	}
	d.peer.State = to
	d.startup = false
	d.save()
	d.sayState()
	if from == lease.Normal || from == lease.PotentialConflict || from == lease.PartnerDown {
		clear(d.flight)
	}
	switch to {
	case lease.Normal:
		d.share()
		d.owePending()
	case lease.Recover:
		if d.known {
			d.ask(&wire.UpdreqAll{})
		}
	case lease.PotentialConflict:
		if d.known && !d.def.Secondary {
			d.ask(&wire.Updreq{})
		}
	case lease.RecoverDone:
		if d.known {
			if next, _ := d.move(d.peer.Partner); next != to {
				d.enter(next)
			}
		}
	}
}

// share gives half of the free addresses to a secondary.
func (d *dhcpd) share() {
	if d.def.Secondary {
		return
	}
	for id := range d.cfg.Pools {
		give := (d.table.Count(id, lease.Free) - d.table.Count(id, lease.Backup)) / 2
		var list []lease.Lease
		d.table.Candidates(id, lease.Free, func(l lease.Lease) bool {
			if give--; give >= 0 {
				list = append(list, l)
			}
			return give > 0
		})
		for _, l := range list {
			l.Rewind, l.State, l.Starts, l.TSTP = l.State, lease.Backup, d.now.Time(), d.now.Time()
			l.Flags |= lease.FlagPending
			d.store(l)
			d.tell(l.IP)
		}
	}
}

func (d *dhcpd) hearDone() {
	if !d.wanted {
		return
	}
	d.wanted = false
	switch d.peer.State {
	case lease.Recover:
		until := d.peer.Since.Add(d.peer.MCLT)
		partner := d.peer.Partner
		if until > d.now.Time() && partner != lease.Recover && partner != lease.RecoverDone {
			d.waitTil = until
			d.enter(lease.RecoverWait)
			return
		}
		d.enter(lease.RecoverDone)
	case lease.PotentialConflict:
		if !d.def.Secondary {
			d.enter(lease.ConflictDone)
		} else {
			d.enter(lease.Normal)
		}
	}
}
