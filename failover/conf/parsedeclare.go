package conf

import (
	"fmt"
	"strings"

	"tandem/failover/conf/token"
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
