package dhcp

import "encoding/binary"

// appendU32 adds an option of four octets.
func appendU32(b []byte, code byte, v uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, code, 4), v)
}

// appendOption adds an option; a value longer than 255 octets is split over
// several (RFC 3396).
func appendOption(b []byte, code byte, v []byte) []byte {
	for len(v) > 255 {
		b = append(append(b, code, 255), v[:255]...)
		v = v[255:]
	}
	return append(append(b, code, byte(len(v))), v...)
}

// ownOptions are made for each reply, or belong to requests: the
// configuration does not put them into a block.
var ownOptions = [256]bool{
	optPad: true, optRequestedIP: true, optLeaseTime: true, optOverload: true,
	optMessageType: true, optServerID: true, optRequestList: true, optMaxSize: true,
	optT1: true, optT2: true, optClientID: true, optFQDN: true, optAgent: true,
	optSubnetSelect: true, optEnd: true,
}

// firstOptions come first where the client gave no list, as in dhcpd.
var firstOptions = []byte{optSubnetMask, optRouters, optDNS, optHostName}

// optionBlock gives the options of the profile that this client gets, encoded
// in the order in which it asked for them (RFC 2132 section 9.8). Blocks are
// kept with kept profiles, by the request list.
func (r *Responder) optionBlock(q *inquiry, p *profile, t *target) []byte {
	prl := q.prl
	if v, ok := p.set.DHCP(optRequestList); ok {
		prl = v
	}
	if !p.kept || p.leaseAddrAsRouter {
		r.block = p.appendBlock(r.block[:0], prl, q, t)
		return r.block
	}
	key := append(r.line[:0], 0)
	if q.nul {
		key[0] |= 1
	}
	if q.kind == Inform || q.kind == BOOTP {
		key[0] |= 2
	}
	key = append(key, prl...)
	r.line = key
	if b, ok := p.blocks[string(key)]; ok {
		return b
	}
	r.block = p.appendBlock(r.block[:0], prl, q, t)
	if len(p.blocks) < maxBlocks {
		if p.blocks == nil {
			p.blocks = map[string][]byte{}
		}
		p.blocks[string(key)] = append([]byte(nil), r.block...)
	}
	return r.block
}

// appendBlock encodes the options that the client asks for, or all.
func (p *profile) appendBlock(b []byte, prl []byte, q *inquiry, t *target) []byte {
	var order [256]byte
	var done [256]bool
	n := 0
	add := func(code byte) {
		if !done[code] && !ownOptions[code] {
			done[code] = true
			order[n] = code
			n++
		}
	}
	if len(prl) > 0 {
		for _, code := range prl {
			add(code)
		}
		if q.kind != Inform && q.kind != BOOTP {
			// Some clients rely on getting it unasked.
			add(optSubnetMask)
		}
	} else {
		for _, code := range firstOptions {
			add(code)
		}
		for code := 1; code < optEnd; code++ {
			add(byte(code))
		}
	}
	maskBeforeRouters(order[:n])
	for _, code := range order[:n] {
		if v, ok := p.value(code, q, t); ok {
			b = appendOption(b, code, v)
			if q.nul && textOptions[code] && len(v) > 0 && len(v) < 255 && v[len(v)-1] != 0 {
				b[len(b)-len(v)-1]++
				b = append(b, 0)
			}
		}
	}
	return b
}

// maskBeforeRouters swaps the two where the list has them the other way
// round: the subnet mask must come first (RFC 2132 section 3.3).
func maskBeforeRouters(order []byte) {
	routers := -1
	for i, code := range order {
		switch {
		case code == optRouters:
			routers = i
		case code == optSubnetMask && routers >= 0:
			order[i], order[routers] = order[routers], order[i]
			return
		}
	}
}

// value is the value of an option for target t: what the statements say, and
// what dhcpd puts in where they say nothing.
func (p *profile) value(code byte, q *inquiry, t *target) ([]byte, bool) {
	if code == optRouters && p.leaseAddrAsRouter && t.ip != 0 {
		a := t.ip.As4()
		return a[:], true
	}
	if v, ok := p.set.DHCP(code); ok {
		return v, true
	}
	switch {
	case code == optSubnetMask && t.subnet != nil:
		a := t.subnet.Mask.As4()
		return a[:], true
	case code == optHostName && p.hostDeclNames && p.host != nil:
		return []byte(p.host.Name), true
	}
	return nil, false
}

// appendFQDN answers option 81 as the statements say (option fqdn.*), or else,
// where the configuration speaks of DNS updates, for itself: this server makes
// none, and says so (RFC 4702 section 4: N set; O where the client wanted the
// server to update). The name goes back as it came.
func (p *profile) appendFQDN(b []byte, q *inquiry) []byte {
	v := q.m.Options[optFQDN]
	if len(v) < 3 || len(v) > 255 {
		return b
	}
	if set, ok := p.set.DHCP(optFQDN); ok && len(set) <= 255 {
		return appendOption(b, optFQDN, set)
	}
	if !p.fqdn {
		return b
	}
	flags := v[0]&fqdnE | fqdnN
	if v[0]&fqdnS != 0 {
		flags |= fqdnO
	}
	b = append(b, optFQDN, byte(len(v)), flags, 255, 255)
	return append(b, v[3:]...)
}

// appendAgent gives a relay its option 82 back, as the last one (RFC 3046
// section 2.2). What was only stashed came from no relay.
func (q *inquiry) appendAgent(b []byte) []byte {
	if q.stashed {
		return b
	}
	if v, ok := q.m.Options[optAgent]; ok && len(b)+2+len(v)+len(v)/255*2+1 <= maxOctets {
		return appendOption(b, optAgent, v)
	}
	return b
}
