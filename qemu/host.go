package qemu

import (
	"encoding/binary"
	"net/netip"
	"sync"
)

// Ethernet and IP numbers that a Host knows.
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	protoICMP = 1
	protoUDP  = 17
)

// Host is a simple IPv4 neighbour on a switch: it answers ARP requests, pings
// and datagrams to the ports that Serve names. It never speaks first.
type Host struct {
	MAC  MAC
	Addr netip.Addr

	port *Port
	mu   sync.Mutex
	udp  map[uint16]Service
}

// Service answers one datagram; nil is silence. It is called on the goroutine
// of the host's port and must not wait.
type Service func(from netip.AddrPort, request []byte) []byte

// NewHost connects a host to a switch. Closing the switch ends it.
func NewHost(s *Switch, name string, mac MAC, addr netip.Addr) (*Host, error) {
	h := &Host{MAC: mac, Addr: addr, udp: map[uint16]Service{}}
	var err error
	ready := make(chan struct{})
	h.port, err = s.Connect(name, func(frame []byte) {
		<-ready
		h.receive(frame)
	})
	close(ready)
	return h, err
}

// Serve answers datagrams to a UDP port.
func (h *Host) Serve(port uint16, s Service) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.udp[port] = s
}

// Port returns the host's socket on the switch, to put faults on it.
func (h *Host) Port() *Port { return h.port }

func (h *Host) receive(f []byte) {
	if len(f) < minFrame || MAC(f[:6]) != h.MAC && !MAC(f[:6]).group() {
		return
	}
	switch binary.BigEndian.Uint16(f[12:]) {
	case etherARP:
		h.arp(f)
	case etherIPv4:
		h.ipv4(f)
	}
}

// arp answers a request for the host's address (RFC 826).
func (h *Host) arp(f []byte) {
	const size = minFrame + 28
	if len(f) < size || binary.BigEndian.Uint16(f[20:]) != 1 || [4]byte(f[38:42]) != h.Addr.As4() {
		return
	}
	r := make([]byte, size)
	copy(r, f[6:12])
	copy(r[6:], h.MAC[:])
	copy(r[12:], f[12:20])
	r[21] = 2 // reply
	copy(r[22:], h.MAC[:])
	copy(r[28:], f[38:42])
	copy(r[32:], f[22:32])
	h.port.Send(r)
}

// ipv4 answers an echo request or a datagram. Fragments and wrong lengths are
// left alone.
func (h *Host) ipv4(f []byte) {
	p := f[minFrame:]
	if len(p) < 20 || p[0]>>4 != 4 {
		return
	}
	head, total := int(p[0]&15)*4, int(binary.BigEndian.Uint16(p[2:]))
	if head < 20 || total < head || total > len(p) || binary.BigEndian.Uint16(p[6:])&0x3fff != 0 {
		return
	}
	if [4]byte(p[16:20]) != h.Addr.As4() {
		return
	}
	from, body := netip.AddrFrom4([4]byte(p[12:16])), p[head:total]
	switch p[9] {
	case protoICMP:
		h.echo(MAC(f[6:12]), from, body)
	case protoUDP:
		h.datagram(MAC(f[6:12]), from, body)
	}
}

func (h *Host) echo(to MAC, from netip.Addr, body []byte) {
	if len(body) < 8 || body[0] != 8 {
		return
	}
	r := append([]byte(nil), body...)
	r[0], r[2], r[3] = 0, 0, 0
	binary.BigEndian.PutUint16(r[2:], checksum(0, r))
	h.send(to, from, protoICMP, r)
}

func (h *Host) datagram(to MAC, from netip.Addr, body []byte) {
	if len(body) < 8 || int(binary.BigEndian.Uint16(body[4:])) > len(body) {
		return
	}
	length := int(binary.BigEndian.Uint16(body[4:]))
	port := binary.BigEndian.Uint16(body[2:])
	h.mu.Lock()
	serve := h.udp[port]
	h.mu.Unlock()
	if serve == nil || length < 8 {
		return
	}
	source := binary.BigEndian.Uint16(body)
	answer := serve(netip.AddrPortFrom(from, source), body[8:length])
	if answer == nil {
		return
	}
	r := make([]byte, 8, 8+len(answer))
	binary.BigEndian.PutUint16(r, port)
	binary.BigEndian.PutUint16(r[2:], source)
	binary.BigEndian.PutUint16(r[4:], uint16(8+len(answer)))
	r = append(r, answer...)
	sum := checksum(pseudo(h.Addr, from, len(r)), r)
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(r[6:], sum)
	h.send(to, from, protoUDP, r)
}

// send wraps a payload into an IP packet and a frame.
func (h *Host) send(mac MAC, to netip.Addr, proto byte, body []byte) {
	f := make([]byte, minFrame+20, minFrame+20+len(body))
	copy(f, mac[:])
	copy(f[6:], h.MAC[:])
	binary.BigEndian.PutUint16(f[12:], etherIPv4)
	p := f[minFrame:]
	p[0], p[8], p[9] = 0x45, 64, proto
	binary.BigEndian.PutUint16(p[2:], uint16(20+len(body)))
	source, dest := h.Addr.As4(), to.As4()
	copy(p[12:], source[:])
	copy(p[16:], dest[:])
	binary.BigEndian.PutUint16(p[10:], checksum(0, p))
	h.port.Send(append(f, body...))
}

// pseudo sums the pseudo header of UDP (RFC 768).
func pseudo(from, to netip.Addr, length int) uint32 {
	a, b := from.As4(), to.As4()
	return uint32(binary.BigEndian.Uint16(a[:])) + uint32(binary.BigEndian.Uint16(a[2:])) +
		uint32(binary.BigEndian.Uint16(b[:])) + uint32(binary.BigEndian.Uint16(b[2:])) + protoUDP + uint32(length)
}

// checksum is the Internet checksum (RFC 1071) of data on top of a sum.
func checksum(sum uint32, data []byte) uint16 {
	for ; len(data) > 1; data = data[2:] {
		sum += uint32(binary.BigEndian.Uint16(data))
	}
	if len(data) == 1 {
		sum += uint32(data[0]) << 8
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}
