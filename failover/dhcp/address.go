package dhcp

import "tandem/failover/lease"

const (
	hwEthernet = 1
	loopback   = lease.IP(127<<24 | 1)
)

// source is the address that a reply leaves from: the server identifier where
// it is the interface's own.
func (q *inquiry) source(server lease.IP) lease.IP {
	i := q.p.If
	if i == nil || len(i.Addrs) == 0 || i.has(server) {
		return server
	}
	if i.has(q.p.Dst) {
		return q.p.Dst
	}
	return i.Addrs[0]
}

// address says where a reply goes (RFC 2131 section 4.1): to the relay; to the
// address of a client that uses it already; to the hardware address of a
// client that can take a datagram before it has its address; else to all.
// A DHCPNAK never goes to a client alone. t is nil for a DHCPNAK.
func (r *Responder) address(q *inquiry, p *profile, to *Reply, a answerSpec, t *target) {
	server, client := r.ports()
	to.Dst, to.DstPort = broadcastIP, client
	if p != nil {
		to.Dst = p.everybody
	}
	broadcast := q.m.Flags&flagBroadcast != 0 || to.Payload[10]&(flagBroadcast>>8) != 0
	switch {
	case q.giaddr == loopback:
		to.Dst = q.giaddr
	case q.giaddr != 0:
		to.Dst, to.DstPort = q.giaddr, server
	case a.typ == msgNAK:
	case a.typ == msgACK && q.ciaddr != 0 && !(r.onLink(q, t) && (q.hasSID || broadcast)):
		// An old client that names the server although it has an address
		// is on this link, and may not take unicasts yet.
		to.Dst = q.ciaddr
	case !broadcast && len(q.hw) == 7 && q.hw[0] == hwEthernet:
		to.Dst, to.HW = a.yiaddr, r.hardware(q, t)
	}
}

// onLink tells whether the target's network is the one the packet came from.
func (r *Responder) onLink(q *inquiry, t *target) bool {
	return t != nil && q.network == t.subnet.Network
}

// hardware gives the client's hardware address as a string, with the memory
// of its lease or offer if possible.
func (r *Responder) hardware(q *inquiry, t *target) string {
	if t != nil && t.pool != nil {
		if l := r.table.Get(t.ip); l != nil && l.HW == string(q.hw) {
			return l.HW
		}
		if o := r.offers.byIP[t.ip]; o != nil && o.hw == string(q.hw) {
			return o.hw
		}
	}
	return string(q.hw)
}
