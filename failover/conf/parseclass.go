package conf

import (
	"tandem/failover/conf/token"
)

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
