package conf

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"tandem/failover/conf/token"
	"tandem/failover/lease"
)

// declaration reads a declaration, or a statement that is no executable one.
func (p *parser) declaration(word string, kind blockKind) (node, bool, bool) {
	var n node
	var ok bool
	switch word {
	case "include":
		n, ok = p.include(kind)
	case "host":
		n, ok = p.host(kind)
	case "group":
		n, ok = p.group(kind)
	case "shared-network":
		n, ok = p.shared(kind)
	case "subnet":
		n, ok = p.subnet(kind)
	case "class":
		n, ok = p.class(kind)
	case "subclass":
		n, ok = p.subclass(kind)
	case "pool":
		n, ok = p.pool(kind)
	case "range":
		if kind == inSubnet {
			n, ok = p.rangeStatement()
		} else {
			n, ok = p.misplacedRange(kind)
		}
	case "hardware":
		n, ok = p.hardware(kind)
	case "fixed-address":
		n, ok = p.fixed(kind)
	case "not", "authoritative":
		n, ok = p.authoritative(kind)
	case "option":
		n, ok = p.option(kind)
	case "server-identifier":
		n, ok = p.serverIdentifier()
	case "failover":
		n, ok = p.failover(kind)
	case "lease-id-format":
		n, ok = p.words("octal", "hex")
	case "fixed-address6":
		n, ok = p.fixed6(kind)
	case "fixed-prefix6", "server-duid":
		n, ok = nil, p.passOver(kind)
	case "subnet6", "range6", "prefix6", "pool6":
		n, ok = nil, p.refuse(word+" belongs to DHCPv6, which is not served")
	case "vendor-class", "user-class":
		n, ok = nil, p.refuse(word+" is obsolete; declare a class with `match if option "+map[string]string{
			"vendor-class": "vendor-class-identifier", "user-class": "user-class"}[word]+" = \"...\";`")
	default:
		return nil, false, false
	}
	return n, ok, true
}

// local reads a statement known only directly in the block of its kind.
func (p *parser) local(word string, kind blockKind) (node, bool, bool) {
	var n node
	var ok bool
	switch {
	case word == "interface" && (kind == inShared || kind == inSubnet):
		n, ok = p.networkInterface()
	case kind == inPool && word == "range":
		n, ok = p.rangeStatement()
	case kind == inPool && (word == "allow" || word == "deny"):
		n, ok = p.permit()
	case kind == inPool && word == "failover":
		n, ok = p.poolPeer()
	case kind == inPool && word == "no":
		n, ok = p.noPeer()
	case kind == inHost:
		return p.hostLocal(word)
	case kind.isClass():
		return p.classLocal(word, kind)
	case kind == inGroup && (word == "deleted" || word == "dynamic" || word == "static"):
		n, ok = p.words()
	default:
		return nil, false, false
	}
	return n, ok, true
}

// refuse reports the statement that stands here with a reason.
func (p *parser) refuse(message string) bool {
	p.fail(p.take(), "", "%s", message)
	return false
}

// passOver skips a statement of DHCPv6 that has no effect here.
func (p *parser) passOver(kind blockKind) bool {
	t := p.take()
	if t.Is("fixed-prefix6") {
		p.hostOnly(t, kind)
	}
	p.reports.note(p.place(t), "%s belongs to DHCPv6, which is not served", strings.ToLower(t.Text))
	for !p.peek(0).Is(";") {
		if e := p.peek(0); e.Is("}") || e.Is("{") || e.Kind == token.EOF {
			return p.semicolon()
		}
		p.take()
	}
	return p.semicolon()
}

// misplaced reports a declaration that may not stand in kind.
func (p *parser) misplaced(t token.Token, kind blockKind, where string) {
	p.fail(t, p.bracelessRemedy(t, "move it "+where), "%s cannot stand %s", t.Describe(), kind)
}

// bracelessRemedy proposes to close a block that t, standing at the begin of a
// line no deeper than the line the block begins in, was hardly meant to be in.
func (p *parser) bracelessRemedy(t token.Token, otherwise string) string {
	if len(p.blocks) == 0 {
		return otherwise
	}
	open := p.blocks[len(p.blocks)-1].Pos
	head := p.lex.Source.Line(open.Line)
	indent := len(head) - len(strings.TrimLeft(head, " \t"))
	before := p.lex.Source.Line(t.Pos.Line)[:t.Pos.Col-1]
	if t.Pos.Line == open.Line || strings.TrimLeft(before, " \t") != "" || len(before) > indent {
		return otherwise
	}
	return fmt.Sprintf("close the block that begins in line %d with } before it", open.Line)
}

