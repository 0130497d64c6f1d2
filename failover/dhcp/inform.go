package dhcp

import (
	"encoding/binary"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// inform answers a DHCPINFORM (RFC 2131 section 4.3.5): the options of the
// subnet for a client that has its address from elsewhere; no lease. dhcpd
// answers for networks only for which it is authoritative.
func (r *Responder) inform(q *inquiry) {
	ip, kind := q.ciaddr, "client"
	if ip == 0 {
		ip, kind = q.p.Src, "source"
	}
	b := ip.Append(append(q.text[:0], "DHCPINFORM from "...))
	q.text = q.appendVia(append(b, " via "...))
	if ip == 0 {
		r.refuse(q, nil, cRefused, ruleNoAddress, LevelInfo, ": ignored (null ", kind, " address).")
		return
	}
	s := r.informed(q, ip)
	if s == nil {
		r.refuse(q, nil, cUnknownSegment, ruleSegment, LevelInfo, ": unknown subnet for ", kind, " address ", ip.String())
		return
	}
	if !s.Authoritative {
		r.refuse(q, nil, cRefused, ruleNotAuthoritative, LevelInfo, ": not authoritative for subnet ", s.Net.String())
		return
	}
	t := &r.t
	*t = target{ip: ip, subnet: s}
	r.identify(q, s.Network)
	if r.consider(q, t, ip, s.Network) && !t.lease.Binding(q.now.Time()) {
		*t = target{ip: ip, subnet: s}
	}
	if !r.serves(q, t) {
		return
	}
	p := r.settle(q, t)
	if p.booting != allow {
		r.refuseQuietly(q, t, p.booting, ruleBooting, ": booting disallowed")
		return
	}
	r.say(q, LevelInfo)
	r.informReply(q, p, t, ip)
}

// informed finds the subnet whose options the client gets: what the relay or
// the client selected if the address says nothing by itself, else the
// address's.
func (r *Responder) informed(q *inquiry, ip lease.IP) *conf.Subnet {
	if q.hasLink {
		return r.cfg.SubnetOf(q.link)
	}
	return r.cfg.SubnetOf(ip)
}

func (r *Responder) informReply(q *inquiry, p *profile, t *target, ip lease.IP) {
	r.count[cInformACK]++
	limit := q.sizeLimit()
	viaRelay := q.ciaddr == 0 && q.giaddr != 0
	a := answerSpec{typ: msgACK, ciaddr: q.ciaddr}
	b := q.header(q.out.room(maxOctets), a, viaRelay)
	binary.BigEndian.PutUint32(b[20:], uint32(p.nextServer))
	copy(b[atSname:atFile], p.sname)
	copy(b[atFile:atOptions], p.file)
	server := r.identifier(q, p, t.subnet)
	block := r.optionBlock(q, p, t)
	b = r.required(q, p, b, a, server)
	b = r.fill(q, p, b, block, limit)
	r.send(q, p, b, server, a, nil)
	to := &q.out.Replies[len(q.out.Replies)-1]
	to.HW = ""
	via := q.giaddr
	if viaRelay {
		to.Dst, to.DstPort = q.giaddr, r.serverPort
	} else {
		via = 0
		to.Dst, to.DstPort = ip, r.clientPort
	}
	r.sayInform(q, ip, via)
	r.note(q, decision{outcome: outInformed, ip: ip, pool: t.pool, subnet: t.subnet})
}

// sayInform logs "DHCPACK to ADDRESS (MAC) via IF".
func (r *Responder) sayInform(q *inquiry, ip, via lease.IP) {
	b := ip.Append(append(r.line[:0], "DHCPACK to "...))
	b = append(b, " ("...)
	if len(q.hw) > 1 && q.hw[0] != 0 {
		b = appendHex(b, q.hw[1:])
	} else {
		b = append(b, "<no client hardware address>"...)
	}
	b = append(b, ") via "...)
	switch {
	case via != 0:
		b = via.Append(b)
	case q.p.If != nil:
		b = append(b, q.p.If.Name...)
	}
	r.line = b
	q.out.line(LevelInfo, lineClasses[q.kind], b)
}
