package conf

// exprType is what an expression gives.
type exprType uint8

const (
	typeAny exprType = iota // a variable or a function call
	typeBoolean
	typeData
	typeNumeric
	typeDataOrNumeric // what a context may ask for
)

// op is the operation of an expression.
type op uint8

const (
	opNone op = iota
	// Boolean.
	opCheck
	opNot
	opExists
	opKnown
	opStatic
	opDefined
	opEqual
	opNotEqual
	opMatch     // ~=
	opMatchFold // ~~
	opAnd
	opOr
	// Data.
	opText // a string
	opHex  // octets in hexadecimal
	opSubstring
	opSuffix
	opLower
	opUpper
	opConcat
	opJoin // concat of compressed domain lists; made by append, not written
	opToASCII
	opReverse
	opPick
	opOption
	opConfigOption
	opHardware
	opLeasedAddress
	opFilename
	opServerName
	opNull
	opHostName
	opPacket
	opEncodeInt
	opGetHostName
	opLookup
	opRelay // v6relay
	// Numeric.
	opNumber
	opExtractInt
	opLeaseTime
	opClientState
	opAdd
	opSubtract
	opMultiply
	opDivide
	opRemainder
	opBitAnd
	opBitOr
	opBitXor
	// Any.
	opVariable
	opCall
)

// expr is one expression. Which fields are used depends on op.
type expr struct {
	at     place
	op     op
	args   []*expr
	data   []byte     // opText, opHex
	number int64      // opNumber; opEncodeInt, opExtractInt: the width in bits
	name   string     // opVariable, opDefined, opCall, opCheck, opLookup; opNumber: the word if it was one
	option *optionDef // opOption, opConfigOption, opExists
	regexp *pattern   // opMatch, opMatchFold with a constant pattern; set by the compiler
}

// typ is what e gives.
func (e *expr) typ() exprType {
	switch {
	case e.op >= opVariable:
		return typeAny
	case e.op >= opNumber:
		return typeNumeric
	case e.op >= opText:
		return typeData
	}
	return typeBoolean
}

// fits tells whether e may stand where want is asked for.
func (e *expr) fits(want exprType) bool { return e.typ() == want || e.typ() == typeAny }

// operator is a binary operator.
type operator struct {
	op op
	// level is how tightly it binds: the lower, the tighter.
	level int
	// operands is the type asked of what follows.
	operands exprType
	text     string
}

// The binary operators. Levels are dhcpd's, in which * binds no tighter than
// + and comparisons are not tighter than and/or; see binary for what comes of it.
var operators = map[op]operator{
	opEqual:     {opEqual, 4, typeData, "="},
	opNotEqual:  {opNotEqual, 4, typeData, "!="},
	opMatch:     {opMatch, 4, typeData, "~="},
	opMatchFold: {opMatchFold, 4, typeData, "~~"},
	opAnd:       {opAnd, 3, typeBoolean, "and"},
	opOr:        {opOr, 3, typeBoolean, "or"},
	opAdd:       {opAdd, 2, typeNumeric, "+"},
	opSubtract:  {opSubtract, 2, typeNumeric, "-"},
	opMultiply:  {opMultiply, 1, typeNumeric, "*"},
	opDivide:    {opDivide, 1, typeNumeric, "/"},
	opRemainder: {opRemainder, 1, typeNumeric, "%"},
	opBitAnd:    {opBitAnd, 100, typeNumeric, "&"},
	opBitOr:     {opBitOr, 100, typeNumeric, "|"},
	opBitXor:    {opBitXor, 100, typeNumeric, "^"},
}
