package failover

import (
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// ConnID names one connection for as long as it lives; the shell chooses it,
// never zero.
type ConnID uint64

// Event is one thing that happened. The implementations are the types below.
type Event interface{ event() }

// Started is the first event: recovery is over, service begins.
type Started struct{}

// Tick is nothing but the passing of time; Deadline says when it is wanted.
type Tick struct{}

// Connected is a new connection, dialled on request or accepted from one of
// the partner's addresses.
type Connected struct {
	Conn    ConnID
	Dialled bool
}

// Secured is the outcome of the handshake that a Secure effect asked for; Err
// is empty if the partner proved the pinned key.
type Secured struct {
	Conn ConnID
	Err  string
}

// Closed is the end of a connection, or of an attempt to dial (Conn zero).
type Closed struct {
	Conn ConnID
	Why  string
}

// Received is one message of the partner.
type Received struct {
	Conn    ConnID
	Message wire.Message
}

// Bound is a lease of this relationship that a client or an operator changed
// here. The endpoint marks it, applies it to the table and replicates it. The
// new binding must be made from a copy of the record it replaces: FlagPending,
// FlagSent, Rewind, Epoch, TSFP and ATSFP belong to the endpoint, and TSTP is
// what Grant said, also after a release.
type Bound struct{ Lease lease.Lease }

// LinkFacts is what is known of the cables (R7). Before the first one the LAN
// counts as up and the direct cable as unknown.
type LinkFacts struct {
	// LAN tells that the carrier of the clients' network is up.
	LAN bool
	// Changes counts the carrier changes of the LAN in the last 60 s.
	Changes int
	// LANAlive tells that somebody other than the partner is heard on the LAN.
	LANAlive bool
	// Cable is the carrier of a cable that leads directly to the partner.
	Cable Cable
}

// Cable is the carrier of the direct cable to the partner.
type Cable uint8

// Cable states.
const (
	CableUnknown Cable = iota
	CableUp
	CableDown
)

// ClockFacts is what the time gate says (R1). Before the first one the clock
// is not trusted.
type ClockFacts struct {
	Trusted bool
	// Error bounds the difference between Now.Wall and true time.
	Error time.Duration
}

// Heartbeat is a sign of life of the partner on another path than the
// failover connection.
type Heartbeat struct{ Path string }

// PathLAN is the Path of a heartbeat on the clients' network.
const PathLAN = "LAN"

// WokenLate tells that the box did not run for Gap: suspended, stopped or
// starved (R9).
type WokenLate struct{ Gap time.Duration }

// Command is an operator's order; see Endpoint.Command for the answer.
type Command struct {
	Order Order
	// By names the operator or tool in logs and in `why`.
	By string
}

func (Started) event()    {}
func (Tick) event()       {}
func (Connected) event()  {}
func (Secured) event()    {}
func (Closed) event()     {}
func (Received) event()   {}
func (Bound) event()      {}
func (LinkFacts) event()  {}
func (ClockFacts) event() {}
func (Heartbeat) event()  {}
func (WokenLate) event()  {}
func (Command) event()    {}

// Order is what an operator can tell an endpoint to do.
type Order uint8

// Orders.
const (
	// OrderPartnerDown asserts that the partner is off and stays off (R6b).
	OrderPartnerDown Order = 1 + iota
	// OrderRemoved asserts that the partner is gone for good.
	OrderRemoved
	// OrderMaintenance hands over to the partner and stops (signed goodbye).
	OrderMaintenance
	// OrderPause stops for a short while without handing over.
	OrderPause
	// OrderResume ends OrderMaintenance and OrderPause.
	OrderResume
	// OrderCalm ends the caution of R10 after a reset storm.
	OrderCalm
)

var orderNames = [...]string{"", "partner-down", "removed", "maintenance", "pause", "resume", "calm"}

// String is the word of the command line.
func (o Order) String() string {
	if int(o) < len(orderNames) {
		return orderNames[o]
	}
	return "unknown order"
}
