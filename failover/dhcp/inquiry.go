package dhcp

import (
	"encoding/binary"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// inquiry is one request while it is being answered: what the packet says in
// the server's own terms, and what has been found out about its client. The
// Responder keeps one and uses it again, so nothing may hold on to its parts.
type inquiry struct {
	now  lease.Now
	p    *Packet
	m    *dhcpv4.DHCPv4
	out  *Out
	kind Kind
	typ  byte // option 53, zero for BOOTP

	ciaddr, giaddr    lease.IP
	wanted, server    lease.IP // options 50 and 54
	hasWanted, hasSID bool
	secs              uint16

	hwbuf [17]byte
	hw    []byte // htype + chaddr; empty if hlen is zero
	uid   []byte // option 61 unless it is to be ignored
	prl   []byte // option 55
	nul   bool   // the client ends strings with NUL and expects the like

	agent    []byte // option 82, received or stashed
	stashed  bool
	link     lease.IP // link-selection of the relay, or subnet-selection
	hasLink  bool
	override lease.IP // server-identifier-override of the relay

	network *conf.SharedNetwork // where the client is; nil if unknown
	classes []*conf.Class       // lowest priority first

	known   bool
	host    *conf.Host // the declaration whose statements apply
	fixed   lease.IP   // its fixed address in the network looked at
	leased  lease.IP   // the address under consideration
	left    lease.Seconds
	hasLeft bool

	tries int // addresses that were probed for this request and found in use

	text []byte // what the log line about this request begins with
}

// read fills q from the packet; false if it is no request at all.
func (q *inquiry) read(now lease.Now, p *Packet, out *Out) bool {
	text, classes := q.text[:0], q.classes[:0]
	*q = inquiry{now: now, p: p, m: p.Msg, out: out, text: text, classes: classes}
	m := p.Msg
	if m == nil || m.OpCode != dhcpv4.OpcodeBootRequest || len(m.ClientHWAddr) > 16 {
		return false
	}
	q.ciaddr, q.giaddr = fromNet(m.ClientIPAddr), fromNet(m.GatewayIPAddr)
	q.secs = m.NumSeconds
	if n := len(m.ClientHWAddr); n > 0 {
		q.hwbuf[0] = byte(m.HWType)
		copy(q.hwbuf[1:], m.ClientHWAddr)
		q.hw = q.hwbuf[:1+n]
	}
	q.wanted, q.hasWanted = addressOption(m.Options[optRequestedIP])
	q.server, q.hasSID = addressOption(m.Options[optServerID])
	q.uid = m.Options[optClientID]
	q.prl = m.Options[optRequestList]
	q.agent = m.Options[optAgent]
	if name := m.Options[optHostName]; len(name) > 1 && name[len(name)-1] == 0 {
		q.nul = true
	}
	q.readAgent()
	q.classify()
	return q.kind != 0
}

// readAgent takes from option 82 and option 118 what decides about the
// network and the server identifier. Link-selection goes before
// subnet-selection; a damaged one selects nothing.
func (q *inquiry) readAgent() {
	if v, ok := q.m.Options[optSubnetSelect]; ok {
		q.link, _ = addressOption(v)
		q.hasLink = true
	}
	if v, ok := subOption(q.agent, agentLinkSelect); ok {
		q.link, _ = addressOption(v)
		q.hasLink = true
	}
	if v, ok := subOption(q.agent, agentServerIDOver); ok {
		q.override, _ = addressOption(v)
	}
}

// key is what the load-balance hash takes: the client identifier if the
// client sent one, else the hardware address without its type (RFC 3074).
func (q *inquiry) key() []byte {
	if len(q.uid) > 0 {
		return q.uid
	}
	if len(q.hw) > 0 {
		return q.hw[1:]
	}
	return nil
}

// addressOption reads the value of an option that is one address.
func addressOption(v []byte) (lease.IP, bool) {
	if len(v) != 4 {
		return 0, false
	}
	return lease.IP(binary.BigEndian.Uint32(v)), true
}

// subOption finds a sub-option in the value of an option that holds others
// (RFC 3046 section 2.0). A damaged tail ends the search.
func subOption(v []byte, code byte) ([]byte, bool) {
	for len(v) >= 2 {
		n := int(v[1])
		if len(v) < 2+n {
			return nil, false
		}
		if v[0] == code {
			return v[2 : 2+n], true
		}
		v = v[2+n:]
	}
	return nil, false
}

// fromNet converts an address of the codec.
func fromNet(ip []byte) lease.IP {
	switch len(ip) {
	case 4:
		return lease.IP(binary.BigEndian.Uint32(ip))
	case 16:
		return lease.IP(binary.BigEndian.Uint32(ip[12:]))
	}
	return 0
}
