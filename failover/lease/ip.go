package lease

import (
	"fmt"
	"net/netip"
	"strconv"
)

// IP is an IPv4 address in host order, so that ranges are plain arithmetic.
type IP uint32

// FromAddr converts a; ok is false unless a is IPv4 (or IPv4 mapped in IPv6).
func FromAddr(a netip.Addr) (ip IP, ok bool) {
	a = a.Unmap()
	if !a.Is4() {
		return 0, false
	}
	b := a.As4()
	return From4(b), true
}

// From4 makes an IP of its four octets in network order.
func From4(b [4]byte) IP {
	return IP(b[0])<<24 | IP(b[1])<<16 | IP(b[2])<<8 | IP(b[3])
}

// ParseIP reads dotted decimal notation.
func ParseIP(s string) (IP, error) {
	a, err := netip.ParseAddr(s)
	if err != nil {
		return 0, err
	}
	ip, ok := FromAddr(a)
	if !ok {
		return 0, fmt.Errorf("%s is not an IPv4 address", s)
	}
	return ip, nil
}

// MustIP is ParseIP for constants in tests and tables; it panics on error.
func MustIP(s string) IP {
	ip, err := ParseIP(s)
	if err != nil {
		panic(err)
	}
	return ip
}

// As4 gives the octets in network order.
func (ip IP) As4() [4]byte {
	return [4]byte{byte(ip >> 24), byte(ip >> 16), byte(ip >> 8), byte(ip)}
}

// Addr converts to the standard library's type.
func (ip IP) Addr() netip.Addr { return netip.AddrFrom4(ip.As4()) }

// String is dotted decimal notation.
func (ip IP) String() string {
	buf := make([]byte, 0, 15)
	return string(ip.Append(buf))
}

// Append adds dotted decimal notation to buf.
func (ip IP) Append(buf []byte) []byte {
	for shift := 24; ; shift -= 8 {
		buf = strconv.AppendUint(buf, uint64(ip>>shift&255), 10)
		if shift == 0 {
			return buf
		}
		buf = append(buf, '.')
	}
}

// Range is the addresses Low to High, both included.
type Range struct{ Low, High IP }

// Contains tells whether ip lies in r.
func (r Range) Contains(ip IP) bool { return r.Low <= ip && ip <= r.High }

// Size is the number of addresses in r.
func (r Range) Size() int { return int(r.High-r.Low) + 1 }

// String is "LOW HIGH" as dhcpd.conf writes a range.
func (r Range) String() string {
	if r.Low == r.High {
		return r.Low.String()
	}
	return r.Low.String() + " " + r.High.String()
}
