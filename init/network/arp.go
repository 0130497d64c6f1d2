package network

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Timing of address conflict detection (RFC 5227 section 1.1), shortened: a
// box whose clients wait does not probe for seven seconds.
const (
	probes     = 3
	probeEvery = 300 * time.Millisecond
	announces  = 2
)

const (
	arpRequest = 1
	arpReply   = 2
	arpLen     = 28
)

// arpPacket is an Ethernet ARP packet for IPv4 (RFC 826).
type arpPacket struct {
	op                 uint16
	senderHW, targetHW [6]byte
	senderIP, targetIP [4]byte
}

func (p arpPacket) bytes() []byte {
	b := make([]byte, arpLen)
	binary.BigEndian.PutUint16(b[0:], 1)      // Ethernet
	binary.BigEndian.PutUint16(b[2:], 0x0800) // IPv4
	b[4], b[5] = 6, 4
	binary.BigEndian.PutUint16(b[6:], p.op)
	copy(b[8:], p.senderHW[:])
	copy(b[14:], p.senderIP[:])
	copy(b[18:], p.targetHW[:])
	copy(b[24:], p.targetIP[:])
	return b
}

func parseARP(b []byte) (p arpPacket, ok bool) {
	if len(b) < arpLen || binary.BigEndian.Uint16(b) != 1 || binary.BigEndian.Uint16(b[2:]) != 0x0800 || b[4] != 6 || b[5] != 4 {
		return p, false
	}
	p.op = binary.BigEndian.Uint16(b[6:])
	copy(p.senderHW[:], b[8:])
	copy(p.senderIP[:], b[14:])
	copy(p.targetHW[:], b[18:])
	copy(p.targetIP[:], b[24:])
	return p, p.op == arpRequest || p.op == arpReply
}

// arpSocket sends and receives ARP on one interface.
type arpSocket struct {
	fd      int
	ifindex int
	hw      [6]byte
}

func openARP(name string) (*arpSocket, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return nil, err
	}
	if len(ifi.HardwareAddr) != 6 {
		return nil, fmt.Errorf("%s is not an Ethernet port", name)
	}
	proto := int(binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ARP)))
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return nil, err
	}
	s := &arpSocket{fd: fd, ifindex: ifi.Index, hw: [6]byte(ifi.HardwareAddr)}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(proto), Ifindex: ifi.Index}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return s, nil
}

func (s *arpSocket) close() { unix.Close(s.fd) }

func (s *arpSocket) broadcast(p arpPacket) error {
	p.senderHW = s.hw
	to := &unix.SockaddrLinklayer{
		Protocol: binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ARP)),
		Ifindex:  s.ifindex, Halen: 6, Addr: [8]byte{255, 255, 255, 255, 255, 255},
	}
	return unix.Sendto(s.fd, p.bytes(), 0, to)
}

// receive gives the next ARP packet; ok is false when wait is over.
func (s *arpSocket) receive(wait time.Duration) (p arpPacket, ok bool, err error) {
	tv := unix.NsecToTimeval(max(wait, time.Millisecond).Nanoseconds())
	if err := unix.SetsockoptTimeval(s.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		return p, false, err
	}
	var buf [128]byte
	n, _, err := unix.Recvfrom(s.fd, buf[:], 0)
	switch err {
	case nil:
		p, ok = parseARP(buf[:n])
		return p, ok, nil
	case unix.EAGAIN, unix.EINTR, unix.ENETDOWN:
		return p, false, nil
	}
	return p, false, err
}

// Conflict says who else uses the address on the interface: its hardware
// address, or "" if nobody answers (RFC 5227 section 2.1).
func Conflict(ctx context.Context, name string, addr netip.Addr) (string, error) {
	s, err := openARP(name)
	if err != nil {
		return "", err
	}
	defer s.close()
	for range probes {
		// The first probes are lost while the port settles: not an error.
		_ = s.broadcast(arpPacket{op: arpRequest, targetIP: addr.As4()})
		wait := probeEvery + rand.N(probeEvery/3)
		for end := time.Now().Add(wait); ctx.Err() == nil; {
			left := time.Until(end)
			if left <= 0 {
				break
			}
			p, ok, err := s.receive(left)
			if err != nil {
				return "", err
			}
			if ok && p.senderHW != s.hw && p.senderIP == addr.As4() {
				return net.HardwareAddr(p.senderHW[:]).String(), nil
			}
		}
	}
	return "", ctx.Err()
}

// aliveWait is how long a neighbour may take to answer.
const aliveWait = time.Second

// Alive tells whether one of these neighbours answers on the interface: proof
// that the network behind it is alive. own is the address that asks.
func Alive(ctx context.Context, name string, own netip.Addr, neighbours []netip.Addr) (bool, error) {
	s, err := openARP(name)
	if err != nil {
		return false, err
	}
	defer s.close()
	for _, a := range neighbours {
		if err := s.broadcast(arpPacket{op: arpRequest, senderIP: own.As4(), targetIP: a.As4()}); err != nil {
			return false, err
		}
	}
	for end := time.Now().Add(aliveWait); ctx.Err() == nil; {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		p, ok, err := s.receive(left)
		if err != nil {
			return false, err
		}
		if ok && p.op == arpReply && slices.Contains(neighbours, netip.AddrFrom4(p.senderIP)) {
			return true, nil
		}
	}
	return false, nil
}

// Announce tells the network who has the address now (gratuitous ARP,
// RFC 5227 section 2.3).
func Announce(name string, addr netip.Addr) error {
	s, err := openARP(name)
	if err != nil {
		return err
	}
	defer s.close()
	for range announces {
		if err := s.broadcast(arpPacket{op: arpRequest, senderIP: addr.As4(), targetIP: addr.As4()}); err != nil {
			return err
		}
	}
	return nil
}
