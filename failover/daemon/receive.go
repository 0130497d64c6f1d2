package daemon

import (
	"bytes"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tandem/failover/daemon/frame"
	"tandem/failover/daemon/mmsg"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
)

// readBatch is how many datagrams one system call may bring, maxDatagram the
// longest one that is looked at, headers included: more than an Ethernet frame
// carries.
const (
	readBatch   = 64
	maxDatagram = 2048
)

// Layout of a BOOTP message (RFC 951 section 3, RFC 2131 section 2), as far
// as it is looked at before the message is decoded.
const (
	offsetOp      = 0
	offsetHlen    = 2
	offsetGiaddr  = 24
	offsetChaddr  = 28
	minBOOTP      = 236 // up to the end of `file`
	offsetOptions = 240
	opRequest     = 1

	optionPad         = 0
	optionMessageType = 53
	optionEnd         = 255
	typeDiscover      = 1
)

// intake receives datagrams for the loop and refuses those that are not worth
// an answer before they cost more than a look.
type intake struct {
	port    uint16
	inbox   *inbox
	count   *counters
	clients *throttle
	relays  *throttle
	faults  [frame.Faults]uint64
	path    pathCheck
	wall    func() int64 // the time of day in nanoseconds, by which the kernel stamps

	reader *mmsg.Reader
	bufs   [readBatch][]byte
}

func newIntake(port int, in *inbox, count *counters, clients, relays Rate) *intake {
	r := &intake{port: uint16(port), inbox: in, count: count, clients: newThrottle(clients), relays: newThrottle(relays),
		reader: mmsg.NewReader(readBatch), wall: func() int64 { return time.Now().UnixNano() }}
	for i := range r.bufs {
		r.bufs[i] = make([]byte, maxDatagram)
	}
	return r
}

// opener finds the packet in what was received; false means that it is not for
// us, and has been counted.
type opener func(raw []byte, m mmsg.Message) (dhcp.Packet, bool)

// receive brings what waits in a socket into the inbox: everything, but no
// more than the inbox holds.
func (r *intake) receive(fd int, open opener) {
	for range inboxPackets / readBatch {
		n, err := r.reader.Read(fd, r.bufs[:])
		if err != nil { // the interface went down, say; the socket lives on
			r.count.add(receiveErrors, 1)
			return
		}
		now, wall := ticks(), r.wall()
		r.count.add(received, n)
		for i := range n {
			m := r.reader.Message(i)
			if m.Truncated {
				r.count.add(receiveTruncated, 1)
				continue
			}
			packet, ok := open(r.bufs[i][:m.Len], m)
			switch {
			case ok && time.Duration(wall-arrived(m.OOB, wall)) > staleAfter:
				r.count.add(receiveStale, 1)
			case ok && r.worthwhile(packet.Raw, now):
				r.inbox.put(packet)
			}
		}
		if n < readBatch {
			return
		}
	}
}

// staleAfter is how long a datagram may wait in a socket: a client that heard
// nothing asks again after 4 s (RFC 2131 section 4.1). A process that stood
// still finds what its clients said long ago, and have taken back elsewhere.
const staleAfter = 2 * time.Second

// arrived is the time of day, in nanoseconds, at which a datagram came, or now
// if the kernel does not say.
func arrived(oob []byte, now int64) int64 {
	at := now
	eachControl(oob, func(level, kind int32, data []byte) {
		if level == unix.SOL_SOCKET && kind == unix.SO_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			at = (*unix.Timespec)(unsafe.Pointer(&data[0])).Nano()
		}
	})
	return at
}

// worthwhile tells whether a message may be a request, and takes the tokens
// that it costs.
func (r *intake) worthwhile(raw []byte, now int64) bool {
	if len(raw) < minBOOTP || raw[offsetOp] != opRequest {
		r.count.add(receiveNotRequest, 1)
		return false
	}
	giaddr := raw[offsetGiaddr : offsetGiaddr+4]
	relayed := [4]byte(giaddr) != [4]byte{}
	if relayed && !r.relays.allow(giaddr, now) {
		r.count.add(relayThrottled, 1)
		return false
	}
	hlen := min(int(raw[offsetHlen]), 16)
	if relayed && hlen == 0 {
		return true // a leasequery names no client (RFC 4388 section 6.2); who asks has paid
	}
	if !r.clients.allow(raw[offsetChaddr:offsetChaddr+hlen], now) {
		r.count.add(clientThrottled, 1)
		return false
	}
	return true
}

