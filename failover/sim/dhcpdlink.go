package sim

import (
	"fmt"
	"slices"

	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/wire"
)

// dhcpdVendor is how dhcpd introduces itself.
const dhcpdVendor = "isc-4.4.3-P1"

// connected: the primary speaks first, whoever dialled.
func (d *dhcpd) connected(in *node.PeerConnected) {
	d.greets = append(d.greets, greet{in.Conn, d.now.Mono, in.Dialled})
	if !d.def.Secondary {
		d.sendOn(in.Conn, &wire.Connect{Relationship: wire.Some(d.def.Name), MaxUnacked: wire.Some(uint32(d.def.MaxUnackedUpdates)),
			ReceiveTimer: wire.Some(d.def.MaxResponseDelay), VendorClass: wire.Some(dhcpdVendor), Version: wire.Some(uint8(1)),
			TLSRequest: wire.Some(wire.TLSNone), MCLT: wire.Some(d.def.MCLT), HBA: wire.Some(wire.HBA(d.def.HBA))}, 0)
	}
}

func (d *dhcpd) sendOn(id uint64, m wire.Message, xid uint32) {
	*m.Head() = wire.Header{Time: d.now.Time(), XID: xid}
	if id == d.up {
		d.sent = d.now.Mono
	}
	d.links = append(d.links, node.Link{Do: node.LinkSend, Peer: d.def.Name, Conn: id, Message: m})
}

// send says something that is no answer. dhcpd counts from zero on each
// connection, the CONNECT included.
func (d *dhcpd) send(m wire.Message) {
	if d.up != 0 {
		d.sendOn(d.up, m, d.xid)
		d.xid++
	}
}

func (d *dhcpd) hangup(id uint64) {
	d.links = append(d.links, node.Link{Do: node.LinkHangup, Peer: d.def.Name, Conn: id})
	d.closed(id)
}

// closed: a connection is gone, or with zero a dial has failed. What was in
// flight stays so.
func (d *dhcpd) closed(id uint64) {
	if i := slices.IndexFunc(d.greets, func(g greet) bool { return g.conn == id }); i >= 0 {
		d.dialling, d.dialAt = d.dialling && !d.greets[i].dialled, d.now.Mono+dhcpdRedial
		d.greets = slices.Delete(d.greets, i, i+1)
		return
	}
	switch id {
	case 0:
		d.dialling, d.dialAt = false, d.now.Mono+dhcpdRedial
	case d.up:
		d.up, d.wanted, d.owed, d.acks = 0, false, false, nil
		d.dialling, d.dialAt = false, d.now.Mono+dhcpdRedial
		if !d.known {
			return
		}
		d.known = false
		if to := interruptedISC(d.peer.State); to != d.peer.State || d.startup {
			d.enter(to)
		}
	}
}

func (d *dhcpd) received(id uint64, m wire.Message) {
	switch m := m.(type) {
	case *wire.Connect:
		d.greeted(id, m)
	case *wire.Connectack:
		d.answered(id, m)
	case *wire.Disconnect:
		d.hangup(id)
	default:
		if id == d.up {
			d.heard = d.now.Mono
			d.hear(m)
		}
	}
}

// greeted takes a CONNECT. Of the last two refusals the partner sees that the
// connection ends, and nothing else.
func (d *dhcpd) greeted(id uint64, m *wire.Connect) {
	ack := &wire.Connectack{Relationship: m.Relationship, VendorClass: wire.Some(dhcpdVendor), Version: wire.Some(uint8(1))}
	if m.TLSRequest.Set {
		ack.TLSReply = wire.Some(uint8(0))
	}
	named := m.Relationship.V == d.def.Name
	if named {
		ack.MaxUnacked, ack.ReceiveTimer = wire.Some(uint32(d.def.MaxUnackedUpdates)), wire.Some(d.def.MaxResponseDelay)
	}
	refuse := func(why wire.Reject, text string) {
		ack.Reject, ack.Message = wire.Some(why), wire.Some(text)
		d.sendOn(id, ack, m.XID)
		d.hangup(id)
	}
	switch {
	case !m.Relationship.Set:
		refuse(wire.RejectInvalidPartner, "missing relationship-name")
	case !named:
		refuse(wire.RejectInvalidPartner, "unknown failover relationship name")
	case d.skewed(m):
		refuse(wire.RejectTimeMismatch, "time offset too large")
	case !m.HBA.Set:
		refuse(wire.RejectHBAConflict, "invalid HBA")
	case d.up != 0, !m.MCLT.Set:
		d.hangup(id)
	default:
		d.peer.MCLT, d.peer.HBA = m.MCLT.V, m.HBA.V
		d.sendOn(id, ack, m.XID)
		d.establish(id, m.ReceiveTimer.V, m.MaxUnacked)
	}
}

