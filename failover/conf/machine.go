package conf

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"strings"
)

// Limits on what a configuration may do for one request.
const (
	// maxSteps is the number of statements, function calls and options looked
	// up in each other; data made counts a step for each stepOctets, a regular
	// expression made counts patternSteps.
	maxSteps     = 20000
	stepOctets   = 256
	patternSteps = 100
	// maxCallDepth is how deep functions may call each other.
	maxCallDepth = 50
	// maxData is the length of data that an expression makes, in octets.
	maxData = 65535
)

// machine carries statements out for one request.
type machine struct {
	cfg    *Config
	env    Env // may be nil: then nothing about a request is known
	set    *Settings
	vars   []variable
	frame  int    // where the variables of the running function begin
	result value  // of the running function
	vendor *space // set by parse-vendor-option
	steps  int
	calls  int
	// settling is set when all statements are carried out.
	settling bool
}

// spend counts steps, and tells whether to go on.
func (m *machine) spend(steps int) bool {
	m.steps += steps
	return m.steps <= maxSteps
}

// valueKind is what a value holds.
type valueKind uint8

const (
	nothing valueKind = iota // undefined
	boolean
	octets
	integral
	functional
)

// value is the outcome of an expression.
type value struct {
	kind valueKind
	b    bool
	n    uint64
	d    []byte
	f    *compiledFunction
}

// equal compares as `=` does for two defined values.
func (v value) equal(o value) bool {
	if v.kind != o.kind {
		return false
	}
	switch v.kind {
	case boolean:
		return v.b == o.b
	case octets:
		return bytes.Equal(v.d, o.d)
	case integral:
		return v.n == o.n
	}
	return v.f == o.f
}

// text gives a value as a variable of a lease holds it.
func (v value) text() []byte {
	switch v.kind {
	case boolean:
		return strconv.AppendBool(nil, v.b)
	case integral:
		return strconv.AppendUint([]byte{'%'}, v.n, 10)
	}
	return v.d
}

func yes(b bool) value      { return value{kind: boolean, b: b} }
func data(d []byte) value   { return value{kind: octets, d: d} }
func number(n uint64) value { return value{kind: integral, n: n} }

// truth evaluates a condition; undefined is false.
func (m *machine) truth(e *expr) bool {
	v := m.eval(e)
	return v.kind == boolean && v.b
}

// data evaluates e as data.
func (m *machine) data(e *expr) ([]byte, bool) {
	v := m.eval(e)
	return v.d, v.kind == octets
}

// number evaluates e as a number.
func (m *machine) number(e *expr) (uint64, bool) {
	v := m.eval(e)
	return v.n, v.kind == integral
}

// eval evaluates any expression. A value that depends on something undefined
// is undefined itself, but for what is said at the operators (dhcp-eval(5)).
func (m *machine) eval(e *expr) value {
	switch e.typ() {
	case typeBoolean:
		return m.evalBoolean(e)
	case typeNumeric:
		return m.evalNumber(e)
	case typeAny:
		if e.op == opCall {
			return m.call(e)
		}
		return m.variable(e.name)
	}
	if e.op >= opOption && e.op <= opPacket {
		return m.evalRequest(e)
	}
	return m.evalData(e)
}

// evalBoolean evaluates conditions.
func (m *machine) evalBoolean(e *expr) value {
	switch e.op {
	case opAnd:
		l := m.eval(e.args[0])
		if l.kind != boolean || !l.b {
			return value{} // undefined even for a defined false, as in dhcpd
		}
		return m.asBoolean(e.args[1])
	case opOr:
		l := m.eval(e.args[0])
		if l.kind == boolean && l.b {
			return l
		}
		r := m.asBoolean(e.args[1])
		if r.kind == nothing && l.kind == boolean {
			return l
		}
		return r
	case opNot:
		if v := m.asBoolean(e.args[0]); v.kind == boolean {
			return yes(!v.b)
		}
		return value{}
	case opEqual, opNotEqual:
		l, r := m.eval(e.args[0]), m.eval(e.args[1])
		return yes(l.equal(r) == (e.op == opEqual))
	case opMatch, opMatchFold:
		return m.match(e)
	case opExists:
		_, ok := m.option(e.option)
		return yes(ok)
	case opDefined:
		return yes(m.variable(e.name).kind != nothing)
	case opCheck:
		return yes(m.env != nil && len(m.cfg.ClassesOf(m.env)) > 0)
	}
	if m.env == nil {
		return value{}
	}
	if e.op == opKnown {
		return yes(m.env.Known())
	}
	return yes(m.env.Static())
}

