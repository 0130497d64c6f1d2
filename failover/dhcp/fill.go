package dhcp

// fill puts the block, and what comes after it, into the message: all of it
// where it fits into limit octets; else what does not fit goes into file and
// sname if they are free (option overload, RFC 2132 section 9.3), and what
// then remains is left out, the last asked for first.
func (r *Responder) fill(q *inquiry, p *profile, b, block []byte, limit int) []byte {
	start := len(b)
	tail := r.tail(q, p)
	if start+len(block)+len(tail)+1 <= limit {
		b = append(append(b, block...), tail...)
		return append(b, optEnd)
	}
	if start+len(tail)+1 > maxOctets {
		r.count[cOptionsDropped]++
		tail = nil
	}
	const overload = 3
	room := limit - len(tail) - overload - 1
	file, sname := packer{}, packer{}
	if p.file == "" {
		file.b = b[atFile:atFile:atOptions]
	}
	if p.sname == "" {
		sname.b = b[atSname:atSname:atFile]
	}
	for len(block) > 0 {
		n := unitSize(block)
		unit := block[:n]
		block = block[n:]
		switch {
		case len(b)+n <= room:
			b = append(b, unit...)
		case file.add(unit), sname.add(unit):
		default:
			r.count[cOptionsDropped]++
		}
	}
	if where := file.end() | sname.end()<<1; where != 0 {
		b = append(b, optOverload, 1, where)
	}
	return append(append(b, tail...), optEnd)
}

// tail makes what follows the options of the configuration.
func (r *Responder) tail(q *inquiry, p *profile) []byte {
	r.line = q.appendAgent(p.appendFQDN(r.line[:0], q))
	return r.line
}

// unitSize is the length of the first option in b, with all its parts if it
// was split.
func unitSize(b []byte) int {
	n := 0
	for {
		size := 2 + int(b[n+1])
		split := b[n+1] == 255
		n += size
		if !split || n >= len(b) || b[n] != b[n-size] {
			return n
		}
	}
}

// packer is a field of the header that takes options.
type packer struct{ b []byte }

// add puts an option in if there is room for it and for the end option.
func (p *packer) add(unit []byte) bool {
	if len(p.b)+len(unit)+1 > cap(p.b) {
		return false
	}
	p.b = append(p.b, unit...)
	return true
}

// end closes the field; 1 if anything was put in.
func (p *packer) end() byte {
	if len(p.b) == 0 {
		return 0
	}
	p.b = append(p.b, optEnd)
	return 1
}

// bootpOptions fills the vendor field of a BOOTP reply: 64 octets with the
// cookie, or as many as the client's packet had (RFC 951, RFC 1048). A client
// without the cookie gets the field back as it was unless always-reply-rfc1048
// says otherwise.
func (r *Responder) bootpOptions(q *inquiry, p *profile, b, block []byte) []byte {
	const vendorField = 64
	limit := max(atOptions+vendorField, min(len(q.p.Raw), maxOctets))
	if q.m.Options == nil && !p.rfc1048 {
		b = b[:atOptions]
		if len(q.p.Raw) > atOptions {
			b = append(b, q.p.Raw[atOptions:min(len(q.p.Raw), atOptions+vendorField)]...)
		}
		return b
	}
	return r.fill(q, p, b, block, limit)
}
