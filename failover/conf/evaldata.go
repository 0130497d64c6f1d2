package conf

import (
	"encoding/binary"
	"strconv"
)

// evalNumber evaluates numbers.
func (m *machine) evalNumber(e *expr) value {
	switch e.op {
	case opNumber:
		return number(uint64(e.number))
	case opExtractInt:
		d, ok := m.data(e.args[0])
		if n := int(e.number / 8); ok && len(d) >= n {
			var v uint64
			for _, b := range d[:n] {
				v = v<<8 | uint64(b)
			}
			return number(v)
		}
		return value{}
	case opLeaseTime:
		if m.env != nil {
			if t, ok := m.env.LeaseTime(); ok {
				return number(uint64(t))
			}
		}
		return value{}
	case opClientState:
		return value{} // only a client has one
	}
	l, ok := m.number(e.args[0])
	r, ok2 := m.number(e.args[1])
	if !ok || !ok2 {
		return value{}
	}
	return arithmetic(e.op, l, r)
}

// arithmetic applies an operator; division by zero is undefined.
func arithmetic(o op, l, r uint64) value {
	switch o {
	case opAdd:
		return number(l + r)
	case opSubtract:
		return number(l - r)
	case opMultiply:
		return number(l * r)
	case opDivide:
		if r != 0 {
			return number(l / r)
		}
	case opRemainder:
		if r != 0 {
			return number(l % r)
		}
	case opBitAnd:
		return number(l & r)
	case opBitOr:
		return number(l | r)
	case opBitXor:
		return number(l ^ r)
	}
	return value{}
}

// evalData evaluates what makes data of data.
func (m *machine) evalData(e *expr) value {
	switch e.op {
	case opText, opHex:
		return data(e.data)
	case opPick:
		for _, a := range e.args {
			if v := m.eval(a); v.kind == octets {
				return v
			}
		}
	case opConcat:
		return m.concat(e)
	case opJoin:
		return m.join(e)
	case opSubstring:
		return m.substring(e)
	case opSuffix:
		d, ok := m.data(e.args[0])
		n, ok2 := m.number(e.args[1])
		if ok && ok2 {
			return data(d[uint64(len(d))-min(n, uint64(len(d))):])
		}
	case opLower, opUpper:
		if d, ok := m.data(e.args[0]); ok {
			return data(foldASCII(d, e.op == opUpper))
		}
	case opReverse:
		width, ok := m.number(e.args[0])
		d, ok2 := m.data(e.args[1])
		if ok && ok2 && width > 0 && uint64(len(d))%width == 0 {
			return data(reverse(d, int(min(width, maxData))))
		}
	case opToASCII:
		return m.toASCII(e)
	case opEncodeInt:
		if n, ok := m.number(e.args[0]); ok {
			var b [8]byte
			binary.BigEndian.PutUint64(b[:], n)
			return data(append([]byte(nil), b[8-e.number/8:]...))
		}
	}
	return value{}
}

// concat joins data; if one part is undefined, so is the whole.
func (m *machine) concat(e *expr) value {
	var out []byte
	for _, a := range e.args {
		d, ok := m.data(a)
		if !ok || len(out)+len(d) > maxData || !m.spend(len(d)/stepOctets) {
			return value{}
		}
		out = append(out, d...)
	}
	return data(out)
}

// join joins compressed lists of domain names.
func (m *machine) join(e *expr) value {
	seen := make(map[string]int)
	var out []byte
	for _, a := range e.args {
		d, ok := m.data(a)
		names, err := decodeDomains(d)
		if !ok || err != nil {
			return value{}
		}
		for _, labels := range names {
			if out = appendDomain(out, labels, true, seen); len(out) > maxData {
				return value{}
			}
		}
	}
	return data(out)
}

// substring cuts data; what lies behind the end is empty.
func (m *machine) substring(e *expr) value {
	d, ok := m.data(e.args[0])
	offset, ok2 := m.number(e.args[1])
	length, ok3 := m.number(e.args[2])
	if !ok || !ok2 || !ok3 {
		return value{}
	}
	if offset >= uint64(len(d)) {
		return data([]byte{})
	}
	d = d[offset:]
	return data(d[:min(length, uint64(len(d)))])
}

// foldASCII converts the case of letters.
func foldASCII(d []byte, upper bool) []byte {
	out := append([]byte(nil), d...)
	for i, c := range out {
		switch {
		case upper && 'a' <= c && c <= 'z':
			out[i] = c - 0x20
		case !upper && 'A' <= c && c <= 'Z':
			out[i] = c + 0x20
		}
	}
	return out
}

// reverse turns the order of pieces of width octets around.
func reverse(d []byte, width int) []byte {
	out := make([]byte, 0, len(d))
	for i := len(d) - width; i >= 0; i -= width {
		out = append(out, d[i:i+width]...)
	}
	return out
}

// toASCII writes numbers of a width to a base, with a separator between.
func (m *machine) toASCII(e *expr) value {
	base, ok := m.number(e.args[0])
	width, ok2 := m.number(e.args[1])
	sep, ok3 := m.data(e.args[2])
	d, ok4 := m.data(e.args[3])
	if !ok || !ok2 || !ok3 || !ok4 || base < 2 || base > 36 || width != 8 && width != 16 && width != 32 || len(d)%int(width/8) != 0 {
		return value{}
	}
	out := []byte{}
	for n := int(width / 8); len(d) > 0; d = d[n:] {
		if len(out) > 0 {
			out = append(out, sep...)
		}
		var v uint64
		for _, b := range d[:n] {
			v = v<<8 | uint64(b)
		}
		if out = strconv.AppendUint(out, v, int(base)); len(out) > maxData {
			return value{}
		}
	}
	return data(out)
}
