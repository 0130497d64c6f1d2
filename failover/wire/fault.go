package wire

import (
	"fmt"
)

// Limits of a message (draft section 6.1; dhcpd drops a connection that
// breaks them).
const (
	// HeaderLen is the length of the header, and the payload offset to send.
	HeaderLen = 12
	// MaxMessage is the largest length of a whole message in octets.
	MaxMessage = 2048
)

// Fault is a way in which octets fail to be a failover message. Each one is
// a reason to close the connection. Compare with errors.Is.
type Fault uint8

// Faults.
const (
	// FaultShort: the message length is below HeaderLen.
	FaultShort Fault = 1 + iota
	// FaultLong: the message length is above MaxMessage.
	FaultLong
	// FaultFrame: the frame given to Decode is not as long as its length says.
	FaultFrame
	// FaultOffset: the payload offset lies within the header or past the end.
	FaultOffset
	// FaultCut: the message ends within the code or length of an option.
	FaultCut
	// FaultPastEnd: the data of an option runs past the end of the message.
	FaultPastEnd
	// FaultDuplicate: an option appears twice. This is also what several
	// updates in one BNDUPD (draft section 6.3) look like.
	FaultDuplicate
	// FaultSize: an option of fixed size has another length.
	FaultSize
	// FaultType: a message of unknown type has options.
	FaultType
)

var faultText = [...]string{
	FaultShort:     "message too short",
	FaultLong:      "message too long",
	FaultFrame:     "frame is not one whole message",
	FaultOffset:    "payload offset out of range",
	FaultCut:       "message ends within an option header",
	FaultPastEnd:   "option runs past the end of the message",
	FaultDuplicate: "option appears twice",
	FaultSize:      "option has a wrong length",
	FaultType:      "unknown message type with options",
}

// Error is the fault in words.
func (f Fault) Error() string {
	if f > 0 && int(f) < len(faultText) {
		return faultText[f]
	}
	return fmt.Sprintf("fault %d", uint8(f))
}

// Error tells where a message is wrong.
type Error struct {
	Fault Fault
	// Kind is the message type; 0 if it was not read.
	Kind Kind
	// Offset is where in the message the fault lies, in octets from its start.
	Offset int
	// Code is the option at fault; 0 if none.
	Code Code
	// Got and Want are the lengths (for FaultOffset: offsets) that disagree,
	// where there are any.
	Got, Want int
}

// Error gives the fault with its place, and the two lengths that disagree.
func (e *Error) Error() string {
	where := "failover message"
	if e.Kind != 0 {
		where = e.Kind.String()
	}
	s := fmt.Sprintf("%s: octet %d: %v", where, e.Offset, e.Fault)
	if e.Code != 0 {
		s += fmt.Sprintf(": %v (%d)", e.Code, uint16(e.Code))
	}
	if e.Got != e.Want {
		s += fmt.Sprintf(": %d, want %d", e.Got, e.Want)
		if e.Fault == FaultLong || e.Fault == FaultPastEnd || e.Fault == FaultCut {
			s += " at most"
		}
	}
	return s
}

// Unwrap gives the Fault.
func (e *Error) Unwrap() error { return e.Fault }
