package pcap

import (
	"encoding/binary"
	"net/netip"
)

// segment is one TCP segment.
type segment struct {
	from, to netip.AddrPort
	seq      uint32
	flags    uint8
	data     []byte
	cut      bool // part of data is missing in the capture
}

// TCP flags.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	_
	flagACK
)

const (
	etherIPv4 = 0x0800
	etherVLAN = 0x8100
	etherQinQ = 0x88a8
)

// knownLink tells whether network understands the link type.
func knownLink(link uint32) bool {
	switch link {
	case linkNull, linkEthernet, linkRaw, linkSLL, linkIPv4, linkSLL2:
		return true
	}
	return false
}

// network gives the IPv4 packet within a captured frame; nil if there is none.
func network(link uint32, b []byte) []byte {
	switch link {
	case linkEthernet:
		return ethernet(b)
	case linkSLL:
		return typed(b, 14, 16)
	case linkSLL2:
		return typed(b, 0, 20)
	case linkNull:
		if len(b) < 4 {
			return nil
		}
		return b[4:]
	case linkRaw, linkIPv4:
		return b
	}
	return nil
}

// typed is the payload behind a header of n octets with an ether type at octet at.
func typed(b []byte, at, n int) []byte {
	if len(b) < n || binary.BigEndian.Uint16(b[at:]) != etherIPv4 {
		return nil
	}
	return b[n:]
}

// ethernet skips the header, with up to two VLAN tags.
func ethernet(b []byte) []byte {
	at := 12
	for range 2 {
		if len(b) < at+2 {
			return nil
		}
		if t := binary.BigEndian.Uint16(b[at:]); t != etherVLAN && t != etherQinQ {
			break
		}
		at += 4
	}
	return typed(b, at, at+2)
}

// tcp gives the TCP segment in an IPv4 packet; ok is false if it has none, or
// is a fragment.
func tcp(b []byte, cut bool) (s segment, ok bool) {
	if len(b) < 20 || b[0]>>4 != 4 || b[9] != 6 || binary.BigEndian.Uint16(b[6:])&0x3fff != 0 {
		return segment{}, false
	}
	head, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if total == 0 {
		total = len(b) // left to the network card by the sender
	}
	if total < len(b) {
		b = b[:total] // padding of the link
	}
	if head < 20 || len(b) < head+20 {
		return segment{}, false
	}
	t := b[head:]
	data := int(t[12]>>4) * 4
	if data < 20 || data > len(t) {
		return segment{}, false
	}
	port := func(addr []byte, at int) netip.AddrPort {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(addr)), binary.BigEndian.Uint16(t[at:]))
	}
	return segment{
		from: port(b[12:16], 0), to: port(b[16:20], 2),
		seq: binary.BigEndian.Uint32(t[4:]), flags: t[13],
		data: t[data:], cut: cut || total > len(b),
	}, true
}
