package conf

import (
	"strconv"
	"strings"
)

// callNames are the words of functions with fixed arguments.
var callNames = func() map[op]string {
	m := make(map[op]string)
	for word, f := range calls {
		if word != "pick" {
			m[f.op] = word
		}
	}
	for word, o := range simple {
		m[o] = word
	}
	return m
}()

// String writes an expression. Operands that have operators themselves are
// put in parentheses, so that no rule of precedence matters.
func (e *expr) String() string {
	switch e.op {
	case opText:
		return quote(string(e.data))
	case opHex:
		return octetsText(e.data)
	case opNumber:
		if e.name != "" {
			return e.name
		}
		return strconv.FormatInt(e.number, 10)
	case opVariable:
		return e.name
	case opCall:
		return e.name + " " + argsText(e.args)
	case opNot:
		return "not " + operandText(e.args[0])
	case opCheck:
		return "check " + quote(e.name)
	case opExists, opOption, opConfigOption:
		return map[op]string{opExists: "exists ", opOption: "option ", opConfigOption: "config-option "}[e.op] + e.option.fullName()
	case opDefined:
		return "defined (" + e.name + ")"
	case opLookup:
		return "gethostbyname (" + quote(e.name) + ")"
	case opExtractInt, opEncodeInt:
		word := "extract-int"
		if e.op == opEncodeInt {
			word = "encode-int"
		}
		return word + " (" + e.args[0].String() + ", " + strconv.FormatInt(e.number, 10) + ")"
	case opGetHostName:
		return "gethostname ()"
	}
	if o, ok := operators[e.op]; ok {
		return operandText(e.args[0]) + " " + o.text + " " + operandText(e.args[1])
	}
	if len(e.args) == 0 {
		return callNames[e.op]
	}
	return callNames[e.op] + " " + argsText(e.args)
}

// operandText writes e as an operand.
func operandText(e *expr) string {
	if _, binary := operators[e.op]; binary {
		return "(" + e.String() + ")"
	}
	return e.String()
}

// argsText writes arguments in parentheses.
func argsText(args []*expr) string {
	var out []string
	for _, a := range args {
		out = append(out, a.String())
	}
	return "(" + strings.Join(out, ", ") + ")"
}
