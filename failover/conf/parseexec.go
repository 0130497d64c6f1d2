package conf

import (
	"strings"

	"tandem/failover/conf/token"
)

// caseContext is the kind of case labels that may stand in a block.
type caseContext uint8

const (
	caseNone caseContext = iota
	caseData
	caseNumeric
)

// executable reads a statement that is carried out for each client. known is
// false if none begins here.
func (p *parser) executable(cases caseContext) (n node, ok, known bool) {
	t := p.peek(0)
	if !t.Word() {
		return nil, false, false
	}
	word := strings.ToLower(t.Text)
	switch word {
	case "if":
		n, ok = p.ifStatement()
	case "switch":
		n, ok = p.switchStatement()
	case "case":
		n, ok = p.caseLabel(cases)
	case "on":
		n, ok = p.onStatement(cases)
	case "option", "supersede", "send", "prepend", "append":
		n, ok = p.setOption(t, word)
	case "default":
		if n, ok = p.defaultLabel(cases); n == nil && !ok {
			n, ok = p.setOption(t, word)
		}
	case "allow", "deny", "ignore":
		n, ok = p.flag(word)
	case "set", "define":
		n, ok = p.set(word, cases)
	case "unset":
		p.take()
		u := &unsetNode{at: p.at(t)}
		u.name, ok = p.variableName()
		n, ok = p.end(u, ok)
	case "eval", "return":
		p.take()
		n, ok = p.eval(t, word)
	case "log":
		n, ok = p.log()
	case "execute":
		n, ok = p.execute()
	case "add":
		p.take()
		a := &addNode{at: p.at(t)}
		n, ok = p.end(a, p.className(&a.class))
	case "break", "parse-vendor-option":
		n, ok = p.words()
	case "db-time-format":
		n, ok = p.words("default", "local")
	case "key":
		n, ok = p.keyStatement()
	case "zone":
		n, ok = p.zoneStatement()
	default:
		return p.parameterOrCall(t, word)
	}
	return n, ok, true
}

// parameterOrCall reads a server parameter, or the call of a function.
func (p *parser) parameterOrCall(t token.Token, word string) (node, bool, bool) {
	if def := p.options.space("server").find(word); def != nil {
		p.take()
		n, ok := p.optionStatement(t, "", def)
		return n, ok, true
	}
	if isKeyword(word) || !continuesExpr(p.peek(1)) {
		return nil, false, false
	}
	n, ok := p.eval(t, "")
	if e, lone := n.(*evalNode); lone && e.expr.op != opCall {
		remedy := ""
		if p.reports.others < maxReports { // it is costly
			remedy = p.loneRemedy(word)
		}
		p.reports.warn(e.place, remedy, "this does nothing: dhcpd takes it for an expression")
		e.verb = "eval"
	}
	return n, ok, true
}

// continuesExpr tells whether t may stand behind a variable in an expression
// that is a statement by itself.
func continuesExpr(t token.Token) bool {
	return t.Kind == token.Mark && strings.Contains("(;=!~+/*%&|^:", t.Text) || t.Is("and") || t.Is("or")
}

// body reads the `{ ... }` of if, switch, on and define.
func (p *parser) body(cases caseContext) ([]node, bool) {
	if !p.expect("{", "{") {
		return nil, false
	}
	open := p.prev
	var body []node
	p.nested(open, func() {
		body = p.untilBrace(open, func(body []node) []node {
			before := p.peek(0).Pos.Offset
			p.part(p.peek(0))
			n, ok, known := p.executable(cases)
			if !known {
				p.notExecutable()
				p.skip()
			} else if !ok {
				p.skip()
			}
			if n != nil {
				body = append(body, n)
			}
			if t := p.peek(0); t.Pos.Offset == before && t.Kind != token.EOF && !t.Is("}") {
				p.take()
			}
			return body
		})
	})
	return body, true
}