// words reads a statement that is its own first word, and one of second if
// there are any.
func (p *parser) words(second ...string) (node, bool) {
	t := p.take()
	n := &wordNode{at: p.at(t), words: []string{strings.ToLower(t.Text)}}
	if len(second) > 0 {
		w := p.peek(0)
		text := strings.ToLower(w.Text)
		if !w.Word() || !contains(second, text) {
			p.fail(w, "", "expected %s, not %s", strings.Join(second, " or "), w.Describe())
			return nil, false
		}
		p.take()
		n.words = append(n.words, text)
	}
	return n, p.semicolon()
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

// shared reads a shared-network.
func (p *parser) shared(kind blockKind) (node, bool) {
	t := p.take()
	n := &sharedNode{at: p.at(t)}
	switch kind {
	case inShared, inSubnet, inHost, inClass, inSubclass:
		p.misplaced(t, kind, "to the top level or into a group")
	}
	if name := p.peek(0); name.Kind == token.String {
		p.take()
		if n.name = name.Text; name.Text == "" {
			p.fail(name, "", "the name of the shared-network is empty")
		}
	} else if n.name = p.dotted(); n.name == "" {
		p.fail(name, "", "expected the name of the shared-network, not %s", name.Describe())
	}
	before := p.reports.errors
	n.body = p.block(inShared)
	n.faulty = p.reports.errors > before
	return n, true
}

// subnet reads a subnet.
func (p *parser) subnet(kind blockKind) (node, bool) {
	t := p.take()
	n := &subnetNode{at: p.at(t)}
	switch kind {
	case inHost, inSubnet, inClass, inSubclass:
		p.misplaced(t, kind, "to the top level or into a shared-network")
	}
	if p.subnetHead(n) {
		n.body = p.block(inSubnet)
		return n, true
	}
	if p.skipToBlock() {
		p.block(inSubnet)
	}
	return nil, true
}

// subnetHead reads `ADDRESS netmask MASK`.
func (p *parser) subnetHead(n *subnetNode) bool {
	first := p.peek(0)
	var ok bool
	if n.net, ok = p.ip(); !ok {
		return false
	}
	if t := p.peek(0); !t.Is("netmask") {
		remedy := ""
		if length, err := strconv.Atoi(p.peek(1).Text); t.Is("/") && err == nil && 0 <= length && length <= 32 {
			mask := lease.IP(uint64(0xffffffff) << (32 - length))
			remedy = fmt.Sprintf("write subnet %s netmask %s", n.net&mask, mask)
		}
		p.fail(t, remedy, "expected netmask, not %s", t.Describe())
		return false
	}
	p.take()
	if n.mask, ok = p.ip(); !ok {
		return false
	}
	if n.net&^n.mask != 0 {
		p.fail(first, fmt.Sprintf("the subnet's number is %s", n.net&n.mask), "subnet %s netmask %s: the address has bits that the mask has not", n.net, n.mask)
		n.net &= n.mask
	}
	if m := ^uint32(n.mask); m&(m+1) != 0 && p.reports.mute == 0 {
		p.reports.warn(p.place(first), "", "netmask %s is not contiguous (%d bits with gaps)", n.mask, bits.OnesCount32(uint32(n.mask)))
	}
	return true
}

// pool reads a pool.
func (p *parser) pool(kind blockKind) (node, bool) {
	t := p.take()
	if kind != inSubnet && kind != inShared {
		p.misplaced(t, kind, "into a subnet or a shared-network")
	}
	before := p.reports.errors
	n := &poolNode{at: p.at(t), body: p.block(inPool)}
	n.faulty = p.reports.errors > before
	return n, true
}

// misplacedRange reads a range where none may stand.
func (p *parser) misplacedRange(kind blockKind) (node, bool) {
	p.misplaced(p.peek(0), kind, "into a subnet or a pool")
	p.reports.mute++
	p.rangeStatement()
	p.reports.mute--
	return nil, true
}

// rangeStatement reads `range [dynamic-bootp] LOW [HIGH];`.
func (p *parser) rangeStatement() (node, bool) {
	n := &rangeNode{at: p.at(p.take())}
	n.dynamicBOOTP = p.accept("dynamic-bootp")
	var ok bool
	if n.low, ok = p.ip(); !ok {
		return nil, false
	}
	n.high = n.low
	switch t := p.peek(0); {
	case t.Is("/"):
		p.fail(t, "give the first and the last address", "a range is not written with a prefix length")
		return nil, false
	case t.Is("-"):
		p.fail(t, "separate the two addresses by a space", "a range is not written with a -")
		return nil, false
	case t.Kind == token.Number:
		if n.high, ok = p.ip(); !ok {
			return nil, false
		}
	}
	if n.low > n.high {
		n.low, n.high = n.high, n.low
	}
	return n, p.semicolon()
}

// networkInterface reads `interface NAME;`.
func (p *parser) networkInterface() (node, bool) {
	n := &wordNode{at: p.at(p.take())}
	name := p.take()
	n.words = []string{"interface", name.Text}
	if name.Kind == token.Mark || name.Kind == token.EOF {
		p.fail(name, "", "expected the name of an interface, not %s", name.Describe())
		return nil, name.Is(";")
	}
	return n, p.semicolon()
}

// group reads a group.
func (p *parser) group(kind blockKind) (node, bool) {
	t := p.take()
	n := &groupNode{at: p.at(t)}
	if kind == inHost || kind.isClass() {
		p.misplaced(t, kind, "outside")
	}
	if name := p.peek(0); name.Word() || name.Kind == token.String {
		p.take()
		n.name = name.Text
	}
	n.body = p.block(inGroup)
	return n, true
}

// authoritative reads `[not] authoritative;`.
func (p *parser) authoritative(kind blockKind) (node, bool) {
	t := p.take()
	n := &authoritativeNode{at: p.at(t), not: t.Is("not")}
	if n.not && !p.expect("authoritative", "authoritative after not") {
		return nil, false
	}
	if kind == inHost {
		p.fail(t, "move it into a network or to the top level", "authoritative means nothing in a host: it is a property of networks")
		n = nil
	}
	ok := p.semicolon()
	if n == nil {
		return nil, ok
	}
	return n, ok
}

// class reads a class.
func (p *parser) class(kind blockKind) (node, bool) {
	t := p.take()
	n := &classNode{at: p.at(t)}
	if kind.isClass() {
		p.misplaced(t, kind, "outside")
	}
	if !p.className(&n.name) {
		p.skipToBody(inClass)
		return nil, true
	}
	n.body = p.block(inClass)
	return n, true
}

// skipToBody reads the block after a bad head for its errors alone.
func (p *parser) skipToBody(kind blockKind) {
	if p.skipToBlock() {
		p.block(kind)
	}
}

// className reads the name of a class.
func (p *parser) className(name *string) bool {
	t := p.peek(0)
	if t.Kind != token.String {
		remedy := ""
		if t.Word() {
			remedy = quoteRemedy(t.Text)
		}
		p.fail(t, remedy, "expected the name of a class in quotes, not %s", t.Describe())
		return false
	}
	p.take()
	*name = t.Text
	return true
}

// subclass reads a subclass.
func (p *parser) subclass(kind blockKind) (node, bool) {
	t := p.take()
	n := &subclassNode{at: p.at(t)}
	if kind.isClass() {
		p.misplaced(t, kind, "outside")
	}
	if !p.className(&n.class) {
		p.skipToBody(inSubclass)
		return nil, true
	}
	value, ok := p.data("the subclass's value as a string or hexadecimal octets")
	if !ok {
		p.skipToBody(inSubclass)
		return nil, true
	}
	n.value = value
	if p.peek(0).Is("{") {
		n.body = p.block(inSubclass)
		return n, true
	}
	n.bare = true
	return n, p.semicolon()
}

// data reads a string or hexadecimal octets.
func (p *parser) data(what string) (datum, bool) {
	t := p.peek(0)
	d := datum{kind: kindData}
	switch {
	case t.Kind == token.String:
		p.take()
		d.data, d.text = []byte(t.Text), true
		return d, true
	case t.Kind == token.NumberOrName && hexRemedy(t.Text) == "" && !isOctet(t.Text) && !p.peek(1).Is(":"):
	case t.Kind == token.Number, t.Kind == token.NumberOrName, hexRemedy(t.Text) != "" && t.Word():
		var ok bool
		d.data, ok = p.hex()
		return d, ok
	}
	p.fail(t, quoteWord(t), "expected %s, not %s", what, t.Describe())
	return d, false
}

// quoteWord proposes to quote a bare word.
func quoteWord(t token.Token) string {
	if t.Word() {
		return quoteRemedy(t.Text)
	}
	return ""
}

// classLocal reads a statement of a class or subclass.
func (p *parser) classLocal(word string, kind blockKind) (node, bool, bool) {
	var n node
	var ok bool
	switch word {
	case "match", "spawn", "lease":
		if kind == inSubclass && word != "lease" {
			t := p.take()
			p.fail(t, "move it into the class", "%s cannot stand in a subclass", t.Describe())
			return nil, false, true
		}
		n, ok = p.membership(word)
	case "dynamic", "deleted":
		n, ok = p.words()
	default:
		return nil, false, false
	}
	return n, ok, true
}

// membership reads match if, match, spawn with and lease limit.
func (p *parser) membership(word string) (node, bool) {
	t := p.take()
	n := &matchNode{at: p.at(t), verb: word}
	switch {
	case word == "lease":
		if !p.expect("limit", "limit after lease") {
			return nil, false
		}
		l := &limitNode{at: p.at(t)}
		limit, ok := p.decimal("lease limit", maxLeaseLimit)
		l.limit = int(limit)
		return p.end(l, ok)
	case word == "spawn":
		n.verb = "spawn with"
		if !p.expect("with", "with after spawn") {
			return nil, false
		}
	case p.accept("if"):
		n.verb = "match if"
		var ok bool
		n.expr, ok = p.boolean()
		return p.end(n, ok)
	}
	var ok bool
	n.expr, ok = p.dataExpr()
	return p.end(n, ok)
}
