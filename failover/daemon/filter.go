package daemon

import (
	"fmt"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Two kinds of sockets hear clients: a packet socket for each interface, and
// one UDP socket. Their filters, which the kernel runs, divide the datagrams
// so that no datagram comes in by both:
//
//	packet socket   sent to everybody: by the link layer (broadcast or multicast
//	                frame), or by the address 255.255.255.255 (an access point may
//	                have turned the broadcast frame into a unicast one)
//	UDP socket      all others: from relays, and from clients that renew
//
// The packet socket is needed because the kernel drops what comes from an
// address to which it has no route back (a client rebinding in a subnet
// where this machine has no address), and because firewalls often forget
// 0.0.0.0; the UDP socket because it reassembles fragments and obeys the
// firewall for everything routed.

// Values of the packet type of the kernel (linux/if_packet.h).
const (
	packetBroadcast = 1
	packetMulticast = 2
)

// networkOffset is SKF_NET_OFF: offsets from it count from the IPv4 header,
// wherever the data of the socket begins.
const networkOffset = 0xfff00000

const everything = 1 << 18 // accept, and cut nothing off

// broadcastFilter accepts the packet socket's share: IPv4, UDP, to port.
// The data begins with the IPv4 header.
func broadcastFilter(port int) []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: packetBroadcast, SkipTrue: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: packetMulticast, SkipTrue: 3},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 10}, // to another machine, or our own
		bpf.LoadAbsolute{Off: 16, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0xffffffff, SkipTrue: 8},
		bpf.LoadAbsolute{Off: 9, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 6},
		bpf.LoadAbsolute{Off: 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x1fff, SkipTrue: 4}, // the first fragment is let in to be counted
		bpf.LoadMemShift{Off: 0},
		bpf.LoadIndirect{Off: 2, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(port), SkipTrue: 1},
		bpf.RetConstant{Val: everything},
		bpf.RetConstant{Val: 0},
	}
}

// unicastFilter accepts the UDP socket's share.
func unicastFilter() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 3},
		bpf.LoadAbsolute{Off: networkOffset + 16, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 0xffffffff, SkipTrue: 1},
		bpf.RetConstant{Val: everything},
		bpf.RetConstant{Val: 0},
	}
}

// arpReplyFilter accepts ARP replies (RFC 826: ar$op is at offset 6).
func arpReplyFilter() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: 6, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: arpReply, SkipTrue: 1},
		bpf.RetConstant{Val: everything},
		bpf.RetConstant{Val: 0},
	}
}

// attach puts the program on a socket. The filter must be in place before the
// socket is bound, or the first datagrams slip past it.
func attach(fd int, program []bpf.Instruction) error {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return fmt.Errorf("socket filter: %w", err)
	}
	prog := unix.SockFprog{Len: uint16(len(raw)), Filter: (*unix.SockFilter)(unsafe.Pointer(&raw[0]))}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
		return fmt.Errorf("socket filter: %w", err)
	}
	return nil
}
