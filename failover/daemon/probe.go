package daemon

import (
	"encoding/binary"
	"net"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tandem/failover/daemon/mmsg"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// maxProbes is how many addresses may be asked for at once. What comes above
// is reported unused at once: an unchecked offer is better than none.
const maxProbes = 1024

// ARP (RFC 826) and ICMP (RFC 792) numbers.
const (
	arpRequest     = 1
	arpReply       = 2
	arpLen         = 28
	icmpEchoReply  = 0
	icmpEchoAsk    = 8
	icmpLen        = 8
	probeReadBatch = 16
)

// prober finds out whether addresses are in use, without the loop waiting.
// An address is in use if anybody answers an echo request or, on the same
// link, an ARP request.
type prober struct {
	ports   func() portSet
	count   *counters
	log     *Logger
	deliver func(*node.ProbeResult)
	ident   uint16

	mu      sync.Mutex
	pending map[lease.IP]*probe
	icmp    *mmsg.Conn // opened with the first probe
	arp     *mmsg.Conn
	failed  bool // the sockets can not be had; said once
	readers sync.WaitGroup
}

type probe struct {
	arpOn int // index of the interface on which ARP replies count, 0 for none
	timer *time.Timer
}

func newProber(ports func() portSet, count *counters, log *Logger, deliver func(*node.ProbeResult)) *prober {
	return &prober{ports: ports, count: count, log: log, deliver: deliver,
		ident: uint16(os.Getpid()), pending: map[lease.IP]*probe{}}
}

// start sends the requests for one address. The result comes through deliver,
// once, from another goroutine.
func (p *prober) start(req dhcp.Probe) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pending[req.IP] != nil {
		return // its result answers for both
	}
	if len(p.pending) >= maxProbes || !p.open() {
		p.count.add(probesSkipped, 1)
		go p.deliver(&node.ProbeResult{IP: req.IP})
		return
	}
	one := new(probe)
	p.pending[req.IP] = one
	one.timer = time.AfterFunc(req.Timeout, func() { p.finish(req.IP, one, "") })
	p.sendEcho(req)
	if req.OnLink {
		one.arpOn = req.If.Index
		p.sendARP(req)
	}
}

// finish ends a probe. An empty by means that nobody answered.
func (p *prober) finish(ip lease.IP, one *probe, by string) {
	p.mu.Lock()
	if p.pending[ip] != one {
		p.mu.Unlock()
		return
	}
	delete(p.pending, ip)
	p.mu.Unlock()
	one.timer.Stop()
	p.deliver(&node.ProbeResult{IP: ip, InUse: by != "", By: by})
}

// open makes the sockets; false if that is not possible.
func (p *prober) open() bool {
	if p.icmp != nil || p.failed {
		return !p.failed
	}
	var err error
	if p.icmp, err = openICMP(); err == nil {
		if p.arp, err = openARP(); err != nil {
			p.icmp.Close()
		}
	}
	if err != nil {
		p.failed = true
		p.log.Sayf(dhcp.LevelError, "addresses are offered without a check whether they are in use: %v", err)
		return false
	}
	p.readers.Go(func() { p.read(p.icmp, p.echoReply) })
	p.readers.Go(func() { p.read(p.arp, p.arpReply) })
	return true
}

// close ends the sockets and every probe without a result.
func (p *prober) close() {
	p.mu.Lock()
	for _, one := range p.pending {
		one.timer.Stop()
	}
	clear(p.pending)
	if p.icmp != nil && !p.failed {
		p.icmp.Close()
		p.arp.Close()
	}
	p.failed = true
	p.mu.Unlock()
	p.readers.Wait()
}

func (p *prober) sendEcho(req dhcp.Probe) {
	msg := echoRequest(p.ident, uint16(req.IP))
	w := mmsg.NewWriter(p.icmp, 1)
	ifindex := 0
	if req.OnLink {
		ifindex = req.If.Index
	}
	slot := w.Add(msg, inetNameLen, pktinfoLen)
	setInet(slot.Name, req.IP, 0)
	setPktinfo(slot.OOB[:pktinfoLen], ifindex, 0)
	// Nobody there, or no way there, is an answer too: the time runs out.
	w.Flush(func(int, error) { p.count.add(probeSendErrors, 1) })
}

