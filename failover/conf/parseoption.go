package conf

import (
	"fmt"
	"net/netip"
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
	s := p.options.add(n.name)
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

// optionType reads the type in the definition of an option.
func (p *parser) optionType() (valueType, bool) {
	var typ valueType
	arrayed := false
	if p.accept("array") {
		if !p.expect("of", "of after array") {
			return typ, false
		}
		arrayed = true
	}
	if p.accept("{") {
		typ.array, typ.record = arrayed, true
		return p.recordType(typ)
	}
	t := p.peek(0)
	f, ok := p.fieldType(arrayed)
	if !ok {
		return typ, false
	}
	if arrayed && f.kind == kindSub {
		p.fail(t, "", "an encapsulated space cannot repeat")
		return typ, false
	}
	f.array = arrayed && !f.array
	typ.fields = []field{f}
	return typ, true
}

// recordType reads the fields of a record behind its {.
func (p *parser) recordType(typ valueType) (valueType, bool) {
	arrays := typ.array
	for {
		arrayed := false
		t := p.peek(0)
		if t.Is("array") {
			p.take()
			if arrays {
				p.fail(t, "", "an array cannot hold arrays")
				return typ, false
			}
			if !p.expect("of", "of after array") {
				return typ, false
			}
			arrayed = true
		}
		f, ok := p.fieldType(arrayed || typ.array)
		if !ok {
			return typ, false
		}
		f.array = arrayed
		if typ.fields = append(typ.fields, f); len(typ.fields) > maxRecord {
			p.fail(t, "", "more than %d fields in a record", maxRecord)
			return typ, false
		}
		switch sep := p.peek(0); {
		case sep.Is("}"):
			p.take()
			if typ.array && f.kind == kindSub {
				p.fail(t, "", "an encapsulated space cannot repeat")
				return typ, false
			}
			return typ, true
		case !sep.Is(","):
			p.fail(sep, "", "expected , or } in the record, not %s", sep.Describe())
			return typ, false
		}
		p.take()
		if openEnded(f.kind) {
			p.fail(t, "", "this type takes everything to the end of the option: it must be the last of the record")
			return typ, false
		}
	}
}

// openEnded tells whether a value of kind k has no length of its own.
func openEnded(k fieldKind) bool {
	switch k {
	case kindText, kindData, kindDomain, kindDomains, kindCompressed, kindEmpty, kindSub:
		return true
	}
	return false
}

// typeWords are the words that begin a type.
var typeWords = []string{"boolean", "integer", "signed", "unsigned", "ip-address", "ip6-address", "text", "string", "domain-name", "domain-list", "encapsulate", "zerolen", "array"}

// fieldType reads the type of one field.
func (p *parser) fieldType(arrayed bool) (field, bool) {
	t := p.take()
	var f field
	switch word := strings.ToLower(t.Text); {
	case t.Kind == token.String:
	case word == "boolean":
		f.kind = kindBoolean
	case word == "integer":
		return p.integerType(true)
	case word == "signed", word == "unsigned":
		if !p.expect("integer", "integer after "+word) {
			return f, false
		}
		return p.integerType(word == "signed")
	case word == "ip-address":
		f.kind = kindAddress
	case word == "ip6-address":
		f.kind = kindAddress6
	case word == "text":
		f.kind = kindText
	case word == "string":
		f.kind = kindData
	case word == "domain-name":
		f.kind = kindDomain
	case word == "domain-list":
		if f.kind = kindDomains; p.accept("compressed") {
			f.kind = kindCompressed
		}
	case word == "zerolen":
		f.kind = kindEmpty
	case word == "encapsulate":
		name := p.peek(0)
		s := p.options.space(name.Text)
		if !name.Word() || s == nil {
			p.fail(name, p.spaceRemedy(name.Text), "expected the name of an option space, not %s", name.Describe())
			return f, false
		}
		p.take()
		return field{kind: kindSub, space: s.name}, true
	}
	if f.kind == 0 {
		remedy := ""
		if w := nearest(t.Text, typeWords); w != "" && t.Word() {
			remedy = "write " + w
		}
		p.fail(t, remedy, "%s is no type of an option", t.Describe())
		return f, false
	}
	if arrayed && openEnded(f.kind) {
		p.fail(t, "", "there are no arrays of %s", strings.ToLower(t.Text))
		return f, false
	}
	return f, true
}

// integerType reads the width of an integer.
func (p *parser) integerType(signed bool) (field, bool) {
	kinds := map[int64][2]fieldKind{8: {kindUint8, kindInt8}, 16: {kindUint16, kindInt16}, 32: {kindUint32, kindInt32}}
	n, ok := p.width()
	if !ok {
		return field{}, false
	}
	k := kinds[n]
	if signed {
		return field{kind: k[1]}, true
	}
	return field{kind: k[0]}, true
}

// serverIdentifier reads `server-identifier ADDRESS;`, which sets option 54.
func (p *parser) serverIdentifier() (node, bool) {
	t := p.take()
	return p.optionStatement(t, "server-identifier", p.options.space("dhcp").byCode[54])
}

// optionStatement reads the value of an option and the semicolon.
func (p *parser) optionStatement(t token.Token, verb string, def *optionDef) (node, bool) {
	n := &optionNode{at: p.at(t), verb: verb, option: def}
	if p.accept("=") {
		var ok bool
		n.expr, ok = p.dataExpr()
		return p.end(n, ok)
	}
	if v := p.peek(0); v.Is(";") && !(len(def.typ.fields) > 0 && def.typ.fields[0].kind == kindEmpty) {
		p.fail(v, "", "%s has no value", def.label())
		p.take()
		return nil, true
	}
	var ok bool
	n.values, ok = p.optionValue(def)
	p.listed = def.typ.array || len(def.typ.fields) > 0 && def.typ.fields[len(def.typ.fields)-1].array
	defer func() { p.listed = false }()
	return p.end(n, ok)
}

// optionValue reads the value of an option as its type has it.
func (p *parser) optionValue(def *optionDef) ([]datum, bool) {
	var out []datum
	comma := false
	for {
		for i := range def.typ.fields {
			f := &def.typ.fields[i]
			if f.optional && p.peek(0).Is(";") {
				continue
			}
			for {
				d, ok := p.fieldValue(f, def)
				if !ok {
					return out, false
				}
				d.comma, comma = comma, false
				if out = append(out, d); len(out) > maxRecord {
					p.fail(p.prev, "", "more than %d values in one option", maxRecord)
					return out, false
				}
				if !f.array || !p.accept(",") {
					break
				}
				comma = true
			}
		}
		if !def.typ.array || !p.accept(",") {
			return out, true
		}
		comma = true
	}
}

// fieldValue reads one value.
func (p *parser) fieldValue(f *field, def *optionDef) (datum, bool) {
	t := p.peek(0)
	p.part(t)
	d := datum{kind: f.kind}
	switch f.kind {
	case kindAddress:
		a, ok := p.address()
		if ok {
			if d.name = a.name; a.name == "" {
				b := a.ip.As4()
				d.data = b[:]
			}
		}
		return d, ok
	case kindAddress6:
		var ok bool
		d.data, ok = p.ip6()
		return d, ok
	case kindUint32, kindInt32, kindSeconds:
		return p.number(f, 32, def)
	case kindUint16, kindInt16:
		return p.number(f, 16, def)
	case kindUint8, kindInt8:
		return p.number(f, 8, def)
	case kindText:
		if t.Kind != token.String && !t.Word() {
			p.fail(t, quoteRemedy(p.wordsAhead()), "%s takes text, not %s", def.label(), t.Describe())
			return d, false
		}
		p.take()
		d.data = []byte(t.Text)
		return d, true
	case kindBoolean:
		return p.booleanValue(def)
	case kindData, kindSub:
		d, ok := p.data("a string or hexadecimal octets for " + def.label())
		return d, ok
	case kindDomains, kindCompressed:
		return p.domainList(f)
	case kindDomain:
		return p.domainName(def)
	case kindEmpty:
		if !t.Is(";") {
			p.fail(t, "", "%s takes no value", def.label())
			return d, false
		}
		d.data = []byte{}
		return d, true
	default:
		return p.nameValue(f, def)
	}
}

// number reads an integer of so many bits.
func (p *parser) number(f *field, width uint, def *optionDef) (datum, bool) {
	t := p.peek(0)
	d := datum{kind: f.kind}
	if f.kind == kindSeconds && t.Is("infinite") {
		p.take()
		d.data = []byte{255, 255, 255, 255}
		return d, true
	}
	if t.Kind != token.Number && t.Kind != token.NumberOrName {
		p.fail(t, numberRemedy(t), "%s takes a number, not %s", def.label(), t.Describe())
		return d, false
	}
	p.take()
	v, err := integer(t.Text, width)
	if err != nil {
		p.fail(t, numberRemedy(t), "%s: %v", def.label(), err)
	}
	for shift := int(width) - 8; shift >= 0; shift -= 8 {
		d.data = append(d.data, byte(v>>shift))
	}
	return d, true
}

// booleanWords are the words of a boolean and what they are sent as.
var booleanWords = map[string]byte{"true": 1, "on": 1, "false": 0, "off": 0, "ignore": 2}

// booleanValue reads true, on, false, off or ignore.
func (p *parser) booleanValue(def *optionDef) (datum, bool) {
	t := p.peek(0)
	v, ok := booleanWords[strings.ToLower(t.Text)]
	if !t.Word() || !ok {
		remedy := ""
		switch strings.ToLower(t.Text) {
		case "yes", "1", "enable", "enabled":
			remedy = "write true"
		case "no", "0", "disable", "disabled":
			remedy = "write false"
		}
		p.fail(t, remedy, "%s takes true or false (or on, off), not %s", def.label(), t.Describe())
		return datum{}, false
	}
	p.take()
	return datum{kind: kindBoolean, data: []byte{v}}, true
}

// nameValue reads the name of a space or key, or one word out of a list.
func (p *parser) nameValue(f *field, def *optionDef) (datum, bool) {
	t := p.peek(0)
	d := datum{kind: f.kind}
	if f.kind == kindKey && t.Kind != token.String {
		if d.name = p.dotted(); d.name == "" {
			p.fail(t, "", "%s takes the name of a key, not %s", def.label(), t.Describe())
			return d, false
		}
		d.data = []byte(d.name)
		return d, true
	}
	if f.kind != kindKey && !t.Word() {
		p.fail(t, quoteless(t), "%s takes a word, not %s", def.label(), t.Describe())
		return d, false
	}
	p.take()
	d.name, d.data = t.Text, []byte(t.Text)
	if f.kind == kindWord {
		words := wordLists[f.space]
		i := indexOf(words, t.Text)
		if i < 0 {
			remedy := ""
			if w := nearest(t.Text, words); w != "" {
				remedy = "write " + w
			}
			p.fail(t, remedy, "%s is none of the words for %s: %s", t.Text, def.label(), strings.Join(words, ", "))
			i = 0
		}
		d.data = []byte{byte(i)}
	}
	return d, true
}

func indexOf(list []string, s string) int {
	for i, l := range list {
		if l == s {
			return i
		}
	}
	return -1
}

// wordLists are the lists of words that parameters choose from. A word is
// kept as its place in the list.
var wordLists = map[string][]string{
	"ddns-styles":         {"none", "ad-hoc", "interim", "standard"},
	"prefix_length_modes": {"ignore", "prefer", "exact", "minimum", "maximum"},
	"syslog-facilities": {"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
		"local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"},
	"status-codes": {"success", "UnspecFail", "NoAddrsAvail", "NoBinding", "NotOnLink", "UseMulticast", "NoPrefixAvail",
		"UnknownQueryType", "MalformedQuery", "NotConfigured", "NotAllowed", "QueryTerminated"},
	"dhcpv6-messages": {"", "SOLICIT", "ADVERTISE", "REQUEST", "CONFIRM", "RENEW", "REBIND", "REPLY", "RELEASE", "DECLINE",
		"RECONFIGURE", "INFORMATION-REQUEST", "RELAY-FORW", "RELAY-REPL", "LEASEQUERY", "LEASEQUERY-REPLY", "LEASEQUERY-DONE", "LEASEQUERY-DATA"},
}

// ip6 reads an IPv6 address.
func (p *parser) ip6() ([]byte, bool) {
	first := p.peek(0)
	var text strings.Builder
	end := first.Pos
	for t := first; (t.Word() || t.Kind == token.Number || t.Is(":") || t.Is(".")) && t.Pos == end && text.Len() < 64; t = p.peek(0) {
		p.take()
		text.WriteString(t.Text)
		end = t.End
	}
	a, err := netip.ParseAddr(text.String())
	if err != nil || !a.Is6() {
		p.fail(first, "", "expected an IPv6 address, not %s", first.Describe())
		return nil, false
	}
	b := a.As16()
	return b[:], true
}
