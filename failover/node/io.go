// Package node is one whole server as a function of its inputs: packets,
// probe results, commands and the partner's messages go in through Step, and
// Flush gives what must be made durable and then sent. It has no clock, no
// sockets and no files, so the simulation runs what ships.
package node

import (
	"tandem/failover/conf"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// Input is one thing that happened outside. The implementations are
// *PacketIn, *ProbeResult, *Links, *Reconfigure, *Query, *Dropped, *BoxFacts,
// *WokenLate, *PeerConnected, *PeerSecured, *PeerReceived, *PeerClosed,
// *OMAPIOpened, *OMAPIBytes and *OMAPIClosed.
type Input interface{ input() }

// PacketIn is one datagram from a client or a relay.
type PacketIn struct{ Packet dhcp.Packet }

// ProbeResult is the outcome of a dhcp.Probe. By describes who answered, as
// a hardware address or "ICMP".
type ProbeResult struct {
	IP    lease.IP
	InUse bool
	By    string
}

// Links is the set of interfaces that are served now; it replaces the
// earlier one.
type Links struct{ Interfaces []dhcp.Interface }

// Reconfigure puts a new, already validated configuration in force.
type Reconfigure struct{ Config *conf.Config }

// Query is an operator's question or command, answered by an Answer with the
// same ID once everything before it is durable.
type Query struct {
	ID   uint64
	Args []string // "status", "leases" [filters], "counters", "why" IP|MAC ...
}

// Dropped tells that the shell threw away work it had taken from this node,
// or clients' packets before they reached it.
type Dropped struct {
	What string // counter name
	N    uint64
}

// PeerConnected is a new connection of a relationship, named by the shell with
// a number that is never zero and never used again.
type PeerConnected struct {
	Peer    string
	Conn    uint64
	Dialled bool
}

// PeerSecured is the outcome of a TLS handshake; Err is empty if it went well.
type PeerSecured struct {
	Conn uint64
	Err  string
}

// PeerReceived is one message of a partner.
type PeerReceived struct {
	Conn    uint64
	Message wire.Message
}

// PeerClosed is the end of a connection, or with Conn zero a failed dial.
type PeerClosed struct {
	Peer string
	Conn uint64
	Why  string
}

func (*PacketIn) input()      {}
func (*ProbeResult) input()   {}
func (*Links) input()         {}
func (*Reconfigure) input()   {}
func (*Query) input()         {}
func (*Dropped) input()       {}
func (*PeerConnected) input() {}
func (*PeerSecured) input()   {}
func (*PeerReceived) input()  {}
func (*PeerClosed) input()    {}

// Output is what one batch of inputs led to. The slices are reused by the
// next Flush.
type Output struct {
	// Records go to the log, in order, before anything else happens.
	Records []lease.Record
	// MustSync is set if something below promises one of Records.
	MustSync bool
	Replies  []dhcp.Reply
	Links    []Link
	Probes   []dhcp.Probe
	Answers  []Answer
	OMAPI    []OMAPIReply
	Lines    []dhcp.Line
}

// Answer is one piece of the answer to a Query, as JSON. More is set while
// there is a further piece, which follows once a Query "more" with the same ID
// asks for it: long answers are cut so that they do not hold up clients.
type Answer struct {
	ID   uint64
	Body []byte
	More bool
	// Err is the message for a query that could not be answered.
	Err string
}
