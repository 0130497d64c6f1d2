package conf

import (
	"encoding/binary"

	"tandem/failover/lease"
)

// settings holds what statements set, one list for each option space; the
// spaces dhcp and server are always the first two.
type settings struct {
	cfg    *Config
	spaces []spaceSettings
	logs   []LogLine
	vars   []lease.Var
	room   [24]setting // for the first two lists, to save allocations
}

// spaceSettings is what is set in one space, in the order of codes.
type spaceSettings struct {
	space *space
	list  []setting
}

// setting is one option that is set. Until everything is executed it may be
// an expression.
type setting struct {
	code  uint32
	def   *optionDef
	value []byte
	expr  *expr
	state settingState
	parts uint8 // how many values append and prepend joined
}

// settingState tells how far a setting is.
type settingState uint8

const (
	settled   settingState = iota // value holds
	waiting                       // expr is to be evaluated
	busy                          // expr is being evaluated
	undefined                     // expr gave nothing
)

const (
	dhcpSpace   = 0
	serverSpace = 1
)

// LogLine is the outcome of a log statement.
type LogLine struct {
	Level string // "fatal", "error", "info", "debug"
	Text  string
}

// newSettings makes empty settings.
func newSettings(c *Config) *Settings {
	s := &Settings{}
	s.cfg = c
	const split = 16
	s.spaces = append(make([]spaceSettings, 0, 4),
		spaceSettings{c.index.dhcp, s.room[:0:split]},
		spaceSettings{c.index.server, s.room[split:split:len(s.room)]})
	return s
}

// in gives the list of a space, made if necessary.
func (s *settings) in(sp *space) *spaceSettings {
	for i := range s.spaces {
		if s.spaces[i].space == sp {
			return &s.spaces[i]
		}
	}
	s.spaces = append(s.spaces, spaceSettings{space: sp})
	return &s.spaces[len(s.spaces)-1]
}

// named gives the list of a space by name, nil if nothing is set in it.
func (s *settings) named(name string) *spaceSettings {
	switch name {
	case "dhcp":
		return &s.spaces[dhcpSpace]
	case "server":
		return &s.spaces[serverSpace]
	}
	for i := range s.spaces {
		if s.spaces[i].space.name == name {
			return &s.spaces[i]
		}
	}
	return nil
}

