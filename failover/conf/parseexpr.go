package conf

import (
	"strconv"
	"strings"

	"tandem/failover/conf/token"
)

// boolean reads a boolean expression.
func (p *parser) boolean() (*expr, bool) { return p.typed(typeBoolean, "a condition") }

// dataExpr reads a data expression.
func (p *parser) dataExpr() (*expr, bool) { return p.typed(typeData, "data") }

// numeric reads a numeric expression.
func (p *parser) numeric() (*expr, bool) { return p.typed(typeNumeric, "a number") }

// typed reads an expression that gives want.
func (p *parser) typed(want exprType, what string) (*expr, bool) {
	t := p.peek(0)
	e, ok := p.expression(want)
	if ok && !e.fits(want) {
		remedy := ""
		if want == typeBoolean && e.typ() == typeData {
			remedy = "compare it with something, or test it with exists"
		}
		p.fail(t, remedy, "this expression gives %s, but %s is needed", typeNames[e.typ()], what)
		return nil, false
	}
	return e, ok
}

var typeNames = map[exprType]string{typeAny: "anything", typeBoolean: "true or false", typeData: "data", typeNumeric: "a number"}

// expression reads an expression where context is asked for.
func (p *parser) expression(context exprType) (*expr, bool) { return p.binary(context, nil, opNone) }

// binary reads on behind left and the operator before it, or from the start
// if left is nil.
//
// It groups as dhcpd does, because that decides what clients get: an operand
// followed by an operator of a higher level is taken together with everything
// that follows. So `a = b or c = d and e = f` is (a = b) or ((c = d) and
// (e = f)), and `2 * 3 + 1` is 2 * (3 + 1).
func (p *parser) binary(context exprType, left *expr, before op) (*expr, bool) {
	for count := 0; ; count++ {
		right, ok := p.operand(context)
		if !ok {
			return nil, false
		}
		if count > maxOperators {
			p.reports.fail(right.at, "", "more than %d operators in one expression", maxOperators)
			return nil, false
		}
		next, ok := p.operator()
		if !ok {
			return nil, false
		}
		if next != opNone {
			context = right.typ()
		}
		if left == nil {
			if next == opNone {
				return right, true
			}
			left, before = right, next
			continue
		}
		if next != opNone && operators[before].level < operators[next].level {
			if right, ok = p.deeper(right, next); !ok {
				return nil, false
			}
			next = opNone
		}
		if !p.compatible(left, before, right) {
			return nil, false
		}
		left = &expr{at: left.at, op: before, args: []*expr{left, right}}
		if next == opNone {
			return left, true
		}
		before = next
	}
}

// deeper reads everything behind left and an operator as its right side.
func (p *parser) deeper(left *expr, o op) (e *expr, ok bool) {
	p.nested(p.prev, func() { e, ok = p.binary(operators[o].operands, left, o) })
	return e, ok
}

// operator takes a binary operator, opNone if none stands here.
func (p *parser) operator() (op, bool) {
	t := p.peek(0)
	if t.Kind != token.Mark && !t.Word() {
		return opNone, true
	}
	single := map[string]op{"=": opEqual, "and": opAnd, "or": opOr, "+": opAdd, "/": opDivide, "*": opMultiply,
		"%": opRemainder, "&": opBitAnd, "|": opBitOr, "^": opBitXor}
	if o, ok := single[strings.ToLower(t.Text)]; ok {
		p.take()
		return o, true
	}
	switch {
	case t.Is("!"):
		p.take()
		return opNotEqual, p.expect("=", "= after !")
	case t.Is("~"):
		p.take()
		if p.accept("~") {
			return opMatchFold, true
		}
		return opMatch, p.expect("=", "= or ~ after ~")
	}
	return opNone, true
}

// compatible tells whether an operator may stand between left and right.
func (p *parser) compatible(left *expr, o op, right *expr) bool {
	l, r := left.typ(), right.typ()
	text := operators[o].text
	bad := ""
	switch {
	case l != typeAny && r != typeAny && l != r:
		bad = typeNames[l] + " stands on its left and " + typeNames[r] + " on its right"
	case (o == opEqual || o == opNotEqual) && r == typeBoolean:
		bad = "it compares data or numbers, not conditions"
	case o == opMatch && r != typeData:
		bad = "it needs data on its right"
	case (o == opAnd || o == opOr) && r != typeBoolean && r != typeAny:
		bad = "it joins conditions"
	case operators[o].operands == typeNumeric && r != typeNumeric && r != typeAny:
		bad = "it needs numbers"
	}
	if bad != "" {
		p.reports.fail(right.at, "", "%s: %s", text, bad)
	}
	return bad == ""
}

// operand reads an expression without binary operators.
func (p *parser) operand(context exprType) (e *expr, ok bool) {
	open := p.peek(0)
	p.part(open)
	p.nested(open, func() { e, ok = p.unary(context) })
	return e, ok
}

