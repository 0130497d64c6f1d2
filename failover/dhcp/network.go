package dhcp

import (
	"tandem/failover/conf"
	"tandem/failover/lease"
)

// locate finds the shared network that the client is on: what the relay or
// the client selected (RFC 3527, RFC 3011), else the relay's address, else
// the interface. A selected address that no subnet has gives none.
func (r *Responder) locate(q *inquiry) *conf.SharedNetwork {
	switch {
	case q.hasLink:
		return r.networkOf(q.link)
	case q.giaddr != 0:
		return r.networkOf(q.giaddr)
	case q.p.If == nil:
		return nil
	}
	if n := r.byInterface[q.p.If.Name]; n != nil {
		return n
	}
	for _, a := range q.p.If.Addrs {
		if n := r.networkOf(a); n != nil {
			return n
		}
	}
	return nil
}

func (r *Responder) networkOf(ip lease.IP) *conf.SharedNetwork {
	if s := r.cfg.SubnetOf(ip); s != nil {
		return s.Network
	}
	return nil
}

// ports gives the UDP ports of servers and of clients.
func (r *Responder) ports() (server, client uint16) { return r.serverPort, r.clientPort }

// identifier selects the server identifier for a reply: what the relay
// demands (RFC 5107), what the statements say, the address that the packet
// was sent to, the interface's address in the client's subnet, and else the
// interface's first address. An address outside the subnet serves only
// clients that reach it through their relay.
func (r *Responder) identifier(q *inquiry, p *profile, s *conf.Subnet) lease.IP {
	switch {
	case q.override != 0:
		return q.override
	case p != nil && p.serverID != 0:
		return p.serverID
	case q.p.If == nil:
		return 0
	case q.p.If.has(q.p.Dst):
		return q.p.Dst
	}
	if q.giaddr == 0 && s != nil {
		for _, a := range q.p.If.Addrs {
			if s.Contains(a) {
				return a
			}
		}
	}
	if len(q.p.If.Addrs) > 0 {
		return q.p.If.Addrs[0]
	}
	return 0
}

// ours tells whether the server that a client named is this one. Identifiers
// given in earlier replies count too: a request may come in on another
// interface than the discover did.
func (r *Responder) ours(q *inquiry, s *conf.Subnet) bool {
	if !q.hasSID {
		return false
	}
	if q.server == q.override && q.override != 0 || q.p.If != nil && q.p.If.has(q.server) {
		return true
	}
	if _, ok := r.identifiers[q.server]; ok {
		return true
	}
	if s == nil {
		return false
	}
	return r.base(q, s.Network, s).serverID == q.server
}

// maxIdentifiers bounds the server identifiers that are remembered.
const maxIdentifiers = 256

// remember notes an identifier that a client was given. Those of relays
// (RFC 5107) come back with each packet and need no note.
func (r *Responder) remember(q *inquiry, id lease.IP) {
	if id == 0 || id == q.override {
		return
	}
	if _, ok := r.identifiers[id]; !ok && len(r.identifiers) < maxIdentifiers {
		r.identifiers[id] = struct{}{}
	}
}