// answered takes a CONNECTACK.
func (d *dhcpd) answered(id uint64, m *wire.Connectack) {
	refuse := func(why wire.Reject, text string) {
		d.sendOn(id, &wire.Disconnect{Reject: wire.Some(why), Message: wire.Some(text)}, 1)
		d.hangup(id)
	}
	switch {
	case !m.Relationship.Set:
		refuse(wire.RejectInvalidPartner, "missing relationship-name")
	case m.Reject.Set:
		d.hangup(id)
	case m.Relationship.V != d.def.Name:
		refuse(wire.RejectInvalidPartner, fmt.Sprintf("remote failover relationship name %s does not match", m.Relationship.V))
	case d.up != 0:
		refuse(wire.RejectDuplicateConn, "already connected")
	case d.skewed(m):
		refuse(wire.RejectTimeMismatch, "time offset too large")
	default:
		d.establish(id, m.ReceiveTimer.V, m.MaxUnacked)
	}
}

func (d *dhcpd) skewed(m wire.Message) bool {
	theirs, ours := m.Head().Time, d.now.Time()
	return max(theirs, ours).Sub(min(theirs, ours)) > dhcpdSkew
}

func (d *dhcpd) establish(id uint64, timer lease.Seconds, window wire.Opt[uint32]) {
	d.greets = slices.DeleteFunc(d.greets, func(g greet) bool { return g.conn == id })
	d.up, d.known, d.heard, d.dialling = id, false, d.now.Mono, false
	d.timer, d.window = timer, int(window.Or(uint32(d.window)))
	d.xid = 0
	if !d.def.Secondary {
		d.xid = 1
	}
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
		d.sharePools(m.XID)
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
			d.shutdown(fmt.Sprintf("in NORMAL hears %v", partner))
			return lease.Shutdown, false
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
			d.shutdown("in POTENTIAL-CONFLICT hears NORMAL")
			return lease.Shutdown, false
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

// shutdown is what dhcpd does when it does not know what to do: it serves
// nobody until somebody starts it again.
func (d *dhcpd) shutdown(why string) {
	d.peer.State, d.peer.Since, d.startup = lease.Shutdown, d.now.Time(), false
	d.save()
	d.sayState()
	d.fatal("dhcpd " + why + " and shuts down")
}

func (d *dhcpd) hearState(s lease.ServerState, startup bool) {
	if !s.Valid() || s < lease.Normal {
		d.shutdown(fmt.Sprintf("hears state %d", s))
		return
	}
	repeated := s == d.peer.Partner
	d.known = true
	d.peer.Partner, d.peer.PartnerSince = s, d.now.Time()
	d.save()
	switch own := d.peer.State; {
	case own == lease.PartnerDown && startup:
		return
	case repeated && d.startup:
		if own == lease.ResolutionInterrupted {
			own = lease.PotentialConflict
		}
		d.enter(own)
		return
	case repeated && (own == lease.Normal || own == lease.PotentialConflict || own == lease.RecoverDone):
		return
	}
	to, ask := d.move(s)
	switch {
	case d.startup, to != d.peer.State:
		d.enter(to)
	case ask:
		d.ask(d.request(to))
	}
}

// request is what dhcpd asks for in a state. In a conflict it wants what the
// partner thinks is news alone.
func (d *dhcpd) request(in lease.ServerState) wire.Message {
	if in == lease.PotentialConflict {
		return &wire.Updreq{}
	}
	return &wire.UpdreqAll{}
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

// enter changes the state, or leaves STARTUP for it. Its start is that of the state before if dhcpd only
// leaves STARTUP, or waits in RECOVER-WAIT, which is why it often does not
// wait at all.
func (d *dhcpd) enter(to lease.ServerState) {
	from := d.peer.State
	if to != lease.RecoverWait && !d.startup {
		d.peer.Since = d.now.Time()
	}
	if from == lease.Normal || from == lease.PotentialConflict || from == lease.PartnerDown {
		d.todo, d.flight = append(d.flight, d.todo...), nil
	}
	if from == lease.CommunicationsInterrupt && to == lease.Normal {
		d.pump() // news first
	}
	d.peer.State = to
	d.startup, d.entered = false, d.now.Time()
	d.save()
	d.sayState()
	switch to {
	case lease.Normal:
		d.balance()
		if d.queue(false); len(d.todo) > 0 {
			d.pump()
		}
	case lease.PartnerDown:
		d.freeAt = d.peer.Since.Add(d.peer.MCLT)
	case lease.Recover:
		if d.known {
			d.ask(d.request(to))
		}
	case lease.PotentialConflict:
		if d.known && !d.def.Secondary {
			d.ask(d.request(to))
		}
	case lease.RecoverDone:
		if d.known {
			if next, _ := d.move(d.peer.Partner); next != to {
				d.enter(next)
			}
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
			d.waitTil = d.now.Mono + int64(until.Sub(d.now.Time()).Duration())
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
