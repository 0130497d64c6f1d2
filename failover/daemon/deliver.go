package daemon

import (
	"github.com/insomniacslk/dhcp/dhcpv4"
	"golang.org/x/sys/unix"

	"tandem/failover/daemon/frame"
	"tandem/failover/daemon/mmsg"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
)

// writeBatch is how many replies one system call may send.
const writeBatch = 64

const limitedBroadcast lease.IP = 0xffffffff

// ethernetType is the hardware type of Ethernet (RFC 1700).
const ethernetType = 1

// sender sends the replies of a batch: many at a time, and past ARP where the
// client has no address yet.
type sender struct {
	port  uint16 // ours; clients listen on the next one
	udp   *mmsg.Writer
	ports *ports
	count *counters
	log   *Logger

	frames []byte // memory for the frames of the batch
	used   []*port
}

// send sends every reply. What can not be sent is counted and reported; the
// client asks again.
func (s *sender) send(replies []dhcp.Reply) {
	s.frames = s.frames[:0]
	for i := range replies {
		r := &replies[i]
		port := s.ports.set[r.If.Index]
		switch {
		case r.HW == "" && r.Dst != limitedBroadcast:
			s.route(r, 0)
		case port == nil: // the interface has gone since the packet came
			s.count.add(sendErrors, 1)
		default:
			s.frame(r, port)
		}
	}
	for _, port := range s.used {
		s.count.add(sentFrame, port.out.Flush(s.failed))
	}
	s.used = s.used[:0]
	if !s.udp.Empty() {
		s.flushUDP()
	}
}

// route queues a datagram for the UDP socket. It leaves through the interface
// with that index, or as the routing table says if it is zero.
func (s *sender) route(r *dhcp.Reply, ifindex int) {
	if s.udp.Full() {
		s.flushUDP()
	}
	slot := s.udp.Add(r.Payload, inetNameLen, pktinfoLen)
	setInet(slot.Name, r.Dst, s.destinationPort(r.DstPort))
	setPktinfo(slot.OOB[:pktinfoLen], ifindex, s.ownSource(r))
}

func (s *sender) flushUDP() { s.count.add(sentUnicast, s.udp.Flush(s.failed)) }

// ownSource is the address to send from, if it is this machine's: a
// server-identifier from the configuration may be another's.
func (s *sender) ownSource(r *dhcp.Reply) lease.IP {
	for _, a := range r.If.Addrs {
		if a == r.Src {
			return a
		}
	}
	return 0
}

// frame queues a datagram with its own headers for a packet socket.
func (s *sender) frame(r *dhcp.Reply, p *port) {
	hw, ok := linkAddress(r)
	if !ok || len(r.Payload)+frame.HeaderLen > p.mtu {
		// Not an Ethernet address, or to be fragmented: the kernel knows how.
		s.route(r, p.iface.Index)
		return
	}
	start := len(s.frames)
	s.frames = frame.Append(s.frames, frame.Datagram{
		Src: r.Src, Dst: r.Dst, SrcPort: s.port, DstPort: s.destinationPort(r.DstPort), Payload: r.Payload,
	})
	switch {
	case p.out.Empty():
		s.used = append(s.used, p)
	case p.out.Full():
		s.count.add(sentFrame, p.out.Flush(s.failed))
	}
	slot := p.out.Add(s.frames[start:len(s.frames):len(s.frames)], linkNameLen, 0)
	setLink(slot.Name, p.iface.Index, unix.ETH_P_IP, hw)
}

// linkAddress is where the frame goes; false if that is not Ethernet.
func linkAddress(r *dhcp.Reply) (hw [6]byte, ok bool) {
	if r.Dst == limitedBroadcast {
		return [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, true
	}
	if len(r.HW) != 7 || r.HW[0] != ethernetType {
		return hw, false
	}
	copy(hw[:], r.HW[1:])
	return hw, true
}

// destinationPort moves the well-known ports along with ours, so that `-p`
// shifts the whole service as dhcpd's does.
func (s *sender) destinationPort(want uint16) uint16 {
	switch want {
	case dhcpv4.ServerPort:
		return s.port
	case dhcpv4.ClientPort:
		return s.port + 1
	}
	return want
}

func (s *sender) failed(_ int, err error) {
	s.count.add(sendErrors, 1)
	s.log.Line(dhcp.Line{Level: dhcp.LevelWarning, Class: "send", Text: "send: " + err.Error()})
}
