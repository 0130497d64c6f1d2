package sim

import (
	"encoding/binary"

	"tandem/failover/lease"
)

// Message types and options (RFC 2132).
const (
	typeDiscover = 1
	typeOffer    = 2
	typeRequest  = 3
	typeDecline  = 4
	typeACK      = 5
	typeNAK      = 6
	typeRelease  = 7

	optRequested = 50
	optLease     = 51
	optType      = 53
	optServer    = 54
	optClientID  = 61

	// typeAt is where encode puts the message type.
	typeAt = 242
)

// message is what a client says.
type message struct {
	typ       byte
	xid       uint32
	secs      uint16
	ciaddr    lease.IP
	giaddr    lease.IP
	number    uint32 // of the client: the end of its hardware address
	uid       string
	requested lease.IP
	server    lease.IP
}

// encode gives the datagram.
func (m *message) encode() []byte {
	b := make([]byte, 240, 300)
	b[0], b[1], b[2] = 1, 1, 6
	binary.BigEndian.PutUint32(b[4:], m.xid)
	binary.BigEndian.PutUint16(b[8:], m.secs)
	binary.BigEndian.PutUint32(b[12:], uint32(m.ciaddr))
	binary.BigEndian.PutUint32(b[24:], uint32(m.giaddr))
	copy(b[28:], hardware(m.number)[1:])
	copy(b[236:], []byte{99, 130, 83, 99})
	b = append(b, optType, 1, m.typ)
	for _, o := range [...]struct {
		code byte
		ip   lease.IP
	}{{optRequested, m.requested}, {optServer, m.server}} {
		if o.ip != 0 {
			b = binary.BigEndian.AppendUint32(append(b, o.code, 4), uint32(o.ip))
		}
	}
	if m.uid != "" {
		b = append(append(b, optClientID, byte(len(m.uid))), m.uid...)
	}
	return append(b, 255)
}

// hardware is the hardware address of client n, type first.
func hardware(n uint32) string {
	return string(binary.BigEndian.AppendUint32([]byte{1, 2, 0}, n))
}

// reply is what a server says.
type reply struct {
	typ    byte
	xid    uint32
	client uint32
	ip     lease.IP
	server lease.IP
	time   lease.Seconds
}

// parseReply reads a server's datagram.
func parseReply(b []byte) (r reply, ok bool) {
	if len(b) < 241 || b[0] != 2 {
		return r, false
	}
	r.xid = binary.BigEndian.Uint32(b[4:])
	r.ip = lease.IP(binary.BigEndian.Uint32(b[16:]))
	r.client = binary.BigEndian.Uint32(b[30:])
	for rest := b[240:]; len(rest) > 1 && rest[0] != 255; {
		if rest[0] == 0 {
			rest = rest[1:]
			continue
		}
		n := int(rest[1])
		if len(rest) < 2+n {
			return r, false
		}
		v := rest[2 : 2+n]
		switch {
		case rest[0] == optType && n == 1:
			r.typ = v[0]
		case rest[0] == optServer && n == 4:
			r.server = lease.IP(binary.BigEndian.Uint32(v))
		case rest[0] == optLease && n == 4:
			r.time = lease.Seconds(binary.BigEndian.Uint32(v))
		}
		rest = rest[2+n:]
	}
	return r, r.typ != 0
}
