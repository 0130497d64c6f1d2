package conf

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"tandem/failover/conf/token"
)

// option reads `option ...;` outside of an if or switch: a space, the
// definition of an option, or an option to send.
func (p *parser) option(kind blockKind) (node, bool) {
	t := p.take()
	if p.peek(0).Is("space") && !p.peek(1).Is(".") {
		if p.sealed {
			return nil, p.refuse("an option space can only be declared in the configuration file")
		}
		if kind != inGlobal {
			p.fail(t, "move it to the top level", "an option space cannot be declared %s", kind)
		}
		return p.optionSpace(t)
	}
	def, name, ok := p.optionName()
	if !ok {
		return nil, false
	}
	if p.peek(0).Is("code") {
		if p.sealed {
			return nil, p.refuse("an option can only be defined in the configuration file")
		}
		if kind != inGlobal {
			p.fail(t, "move it to the top level", "an option cannot be defined %s", kind)
		}
		return p.optionDefinition(t, def, name)
	}
	if def.code == 0 && def.typ.fields == nil {
		p.unknownOption(name, def)
		return nil, false
	}
	return p.optionStatement(t, "option", def)
}

// optionSpace reads `option space NAME ...;`.
func (p *parser) optionSpace(t token.Token) (node, bool) {
	p.take()
	name := p.peek(0)
	if !name.Word() {
		p.fail(name, "", "expected the name of the option space, not %s", name.Describe())
		return nil, false
	}
	p.take()
	n := &spaceNode{at: p.at(t), name: name.Text}
	if !p.spaceWidths(n) {
		return nil, false
	}
	s := p.options.add(n.name, 0)
	if n.codeWidth > 0 {
		s.codeWidth = n.codeWidth
	}
	if n.lengthWidth > 0 {
		s.lengthWidth = n.lengthWidth
	}
	return n, p.semicolon()
}

// spaceWidths reads `code width N`, `length width N` and `hash size N`.
func (p *parser) spaceWidths(n *spaceNode) bool {
	for {
		var width *int
		var second string
		max := 4
		switch t := p.peek(0); {
		case t.Is("code"):
			width, second = &n.codeWidth, "width"
		case t.Is("length"):
			width, second, max = &n.lengthWidth, "width", 2
		case t.Is("hash"):
			width, second, max = &n.hashSize, "size", 1<<31-1
		default:
			return true
		}
		p.take()
		if !p.expect(second, second) {
			return false
		}
		t := p.peek(0)
		v, ok := p.decimal(second, uint32(max))
		if !ok {
			return false
		}
		if second == "width" && (v == 0 || v == 3) {
			p.fail(t, "", "a width is 1, 2 or 4 octets, a length's 1 or 2; not %d", v)
			v = 1
		}
		*width = int(v)
	}
}

// optionName reads `[SPACE.]NAME`. For a name that is not known, def is a new
// option without code and type; name is where the name stands.
func (p *parser) optionName() (def *optionDef, name token.Token, ok bool) {
	first := p.peek(0)
	if !first.Word() {
		p.fail(first, quoteless(first), "expected the name of an option, not %s", first.Describe())
		return nil, first, false
	}
	p.take()
	s, name := p.options.space("dhcp"), first
	if p.accept(".") {
		if name = p.peek(0); !name.Word() {
			p.fail(name, "", "expected the name of an option after the dot, not %s", name.Describe())
			return nil, name, false
		}
		p.take()
		if s = p.options.space(first.Text); s == nil {
			p.fail(first, p.spaceRemedy(first.Text), "there is no option space %s", first.Text)
			return nil, first, false
		}
	}
	if def := s.find(name.Text); def != nil {
		return def, name, true
	}
	if rest, ok := strings.CutPrefix(strings.ToLower(name.Text), "unknown-"); ok {
		def, ok := p.numberedOption(s, name, rest)
		return def, name, ok
	}
	return &optionDef{space: s, name: name.Text}, name, true
}

// numberedOption is the option of unknown-CODE.
func (p *parser) numberedOption(s *space, name token.Token, digits string) (*optionDef, bool) {
	end := 0
	for end < len(digits) && '0' <= digits[end] && digits[end] <= '9' {
		end++
	}
	code, err := strconv.ParseUint(digits[:end], 10, 31)
	if err != nil || code == 0 || code == uint64(s.end) {
		p.fail(name, "", "%s: no option can have this code", name.Text)
		return nil, false
	}
	if def := s.byCode[uint32(code)]; def != nil {
		return def, true
	}
	return &optionDef{space: s, name: fmt.Sprintf("unknown-%d", code), code: uint32(code),
		typ: valueType{fields: []field{{kind: kindData}}}, unknown: true}, true
}

// spaceRemedy proposes a space that exists.
func (p *parser) spaceRemedy(name string) string {
	var names []string
	for _, s := range p.options.order {
		names = append(names, s.name)
	}
	if w := nearest(name, names); w != "" {
		return "write " + w
	}
	return "declare it first: option space " + name + ";"
}

// unknownOption reports a name that no option has.
func (p *parser) unknownOption(name token.Token, def *optionDef) {
	var names []string
	for n := range def.space.byName {
		names = append(names, n)
	}
	sort.Strings(names)
	remedy := "define it before its use: option " + def.fullName() + " code NUMBER = TYPE;"
	if rest, ok := strings.CutPrefix(strings.ToLower(name.Text), "option-"); ok && isDecimal(rest) {
		remedy = "write unknown-" + rest
	} else if w := nearest(name.Text, names); w != "" {
		remedy = "write " + w
	}
	p.fail(name, remedy, "there is no option %s", def.label())
}

// knownOption reads the name of an option that exists.
func (p *parser) knownOption() (*optionDef, bool) {
	def, name, ok := p.optionName()
	if ok && def.typ.fields == nil && def.code == 0 {
		p.unknownOption(name, def)
		return nil, false
	}
	return def, ok
}

// optionDefinition reads `code N = TYPE;`.
func (p *parser) optionDefinition(t token.Token, def *optionDef, name token.Token) (node, bool) {
	p.take()
	at := p.peek(0)
	before := p.reports.errors
	code, ok := p.decimal("the code of an option", 1<<31-1)
	if !ok {
		return nil, false
	}
	if !p.expect("=", "= and the type of the option") {
		return nil, false
	}
	typ, ok := p.optionType()
	if !ok {
		return nil, false
	}
	s := def.space
	if old := s.byName[strings.ToLower(name.Text)]; old != nil && s.byCode[old.code] == old {
		delete(s.byCode, old.code)
	}
	fresh := &optionDef{space: s, name: name.Text, code: code, typ: typ}
	s.define(fresh)
	if most := uint64(1)<<(8*s.codeWidth) - 1; uint64(code) > most || s.end != 0 && code >= s.end || code == 0 && p.reports.errors == before {
		p.reports.warn(p.place(at), "", "no option of the space %s can have the code %d: it will never be sent", s.name, code)
	}
	return &defineOptionNode{at: p.at(t), option: fresh, typ: typ, code: code}, p.semicolon()
}
