package daemon

import (
	"encoding/binary"
	"net"
	"os"
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
// link, an ARP request. It belongs to the loop.
type prober struct {
	poller *poller
	count  *counters
	log    *Logger
	post   func(node.Input) // takes the results, one for each address
	ident  uint16

	pending map[lease.IP]*probe
	proxies proxies
	soonest int64        // no probe runs out of time before, zero for none
	icmp    *mmsg.Writer // opened with the first probe
	arp     *mmsg.Writer
	failed  bool // the sockets can not be had; said once
	reader  *mmsg.Reader
	bufs    [][]byte
}

// probe is one address that is being asked for.
type probe struct {
	due   int64 // monotonic moment at which it counts as unused
	arpOn int   // index of the interface on which ARP replies count, 0 for none
}

func newProber(poller *poller, count *counters, log *Logger, post func(node.Input)) *prober {
	p := &prober{poller: poller, count: count, log: log, post: post,
		ident: uint16(os.Getpid()), pending: map[lease.IP]*probe{}, proxies: proxies{}, reader: mmsg.NewReader(probeReadBatch)}
	for range probeReadBatch {
		p.bufs = append(p.bufs, make([]byte, 128))
	}
	return p
}

// start sends the requests for one address.
func (p *prober) start(now lease.Now, req dhcp.Probe) {
	if p.pending[req.IP] != nil {
		return // its result answers for both
	}
	if len(p.pending) >= maxProbes || !p.open() {
		p.count.add(probesSkipped, 1)
		p.post(&node.ProbeResult{IP: req.IP})
		return
	}
	one := &probe{due: now.Mono + int64(req.Timeout)}
	p.pending[req.IP] = one
	if p.soonest == 0 || one.due < p.soonest {
		p.soonest = one.due
	}
	p.sendEcho(req)
	if req.OnLink {
		one.arpOn = req.If.Index
		p.sendARP(req)
	}
}

// next is when expire has something to do, zero for never.
func (p *prober) next() int64 { return p.soonest }

// expire ends the probes that nobody answered in time.
func (p *prober) expire(now lease.Now) {
	if p.soonest == 0 || p.soonest > now.Mono {
		return
	}
	p.soonest = 0
	for ip, one := range p.pending {
		switch {
		case one.due <= now.Mono:
			p.finish(ip, "")
		case p.soonest == 0 || one.due < p.soonest:
			p.soonest = one.due
		}
	}
}

// finish ends a probe. An empty by means that nobody answered.
func (p *prober) finish(ip lease.IP, by string) {
	delete(p.pending, ip)
	p.post(&node.ProbeResult{IP: ip, InUse: by != "", By: by})
}

// open makes the sockets; false if that is not possible.
func (p *prober) open() bool {
	if p.arp != nil || p.failed {
		return !p.failed
	}
	var err error
	if p.icmp, err = p.listen(openICMP, p.echoReply); err == nil {
		p.arp, err = p.listen(openARP, p.arpReply)
	}
	if err != nil {
		p.failed = true
		p.log.Sayf(dhcp.LevelError, "addresses are offered without a check whether they are in use: %v", err)
	}
	return !p.failed
}

// listen opens a socket, hands what it receives to fn, and gives its sending
// side.
func (p *prober) listen(open func() (int, error), fn func(b []byte, m mmsg.Message)) (*mmsg.Writer, error) {
	fd, err := open()
	if err != nil {
		return nil, err
	}
	return mmsg.NewWriter(fd, 1), p.poller.add(&source{fd: fd, read: func() { p.read(fd, fn) }})
}

func (p *prober) read(fd int, fn func(b []byte, m mmsg.Message)) {
	n, err := p.reader.Read(fd, p.bufs)
	if err != nil { // an interface went down; the socket lives on
		p.count.add(receiveErrors, 1)
		return
	}
	for i := range n {
		m := p.reader.Message(i)
		fn(p.bufs[i][:m.Len], m)
	}
}

func (p *prober) sendEcho(req dhcp.Probe) {
	ifindex := 0
	if req.OnLink {
		ifindex = req.If.Index
	}
	slot := p.icmp.Add(echoRequest(p.ident, uint16(req.IP)), inetNameLen, pktinfoLen)
	setInet(slot.Name, req.IP, 0)
	setPktinfo(slot.OOB[:pktinfoLen], ifindex, 0)
	// Nobody there, or no way there, is an answer too: the time runs out.
	p.icmp.Flush(func(int, error) { p.count.add(probeSendErrors, 1) })
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
	slot := p.arp.Add(arpQuestion(hw, own, req.IP), linkNameLen, 0)
	setLink(slot.Name, req.If.Index, unix.ETH_P_ARP, [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	p.arp.Flush(func(int, error) { p.count.add(probeSendErrors, 1) })
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

// echoReply looks at what the ICMP socket received: an IPv4 header and the
// message.
func (p *prober) echoReply(b []byte, _ mmsg.Message) {
	if len(b) < 20 || len(b) < int(b[0]&15)*4+icmpLen {
		return
	}
	msg := b[int(b[0]&15)*4:]
	if msg[0] == icmpEchoReply && binary.BigEndian.Uint16(msg[4:]) == p.ident {
		if ip := lease.IP(binary.BigEndian.Uint32(b[12:])); p.pending[ip] != nil {
			p.finish(ip, "ICMP")
		}
	}
}

// arpReply looks at what the ARP socket received.
func (p *prober) arpReply(b []byte, m mmsg.Message) {
	if len(b) < arpLen || b[4] != 6 || b[5] != 4 {
		return
	}
	sa := (*unix.RawSockaddrLinklayer)(unsafe.Pointer(m.Name))
	by := net.HardwareAddr(b[8:14]).String()
	ip := lease.IP(binary.BigEndian.Uint32(b[14:]))
	one := p.pending[ip]
	if one == nil || one.arpOn != int(sa.Ifindex) {
		return
	}
	switch p.proxies.seen([6]byte(b[8:14]), ip) {
	case proxyFound:
		p.log.Sayf(dhcp.LevelWarning, "%s answers ARP for every address that is asked for, as proxy ARP does: "+
			"from now on only its echo replies count", by)
		fallthrough
	case proxyKnown:
		p.count.add(probeProxies, 1)
	default:
		p.finish(ip, by)
	}
}
