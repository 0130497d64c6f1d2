package daemon

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"tandem/failover/lease"
)

// socketBuffer is what a socket may hold while the loop is busy, in octets as
// the kernel counts them (about 1 KiB a message): as many as the inbox.
const socketBuffer = 16 << 20

const socketMode = unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC

// openPacket opens the packet socket for broadcasts on one interface.
func openPacket(ifindex int, name string, port int) (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|socketMode, 0)
	if err != nil {
		return -1, privilege("packet socket on "+name, err)
	}
	err = errors.Join(
		attach(fd, broadcastFilter(port)),
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_AUXDATA, 1),
		stamped(fd),
		roomy(fd),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_IP), Ifindex: ifindex}),
	)
	return finish(fd, "packet socket on "+name, err)
}

// openUDP opens the socket for everything that is sent to this machine's own
// addresses, and for replies through the kernel's routing.
func openUDP(port int) (int, error) {
	name := fmt.Sprintf("UDP port %d", port)
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|socketMode, 0)
	if err != nil {
		return -1, privilege(name, err)
	}
	err = errors.Join(
		attach(fd, unicastFilter()),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_BROADCAST, 1),
		unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1),
		stamped(fd),
		// Replies are small and may cross links that path MTU discovery knows
		// nothing of: let routers fragment them.
		unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_DONT),
		roomy(fd),
	)
	if err == nil {
		if err = unix.Bind(fd, &unix.SockaddrInet4{Port: port}); errors.Is(err, unix.EADDRINUSE) {
			err = fmt.Errorf("%w: another DHCP server or relay runs on this machine; stop it first", err)
		}
	}
	return finish(fd, name, err)
}

// stamped has the kernel note the time of day at which each datagram came.
func stamped(fd int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
}

// openICMP opens the socket for echo requests and replies.
func openICMP() (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|socketMode, unix.IPPROTO_ICMP)
	if err != nil {
		return -1, privilege("ICMP socket", err)
	}
	// A set bit keeps that type of message out (linux/icmp.h, ICMP_FILTER).
	const icmpFilter = 1
	err = unix.SetsockoptInt(fd, unix.SOL_RAW, icmpFilter, int(^uint32(1<<icmpEchoReply)))
	return finish(fd, "ICMP socket", err)
}

// openARP opens the socket for ARP on every interface.
func openARP() (int, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|socketMode, 0)
	if err != nil {
		return -1, privilege("ARP socket", err)
	}
	err = errors.Join(
		attach(fd, arpReplyFilter()),
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_ARP)}),
	)
	return finish(fd, "ARP socket", err)
}

// finish gives a socket that was set up with err.
func finish(fd int, name string, err error) (int, error) {
	if err != nil {
		return -1, privilege(name, errors.Join(err, unix.Close(fd)))
	}
	return fd, nil
}

// privilege adds the remedy to the error that forgetting root gives.
func privilege(what string, err error) error {
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return fmt.Errorf("%s: %w: run as root, or with the capabilities CAP_NET_RAW, CAP_NET_BIND_SERVICE and CAP_NET_ADMIN", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// roomy enlarges the receive buffer, beyond the system's limit if that is
// allowed.
func roomy(fd int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, socketBuffer) == nil {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, socketBuffer)
}

// networkOrder swaps a 16 bit number for the kernel structures that want it
// in network order in a native field.
func networkOrder(v uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], v)
	return binary.NativeEndian.Uint16(b[:])
}

// Lengths of the socket addresses and control messages used here.
const (
	linkNameLen = unix.SizeofSockaddrLinklayer
	inetNameLen = unix.SizeofSockaddrInet4
)

var pktinfoLen = unix.CmsgSpace(unix.SizeofInet4Pktinfo)

// setLink makes name the link-layer address hw on an interface.
func setLink(name *unix.RawSockaddrAny, ifindex int, protocol uint16, hw [6]byte) {
	sa := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(name))
	*sa = unix.RawSockaddrLinklayer{Family: unix.AF_PACKET, Protocol: networkOrder(protocol), Ifindex: int32(ifindex), Halen: 6}
	copy(sa.Addr[:], hw[:])
}

// setInet makes name an address and a port.
func setInet(name *unix.RawSockaddrAny, ip lease.IP, port uint16) {
	sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
	*sa = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: networkOrder(port), Addr: ip.As4()}
}

// setPktinfo makes oob the control message that sends from src; an ifindex
// of zero leaves the interface to the routing table, a src of zero the source.
func setPktinfo(oob []byte, ifindex int, src lease.IP) {
	clear(oob)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
	h.Level, h.Type = unix.IPPROTO_IP, unix.IP_PKTINFO
	h.SetLen(unix.CmsgLen(unix.SizeofInet4Pktinfo))
	info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&oob[unix.CmsgLen(0)]))
	*info = unix.Inet4Pktinfo{Ifindex: int32(ifindex), Spec_dst: src.As4()}
}

// eachControl calls fn for each control message in oob; it allocates nothing.
func eachControl(oob []byte, fn func(level, kind int32, data []byte)) {
	for len(oob) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&oob[0]))
		n := int(h.Len)
		if n < unix.SizeofCmsghdr || n > len(oob) {
			return
		}
		fn(h.Level, h.Type, oob[unix.CmsgLen(0):n])
		next := unix.CmsgSpace(n - unix.CmsgLen(0))
		if next > len(oob) {
			return
		}
		oob = oob[next:]
	}
}
