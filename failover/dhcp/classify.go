package dhcp

import "tandem/failover/lease"

const broadcastIP lease.IP = 0xffffffff

// classify finds out what the client wants. A DHCPREQUEST comes from one of
// four states of the client (RFC 2131 section 4.3.2 and table 4): the state
// shows in whether it names a server (option 54), an address (option 50),
// fills ciaddr, and whom it sends to.
func (q *inquiry) classify() {
	v, ok := q.m.Options[optMessageType]
	if !ok {
		q.kind = BOOTP
		return
	}
	if len(v) != 1 {
		return
	}
	switch q.typ = v[0]; q.typ {
	case msgDiscover:
		q.kind = Discover
	case msgRequest:
		q.kind = q.requestKind()
	case msgDecline:
		q.kind = Decline
	case msgRelease:
		q.kind = Release
	case msgInform:
		q.kind = Inform
	case msgLeaseQuery:
		q.kind = LeaseQuery
	}
}

// requestKind tells the four kinds of DHCPREQUEST apart. Old clients fill
// ciaddr and name the server or the address as well; ciaddr says that they
// use the address already, so it counts.
func (q *inquiry) requestKind() Kind {
	switch {
	case q.ciaddr != 0 && q.giaddr == 0 && q.p.Dst != broadcastIP:
		return Renewing
	case q.ciaddr != 0:
		return Rebinding
	case q.hasSID:
		return Selecting
	}
	return InitReboot
}

// asked is the address that a DHCPREQUEST is about, zero if it names none,
// which RFC 2131 table 5 does not allow.
func (q *inquiry) asked() lease.IP {
	if q.ciaddr != 0 {
		return q.ciaddr
	}
	if q.hasWanted {
		return q.wanted
	}
	return 0
}

// addressed tells whether the client named this server, or sent the packet
// to it alone.
func (q *inquiry) addressed(ours bool) bool {
	return q.hasSID && ours || q.p.Dst != broadcastIP && q.giaddr == 0 && q.p.Dst != 0
}