// simple are the expressions of one word.
var simple = map[string]op{
	"known": opKnown, "static": opStatic, "hardware": opHardware, "leased-address": opLeasedAddress,
	"filename": opFilename, "server-name": opServerName, "null": opNull, "host-decl-name": opHostName,
	"lease-time": opLeaseTime, "client-state": opClientState,
}

// calls are the functions with fixed arguments: b base and widths as numbers,
// d data, with further d allowed for a *.
var calls = map[string]struct {
	op   op
	args string
}{
	"substring": {opSubstring, "dnn"}, "suffix": {opSuffix, "dn"}, "lcase": {opLower, "d"}, "ucase": {opUpper, "d"},
	"concat": {opConcat, "dd*"}, "binary-to-ascii": {opToASCII, "nndd"}, "reverse": {opReverse, "nd"},
	"pick": {opPick, "d*"}, "pick-first-value": {opPick, "d*"}, "packet": {opPacket, "nn"}, "gethostname": {opGetHostName, ""},
	"v6relay": {opRelay, "nd"},
}

// states are words for numbers: the states of a client, results of updates.
var states = map[string]int64{
	"booting": 1, "reboot": 2, "select": 3, "request": 4, "bound": 5, "renew": 6, "rebind": 7,
	"formerr": 1, "noerror": 0, "servfail": 2, "nxdomain": 3, "notimp": 4, "refused": 5, "yxdomain": 6,
	"yxrrset": 7, "nxrrset": 8, "notauth": 9, "notzone": 10,
}

// unary reads one operand.
func (p *parser) unary(context exprType) (*expr, bool) {
	t := p.peek(0)
	e := &expr{at: p.place(t)}
	word := ""
	switch {
	case t.Kind == token.String:
		p.take()
		e.op, e.data = opText, []byte(t.Text)
		return e, true
	case t.Is("("):
		return p.parenthesis(context)
	case t.Kind == token.Number && (context == typeNumeric || context == typeDataOrNumeric):
		p.take()
		e.op = opNumber
		var err error
		if e.number, err = strconv.ParseInt(t.Text, 10, 32); err != nil {
			p.fail(t, "", "%s is no number of 32 bits", t.Text)
		}
		return e, true
	case t.Kind == token.Number && p.peek(1).Is(".") && p.peek(2).Kind == token.Number:
		return p.addressOperand()
	case t.Kind == token.Number, t.Kind == token.NumberOrName && !isKeyword(t.Text):
		e.op = opHex
		var ok bool
		e.data, ok = p.hex()
		return e, ok
	case t.Word():
		word = strings.ToLower(t.Text)
	}
	if word == "" {
		p.fail(t, operandRemedies[t.Text], "expected an expression, not %s", t.Describe())
		return nil, false
	}
	if o, ok := simple[word]; ok {
		p.take()
		e.op = o
		return e, true
	}
	if _, ok := calls[word]; ok {
		return p.call(e)
	}
	if v, ok := states[word]; ok {
		p.take()
		e.op, e.number, e.name = opNumber, v, word
		return e, true
	}
	return p.special(e, word)
}

// operandRemedies say what to write for operators of other languages, by the
// mark at which reading stops.
var operandRemedies = map[string]string{
	"=": "write = once", "&": "write and", "|": "write or", "!": "write not", "<": "write !=, or nothing: there is no order",
}

// addressOperand refuses an address: expressions know only its octets.
func (p *parser) addressOperand() (*expr, bool) {
	t := p.peek(0)
	p.reports.mute++
	ip, ok := p.ip()
	p.reports.mute--
	remedy := ""
	if ok {
		b := ip.As4()
		remedy = "write " + octetsText(b[:])
	}
	p.fail(t, remedy, "an address cannot stand in an expression")
	return nil, false
}

// parenthesis reads `( EXPR )`.
func (p *parser) parenthesis(context exprType) (*expr, bool) {
	p.take()
	e, ok := p.expression(context)
	return e, ok && p.expect(")", ")")
}

// call reads a function with fixed arguments.
func (p *parser) call(e *expr) (*expr, bool) {
	f := calls[strings.ToLower(p.take().Text)]
	e.op = f.op
	if !p.expect("(", "( and the arguments of "+strings.ToLower(p.prev.Text)) {
		return nil, false
	}
	for i := 0; i < len(f.args); i++ {
		if f.args[i] == '*' {
			if !p.peek(0).Is(",") {
				break
			}
			i--
		}
		if len(e.args) > 0 && !p.expect(",", ", and the next argument") {
			return nil, false
		}
		read := p.dataExpr
		if f.args[i] == 'n' {
			read = p.numeric
		}
		a, ok := read()
		if !ok {
			return nil, false
		}
		if e.args = append(e.args, a); f.args[i] == 'd' && i+1 < len(f.args) && f.args[i+1] == '*' && len(e.args) > maxRecord {
			p.reports.fail(a.at, "", "more than %d arguments", maxRecord)
			return nil, false
		}
	}
	return e, p.expect(")", ") behind the arguments")
}

