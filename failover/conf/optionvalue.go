package conf

import (
	"net/netip"
	"strings"

	"tandem/failover/conf/token"
)

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
