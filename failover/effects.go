package failover

import (
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// Effect is one thing that the shell must do. Effects are carried out in
// order; what is sent after a Save or SaveLease must not leave before that
// record is durable.
type Effect interface{ effect() }

// Save makes what is remembered of the relationship durable.
type Save struct{ Peer *lease.Peer }

// SaveLease makes a lease of the table durable. Lease is the table's copy:
// what counts is its value when the record is written.
type SaveLease struct{ Lease *lease.Lease }

// Send gives a message to the partner.
type Send struct {
	Conn    ConnID
	Message wire.Message
}

// Dial asks for a connection to the partner from the configured address; it
// is answered by Connected, or by Closed with Conn zero.
type Dial struct{}

// Secure asks for the TLS handshake on a connection, after everything that
// was sent before; it is answered by Secured.
type Secure struct {
	Conn   ConnID
	Client bool // this side speaks first
}

// Hangup ends a connection after everything that was sent before.
type Hangup struct {
	Conn ConnID
	Why  string
}

// Entered reports a change of state.
type Entered struct {
	From, To lease.ServerState
	Why      string
}

// Log is a line for the operator.
type Log struct {
	Level Level
	Text  string
}

// Level is how much a Log line matters.
type Level uint8

// Levels.
const (
	Info Level = iota
	Warning
	Alarm
)

func (Save) effect()      {}
func (SaveLease) effect() {}
func (Send) effect()      {}
func (Dial) effect()      {}
func (Secure) effect()    {}
func (Hangup) effect()    {}
func (Entered) effect()   {}
func (Log) effect()       {}

// Effects gives everything that the steps since the last call led to. The
// slice is reused by the next Step.
func (e *Endpoint) Effects() []Effect {
	if e.taken {
		return nil
	}
	e.taken = true
	return e.effects
}

// emit adds an effect; the first one after Effects starts a new list.
func (e *Endpoint) emit(x Effect) {
	if e.taken {
		e.effects, e.taken = e.effects[:0], false
	}
	e.effects = append(e.effects, x)
}

// save records the relationship.
func (e *Endpoint) save() {
	p := e.peer
	e.savedContact = p.LastContact
	e.emit(Save{&p})
}

// store puts a lease into the table and records it.
func (e *Endpoint) store(l lease.Lease) *lease.Lease {
	p := e.table.Apply(l)
	e.emit(SaveLease{p})
	return p
}
