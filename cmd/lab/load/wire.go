// Package load is a crowd of DHCP clients behind one raw socket. It keeps
// exact books: every DHCPACK that came, when, for whom; and whether an address
// was ever promised to two clients at once.
package load

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"tandem/cmd/lab/netlab"
)

const (
	etherLen   = 14
	ipLen      = 20
	udpLen     = 8
	clientPort = 68
	serverPort = 67
	typeIPv4   = 0x0800
	typeARP    = 0x0806
	protoUDP   = 17
	// bufferSize is asked for on the socket, so that a burst of answers is not
	// lost in front of the books.
	bufferSize = 8 << 20
)

var broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// MAC is an Ethernet address.
type MAC [6]byte

func (m MAC) String() string { return net.HardwareAddr(m[:]).String() }

// Wire is a raw socket on one interface that has no address of its own: the
// clients behind it have.
type Wire struct {
	f   *os.File
	buf []byte
	// servers tells where the answers of each server came from.
	servers map[netip.Addr]MAC
	// owner tells who answers ARP for an address.
	owner map[netip.Addr]MAC
}

// Message is a DHCP message to a client as it came off the wire.
type Message struct {
	At   time.Time
	DHCP *dhcpv4.DHCPv4
	// From is the IP source; To the Ethernet and the IP destination.
	From, To netip.Addr
	ToMAC    MAC
}

// Open opens the interface of a machine. The interface must be up.
func Open(node *netlab.Node, ifname string) (*Wire, error) {
	w := &Wire{buf: make([]byte, 1<<16), servers: map[netip.Addr]MAC{}, owner: map[netip.Addr]MAC{}}
	return w, node.Do(func() error {
		ifi, err := net.InterfaceByName(ifname)
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		w.f = os.NewFile(uintptr(fd), ifname)
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, bufferSize)
		all := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ALL))
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: all, Ifindex: ifi.Index})
	})
}

// Close closes the socket.
func (w *Wire) Close() error { return w.f.Close() }

// Claim lets a client answer ARP for an address.
func (w *Wire) Claim(a netip.Addr, m MAC) { w.owner[a] = m }

// Send sends a message of a client: from source (the zero address when it has
// none) by broadcast, or to the server's address when that is valid.
func (w *Wire) Send(from MAC, source, server netip.Addr, m *dhcpv4.DHCPv4) error {
	to, dest := broadcast, netip.AddrFrom4([4]byte{255, 255, 255, 255})
	if server.IsValid() {
		dest = server
		if mac, ok := w.servers[server]; ok {
			to = mac
		}
	}
	if !source.IsValid() {
		source = netip.AddrFrom4([4]byte{})
	}
	_, err := w.f.Write(frame(from, to, source, dest, m.ToBytes()))
	return err
}

func frame(from, to MAC, source, dest netip.Addr, payload []byte) []byte {
	b := make([]byte, 0, etherLen+ipLen+udpLen+len(payload))
	b = append(append(b, to[:]...), from[:]...)
	b = binary.BigEndian.AppendUint16(b, typeIPv4)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(ipLen+udpLen+len(payload)))
	b = append(b, 0, 0, 0, 0, 64, protoUDP, 0, 0)
	b = append(b, source.AsSlice()...)
	b = append(b, dest.AsSlice()...)
	sum := ^ones(0, b[etherLen:])
	binary.BigEndian.PutUint16(b[etherLen+10:], sum)
	udp := len(b)
	b = binary.BigEndian.AppendUint16(b, clientPort)
	b = binary.BigEndian.AppendUint16(b, serverPort)
	b = binary.BigEndian.AppendUint16(b, uint16(udpLen+len(payload)))
	b = append(append(b, 0, 0), payload...)
	pseudo := ones(uint32(protoUDP+udpLen+len(payload)), b[etherLen+12:etherLen+20])
	sum = ^ones(uint32(pseudo), b[udp:])
	if sum == 0 {
		sum = 0xffff
	}
	binary.BigEndian.PutUint16(b[udp+6:], sum)
	return b
}