// ifStatement reads if, elsif and else.
func (p *parser) ifStatement() (node, bool) {
	n := &ifNode{at: p.at(p.take())}
	before := p.reports.errors
	for {
		cond, ok := p.condition()
		if !ok && !p.skipToBlock() {
			return nil, false
		}
		body, ok := p.body(caseNone)
		if !ok {
			return nil, false
		}
		n.arms = append(n.arms, arm{cond, body})
		switch t := p.peek(0); {
		case t.Is("elsif"):
			p.take()
			continue
		case t.Is("else") && p.peek(1).Is("if"):
			p.take()
			p.take()
			continue
		case t.Is("else"):
			p.take()
			if body, ok = p.body(caseNone); !ok {
				return nil, false
			}
			n.arms = append(n.arms, arm{nil, body})
		}
		if p.reports.errors > before {
			return nil, true // a condition may be missing
		}
		return n, true
	}
}

// condition reads a condition. A parenthesis in front encloses all of it.
func (p *parser) condition() (*expr, bool) {
	if !p.peek(0).Is("(") {
		return p.boolean()
	}
	p.take()
	e, ok := p.boolean()
	if !ok || !p.expect(")", ")") {
		return nil, false
	}
	if t := p.peek(0); !t.Is("{") {
		p.fail(t, "put one more pair of parentheses around the whole condition", "a ( behind if must enclose the whole condition")
		return nil, false
	}
	return e, true
}

// switchStatement reads a switch.
func (p *parser) switchStatement() (node, bool) {
	n := &switchNode{at: p.at(p.take())}
	if !p.expect("(", "( and the expression of switch") {
		return nil, false
	}
	t := p.peek(0)
	var ok bool
	if n.expr, ok = p.expression(typeDataOrNumeric); !ok {
		return nil, false
	}
	if n.expr.typ() == typeBoolean {
		p.reports.warn(p.place(t), "use if", "switch compares data or numbers: a condition is equal to none of them")
	}
	if !p.expect(")", ") behind the expression of switch") {
		return nil, false
	}
	cases := caseNumeric
	if n.expr.typ() == typeData {
		cases = caseData
	}
	n.body, ok = p.body(cases)
	return n, ok
}

// caseLabel reads `case EXPR:`.
func (p *parser) caseLabel(cases caseContext) (node, bool) {
	t := p.take()
	if cases == caseNone {
		p.fail(t, "", "case stands outside of a switch")
		return nil, false
	}
	context := typeNumeric
	if cases == caseData {
		context = typeData
	}
	e, ok := p.expression(context)
	if !ok || !p.expect(":", ": behind case") {
		return nil, false
	}
	return &caseNode{at: p.at(t), expr: e}, true
}

// defaultLabel reads `default:`. It gives nil and false if something else follows.
func (p *parser) defaultLabel(cases caseContext) (node, bool) {
	if !p.peek(1).Is(":") {
		return nil, false
	}
	t := p.take()
	p.take()
	if cases == caseNone {
		p.fail(t, "", "default: stands outside of a switch")
		return nil, true
	}
	return &caseNode{at: p.at(t)}, true
}

// events are the events of on statements.
var events = []string{"commit", "expiry", "release", "transmission"}

// onStatement reads an on statement.
func (p *parser) onStatement(cases caseContext) (node, bool) {
	n := &onNode{at: p.at(p.take())}
	for {
		t := p.peek(0)
		word := strings.ToLower(t.Text)
		if !t.Word() || !contains(events, word) {
			p.fail(t, "", "expected an event (%s), not %s", strings.Join(events, ", "), t.Describe())
			return nil, false
		}
		p.take()
		if n.events = append(n.events, word); len(n.events) > maxRecord {
			p.fail(t, "", "more than %d events", maxRecord)
			return nil, false
		}
		if !p.accept("or") {
			break
		}
	}
	if p.accept(";") {
		n.bare = true
		return n, true
	}
	var ok bool
	n.body, ok = p.body(caseNone)
	return n, ok
}

// setOption reads a statement that sets an option.
func (p *parser) setOption(t token.Token, verb string) (node, bool) {
	p.take()
	def, ok := p.knownOption()
	if !ok {
		return nil, false
	}
	return p.optionStatement(t, verb, def)
}