// echoRequest makes an ICMP echo request (RFC 792 page 14).
func echoRequest(ident, seq uint16) []byte {
	msg := make([]byte, icmpLen)
	msg[0] = icmpEchoAsk
	binary.BigEndian.PutUint16(msg[4:], ident)
	binary.BigEndian.PutUint16(msg[6:], seq)
	total := uint32(icmpEchoAsk)<<8 + uint32(ident) + uint32(seq)
	total = total>>16 + total&0xffff
	total += total >> 16
	binary.BigEndian.PutUint16(msg[2:], ^uint16(total))
	return msg
}

func (p *prober) sendARP(req dhcp.Probe) {
	hw, ok := hardwareOf(req.If.Index)
	if !ok {
		return // no ARP on such a link
	}
	var own lease.IP // zero makes it an ARP probe (RFC 5227 section 2.1.1)
	if len(req.If.Addrs) > 0 {
		own = req.If.Addrs[0]
	}
	w := mmsg.NewWriter(p.arp, 1)
	slot := w.Add(arpQuestion(hw, own, req.IP), linkNameLen, 0)
	setLink(slot.Name, req.If.Index, unix.ETH_P_ARP, [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	w.Flush(func(int, error) { p.count.add(probeSendErrors, 1) })
}

// hardwareOf gives the Ethernet address of an interface.
func hardwareOf(ifindex int) (hw [6]byte, ok bool) {
	ifc, err := net.InterfaceByIndex(ifindex)
	if err != nil || len(ifc.HardwareAddr) != len(hw) {
		return hw, false
	}
	return [6]byte(ifc.HardwareAddr), true
}

// arpQuestion asks who has target (RFC 826, Ethernet and IPv4).
func arpQuestion(hw [6]byte, own, target lease.IP) []byte {
	msg := make([]byte, 0, arpLen)
	msg = append(msg, 0, ethernetType, 8, 0, 6, 4, 0, arpRequest)
	msg = append(msg, hw[:]...)
	msg = binary.BigEndian.AppendUint32(msg, uint32(own))
	msg = append(msg, make([]byte, len(hw))...)
	return binary.BigEndian.AppendUint32(msg, uint32(target))
}

// read hands what arrives on a socket to fn, until the socket is closed.
func (p *prober) read(conn *mmsg.Conn, fn func(b []byte, m mmsg.Message)) {
	r := mmsg.NewReader(conn, probeReadBatch)
	bufs := make([][]byte, probeReadBatch)
	for i := range bufs {
		bufs[i] = make([]byte, 128)
	}
	for {
		n, err := r.Read(bufs)
		if err == os.ErrClosed {
			return
		}
		if err != nil { // an interface went down; the socket lives on
			time.Sleep(time.Millisecond)
			continue
		}
		for i := range n {
			m := r.Message(i)
			fn(bufs[i][:min(m.Len, len(bufs[i]))], m)
		}
	}
}

// echoReply looks at what the ICMP socket received: an IPv4 header and the
// message.
func (p *prober) echoReply(b []byte, _ mmsg.Message) {
	if len(b) < 20 || len(b) < int(b[0]&15)*4+icmpLen {
		return
	}
	msg := b[int(b[0]&15)*4:]
	if msg[0] == icmpEchoReply && binary.BigEndian.Uint16(msg[4:]) == p.ident {
		p.answered(lease.IP(binary.BigEndian.Uint32(b[12:])), "ICMP", func(*probe) bool { return true })
	}
}

// arpReply looks at what the ARP socket received.
func (p *prober) arpReply(b []byte, m mmsg.Message) {
	if len(b) < arpLen || b[4] != 6 || b[5] != 4 {
		return
	}
	sa := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(m.Name))
	by := net.HardwareAddr(b[8:14]).String()
	p.answered(lease.IP(binary.BigEndian.Uint32(b[14:])), by, func(one *probe) bool { return one.arpOn == int(sa.Ifindex) })
}

// answered ends the probe of an address that the answer fits.
func (p *prober) answered(ip lease.IP, by string, fits func(*probe) bool) {
	p.mu.Lock()
	one := p.pending[ip]
	ok := one != nil && fits(one)
	p.mu.Unlock()
	if ok {
		p.finish(ip, one, by)
	}
}
