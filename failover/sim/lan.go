package sim

import (
	"encoding/binary"
	"time"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// Addresses of the clients' networks.
var (
	everybody = lease.MustIP("255.255.255.255")
	relayIP   = lease.MustIP("10.1.0.254")
)

// backlog is how many datagrams wait in the socket of a process that stands
// still.
const backlog = 200

// lan is the clients' network: datagrams are lost, late and out of order. But
// what a client sends after a release does not come to the same box before it:
// no server can tell that the release is about an older lease.
type lan struct {
	w        *World
	loss     int // percent
	delay    time.Duration
	cut      [2]int            // faults that keep box i from its clients, carrier or not
	released map[uint64]Moment // when the latest release arrives, by client and box
}

// saltOf keeps the luck of one client apart from that of the others.
func saltOf(b []byte) uint64 { return uint64(binary.BigEndian.Uint32(b)) << 8 }

func (l *lan) latency(salt uint64) time.Duration {
	d := time.Duration(l.w.dice(salt).IntN(1900)+100) * time.Microsecond
	if l.delay > 0 {
		d += time.Duration(l.w.dice(salt + 1).Int64N(int64(l.delay)))
	}
	return d
}

func (l *lan) lost(salt uint64) bool { return l.loss > 0 && l.w.dice(salt+2).IntN(100) < l.loss }

func (l *lan) reaches(b *Box) bool { return b.powered && !b.paused && b.carrier() && l.cut[b.i] == 0 }

// request carries a client's datagram: to both boxes, or with dst to one.
func (l *lan) request(raw []byte, src, dst lease.IP, far, release bool) {
	m, err := dhcp.Decode(raw)
	if err != nil {
		return
	}
	for _, b := range l.w.boxes {
		if dst != everybody && dst != b.iface.Addrs[0] {
			continue
		}
		in := &node.PacketIn{Packet: dhcp.Packet{If: &b.iface, Src: src, SrcPort: 68, Dst: dst, Raw: raw, Msg: m}}
		if p := &in.Packet; far && dst == everybody {
			p.Src, p.SrcPort, p.Dst = relayIP, 67, b.iface.Addrs[0]
		}
		salt := saltOf(raw[30:34]) + 64*uint64(b.i)
		if l.lost(salt) {
			continue
		}
		at := max(l.w.now.after(l.latency(salt)), l.released[salt])
		if release {
			l.released[salt] = at
		}
		l.w.at(at, func() { l.arrive(b, in) })
	}
}

func (l *lan) arrive(b *Box, in *node.PacketIn) {
	switch {
	case !l.reaches(b) || l.w.now < b.dazed || len(b.waiting) > backlog:
	case b.frozen:
		b.waiting = append(b.waiting, waiting{l.w.now, in})
	default:
		b.give(in)
	}
}

// waiting is a datagram in the socket of a process that stands still.
type waiting struct {
	since Moment
	in    *node.PacketIn
}

// staleAfter is the age at which the daemon throws such a datagram away.
const staleAfter = 2 * time.Second

// drain has a process that goes on read its socket.
func (b *Box) drain() {
	for _, d := range b.waiting {
		if time.Duration(b.w.now-d.since) <= staleAfter {
			b.give(d.in)
		}
	}
	b.waiting = b.waiting[:0]
}

// reply carries a server's datagram to the client that its header names. The
// payload is the responder's memory, so it is copied.
func (l *lan) reply(b *Box, r *dhcp.Reply) {
	salt := saltOf(r.Payload[30:34]) + 64*uint64(b.i) + 32
	if !l.reaches(b) || l.w.now < b.dazed || l.lost(salt) {
		return
	}
	got, ok := parseReply(r.Payload)
	if !ok {
		return
	}
	l.w.in(l.latency(salt), func() {
		for _, c := range l.w.clients {
			if c.hears(got) {
				c.receive(b, got)
			}
		}
	})
}
