package omapi

import "fmt"

// Code is the result of a request as on the wire. omshell prints its own text
// for it.
type Code uint32

// Codes that this server uses (ISC result codes, and dhcpd's from 0x60000).
const (
	OK               Code = 0
	TimedOut         Code = 0x02
	NoPermission     Code = 0x06
	Exists           Code = 0x12
	ShuttingDown     Code = 0x16
	NotFound         Code = 0x17
	NotImplemented   Code = 0x1b
	QuotaReached     Code = 0x21
	OutOfEntropy     Code = 0x2a
	InvalidArgument  Code = 0x60003
	Multiple         Code = 0x60006
	KeyConflict      Code = 0x60007
	ParseErrors      Code = 0x60008
	NoKey            Code = 0x60009
	InvalidKey       Code = 0x6000b
	UnknownAttribute Code = 0x60020
)

// String gives what omshell prints for c.
func (c Code) String() string {
	switch c {
	case OK:
		return "success"
	case TimedOut:
		return "timed out"
	case NoPermission:
		return "permission denied"
	case Exists:
		return "already exists"
	case ShuttingDown:
		return "shutting down"
	case NotFound:
		return "not found"
	case NotImplemented:
		return "not implemented"
	case QuotaReached:
		return "quota reached"
	case OutOfEntropy:
		return "out of entropy"
	case InvalidArgument:
		return "invalid argument"
	case Multiple:
		return "more than one object matches key"
	case KeyConflict:
		return "key conflict"
	case ParseErrors:
		return "parse error(s) occurred"
	case NoKey:
		return "no key specified"
	case InvalidKey:
		return "invalid TSIG key"
	case UnknownAttribute:
		return "unknown attribute"
	}
	return fmt.Sprintf("result 0x%x", uint32(c))
}

// Result is the outcome of a change. Text says why it was refused; it goes
// into the answer's message, and into the attribute "refused" of the object,
// because omshell does not print messages. It prints ASCII only.
type Result struct {
	Code Code
	Text string
}

// dhcpd's own texts. None of them explains anything, so none is worth showing
// as "refused".
const (
	textUpdate   = "can't update object"
	textLookup   = "object lookup failed"
	textNoMatch  = "no object matches specification"
	textNoHandle = "no matching handle"
	textCreate   = "can't create new object"
	textRemove   = "no remove method for object"
)

// refuse makes a Result with a reason of our own.
func refuse(code Code, format string, args ...any) Result {
	return Result{code, fmt.Sprintf(format, args...)}
}

// explains tells whether the text says more than dhcpd would.
func (r Result) explains() bool {
	switch r.Text {
	case "", textUpdate, textLookup, textNoMatch, textNoHandle, textCreate, textRemove:
		return false
	}
	return r.Code != OK
}
