package dhcp

import (
	"encoding/binary"

	"tandem/failover/lease"
)

// maxAssociated bounds the addresses in option 92 of one answer.
const maxAssociated = 63

// leaseQuery answers a DHCPLEASEQUERY of a relay (RFC 4388): by address
// (ciaddr), by client identifier or by hardware address, and nothing else
// (section 6.4.1: exactly one of them).
func (r *Responder) leaseQuery(q *inquiry) {
	q.text = q.giaddr.Append(append(q.text[:0], "DHCPLEASEQUERY from "...))
	if q.giaddr == 0 {
		r.refuse(q, nil, cRefused, ruleLeaseQuery, LevelInfo, ": missing giaddr, ignored")
		return
	}
	if q.network == nil || !r.base(q, q.network, nil).queryable {
		r.refuse(q, nil, cRefused, ruleLeaseQuery, LevelInfo, ": LEASEQUERY not allowed, query ignored")
		return
	}
	l, typ, ok := r.queried(q)
	if !ok {
		r.refuse(q, nil, cMalformed, ruleLeaseQuery, LevelInfo, ": not exactly one of IP address, client identifier and MAC address, ignored")
		return
	}
	if l != nil && !r.servesQuery(q, l) {
		return
	}
	r.say(q, LevelInfo)
	r.queryReply(q, l, typ)
}

// servesQuery asks the partner of the lease's pool whether this server may
// speak about it.
func (r *Responder) servesQuery(q *inquiry, l *lease.Lease) bool {
	t := &r.t
	pool := r.cfg.PoolOf(l.IP)
	if pool == nil {
		return true
	}
	*t = target{ip: l.IP, lease: *l, pool: pool, subnet: r.cfg.SubnetOf(l.IP)}
	return r.serves(q, t)
}

// queried finds the lease that the query is about, and the type of the
// answer. r.ips gets the addresses that belong to the same client.
func (r *Responder) queried(q *inquiry) (l *lease.Lease, typ byte, ok bool) {
	byHW := len(q.hw) > 1 && q.hw[0] != 0
	switch {
	case q.ciaddr != 0 && (byHW || len(q.uid) > 0) || byHW && len(q.uid) > 0:
		// dhcpd and many relays fill chaddr all the same; the address counts.
		if q.ciaddr == 0 {
			return nil, 0, false
		}
	case q.ciaddr == 0 && !byHW && len(q.uid) == 0:
		return nil, 0, false
	}
	if q.ciaddr != 0 {
		q.text = q.ciaddr.Append(append(q.text, " for IP "...))
		l, typ = r.queriedIP(q)
		return l, typ, true
	}
	r.ips = r.ips[:0]
	collect := func(c *lease.Lease) bool {
		if c.Binding(q.now.Time()) && len(r.ips) < maxAssociated {
			r.ips = append(r.ips, c.IP)
			if l == nil || c.CLTT > l.CLTT {
				l = c
			}
		}
		return true
	}
	if len(q.uid) > 0 {
		q.text = appendHex(append(q.text, " for client-id "...), q.uid)
		r.table.EachByUID(string(q.uid), collect)
	} else {
		q.text = appendHex(append(q.text, " for MAC address "...), q.hw[1:])
		r.table.EachByHW(string(q.hw), collect)
	}
	if l == nil {
		return nil, msgLeaseUnknown, true
	}
	return l, msgLeaseActive, true
}

func (r *Responder) queriedIP(q *inquiry) (*lease.Lease, byte) {
	r.ips = r.ips[:0]
	if r.cfg.PoolOf(q.ciaddr) == nil {
		return nil, msgLeaseUnknown
	}
	l := r.table.Get(q.ciaddr)
	if l == nil || !l.Binding(q.now.Time()) {
		return nil, msgLeaseUnassigned
	}
	return l, msgLeaseActive
}

var queryVerbs = map[byte]string{
	msgLeaseActive: "DHCPLEASEACTIVE", msgLeaseUnassigned: "DHCPLEASEUNASSIGNED", msgLeaseUnknown: "DHCPLEASEUNKNOWN",
}

// queryReply sends the answer to the relay. The options of the lease are sent
// as far as the relay asked for them (RFC 4388 section 6.4.2).
func (r *Responder) queryReply(q *inquiry, l *lease.Lease, typ byte) {
	r.count[cLeaseQueryReply]++
	a := answerSpec{typ: typ, ciaddr: q.ciaddr}
	if l != nil {
		a.ciaddr = l.IP
	}
	b := q.header(q.out.room(maxOctets), a, false)
	if l != nil && len(l.HW) > 1 {
		b[1], b[2] = l.HW[0], byte(min(16, len(l.HW)-1))
		clear(b[28:atSname])
		copy(b[28:atSname], l.HW[1:])
	}
	p := r.base(q, q.network, nil)
	server := r.identifier(q, p, nil)
	b = append(b, optMessageType, 1, typ)
	b = appendU32(b, optServerID, uint32(server))
	if l != nil {
		b = r.queryOptions(q, b, l)
	}
	b = append(q.appendAgentOf(b, l), optEnd)
	r.send(q, p, b, server, a, nil)
	r.line = append(append(r.line[:0], queryVerbs[typ]...), " to "...)
	r.line = append(q.giaddr.Append(r.line), q.text[len("DHCPLEASEQUERY from ")+len(q.giaddr.String()):]...)
	q.out.line(LevelInfo, lineClasses[q.kind], append(r.line, " ("+itoa(len(r.ips))+" associated IPs)"...))
}

// queryOptions adds what the relay asked for, in its order.
func (r *Responder) queryOptions(q *inquiry, b []byte, l *lease.Lease) []byte {
	now := q.now.Time()
	left := l.Ends.Sub(now)
	length := l.Ends.Sub(l.Starts)
	var done [256]bool
	for _, code := range q.prl {
		if done[code] {
			continue
		}
		done[code] = true
		switch code {
		case optLeaseTime:
			b = appendU32(b, code, uint32(left))
		case optT1:
			b = appendUntil(b, code, l, now, length/2)
		case optT2:
			b = appendUntil(b, code, l, now, lease.Seconds(uint64(length)*7/8))
		case optLastTransact:
			b = appendU32(b, code, uint32(now.Sub(l.CLTT)))
		case optClientID:
			if l.UID != "" && len(l.UID) <= 255 {
				b = append(append(b, code, byte(len(l.UID))), l.UID...)
			}
		case optAssociatedIP:
			if len(r.ips) > 1 {
				b = append(b, code, byte(4*len(r.ips)))
				for _, ip := range r.ips {
					b = binary.BigEndian.AppendUint32(b, uint32(ip))
				}
			}
		}
	}
	return b
}

// appendUntil adds the seconds until a moment so long after the start of the
// lease, if it has not passed.
func appendUntil(b []byte, code byte, l *lease.Lease, now lease.Time, after lease.Seconds) []byte {
	if l.Ends == lease.Never {
		return b
	}
	if at := l.Starts.Add(after); at > now {
		return appendU32(b, code, uint32(at.Sub(now)))
	}
	return b
}

// appendAgentOf adds the relay data that the client's packets carried, if the
// querying relay asked for them (RFC 4388 section 6.4.2).
func (q *inquiry) appendAgentOf(b []byte, l *lease.Lease) []byte {
	if l == nil || l.Extra == nil || l.Extra.RelayAgent == "" || len(l.Extra.RelayAgent) > 255 {
		return b
	}
	for _, code := range q.prl {
		if code == optAgent {
			b = append(b, code, byte(len(l.Extra.RelayAgent)))
			return append(b, l.Extra.RelayAgent...)
		}
	}
	return b
}