// asBoolean evaluates e, undefined if it is no condition.
func (m *machine) asBoolean(e *expr) value {
	if v := m.eval(e); v.kind == boolean {
		return v
	}
	return value{}
}

// match evaluates ~= and ~~.
func (m *machine) match(e *expr) value {
	subject, ok := m.data(e.args[0])
	if !ok {
		return value{}
	}
	if e.regexp != nil {
		return yes(e.regexp.match(subject))
	}
	text, ok := m.data(e.args[1])
	if !ok || !m.spend(patternSteps) {
		return value{}
	}
	p, err := compilePattern(string(text), e.op == opMatchFold)
	return yes(err == nil && p.match(subject))
}

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

// The places of sname and file in a packet (RFC 2131 section 2).
const (
	snameOffset, snameLength = 44, 64
	fileOffset, fileLength   = 108, 128
)

// evalRequest evaluates what asks about the request.
func (m *machine) evalRequest(e *expr) value {
	switch e.op {
	case opNull:
		return value{}
	case opOption:
		d, ok := m.option(e.option)
		return defined(d, ok)
	case opConfigOption:
		return defined(m.set.pending(m, e.option.key()))
	}
	if m.env == nil {
		return value{}
	}
	switch e.op {
	case opHardware:
		return data(m.env.Hardware())
	case opLeasedAddress:
		if ip, ok := m.env.LeasedAddress(); ok {
			b := ip.As4()
			return data(b[:])
		}
	case opFilename:
		return m.packetText(fileOffset, fileLength)
	case opServerName:
		return m.packetText(snameOffset, snameLength)
	case opHostName:
		if name := m.env.HostName(); name != "" {
			return data([]byte(name))
		}
	case opPacket:
		offset, ok := m.number(e.args[0])
		length, ok2 := m.number(e.args[1])
		if ok && ok2 && offset <= maxData {
			d := m.env.Packet(int(offset), int(min(length, maxData)))
			return defined(d, len(d) > 0)
		}
	}
	return value{}
}

// defined makes a value of data that may be missing.
func defined(d []byte, ok bool) value {
	if !ok {
		return value{}
	}
	return data(d)
}

// packetText is a field of the packet up to the first NUL.
func (m *machine) packetText(offset, length int) value {
	d := m.env.Packet(offset, length)
	if i := bytes.IndexByte(d, 0); i >= 0 {
		d = d[:i]
	}
	return defined(d, len(d) > 0)
}

// call calls a function of the configuration.
func (m *machine) call(e *expr) value {
	f := m.variable(e.name)
	if f.kind != functional || len(f.f.args) != len(e.args) || m.calls >= maxCallDepth || !m.spend(1) {
		return value{}
	}
	args := make([]variable, len(e.args))
	for i, a := range e.args {
		args[i] = variable{name: f.f.args[i], value: m.eval(a)}
	}
	frame, top, result := m.frame, len(m.vars), m.result
	m.vars = append(m.vars, args...)
	m.frame, m.result = top, value{}
	m.calls++
	m.runAll(f.f.body)
	m.calls--
	out := m.result
	m.vars, m.frame, m.result = m.vars[:top], frame, result
	return out
}

// option is an option of the request. Options of a space that another option
// encapsulates are looked for in that one.
func (m *machine) option(def *optionDef) ([]byte, bool) {
	if m.env == nil {
		return nil, false
	}
	if d, ok := m.env.Option(def.key()); ok {
		return d, true
	}
	outer := def.space.outer
	if outer == nil && m.vendor == def.space {
		outer = m.cfg.vendorOption()
	}
	if outer == nil || outer.space == def.space {
		return nil, false
	}
	d, ok := m.env.Option(outer.key())
	if !ok {
		return nil, false
	}
	return def.space.lookFor(d, def.code)
}

// vendorSpace is the space that vendor-option-space names, nil if none.
func (m *machine) vendorSpace() *space {
	v, ok := m.set.pending(m, VendorOptionSpace.key())
	if !ok {
		return nil
	}
	return m.cfg.options.space(strings.TrimRight(string(v), "\x00"))
}
