package conf

import (
	"sort"

	"tandem/failover/lease"
)

// statement is one compiled statement.
type statement interface {
	// run carries it out.
	run(m *machine) flow
	// static tells whether its effect is the same for every client at every time.
	static() bool
}

// flow tells how to go on behind a statement.
type flow uint8

const (
	goOn     flow = iota
	breakOut      // leave this list of statements
	leave         // leave the function
)

// assign sets an option or a parameter.
type assign struct {
	verb  assignVerb
	def   *optionDef
	value []byte // if expr is nil
	expr  *expr
}

type assignVerb uint8

const (
	replaceValue assignVerb = iota
	defaultValue
	appendValue
	prependValue
)

// branch is an if statement.
type branch struct{ arms []branchArm }

type branchArm struct {
	cond *expr // nil: else
	body []statement
}

// choice is a switch statement. Cases point into body.
type choice struct {
	expr     *expr
	body     []statement
	cases    []choiceCase
	fallback int // where default: stands; -1 if nowhere
}

type choiceCase struct {
	expr *expr
	from int
}

// assignVariable is `set` or `define`.
type assignVariable struct {
	name     string
	expr     *expr
	function *compiledFunction
}

// compiledFunction is a function of the configuration.
type compiledFunction struct {
	args []string
	body []statement
}

// dropVariable is `unset`.
type dropVariable struct{ name string }

// evaluate is `eval`.
type evaluate struct{ expr *expr }

// returnValue is `return`.
type returnValue struct{ expr *expr }

// logMessage is `log`.
type logMessage struct {
	level string
	expr  *expr
}

// leaveBlock is `break`.
type leaveBlock struct{}

// readVendorOptions is `parse-vendor-option`.
type readVendorOptions struct{}

func (s *assign) static() bool { return s.expr == nil || s.expr.static() }

func (s *branch) static() bool {
	for _, a := range s.arms {
		if a.cond != nil && !a.cond.static() || !allStatic(a.body) {
			return false
		}
	}
	return true
}

func (s *choice) static() bool {
	for _, k := range s.cases {
		if !k.expr.static() {
			return false
		}
	}
	return s.expr.static() && allStatic(s.body)
}

func (*assignVariable) static() bool    { return false } // variables are kept with the lease
func (*dropVariable) static() bool      { return false }
func (s *evaluate) static() bool        { return s.expr.static() }
func (s *returnValue) static() bool     { return s.expr.static() }
func (*logMessage) static() bool        { return false }
func (leaveBlock) static() bool         { return true }
func (*readVendorOptions) static() bool { return false }

// allStatic tells whether every statement of body is static.
func allStatic(body []statement) bool {
	for _, s := range body {
		if !s.static() {
			return false
		}
	}
	return true
}

// static tells whether e gives the same for every client at every time.
func (e *expr) static() bool {
	switch e.op {
	case opText, opHex, opNumber, opNull, opConfigOption, opClientState, opRelay:
	case opSubstring, opSuffix, opLower, opUpper, opConcat, opJoin, opToASCII, opReverse, opPick, opEncodeInt, opExtractInt,
		opNot, opEqual, opNotEqual, opMatch, opMatchFold, opAnd, opOr,
		opAdd, opSubtract, opMultiply, opDivide, opRemainder, opBitAnd, opBitOr, opBitXor:
	default:
		return false
	}
	for _, a := range e.args {
		if !a.static() {
			return false
		}
	}
	return true
}

// runAll carries statements out in order.
func (m *machine) runAll(body []statement) flow {
	for _, s := range body {
		if !m.spend(1) {
			return leave
		}
		switch s.run(m) {
		case breakOut:
			return goOn
		case leave:
			return leave
		}
	}
	return goOn
}

func (s *assign) run(m *machine) flow {
	m.set.assign(s)
	return goOn
}

func (s *branch) run(m *machine) flow {
	for i := range s.arms {
		a := &s.arms[i]
		if a.cond == nil || m.truth(a.cond) {
			return m.runAll(a.body)
		}
	}
	return goOn
}

func (s *choice) run(m *machine) flow {
	from := s.fallback
	if v := m.eval(s.expr); v.kind != nothing {
		for _, k := range s.cases {
			if m.eval(k.expr).equal(v) {
				from = k.from
				break
			}
		}
	}
	if from < 0 {
		return goOn
	}
	return m.runAll(s.body[from:])
}

func (s *assignVariable) run(m *machine) flow {
	v := value{kind: functional, f: s.function}
	if s.function == nil {
		v = m.eval(s.expr)
	}
	m.setVariable(s.name, v)
	return goOn
}

func (s *dropVariable) run(m *machine) flow {
	m.setVariable(s.name, value{})
	return goOn
}

func (s *evaluate) run(m *machine) flow {
	m.eval(s.expr)
	return goOn
}

// run leaves the function if there is one, and a value: as in dhcpd, what
// follows an undefined return is carried out.
func (s *returnValue) run(m *machine) flow {
	m.result = m.eval(s.expr)
	if m.calls == 0 || m.result.kind == nothing {
		return goOn
	}
	return leave
}

func (s *logMessage) run(m *machine) flow {
	if v := m.eval(s.expr); v.kind == octets {
		m.set.logs = append(m.set.logs, LogLine{Level: s.level, Text: string(v.d)})
	}
	return goOn
}

func (leaveBlock) run(*machine) flow { return breakOut }

func (*readVendorOptions) run(m *machine) flow {
	m.vendor = m.vendorSpace()
	return goOn
}

// Variables is what an Env may do besides: tell the variables kept with the
// client's lease.
type Variables interface {
	// Variable is the value of a variable; ok is false if it has none.
	Variable(name string) (value string, ok bool)
}

// variable is one variable of the machine.
type variable struct {
	name    string
	value   value
	changed bool
}

// setVariable sets a variable of the innermost function, or of the lease.
func (m *machine) setVariable(name string, v value) {
	for i := len(m.vars) - 1; i >= m.frame; i-- {
		if m.vars[i].name == name {
			m.vars[i].value, m.vars[i].changed = v, true
			return
		}
	}
	for i := m.frame - 1; i >= 0; i-- {
		if m.vars[i].name == name {
			m.vars[i].value, m.vars[i].changed = v, true
			return
		}
	}
	m.vars = append(m.vars, variable{name, v, true})
}

// variable looks a variable up: those set here first, then the lease's.
func (m *machine) variable(name string) value {
	for i := len(m.vars) - 1; i >= 0; i-- {
		if m.vars[i].name == name {
			return m.vars[i].value
		}
	}
	if env, ok := m.env.(Variables); ok {
		if text, ok := env.Variable(name); ok {
			return value{kind: octets, d: []byte(text)}
		}
	}
	return value{}
}

// changedVariables lists what set and unset did, as the lease keeps it, by name.
func (m *machine) changedVariables() []lease.Var {
	var out []lease.Var
	for _, v := range m.vars {
		if v.changed && v.value.kind != functional {
			out = append(out, lease.Var{Name: v.name, Value: string(v.value.text())})
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name < out[j].Name })
	return out
}