// find gives the place of code in the list, and whether it is there.
func (l *spaceSettings) find(code uint32) (int, bool) {
	low, high := 0, len(l.list)
	for low < high {
		if middle := (low + high) / 2; l.list[middle].code < code {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low, low < len(l.list) && l.list[low].code == code
}

// put sets a code.
func (l *spaceSettings) put(n setting) {
	i, found := l.find(n.code)
	if !found {
		l.list = append(l.list, setting{})
		copy(l.list[i+1:], l.list[i:])
	}
	l.list[i] = n
}

// assign carries out a statement that sets an option.
func (s *settings) assign(a *assign) {
	l := s.in(a.def.space)
	fresh := setting{code: a.def.code, def: a.def, value: a.value, expr: a.expr}
	if a.expr != nil {
		fresh.state = waiting
	}
	i, found := l.find(a.def.code)
	switch {
	case !found || a.verb == replaceValue:
		l.put(fresh)
	case a.verb == defaultValue || l.list[i].parts >= maxAppended:
	case a.verb == appendValue:
		l.list[i] = joined(l.list[i], fresh, l.list[i])
	case a.verb == prependValue:
		l.list[i] = joined(fresh, l.list[i], l.list[i])
	}
}

// joined makes one setting of two, one of which is there already.
func joined(a, b, old setting) setting {
	out := setting{code: old.code, def: old.def, parts: old.parts + 1}
	compressed := len(old.def.typ.fields) == 1 && old.def.typ.fields[0].kind == kindCompressed
	if a.expr == nil && b.expr == nil && !compressed {
		out.value = append(append(make([]byte, 0, len(a.value)+len(b.value)), a.value...), b.value...)
		return out
	}
	o := opConcat
	if compressed {
		o = opJoin
	}
	out.expr, out.state = &expr{op: o, args: []*expr{a.asExpr(), b.asExpr()}}, waiting
	return out
}

// asExpr gives the setting as an expression.
func (n setting) asExpr() *expr {
	if n.expr != nil {
		return n.expr
	}
	return &expr{op: opHex, data: n.value}
}

// pending is the value of an option while statements are still carried out.
func (m *machine) pending(k OptionKey) ([]byte, bool) {
	if m.set == nil {
		return nil, false
	}
	l := m.set.named(k.Space)
	if l == nil {
		return nil, false
	}
	i, ok := l.find(k.Code)
	if !ok {
		return nil, false
	}
	switch n := l.list[i]; n.state {
	case settled:
		return n.value, true
	case waiting:
		if !m.spend(1) {
			return nil, false
		}
		l.list[i].state = busy // so that an option that asks for itself is undefined
		v := m.eval(n.expr)
		if l.list[i].state = waiting; m.settling {
			l.list[i].settle(v)
		}
		return v.d, v.kind == octets
	}
	return nil, false
}

// settle evaluates every expression and folds encapsulated spaces into the
// options that hold them.
func (s *settings) settle(m *machine) {
	m.settling = true
	for i := range s.spaces {
		l := &s.spaces[i]
		for j := range l.list {
			if n := &l.list[j]; n.state == waiting {
				n.state = busy
				n.settle(m.eval(n.expr))
			}
		}
	}
	s.encapsulate()
}

// settle gives a setting its value for good.
func (n *setting) settle(v value) {
	n.expr = nil
	if n.state = undefined; v.kind == octets {
		n.value, n.state = v.d, settled
	}
}

// option gives the value of an option.
func (s *settings) option(k OptionKey) ([]byte, bool) {
	if l := s.named(k.Space); l != nil {
		return l.get(k.Code)
	}
	return nil, false
}

// get gives the value of a code.
func (l *spaceSettings) get(code uint32) ([]byte, bool) {
	if i, ok := l.find(code); ok && l.list[i].state == settled {
		return l.list[i].value, true
	}
	return nil, false
}

// Option is the value of an option that is set, as it is sent.
func (s *Settings) Option(k OptionKey) ([]byte, bool) { return s.option(k) }

// DHCP is the value of a DHCP option; one that holds an option space has the
// options of that space in it. An option without any octets counts as not
// set, as in dhcpd, unless its type says that it has none.
func (s *Settings) DHCP(code uint8) ([]byte, bool) {
	l := &s.spaces[dhcpSpace]
	i, ok := l.find(uint32(code))
	if !ok || !l.list[i].sent() {
		return nil, false
	}
	return l.list[i].value, true
}

// sent tells whether the option goes into a reply.
func (n *setting) sent() bool {
	return n.state == settled && (len(n.value) > 0 || n.def != nil && len(n.def.typ.fields) == 1 && n.def.typ.fields[0].kind == kindEmpty)
}

// Each calls fn for every option set in a space that has a value to send, in
// the order of codes.
func (s *Settings) Each(space string, fn func(code uint32, value []byte)) {
	l := s.named(space)
	if l == nil {
		return
	}
	for i := range l.list {
		if n := &l.list[i]; n.sent() {
			fn(n.code, n.value)
		}
	}
}

// param is the value of a parameter.
func (s *Settings) param(p Param) ([]byte, bool) { return s.spaces[serverSpace].get(uint32(p)) }

// Has tells whether a statement set p.
func (s *Settings) Has(p Param) bool {
	_, ok := s.param(p)
	return ok
}

// Bool is a yes-or-no parameter; ignore counts as no.
func (s *Settings) Bool(p Param) bool { return s.Flag(p) == Allow }

// Flag is a parameter that allow, deny and ignore set.
func (s *Settings) Flag(p Param) FlagValue {
	v, ok := s.param(p)
	switch {
	case !ok:
		return FlagValue(parameters[p].standard)
	case len(v) == 0 || v[0] == 0:
		return Deny
	case v[0] == 2:
		return Ignore
	}
	return Allow
}

// Uint is a numeric parameter of any width. A value of a wrong length counts
// as not given.
func (s *Settings) Uint(p Param) uint32 {
	v, ok := s.param(p)
	if ok && len(v) == s.cfg.index.widths[p] {
		switch len(v) {
		case 1:
			return uint32(v[0])
		case 2:
			return uint32(binary.BigEndian.Uint16(v))
		case 4:
			return binary.BigEndian.Uint32(v)
		}
	}
	return parameters[p].standard
}

// Seconds is a parameter that is a length of time.
func (s *Settings) Seconds(p Param) lease.Seconds { return lease.Seconds(s.Uint(p)) }

// Text is a parameter that is text, "" if it is not set.
func (s *Settings) Text(p Param) string {
	v, _ := s.param(p)
	return string(v)
}

// Addr is a parameter that is an address.
func (s *Settings) Addr(p Param) (lease.IP, bool) {
	v, ok := s.param(p)
	if !ok || len(v) < 4 {
		return 0, false
	}
	return lease.From4([4]byte(v[:4])), true
}

// Logs are the outcomes of log statements, in order.
func (s *Settings) Logs() []LogLine { return s.logs }

// Vars are the variables that set and unset changed, to be kept with the
// lease, sorted by name. An empty value takes the variable away.
func (s *Settings) Vars() []lease.Var { return s.vars }
