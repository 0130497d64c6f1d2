package conf

import (
	"bytes"
	"strconv"
)

// machine carries statements out for one request.
type machine struct {
	cfg    *Config
	env    Env       // may be nil: then nothing about a request is known
	set    *Settings // nil while classes are looked for: then no option is set
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
