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
