package conf

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"tandem/failover/lease"
)

// Print writes the configuration in canonical form: one statement a line,
// blocks indented by two spaces, keywords in lower case, numbers in decimal.
// Comments are not kept; an include statement stays one. Read again it gives
// the same tree.
func (f *File) Print(w io.Writer) error {
	_, err := io.WriteString(w, f.String())
	return err
}

// String is what Print writes.
func (f *File) String() string {
	p := &printer{}
	p.nodes(f.body)
	return p.out.String()
}

// printer writes a syntax tree.
type printer struct {
	out   strings.Builder
	depth int
}

// nodes writes statements.
func (p *printer) nodes(body []node) {
	for _, n := range body {
		n.print(p)
	}
}

// line writes one line.
func (p *printer) line(format string, args ...any) {
	p.out.WriteString(strings.Repeat("  ", p.depth))
	fmt.Fprintf(&p.out, format, args...)
	p.out.WriteByte('\n')
}

// block writes a head and a block.
func (p *printer) block(body []node, format string, args ...any) {
	p.line(format+" {", args...)
	p.inside(body)
	p.line("}")
}

// inside writes statements one level deeper.
func (p *printer) inside(body []node) {
	p.depth++
	p.nodes(body)
	p.depth--
}

// quote writes a string with the escapes that the lexer knows.
func quote(s string) string {
	var out strings.Builder
	out.WriteByte('"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			out.WriteByte('\\')
			out.WriteByte(c)
		case c == '\t':
			out.WriteString(`\t`)
		case c == '\n':
			out.WriteString(`\n`)
		case c == '\r':
			out.WriteString(`\r`)
		case c < 0x20 || c == 0x7f || c >= 0x80:
			fmt.Fprintf(&out, `\%03o`, c)
		default:
			out.WriteByte(c)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// octetsText writes octets in hexadecimal with colons.
func octetsText(b []byte) string {
	var out strings.Builder
	for i, c := range b {
		if i > 0 {
			out.WriteByte(':')
		}
		fmt.Fprintf(&out, "%02x", c)
	}
	return out.String()
}

func (n *includeNode) print(p *printer) { p.line("include %s;", quote(n.name)) }
func (n *sharedNode) print(p *printer)  { p.block(n.body, "shared-network %s", quote(n.name)) }
func (n *subnetNode) print(p *printer) {
	p.block(n.body, "subnet %s netmask %s", n.net, n.mask)
}
func (n *poolNode) print(p *printer) { p.block(n.body, "pool") }

func (n *rangeNode) print(p *printer) {
	flag := ""
	if n.dynamicBOOTP {
		flag = "dynamic-bootp "
	}
	p.line("range %s%s;", flag, lease.Range{Low: n.low, High: n.high})
}

var permitTexts = map[PermitKind]string{
	PermitKnown: "known-clients", PermitUnknown: "unknown-clients", PermitAll: "all clients",
	PermitAuthenticated: "authenticated clients", PermitUnauthenticated: "unauthenticated clients",
	PermitDynamicBOOTP: "dynamic bootp clients",
}

func (n *permitNode) print(p *printer) {
	verb, what := "deny", permitTexts[n.kind]
	if n.allow {
		verb = "allow"
	}
	switch n.kind {
	case PermitMembers:
		what = "members of " + quote(n.class)
	case PermitAfter:
		what = "after never"
		if n.after != lease.Never {
			what = fmt.Sprintf("after epoch %d", uint32(n.after))
		}
	}
	p.line("%s %s;", verb, what)
}

func (n *groupNode) print(p *printer) {
	if n.name == "" {
		p.block(n.body, "group")
		return
	}
	p.block(n.body, "group %s", quote(n.name))
}

func (n *hostNode) print(p *printer) { p.block(n.body, "host %s", n.name) }

func (n *hardwareNode) print(p *printer) {
	word := fmt.Sprintf("unknown-%d", n.htype)
	for _, h := range hardwareTypes {
		if h.htype == n.htype {
			word = h.word
		}
	}
	if len(n.addr) > 0 {
		word += " "
	}
	p.line("hardware %s%s;", word, octetsText(n.addr))
}

func (n *fixedNode) print(p *printer) { p.line("fixed-address %s;", addressesText(n.addrs)) }

func (a address) String() string {
	switch {
	case a.ip6 != nil:
		return netip.AddrFrom16([16]byte(a.ip6)).String()
	case a.name != "":
		return a.name
	}
	return a.ip.String()
}

func addressesText(list []address) string {
	var out []string
	for _, a := range list {
		out = append(out, a.String())
	}
	return strings.Join(out, ", ")
}

func (n *uidNode) print(p *printer) { p.line("uid %s;", n.value) }

func (n *identifierNode) print(p *printer) {
	p.line("host-identifier option %s%s;", n.option.fullName(), valuesText(n.values))
}

func (n *memberNode) print(p *printer) { p.line("group %s;", quote(n.group)) }

func (n *wordNode) print(p *printer) {
	if n.words[0] == "interface" && !isWord(n.words[1]) {
		p.line("interface %s;", quote(n.words[1]))
		return
	}
	p.line("%s;", strings.Join(n.words, " "))
}

// isWord tells whether s can be written without quotes.
func isWord(s string) bool {
	if s == "" || !isLetterOrDigit(s[0]) || '0' <= s[0] && s[0] <= '9' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if !isLetterOrDigit(s[i]) && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return true
}

func (n *classNode) print(p *printer) { p.block(n.body, "class %s", quote(n.name)) }

func (n *subclassNode) print(p *printer) {
	if n.bare {
		p.line("subclass %s %s;", quote(n.class), n.value)
		return
	}
	p.block(n.body, "subclass %s %s", quote(n.class), n.value)
}

func (n *matchNode) print(p *printer) { p.line("%s %s;", n.verb, n.expr) }
func (n *limitNode) print(p *printer) { p.line("lease limit %d;", n.limit) }

func (n *peerNode) print(p *printer) {
	p.line("failover peer %s {", quote(n.name))
	p.depth++
	for _, i := range n.items {
		word := i.word
		if i.partner {
			word = "peer " + word
		}
		switch i.word {
		case "primary", "secondary":
			p.line("%s;", word)
		case "address":
			p.line("%s %s;", word, i.addr)
		case "hba":
			p.line("%s %s;", word, octetsText(i.hba))
		default:
			p.line("%s %d;", word, i.number)
		}
	}
	p.depth--
	p.line("}")
}

func (n *peerRefNode) print(p *printer) {
	if n.none {
		p.line("no failover peer")
		return
	}
	p.line("failover peer %s;", quote(n.name))
}

func (n *keyNode) print(p *printer) {
	p.line("key %s {", quote(n.name))
	p.depth++
	p.line("algorithm %s;", n.algorithm)
	p.line("secret %s;", quote(base64.StdEncoding.EncodeToString(n.secret)))
	p.depth--
	p.line("}")
}

func (n *zoneNode) print(p *printer) {
	p.line("zone %s {", n.name)
	p.depth++
	for _, l := range []struct {
		word string
		list []address
	}{{"primary", n.primary}, {"secondary", n.secondary}, {"primary6", n.primary6}, {"secondary6", n.secondary6}} {
		if len(l.list) > 0 {
			p.line("%s %s;", l.word, addressesText(l.list))
		}
	}
	if n.key != "" {
		p.line("key %s;", quote(n.key))
	}
	p.depth--
	p.line("}")
}

func (n *authoritativeNode) print(p *printer) {
	if n.not {
		p.line("not authoritative;")
		return
	}
	p.line("authoritative;")
}

func (n *spaceNode) print(p *printer) {
	text := "option space " + n.name
	for _, w := range []struct {
		words string
		value int
	}{{"code width", n.codeWidth}, {"length width", n.lengthWidth}, {"hash size", n.hashSize}} {
		if w.value > 0 {
			text += fmt.Sprintf(" %s %d", w.words, w.value)
		}
	}
	p.line("%s;", text)
}

func (n *defineOptionNode) print(p *printer) {
	p.line("option %s code %d = %s;", n.option.fullName(), n.code, n.typ)
}

var typeTexts = map[fieldKind]string{
	kindAddress: "ip-address", kindAddress6: "ip6-address", kindUint32: "unsigned integer 32", kindInt32: "integer 32",
	kindUint16: "unsigned integer 16", kindInt16: "integer 16", kindUint8: "unsigned integer 8", kindInt8: "integer 8",
	kindText: "text", kindBoolean: "boolean", kindData: "string", kindDomains: "domain-list",
	kindCompressed: "domain-list compressed", kindDomain: "domain-name", kindEmpty: "zerolen",
}

// String writes a type as the definition of an option has it.
func (t valueType) String() string {
	var out []string
	for _, f := range t.fields {
		text := typeTexts[f.kind]
		if f.kind == kindSub {
			text = "encapsulate " + f.space
		}
		if f.array {
			text = "array of " + text
		}
		out = append(out, text)
	}
	text := strings.Join(out, ", ")
	if len(t.fields) != 1 || t.array || t.record {
		text = "{ " + text + " }"
	}
	if t.array {
		text = "array of " + text
	}
	return text
}

func (n *optionNode) print(p *printer) {
	head := n.verb + " " + n.option.fullName()
	switch n.verb {
	case "":
		head = n.option.name
	case "server-identifier":
		head = n.verb
	}
	if n.expr != nil {
		p.line("%s = %s;", head, n.expr)
		return
	}
	p.line("%s%s;", head, valuesText(n.values))
}

// valuesText writes the values of an option, each with a blank in front.
func valuesText(values []datum) string {
	var out strings.Builder
	for _, v := range values {
		if v.comma {
			out.WriteByte(',')
		}
		if v.kind != kindEmpty {
			out.WriteByte(' ')
		}
		out.WriteString(v.String())
	}
	return out.String()
}

// String writes a value.
func (d datum) String() string {
	switch d.kind {
	case kindAddress:
		if d.name != "" {
			return d.name
		}
		return lease.From4([4]byte(d.data)).String()
	case kindAddress6:
		return netip.AddrFrom16([16]byte(d.data)).String()
	case kindInt8, kindInt16, kindInt32:
		bits := 8 * len(d.data)
		return strconv.FormatInt(int64(int32(readUint(d.data)<<(32-bits)))>>(32-bits), 10)
	case kindSeconds, kindUint32, kindUint16, kindUint8:
		if d.kind == kindSeconds && readUint(d.data) == 1<<32-1 {
			return "infinite"
		}
		return strconv.FormatUint(uint64(readUint(d.data)), 10)
	case kindBoolean:
		return [...]string{"false", "true", "ignore"}[d.data[0]]
	case kindText, kindKey:
		return quote(string(d.data))
	case kindDomains, kindCompressed:
		var out []string
		for _, name := range d.list {
			out = append(out, quote(name))
		}
		return strings.Join(out, ", ")
	case kindSpace, kindWord, kindDomain:
		return d.name
	case kindEmpty:
		return ""
	}
	if d.text {
		return quote(string(d.data))
	}
	return octetsText(d.data)
}

func (n *flagNode) print(p *printer) { p.line("%s %s;", n.verb, n.flag) }

func (n *ifNode) print(p *printer) {
	for i, a := range n.arms {
		switch {
		case i == 0:
			p.line("if %s {", condText(a.cond))
		case a.cond != nil:
			p.line("} elsif %s {", condText(a.cond))
		default:
			p.line("} else {")
		}
		p.inside(a.body)
	}
	p.line("}")
}

// condText writes a condition; a parenthesis in front must enclose all of it.
func condText(e *expr) string {
	text := e.String()
	if strings.HasPrefix(text, "(") {
		return "(" + text + ")"
	}
	return text
}

func (n *switchNode) print(p *printer) { p.block(n.body, "switch (%s)", n.expr) }

func (n *caseNode) print(p *printer) {
	if n.expr == nil {
		p.line("default:")
		return
	}
	p.line("case %s:", n.expr)
}

func (n *onNode) print(p *printer) {
	head := "on " + strings.Join(n.events, " or ")
	if n.bare {
		p.line("%s;", head)
		return
	}
	p.block(n.body, "%s", head)
}

func (n *setNode) print(p *printer) {
	if n.function != nil {
		p.block(n.function.body, "%s %s (%s)", n.verb, n.name, strings.Join(n.function.args, ", "))
		return
	}
	p.line("%s %s = %s;", n.verb, n.name, n.expr)
}

func (n *unsetNode) print(p *printer) { p.line("unset %s;", n.name) }

func (n *evalNode) print(p *printer) {
	if n.verb == "" {
		p.line("%s;", n.expr)
		return
	}
	p.line("%s %s;", n.verb, n.expr)
}

func (n *logNode) print(p *printer) {
	if n.level == "" {
		p.line("log (%s);", n.expr)
		return
	}
	p.line("log (%s, %s);", n.level, n.expr)
}

func (n *executeNode) print(p *printer) {
	text := quote(n.command)
	for _, a := range n.args {
		text += ", " + a.String()
	}
	p.line("execute (%s);", text)
}

func (n *addNode) print(p *printer) { p.line("add %s;", quote(n.class)) }
