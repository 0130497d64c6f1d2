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

// loneRemedy proposes what a word that stands alone was meant for.
func (p *parser) loneRemedy(word string) string {
	if remedy := p.wordRemedy(word); remedy != "" {
		return remedy
	}
	return "delete it"
}

// continuesExpr tells whether t may stand behind a variable in an expression
// that is a statement by itself.
func continuesExpr(t token.Token) bool {
	return t.Kind == token.Mark && strings.Contains("(;=!~+/*%&|^:", t.Text) || t.Is("and") || t.Is("or")
}

// startsStatement tells whether t is a word that begins a statement.
func startsStatement(t token.Token) bool {
	if t.Kind != token.Name {
		return false
	}
	word := strings.ToLower(t.Text)
	return starters[word] || contains(peerWords, word)
}

// statementWords are the words that begin a statement or declaration, but for
// server parameters.
var statementWords = []string{
	"add", "allow", "append", "authoritative", "break", "class", "db-time-format", "default", "define", "deny", "eval",
	"execute", "failover", "fixed-address", "group", "hardware", "host", "host-identifier", "if", "ignore", "include",
	"interface", "key", "lease-id-format", "log", "match", "not", "on", "option", "parse-vendor-option", "pool", "prepend",
	"range", "return", "send", "server-identifier", "set", "shared-network", "spawn", "subclass", "subnet", "supersede",
	"switch", "uid", "unset", "zone",
}

// starters are the words that begin a statement, parameters included.
var starters = func() map[string]bool {
	m := make(map[string]bool)
	for _, w := range statementWords {
		m[w] = true
	}
	for _, d := range parseTable(serverTable) {
		m[d.name] = true
	}
	return m
}()

// unknown reports that no statement begins here.
func (p *parser) unknown(kind blockKind) {
	t := p.peek(0)
	word := strings.ToLower(t.Text)
	switch {
	case !t.Word():
		p.fail(t, "", "expected a statement, not %s", t.Describe())
	case starters[word]:
		p.fail(t, "", "%s cannot stand %s", t.Describe(), kind)
	default:
		p.fail(t, p.wordRemedy(word), "%s is no statement", t.Describe())
	}
}

// misunderstood are words that people write, and what they should write.
var misunderstood = map[string]string{
	"dns-server": "option domain-name-servers", "dns-servers": "option domain-name-servers", "nameserver": "option domain-name-servers",
	"router": "option routers", "gateway": "option routers", "lease-time": "default-lease-time", "tftp-server": "next-server",
	"bootfile": "filename", "elseif": "elsif", "else": "else behind the } of an if", "elsif": "elsif behind the } of an if",
	"shared_network": "shared-network", "hw": "hardware ethernet", "mac": "hardware ethernet", "ip": "fixed-address",
}

// wordRemedy proposes what to write instead of an unknown word.
func (p *parser) wordRemedy(word string) string {
	if w := misunderstood[word]; w != "" {
		return "write " + w
	}
	if w := nearest(word, starterWords); w != "" {
		return "write " + w
	}
	if d := p.options.space("dhcp").find(word); d != nil {
		return "write option " + d.name
	}
	if w := nearest(word, dhcpNames); w != "" {
		return "write option " + w
	}
	return ""
}

// starterWords are starters as a list, dhcpNames the names of DHCP options
// known without a definition.
var starterWords, dhcpNames = func() (words, names []string) {
	words = append(words, statementWords...)
	for _, d := range parseTable(serverTable) {
		words = append(words, d.name)
	}
	for _, d := range parseTable(dhcpTable) {
		names = append(names, d.name)
	}
	return words, names
}()

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

// notExecutable reports something that cannot be carried out for a client.
func (p *parser) notExecutable() {
	t := p.peek(0)
	word := strings.ToLower(t.Text)
	switch {
	case t.Is(";"):
		p.fail(t, "delete it", "a semicolon without a statement")
	case t.Word() && (starters[word] || word == "subnet6"):
		p.fail(t, "move it outside", "%s cannot be conditional: it cannot stand in an if, switch or on block", t.Describe())
	case t.Word():
		p.fail(t, p.wordRemedy(word), "%s is no statement", t.Describe())
	default:
		p.fail(t, "", "expected a statement, not %s", t.Describe())
	}
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
