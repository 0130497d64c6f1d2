package dhcp

import (
	"encoding/binary"

	"tandem/failover/lease"
)

// answerSpec is what one reply says besides the options of its profile.
type answerSpec struct {
	typ            byte // option 53; zero for a BOOTP reply
	ciaddr, yiaddr lease.IP
	time           lease.Seconds // option 51, in OFFER and ACK
	siaddr         lease.IP      // if no next-server is configured
}

// BOOTP header (RFC 2131 figure 1).
const (
	opReply       = 2
	flagBroadcast = 0x8000
	bootpSize     = 300 // what old clients and relays take for the least
)

// reply makes the DHCPOFFER, DHCPACK or BOOTREPLY for target t.
func (r *Responder) reply(q *inquiry, p *profile, t *target, a answerSpec) {
	limit := q.sizeLimit()
	b := q.out.room(maxOctets)
	b = q.header(b, a, p.broadcast)
	siaddr := a.siaddr
	if p.nextServer != 0 {
		siaddr = p.nextServer
	}
	binary.BigEndian.PutUint32(b[20:], uint32(siaddr))
	copy(b[atSname:atFile], p.sname)
	copy(b[atFile:atOptions], p.file)
	server := r.identifier(q, p, t.subnet)
	block := r.optionBlock(q, p, t)
	if a.typ == 0 {
		b = r.bootpOptions(q, p, b, block)
	} else {
		b = r.required(q, p, b, a, server)
		b = r.fill(q, p, b, block, limit)
	}
	r.send(q, p, b, server, a, t)
}

// header writes the fixed part of the message, with the magic cookie.
func (q *inquiry) header(b []byte, a answerSpec, broadcast bool) []byte {
	b = b[:headerSize]
	clear(b)
	m := q.m
	b[0], b[1], b[2], b[3] = opReply, byte(m.HWType), byte(len(m.ClientHWAddr)), m.HopCount
	copy(b[4:8], m.TransactionID[:])
	binary.BigEndian.PutUint16(b[8:], m.NumSeconds)
	flags := m.Flags
	if broadcast {
		flags |= flagBroadcast
	}
	binary.BigEndian.PutUint16(b[10:], flags)
	binary.BigEndian.PutUint32(b[12:], uint32(a.ciaddr))
	binary.BigEndian.PutUint32(b[16:], uint32(a.yiaddr))
	binary.BigEndian.PutUint32(b[24:], uint32(q.giaddr))
	copy(b[28:atSname], m.ClientHWAddr)
	copy(b[atOptions:], cookie[:])
	return b
}

// required writes the options that come first, asked for or not: message
// type, server identifier, lease time, T1 and T2 where configured, and the
// subnet selection that was followed (RFC 3011 section 2).
func (r *Responder) required(q *inquiry, p *profile, b []byte, a answerSpec, server lease.IP) []byte {
	b = append(b, optMessageType, 1, a.typ)
	b = appendU32(b, optServerID, uint32(server))
	if a.time != 0 {
		b = appendU32(b, optLeaseTime, uint32(a.time))
		t1, t2 := p.renewals(a.time)
		if t1 != 0 {
			b = appendU32(b, optT1, uint32(t1))
		}
		if t2 != 0 {
			b = appendU32(b, optT2, uint32(t2))
		}
	}
	if v := q.m.Options[optSubnetSelect]; len(v) == 4 {
		b = appendOption(b, optSubnetSelect, v)
	}
	return p.appendClientID(b, q)
}

// appendClientID gives the client its identifier back if echo-client-id is on
// (RFC 6842).
func (p *profile) appendClientID(b []byte, q *inquiry) []byte {
	if p != nil && p.echoID && len(q.uid) > 0 && len(q.uid) <= 255 {
		b = appendOption(b, optClientID, q.uid)
	}
	return b
}

// sizeLimit is the number of octets of UDP payload that the client takes
// (option 57, which counts IP and UDP headers), at least what every host must
// take (RFC 2131 section 2).
func (q *inquiry) sizeLimit() int {
	const ipAndUDP, least = 28, 576
	size := least
	if v := q.m.Options[optMaxSize]; len(v) == 2 {
		size = max(least, min(int(binary.BigEndian.Uint16(v)), maxOctets))
	}
	return size - ipAndUDP
}

// send finishes a reply that was built in the room of the Out, and says where
// it goes.
func (r *Responder) send(q *inquiry, p *profile, b []byte, server lease.IP, a answerSpec, t *target) {
	if n := len(b); n < bootpSize {
		b = b[:bootpSize]
		clear(b[n:])
	}
	r.remember(q, server)
	reply := Reply{If: q.p.If, Src: q.source(server), Payload: q.out.keep(b)}
	r.address(q, p, &reply, a, t)
	q.out.Replies = append(q.out.Replies, reply)
}

// nakReason is the text of option 56, in dhcpd's words.
type nakReason string

const (
	nakUnavailable nakReason = "requested address not available"
	nakIncorrect   nakReason = "requested address is incorrect"
)
