// Package dhcp decides what a DHCPv4 server answers: it finds the client's
// network, binding, pool, classes and host, asks the Partner, changes the
// table and makes the reply. It is pure: packets come in decoded, replies,
// probes and log lines go out through Out.
//
// Where RFC 2131 leaves room, and where the field expects it, the behaviour
// is that of ISC dhcpd 4.4.
package dhcp

import (
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/lease"
)

// Interface is what the responder knows of the interface a packet came in on.
type Interface struct {
	Index int
	Name  string
	// Addrs lists the interface's own IPv4 addresses, the primary one first.
	Addrs []lease.IP
}

// has tells whether ip is an address of the interface.
func (i *Interface) has(ip lease.IP) bool {
	for _, a := range i.Addrs {
		if a == ip {
			return true
		}
	}
	return false
}

// Packet is one datagram from a client or a relay.
type Packet struct {
	If *Interface
	// Src and SrcPort are the sender's, zero for a client without address.
	Src     lease.IP
	SrcPort uint16
	// Dst is the destination address; 255.255.255.255 for broadcasts.
	Dst lease.IP
	// Raw is the datagram's payload; it stays valid until Flush.
	Raw []byte
	// Msg is Raw decoded (see Decode); the reader of the socket decodes, so
	// that the loop need not. It must not point into Raw.
	Msg *dhcpv4.DHCPv4
}

// Reply is one datagram to send.
type Reply struct {
	If *Interface
	// Src is the address to send from (the server identifier).
	Src lease.IP
	// Dst and DstPort: the client's or the relay's address, or 255.255.255.255.
	Dst     lease.IP
	DstPort uint16
	// HW is the hardware address (htype + address) of a client that has Dst
	// but cannot answer ARP yet: the frame is addressed to it directly
	// (RFC 2131 section 4.1). Empty for ordinary datagrams.
	HW      string
	Payload []byte
}

// Probe asks the shell to find out whether an address is in use: an ICMP
// echo, and an ARP request where the address is on link. The result comes
// back through Responder.ProbeDone.
type Probe struct {
	IP      lease.IP
	If      *Interface
	OnLink  bool
	Timeout time.Duration
}

// Level ranks a log line.
type Level uint8

// Levels, as syslog names them.
const (
	LevelDebug Level = iota
	LevelInfo
	LevelWarning
	LevelError
)

// Line is one log line in dhcpd's words. Class names the kind for rate
// limiting: a client can cause it if Class is not empty.
type Line struct {
	Level Level
	Class string
	Text  string
}

// Out collects what a request leads to. The shell empties it after each batch.
type Out struct {
	// Changed lists the leases that were applied to the table, in order,
	// each once a change.
	Changed []*lease.Lease
	// Replies leave after the changed leases are durable.
	Replies []Reply
	Probes  []Probe
	Lines   []Line
	// Lowest is the lowest level of lines that the shell wants; others are
	// not even made.
	Lowest Level

	arena []byte // room for payloads
}

// The octets allocated at once for payloads: few at first, more where they
// did not last.
const (
	smallArena = 4 << 10
	largeArena = 64 << 10
)

// Reset empties o and keeps its memory. Payloads of earlier replies are
// overwritten by what comes next.
func (o *Out) Reset() {
	clear(o.Changed)
	clear(o.Replies)
	clear(o.Lines)
	o.Changed, o.Replies = o.Changed[:0], o.Replies[:0]
	o.Probes, o.Lines = o.Probes[:0], o.Lines[:0]
	o.arena = o.arena[:0]
}

// room gives an empty slice with room for n octets. It becomes part of o when
// it is given to keep.
func (o *Out) room(n int) []byte {
	if cap(o.arena)-len(o.arena) < n {
		o.arena = make([]byte, 0, max(smallArena, min(2*cap(o.arena), largeArena), n))
	}
	at := len(o.arena)
	return o.arena[at : at : at+n]
}

// keep makes b, which room gave, last until Reset. A b that has outgrown its
// room has memory of its own.
func (o *Out) keep(b []byte) []byte {
	at := len(o.arena)
	if n := at + len(b); len(b) > 0 && n <= cap(o.arena) && &b[0] == &o.arena[:at+1][at] {
		o.arena = o.arena[:n]
	}
	return b[:len(b):len(b)]
}

// line adds a log line.
func (o *Out) line(level Level, class string, text []byte) {
	if level >= o.Lowest {
		o.Lines = append(o.Lines, Line{Level: level, Class: class, Text: string(text)})
	}
}
