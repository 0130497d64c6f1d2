package sim

import (
	"tandem/failover/node"
	"tandem/failover/wire"
)

// happening is a kind of input of a box, or the passing of time alone.
type happening uint8

// The partner's messages come first, numbered as on the wire.
const (
	passing happening = 0 // a timer and nothing else

	heardPoolreq    = happening(wire.KindPoolreq)
	heardPoolresp   = happening(wire.KindPoolresp)
	heardBndupd     = happening(wire.KindBndupd)
	heardBndack     = happening(wire.KindBndack)
	heardConnect    = happening(wire.KindConnect)
	heardConnectack = happening(wire.KindConnectack)
	heardUpdreqAll  = happening(wire.KindUpdreqAll)
	heardUpddone    = happening(wire.KindUpddone)
	heardUpdreq     = happening(wire.KindUpdreq)
	heardState      = happening(wire.KindState)
	heardContact    = happening(wire.KindContact)
	heardDisconnect = happening(wire.KindDisconnect)
)

const (
	unheard happening = heardDisconnect + 1 + iota // an update on a connection that has ended
	connected
	closed
	dialFailed
	askDiscover
	askRequest
	askRelease
	askDecline
	probed
	orderPartnerDown
	orderRemoved
	orderMaintenance
	orderPause
	orderResume
	orderCalm
	askedWhy
	reloaded
	wokenLate
	toldFacts
	heartbeat
	happenings
)

var happeningNames = [happenings]string{
	passing: "time passes", heardPoolreq: "POOLREQ", heardPoolresp: "POOLRESP", heardBndupd: "BNDUPD", heardBndack: "BNDACK",
	heardConnect: "CONNECT", heardConnectack: "CONNECTACK", heardUpdreqAll: "UPDREQALL", heardUpddone: "UPDDONE",
	heardUpdreq: "UPDREQ", heardState: "STATE", heardContact: "CONTACT", heardDisconnect: "DISCONNECT",
	unheard: "message too late", connected: "connection opens", closed: "connection ends", dialFailed: "dial fails",
	askDiscover: "DHCPDISCOVER", askRequest: "DHCPREQUEST", askRelease: "DHCPRELEASE", askDecline: "DHCPDECLINE",
	probed: "probe answered", orderPartnerDown: "order partner-down", orderRemoved: "order removed",
	orderMaintenance: "order maintenance", orderPause: "order pause", orderResume: "order resume", orderCalm: "order calm",
	askedWhy: "asked why", reloaded: "reload", toldFacts: "machine's facts", heartbeat: "heartbeat", wokenLate: "woken late",
}

// String is the name in the tables.
func (h happening) String() string { return happeningNames[h] }

// update tells whether h is a message that means something only after the
// partner's STATE.
func (h happening) update() bool {
	switch h {
	case heardPoolreq, heardPoolresp, heardBndupd, heardBndack, heardUpdreqAll, heardUpddone, heardUpdreq, heardContact:
		return true
	}
	return false
}

// local tells whether h is handled before the relationship hears of it.
func (h happening) local() bool { return h >= askDiscover && h <= wokenLate }

var (
	byPacket = map[byte]happening{typeDiscover: askDiscover, typeRequest: askRequest, typeRelease: askRelease, typeDecline: askDecline}
	byOrder  = map[string]happening{"partner-down": orderPartnerDown, "removed": orderRemoved, "maintenance": orderMaintenance,
		"pause": orderPause, "resume": orderResume, "calm": orderCalm}
)

// kindOf classes an input.
func kindOf(in node.Input) happening {
	switch in := in.(type) {
	case *node.PeerReceived:
		return happening(in.Message.Kind())
	case *node.PacketIn:
		return byPacket[in.Packet.Raw[typeAt]]
	case *node.PeerConnected:
		return connected
	case *node.PeerClosed:
		if in.Conn == 0 {
			return dialFailed
		}
		return closed
	case *node.Query:
		if in.Args[0] != "order" {
			return askedWhy
		}
		return byOrder[in.Args[1]]
	case *node.ProbeResult:
		return probed
	case *node.Reconfigure:
		return reloaded
	case *node.BoxFacts:
		if len(in.Heard) > 0 {
			return heartbeat
		}
		return toldFacts
	case *node.WokenLate:
		return wokenLate
	}
	return passing
}
