package dhcp

import (
	"tandem/failover/conf"
	"tandem/failover/lease"
)

// nak tells the client to stop using ip and begin anew (RFC 2131 table 3: no
// address, no options besides these; broadcast, since the client may have no
// usable address; through the relay with the broadcast flag set, section 4.3.2).
func (r *Responder) nak(q *inquiry, s *conf.Subnet, ip lease.IP, why nakReason) {
	p := r.nakProfile(q, s)
	server := r.identifier(q, p, s)
	a := answerSpec{typ: msgNAK}
	b := q.header(q.out.room(maxOctets), a, true)
	b = append(b, optMessageType, 1, msgNAK)
	b = appendU32(b, optServerID, uint32(server))
	b = append(b, optMessage, byte(len(why)))
	b = append(b, why...)
	b = p.appendClientID(b, q)
	b = append(q.appendAgent(b), optEnd)
	r.count[cNAK]++
	r.send(q, p, b, server, a, nil)
	r.sayNAK(q, ip)
}

// nakProfile is what the statements of the network, or of the client's subnet
// in it, and of the client's classes say; nil in an unknown network.
func (r *Responder) nakProfile(q *inquiry, s *conf.Subnet) *profile {
	switch {
	case s != nil:
		return r.profileFor(q, profileKey{base: s.Scope, subnet: s}, true)
	case q.network != nil:
		return r.profileFor(q, profileKey{base: q.network.Scope}, true)
	}
	return nil
}

// sayNAK logs "DHCPNAK on ADDRESS to MAC via IF".
func (r *Responder) sayNAK(q *inquiry, ip lease.IP) {
	b := ip.Append(append(r.line[:0], "DHCPNAK on "...))
	b = appendClient(append(b, " to "...), q, nil)
	r.line = q.appendVia(append(b, " via "...))
	q.out.line(LevelInfo, lineClasses[q.kind], r.line)
}