// isDiscover finds the message type without decoding the rest.
func isDiscover(raw []byte) bool {
	for i := offsetOptions; i+2 < len(raw); {
		switch raw[i] {
		case optionPad:
			i++
			continue
		case optionEnd:
			return false
		case optionMessageType:
			return raw[i+1] == 1 && raw[i+2] == typeDiscover
		}
		i += 2 + int(raw[i+1])
	}
	return false
}

// openFrame reads a datagram of the packet socket of an interface.
func (r *intake) openFrame(raw []byte, m mmsg.Message, ifc *dhcp.Interface) (packet dhcp.Packet, ok bool) {
	sa := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(m.Name))
	if int(sa.Ifindex) != ifc.Index { // a VLAN's frame, seen on the interface that carries it
		r.count.add(receiveForeignPort, 1)
		return packet, false
	}
	var aux unix.TpacketAuxdata
	eachControl(m.OOB, func(level, kind int32, data []byte) {
		if level == unix.SOL_PACKET && kind == unix.PACKET_AUXDATA && len(data) >= int(unsafe.Sizeof(aux)) {
			aux = *(*unix.TpacketAuxdata)(unsafe.Pointer(&data[0]))
		}
	})
	const vlanID = 0xfff // a tag with ID 0 carries only a priority
	if aux.Status&unix.TP_STATUS_VLAN_VALID != 0 && aux.Vlan_tci&vlanID != 0 {
		r.count.add(receiveVLAN, 1)
		return packet, false
	}
	checked := aux.Status&(unix.TP_STATUS_CSUMNOTREADY|unix.TP_STATUS_CSUM_VALID) != 0
	d, fault := frame.Parse(raw, r.port, checked)
	if fault != 0 {
		r.faults[fault]++
		return packet, false
	}
	return dhcp.Packet{If: ifc, Src: d.Src, SrcPort: d.SrcPort, Dst: d.Dst, Raw: d.Payload}, true
}

// openDatagram reads a datagram of the UDP socket; served finds the interface
// that it came in on.
func (r *intake) openDatagram(raw []byte, m mmsg.Message, served func(ifindex int) *dhcp.Interface) (packet dhcp.Packet, ok bool) {
	var info unix.Inet4Pktinfo
	eachControl(m.OOB, func(level, kind int32, data []byte) {
		if level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= int(unsafe.Sizeof(info)) {
			info = *(*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0]))
		}
	})
	r.path.seen = true // whatever it is, it came through
	ifc := served(int(info.Ifindex))
	if ifc == nil {
		if !bytes.Equal(raw, pathWord) {
			r.count.add(receiveForeignPort, 1)
		}
		return packet, false
	}
	sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(m.Name))
	return dhcp.Packet{
		If:      ifc,
		Src:     lease.From4(sa.Addr),
		SrcPort: networkOrder(sa.Port),
		Dst:     lease.From4(info.Addr),
		Raw:     raw,
	}, true
}

// pathWord is what the server sends to its own port to see whether it gets
// there. It is too short to be anything else.
var pathWord = []byte("tandem")

// pathCheck proves, from beat to beat, that datagrams still reach the loop.
type pathCheck struct {
	out  *mmsg.Writer // to our own port
	port uint16
	sent bool
	seen bool
}

// passed tells whether something has come in since the word was sent, and
// sends it again.
func (c *pathCheck) passed() bool {
	ok := c.seen || !c.sent
	c.seen, c.sent = false, true
	slot := c.out.Add(pathWord, inetNameLen, 0)
	setInet(slot.Name, lease.MustIP("127.0.0.1"), c.port)
	// Without a loopback interface there is nothing to be learnt.
	c.out.Flush(func(int, error) { c.sent = false })
	return ok
}