// special reads the operands that are like no others.
func (p *parser) special(e *expr, word string) (*expr, bool) {
	t := p.peek(0)
	ok := true
	switch word {
	case "not":
		p.take()
		e.op = opNot
		var a *expr
		if a, ok = p.operand(typeBoolean); ok && a.typ() != typeBoolean {
			p.reports.fail(a.at, "", "not needs a condition, and this gives %s", typeNames[a.typ()])
			ok = false
		}
		e.args = []*expr{a}
	case "check":
		p.take()
		e.op = opCheck
		c := p.peek(0)
		if e.name = c.Text; c.Kind != token.String {
			p.fail(c, quoteWord(c), "expected the name of a class in quotes, not %s", c.Describe())
			return nil, false
		}
		p.take()
	case "exists", "option", "config-option":
		p.take()
		e.op = map[string]op{"exists": opExists, "option": opOption, "config-option": opConfigOption}[word]
		e.option, ok = p.knownOption()
	case "extract-int", "encode-int":
		return p.intCall(e, word)
	case "defined":
		return p.defined(e)
	case "gethostbyname":
		return p.lookup(e)
	default:
		if isKeyword(word) {
			p.fail(t, "", "expected an expression, not %s", t.Describe())
			return nil, false
		}
		return p.variable(e)
	}
	return e, ok
}

// intCall reads `extract-int (DATA, WIDTH)` and `encode-int (NUMBER, WIDTH)`.
func (p *parser) intCall(e *expr, word string) (*expr, bool) {
	p.take()
	read := p.dataExpr
	if e.op = opExtractInt; word == "encode-int" {
		e.op, read = opEncodeInt, p.numeric
	}
	if !p.expect("(", "( and the arguments of "+word) {
		return nil, false
	}
	a, ok := read()
	if !ok || !p.expect(",", ", and the width in bits") {
		return nil, false
	}
	e.args = []*expr{a}
	if e.number, ok = p.width(); !ok {
		return nil, false
	}
	return e, p.expect(")", ") behind the arguments")
}

// width reads the width of an integer in bits.
func (p *parser) width() (int64, bool) {
	t := p.peek(0)
	n, _ := strconv.ParseInt(t.Text, 10, 32)
	if t.Kind != token.Number || n != 8 && n != 16 && n != 32 {
		p.fail(t, "", "the width of an integer is 8, 16 or 32 bits, not %s", t.Describe())
		return 0, false
	}
	p.take()
	return n, true
}

// defined reads `defined (NAME)`.
func (p *parser) defined(e *expr) (*expr, bool) {
	p.take()
	e.op = opDefined
	if !p.expect("(", "( and the name of a variable") {
		return nil, false
	}
	var ok bool
	if e.name, ok = p.variableName(); !ok {
		return nil, false
	}
	return e, p.expect(")", ") behind the variable")
}

// lookup reads `gethostbyname ("NAME")`.
func (p *parser) lookup(e *expr) (*expr, bool) {
	p.take()
	e.op = opLookup
	if !p.expect("(", "( and the name of a host in quotes") {
		return nil, false
	}
	t := p.peek(0)
	if e.name = t.Text; t.Kind != token.String {
		p.fail(t, quoteWord(t), "expected the name of a host in quotes, not %s", t.Describe())
		return nil, false
	}
	p.take()
	return e, p.expect(")", ") behind the name")
}

// variableName reads the name of a variable, function or argument.
func (p *parser) variableName() (string, bool) {
	t := p.peek(0)
	if !t.Word() || isKeyword(t.Text) {
		remedy := ""
		if t.Word() {
			remedy = "choose another name: " + t.Text + " is a word of the language"
		}
		p.fail(t, remedy, "%s cannot be the name of a variable", t.Describe())
		return "", false
	}
	p.take()
	return t.Text, true
}

// variable reads a variable, or the call of a function.
func (p *parser) variable(e *expr) (*expr, bool) {
	t := p.take()
	e.op, e.name = opVariable, t.Text
	if !p.accept("(") {
		return e, true
	}
	e.op = opCall
	for {
		a, ok := p.expression(typeAny)
		if !ok {
			return nil, false
		}
		if e.args = append(e.args, a); len(e.args) > maxRecord {
			p.reports.fail(a.at, "", "more than %d arguments", maxRecord)
			return nil, false
		}
		if !p.accept(",") {
			return e, p.expect(")", ") behind the arguments")
		}
	}
}
