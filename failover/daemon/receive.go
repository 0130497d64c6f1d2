package daemon

import (
	"errors"
	"os"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tandem/failover/daemon/frame"
	"tandem/failover/daemon/mmsg"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
)

// readBatch is how many datagrams one system call may bring.
const readBatch = 64

// pulse is how often a reader with nothing to do shows that it lives. The
// beat of the watchdog asks for it (R8).
const pulse = 2 * time.Second

// Layout of a BOOTP message (RFC 951 section 3, RFC 2131 section 2), as far
// as it is looked at before the message is decoded.
const (
	offsetOp     = 0
	offsetHlen   = 2
	offsetGiaddr = 24
	offsetChaddr = 28
	minBOOTP     = 236 // up to the end of `file`
	opRequest    = 1
)

// intake is what all readers share.
type intake struct {
	port    uint16
	inbox   *inbox
	count   *counters
	clients *throttle
	relays  *throttle
	faults  [frame.Faults]atomic.Uint64
}

// reader is one goroutine's receiving end of one socket.
type reader struct {
	*intake
	conn *mmsg.Conn
	// open finds the datagram in what was received into p.data; false means
	// that it is not for us, and has been counted.
	open func(r *reader, p *parcel, m mmsg.Message) bool
	// iface finds the interface that the kernel says the datagram came in on;
	// nil if it is not served.
	iface func(ifindex int32) *dhcp.Interface
	alive atomic.Int64 // ticks of the latest sign of life

	ready []*parcel
}

// stuck tells whether the reader should have shown itself by now.
func (r *reader) stuck(now int64) bool { return now-r.alive.Load() > int64(4*pulse) }

// run receives until the socket is closed.
func (r *reader) run() {
	mr := mmsg.NewReader(r.conn, readBatch)
	if r.conn.SetReadDeadline(time.Now().Add(pulse)) != nil {
		return // closed already
	}
	slots := make([]*parcel, readBatch)
	bufs := make([][]byte, readBatch)
	for {
		for i := range slots {
			if slots[i] == nil {
				slots[i] = parcels.Get().(*parcel)
				bufs[i] = slots[i].data[:]
			}
		}
		n, err := mr.Read(bufs)
		now := ticks()
		r.alive.Store(now)
		switch {
		case errors.Is(err, os.ErrClosed):
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			if r.conn.SetReadDeadline(time.Now().Add(pulse)) != nil {
				return
			}
			continue
		case err != nil: // the interface went down, say; the socket lives on
			r.count.add(receiveErrors, 1)
			time.Sleep(time.Millisecond)
			continue
		}
		r.count.add(received, n)
		for i := range n {
			if r.accept(slots[i], mr.Message(i), now) {
				r.ready = append(r.ready, slots[i])
				slots[i] = nil
			}
		}
		if len(r.ready) > 0 {
			r.inbox.put(r.ready)
			clear(r.ready)
			r.ready = r.ready[:0]
		}
	}
}

// accept opens, limits and decodes one datagram.
func (r *reader) accept(p *parcel, m mmsg.Message, now int64) bool {
	if m.Truncated {
		r.count.add(receiveTruncated, 1)
		return false
	}
	if !r.open(r, p, m) {
		return false
	}
	raw := p.in.Packet.Raw
	if len(raw) < minBOOTP || raw[offsetOp] != opRequest {
		r.count.add(receiveNotRequest, 1)
		return false
	}
	if !r.within(raw, now) {
		return false
	}
	msg, err := dhcp.Decode(raw)
	if err != nil {
		r.count.add(receiveUndecodable, 1)
		return false
	}
	p.in.Packet.Msg = msg
	return true
}

// within takes the tokens that the message costs.
func (r *reader) within(raw []byte, now int64) bool {
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

// openFrame reads a datagram of a packet socket.
func openFrame(r *reader, p *parcel, m mmsg.Message) bool {
	sa := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(m.Name))
	ifc := r.iface(sa.Ifindex)
	if ifc == nil { // a VLAN's frame, seen on the interface that carries it
		r.count.add(receiveForeignPort, 1)
		return false
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
		return false
	}
	checked := aux.Status&(unix.TP_STATUS_CSUMNOTREADY|unix.TP_STATUS_CSUM_VALID) != 0
	d, fault := frame.Parse(p.data[:m.Len], r.port, checked)
	if fault != 0 {
		r.faults[fault].Add(1)
		return false
	}
	p.in.Packet = dhcp.Packet{If: ifc, Src: d.Src, SrcPort: d.SrcPort, Dst: d.Dst, Raw: d.Payload}
	return true
}

// openDatagram reads a datagram of the UDP socket.
func openDatagram(r *reader, p *parcel, m mmsg.Message) bool {
	var info unix.Inet4Pktinfo
	eachControl(m.OOB, func(level, kind int32, data []byte) {
		if level == unix.IPPROTO_IP && kind == unix.IP_PKTINFO && len(data) >= int(unsafe.Sizeof(info)) {
			info = *(*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0]))
		}
	})
	ifc := r.iface(info.Ifindex)
	if ifc == nil {
		r.count.add(receiveForeignPort, 1)
		return false
	}
	sa := (*unix.RawSockaddrInet4)(unsafe.Pointer(m.Name))
	p.in.Packet = dhcp.Packet{
		If:      ifc,
		Src:     lease.From4(sa.Addr),
		SrcPort: networkOrder(sa.Port),
		Dst:     lease.From4(info.Addr),
		Raw:     p.data[:m.Len:m.Len],
	}
	return true
}
