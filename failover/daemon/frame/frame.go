// Package frame reads and writes the IPv4 and UDP headers of DHCP datagrams
// that travel outside of the kernel's UDP: from and to clients that have no
// address yet. Link-layer headers are the kernel's business (a packet socket
// of type SOCK_DGRAM carries datagrams from the IPv4 header on).
//
//	 0                   1                   2                   3
//	+-------+-------+---------------+-------------------------------+
//	|   4   |  IHL  |      TOS      |         total length          |  0
//	+-------+-------+---------------+-----+-------------------------+
//	|        identification         |flags|     fragment offset     |  4
//	+---------------+---------------+-----+-------------------------+
//	|      TTL      |  protocol 17  |        header checksum        |  8
//	+---------------+---------------+-------------------------------+
//	|                         source address                        | 12
//	|                      destination address                      | 16
//	|                   options, 4*IHL - 20 octets                  |
//	+-------------------------------+-------------------------------+
//	|          source port          |       destination port        |
//	|         UDP length            |         UDP checksum          |
//	+-------------------------------+-------------------------------+
//	|                            payload                            |
package frame

import (
	"encoding/binary"

	"tandem/failover/lease"
)

// Lengths of the headers in octets.
const (
	ipv4Len = 20
	udpLen  = 8

	// HeaderLen is what Append puts before the payload.
	HeaderLen = ipv4Len + udpLen
	// MaxPayload is the largest payload of one datagram (RFC 791 total length).
	MaxPayload = 1<<16 - 1 - HeaderLen
)

const protocolUDP = 17

// Fault is why a datagram was not accepted. It is an error whose text is the
// name of the counter.
type Fault uint8

// The faults, in the order in which Parse looks for them.
const (
	Short       Fault = iota + 1 // shorter than its headers say
	NotIPv4                      // another version, or a bad header length
	BadHeader                    // wrong header checksum
	Fragment                     // part of a larger datagram
	NotUDP                       // another protocol
	WrongPort                    // another destination port
	BadLength                    // UDP length outside of the datagram
	BadChecksum                  // wrong UDP checksum
	faultEnd
)

// Faults is the number of Fault values, zero included: the size of an array
// of counters.
const Faults = int(faultEnd)

var faultNames = [Faults]string{"", "frame-short", "frame-not-ipv4", "frame-bad-header", "frame-fragment",
	"frame-not-udp", "frame-wrong-port", "frame-bad-length", "frame-bad-checksum"}

// Error is the counter's name.
func (f Fault) Error() string {
	if int(f) < Faults {
		return faultNames[f]
	}
	return "frame-unknown"
}

// Datagram is what Parse found; Payload points into the octets given.
type Datagram struct {
	Src, Dst         lease.IP
	SrcPort, DstPort uint16
	Payload          []byte
}

// Parse reads one IPv4 datagram that carries UDP to dstPort (any port if
// zero). Octets behind the IPv4 total length are link-layer padding. The UDP
// checksum is not looked at if trusted, as for a packet that never left this
// machine's memory, or that the network card has checked. A fault of zero
// means success. Parse allocates nothing.
func Parse(b []byte, dstPort uint16, trusted bool) (d Datagram, fault Fault) {
	hdr, body, fault := splitIPv4(b)
	if fault != 0 {
		return d, fault
	}
	if len(body) < udpLen {
		return d, Short
	}
	d.DstPort = binary.BigEndian.Uint16(body[2:])
	if dstPort != 0 && d.DstPort != dstPort {
		return d, WrongPort
	}
	n := int(binary.BigEndian.Uint16(body[4:]))
	if n < udpLen || n > len(body) {
		return d, BadLength
	}
	d.SrcPort = binary.BigEndian.Uint16(body)
	d.Src = lease.IP(binary.BigEndian.Uint32(hdr[12:]))
	d.Dst = lease.IP(binary.BigEndian.Uint32(hdr[16:]))
	d.Payload = body[udpLen:n:n]
	if sent := binary.BigEndian.Uint16(body[6:]); sent != 0 && !trusted {
		if fold(sum(pseudo(d.Src, d.Dst, n), body[:n])) != 0xffff {
			return d, BadChecksum
		}
	}
	return d, 0
}

// splitIPv4 checks the IPv4 header and cuts the octets into header and body.
func splitIPv4(b []byte) (hdr, body []byte, fault Fault) {
	if len(b) < ipv4Len {
		return nil, nil, Short
	}
	hlen := int(b[0]&15) * 4
	if b[0]>>4 != 4 || hlen < ipv4Len {
		return nil, nil, NotIPv4
	}
	total := int(binary.BigEndian.Uint16(b[2:]))
	if len(b) < hlen || total < hlen || total > len(b) {
		return nil, nil, Short
	}
	switch {
	case fold(sum(0, b[:hlen])) != 0xffff:
		return nil, nil, BadHeader
	case binary.BigEndian.Uint16(b[6:])&0x3fff != 0: // more fragments, or an offset
		return nil, nil, Fragment
	case b[9] != protocolUDP:
		return nil, nil, NotUDP
	}
	return b[:hlen], b[hlen:total], 0
}

// Type of service and time to live as dhcpd sends them: low delay, and a TTL
// that crosses any network.
const (
	typeOfService = 0x10
	timeToLive    = 128
)

// Append adds an IPv4 and a UDP header, both with checksums, and the payload
// to buf. It returns buf as it was if the payload is longer than MaxPayload.
func Append(buf []byte, d Datagram) []byte {
	if len(d.Payload) > MaxPayload {
		return buf
	}
	start := len(buf)
	n := udpLen + len(d.Payload)
	buf = append(buf, 0x45, typeOfService)
	buf = binary.BigEndian.AppendUint16(buf, uint16(ipv4Len+n))
	buf = append(buf, 0, 0, 0, 0, timeToLive, protocolUDP, 0, 0)
	buf = binary.BigEndian.AppendUint32(buf, uint32(d.Src))
	buf = binary.BigEndian.AppendUint32(buf, uint32(d.Dst))
	binary.BigEndian.PutUint16(buf[start+10:], ^fold(sum(0, buf[start:])))

	udp := len(buf)
	buf = binary.BigEndian.AppendUint16(buf, d.SrcPort)
	buf = binary.BigEndian.AppendUint16(buf, d.DstPort)
	buf = binary.BigEndian.AppendUint16(buf, uint16(n))
	buf = append(buf, 0, 0)
	buf = append(buf, d.Payload...)
	check := ^fold(sum(pseudo(d.Src, d.Dst, n), buf[udp:]))
	if check == 0 { // zero would mean: no checksum (RFC 768)
		check = 0xffff
	}
	binary.BigEndian.PutUint16(buf[udp+6:], check)
	return buf
}

// pseudo is the sum over UDP's pseudo header (RFC 768).
func pseudo(src, dst lease.IP, length int) uint64 {
	return uint64(src) + uint64(dst) + protocolUDP + uint64(length)
}

// sum adds b to a ones' complement sum, 32 bits at a time: the carries gather
// in the upper half of acc (RFC 1071 section 2).
func sum(acc uint64, b []byte) uint64 {
	for len(b) >= 8 {
		v := binary.BigEndian.Uint64(b)
		acc += v>>32 + v&0xffffffff
		b = b[8:]
	}
	for len(b) >= 2 {
		acc += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		acc += uint64(b[0]) << 8
	}
	return acc
}

// fold brings the sum down to 16 bits.
func fold(acc uint64) uint16 {
	for acc>>16 != 0 {
		acc = acc>>16 + acc&0xffff
	}
	return uint16(acc)
}
