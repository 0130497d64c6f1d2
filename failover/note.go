package failover

import (
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// Link names the connection on which the states of both servers are known, if
// the partner is a Tandem; zero if there is none. What is told on one link is
// heard in its order or not at all.
func (e *Endpoint) Link() ConnID {
	if e.up == nil || !e.up.known || !e.up.told || !e.tandem() {
		return 0
	}
	return e.up.id
}

// Tell sends a note to the server around the other endpoint; false if there is
// no link. It takes the road of every other message.
func (e *Endpoint) Tell(now lease.Now, n wire.Note) bool {
	if e.Link() == 0 {
		return false
	}
	e.now = now
	e.send(e.up, &wire.Contact{Vendor: wire.Some(n.Encode())})
	return true
}

// Repeat has the partner told of a lease whose state it knows, because
// something else about it was changed here, such as its reservation.
func (e *Endpoint) Repeat(now lease.Now, ip lease.IP) {
	l := e.table.Get(ip)
	if l == nil || !e.owns(ip) {
		return
	}
	e.now = now
	again := *l
	again.Flags |= lease.FlagPending
	if e.replicating() {
		again.Flags |= lease.FlagSent
	}
	e.store(again)
	e.enqueue(ip)
}
