package conf

import (
	"strings"

	"tandem/failover/conf/token"
)

// flags are the words that allow, deny and ignore take outside of pools.
var flags = map[string]Param{
	"bootp": BOOTP, "booting": Booting, "dynamic-bootp": DynamicBOOTP, "unknown-clients": UnknownClients,
	"duplicates": Duplicates, "declines": Declines, "client-updates": ClientUpdates, "leasequery": LeaseQuery,
}

var flagWords = []string{"booting", "bootp", "client-updates", "declines", "duplicates", "dynamic-bootp", "leasequery", "unknown-clients"}

// flag reads `allow WORD;`, `deny WORD;` and `ignore WORD;`.
func (p *parser) flag(verb string) (node, bool) {
	n := &flagNode{at: p.at(p.take()), verb: verb}
	t := p.peek(0)
	n.flag = strings.ToLower(t.Text)
	code, ok := flags[n.flag]
	if !t.Word() || !ok {
		remedy := ""
		switch {
		case contains(permitWords, n.flag):
			remedy = "this can only be said in a pool; outside of pools there is " + verb + " unknown-clients;"
		case t.Word():
			if w := nearest(t.Text, flagWords); w != "" {
				remedy = "write " + w
			}
		}
		p.fail(t, remedy, "expected one of %s, not %s", strings.Join(flagWords, ", "), t.Describe())
		return nil, false
	}
	p.take()
	n.code = code
	return n, p.semicolon()
}

// set reads set and define.
func (p *parser) set(verb string, cases caseContext) (node, bool) {
	n := &setNode{at: p.at(p.take()), verb: verb}
	var ok bool
	if n.name, ok = p.variableName(); !ok {
		return nil, false
	}
	if p.accept("(") {
		n.function, ok = p.function(cases)
		return n, ok
	}
	if !p.expect("=", "=") {
		return nil, false
	}
	n.expr, ok = p.expression(typeAny)
	return p.end(n, ok)
}

// function reads the arguments and the body of a function.
func (p *parser) function(cases caseContext) (*function, bool) {
	f := &function{}
	for !p.accept(")") {
		name, ok := p.variableName()
		if !ok {
			return nil, false
		}
		if f.args = append(f.args, name); len(f.args) > maxRecord {
			p.fail(p.prev, "", "more than %d arguments", maxRecord)
			return nil, false
		}
		if !p.accept(",") {
			if !p.expect(")", ") behind the arguments") {
				return nil, false
			}
			break
		}
	}
	var ok bool
	f.body, ok = p.body(cases)
	return f, ok
}

// eval reads the expression of eval, return, or of a function call.
func (p *parser) eval(t token.Token, verb string) (node, bool) {
	n := &evalNode{at: p.at(t), verb: verb}
	var ok bool
	n.expr, ok = p.expression(typeData)
	return p.end(n, ok)
}

// logLevels are the levels of log statements.
var logLevels = []string{"fatal", "error", "info", "debug"}

// log reads `log ([LEVEL,] DATA);`.
func (p *parser) log() (node, bool) {
	n := &logNode{at: p.at(p.take())}
	if !p.expect("(", "( behind log") {
		return nil, false
	}
	if t := p.peek(0); t.Word() && contains(logLevels, strings.ToLower(t.Text)) {
		p.take()
		n.level = strings.ToLower(t.Text)
		if !p.expect(",", ", behind the level") {
			return nil, false
		}
	}
	if t := p.peek(0); t.Word() && p.peek(1).Is(",") {
		p.fail(t, "write one of "+strings.Join(logLevels, ", "), "%s is no level of messages", t.Describe())
		return nil, false
	}
	var ok bool
	if n.expr, ok = p.dataExpr(); !ok || !p.expect(")", ") behind the message") {
		return nil, false
	}
	return n, p.semicolon()
}

// execute reads `execute ("COMMAND", DATA ...);`.
func (p *parser) execute() (node, bool) {
	n := &executeNode{at: p.at(p.take())}
	if !p.expect("(", "( behind execute") {
		return nil, false
	}
	t := p.peek(0)
	if n.command = t.Text; t.Kind != token.String {
		p.fail(t, quoteWord(t), "expected a command in quotes, not %s", t.Describe())
		return nil, false
	}
	p.take()
	for p.accept(",") {
		a, ok := p.dataExpr()
		if !ok {
			return nil, false
		}
		if n.args = append(n.args, a); len(n.args) > maxRecord {
			p.fail(t, "", "more than %d arguments", maxRecord)
			return nil, false
		}
	}
	if !p.expect(")", ") behind the arguments") {
		return nil, false
	}
	return n, p.semicolon()
}