// ones is the ones' complement sum of RFC 1071.
func ones(sum uint32, b []byte) uint16 {
	for ; len(b) > 1; b = b[2:] {
		sum += uint32(b[0])<<8 | uint32(b[1])
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// Receive waits for the next message to a client until the deadline; then the
// error is os.ErrDeadlineExceeded. On the way it answers ARP for the clients.
func (w *Wire) Receive(deadline time.Time) (Message, error) {
	if err := w.f.SetReadDeadline(deadline); err != nil {
		return Message{}, err
	}
	for {
		n, err := w.f.Read(w.buf)
		if errors.Is(err, unix.ENETDOWN) {
			continue // reported once after the link has gone
		}
		if err != nil {
			return Message{}, err
		}
		if m, ok := w.take(w.buf[:n]); ok {
			return m, nil
		}
	}
}

func (w *Wire) take(b []byte) (Message, bool) {
	if len(b) < etherLen+ipLen+udpLen {
		return Message{}, false
	}
	switch binary.BigEndian.Uint16(b[12:]) {
	case typeARP:
		w.answerARP(b)
		return Message{}, false
	case typeIPv4:
	default:
		return Message{}, false
	}
	ip := b[etherLen:]
	header := int(ip[0]&15) * 4
	if ip[9] != protoUDP || len(ip) < header+udpLen || binary.BigEndian.Uint16(ip[header+2:]) != clientPort {
		return Message{}, false
	}
	d, err := dhcpv4.FromBytes(ip[header+udpLen:])
	if err != nil || d.OpCode != dhcpv4.OpcodeBootReply {
		return Message{}, false
	}
	w.servers[netip.AddrFrom4([4]byte(ip[12:16]))] = MAC(b[6:12])
	return Message{
		At: time.Now(), DHCP: d,
		From:  netip.AddrFrom4([4]byte(ip[12:16])),
		To:    netip.AddrFrom4([4]byte(ip[16:20])),
		ToMAC: MAC(b[0:6]),
	}, true
}

// answerARP answers a request for an address of a client, as the client's own
// machine would.
func (w *Wire) answerARP(b []byte) {
	arp := b[etherLen:]
	if len(arp) < 28 || binary.BigEndian.Uint16(arp[6:]) != 1 {
		return
	}
	mac, ok := w.owner[netip.AddrFrom4([4]byte(arp[24:28]))]
	if !ok {
		return
	}
	r := make([]byte, 0, 60)
	r = append(append(r, arp[8:14]...), mac[:]...)
	r = binary.BigEndian.AppendUint16(r, typeARP)
	r = append(append(r, arp[:6]...), 0, 2)
	r = append(append(r, mac[:]...), arp[24:28]...)
	r = append(r, arp[8:18]...)
	_, _ = w.f.Write(r) // a lost answer is asked for again
}

// Answers sends a broadcast message of a client that has no address and
// gives every answer that comes for its transaction until patience ends or
// want of them came.
func (w *Wire) Answers(m *dhcpv4.DHCPv4, want int, patience time.Duration) ([]Message, error) {
	if err := w.Send(MAC(m.ClientHWAddr), netip.Addr{}, netip.Addr{}, m); err != nil {
		return nil, err
	}
	var got []Message
	for deadline := time.Now().Add(patience); len(got) < want; {
		r, err := w.Receive(deadline)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		if r.DHCP.TransactionID == m.TransactionID {
			got = append(got, r)
		}
	}
	return got, nil
}

// Ask is Answers for the one answer that must come; it repeats the message
// as clients do.
func (w *Wire) Ask(m *dhcpv4.DHCPv4) (Message, error) {
	for range 5 {
		got, err := w.Answers(m, 1, time.Second)
		if err != nil {
			return Message{}, err
		}
		if len(got) > 0 {
			return got[0], nil
		}
	}
	return Message{}, fmt.Errorf("no answer to %v of %v", m.MessageType(), m.ClientHWAddr)
}
