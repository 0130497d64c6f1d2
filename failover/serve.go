package failover

import (
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// Query is what Serve decides on; see dhcp.Query, which it mirrors.
type Query struct {
	Kind Kind
	// Key is the key of the load-balance hash: client identifier, else
	// hardware address without its type.
	Key []byte
	// Secs is the packet's secs field, byte order repaired.
	Secs uint16
	// Lease is the binding that the request is about; nil if there is none.
	Lease *lease.Lease
	// Addressed is set if the client named this server or wrote to it alone.
	Addressed bool
}

// Kind is what a client wants, numbered as in package dhcp.
type Kind uint8

// The kinds of requests (RFC 2131 section 4.3).
const (
	Discover Kind = iota + 1
	Selecting
	InitReboot
	Renewing
	Rebinding
	Decline
	Release
	Inform
	BOOTP
	LeaseQuery
)

// Verdict is a decision and the rule that made it.
type Verdict struct {
	OK   bool
	Rule string
	Why  string
}

var yes = Verdict{OK: true}

// no is the verdict of a stance that refuses.
func (s Stance) no() Verdict { return Verdict{Rule: s.Rule, Why: s.Why} }

// Serve tells whether this server may answer the client at all now: server
// state, posture, load balancing (section 7.3 of the protocol notes).
func (e *Endpoint) Serve(now lease.Now, q Query) Verdict {
	s := e.Stance(now)
	if q.Kind == Inform || q.Kind == LeaseQuery {
		// Nothing is promised by these.
		return Verdict{OK: s.Posture != Silent, Rule: s.Rule, Why: s.Why}
	}
	switch s.Posture {
	case Silent:
		return s.no()
	case RenewOnly:
		if q.Kind == Release || q.Kind == Decline || q.Lease != nil && q.Lease.Binding(now.Time()) {
			return yes
		}
		return s.no()
	}
	if e.state == lease.Normal && e.live(now) {
		return e.share(now, q)
	}
	return yes
}

// share divides the clients in NORMAL: those without an address by the hash
// of RFC 3074, and between two Tandem boxes broadcast requests as well.
func (e *Endpoint) share(now lease.Now, q Query) Verdict {
	switch q.Kind {
	case Discover, BOOTP:
		if q.Addressed || e.cfg.LoadBalanceMaxSeconds == 0 {
			return yes
		}
	case Rebinding, InitReboot:
		if q.Addressed || !e.tandem() || !e.bothKnow(q.Lease, now.Time()) {
			return yes
		}
	default:
		return yes
	}
	switch {
	case e.hashesHere(q.Key):
		return Verdict{OK: true, Rule: "hash"}
	case e.cfg.LoadBalanceMaxSeconds != 0 && int(q.Secs) > e.cfg.LoadBalanceMaxSeconds:
		return Verdict{OK: true, Rule: "secs", Why: "the client has waited long enough"}
	case e.partnerDry():
		return Verdict{OK: true, Rule: "dry", Why: "the partner has no free addresses"}
	case e.patience.tried(e, now, q):
		return Verdict{OK: true, Rule: "patience", Why: "the partner has not answered this client"}
	}
	return Verdict{Rule: "hash", Why: "the partner serves this client"}
}

// bothKnow tells whether the partner can answer for the lease as well.
func (e *Endpoint) bothKnow(l *lease.Lease, now lease.Time) bool {
	return l != nil && l.Binding(now) && !l.Flags.Has(lease.FlagPending)
}

// hashesHere tells whether the client with this key is this server's.
func (e *Endpoint) hashesHere(key []byte) bool { return e.bucketHere(wire.Hash(key)) }

func (e *Endpoint) bucketHere(bucket uint8) bool {
	return wire.HBA(e.peer.HBA).Primary(bucket) != e.cfg.Secondary
}

// partnerDry tells whether the partner has nothing left to give.
func (e *Endpoint) partnerDry() bool {
	for _, id := range e.pools {
		if e.table.Count(id, e.partnerFree()) > 0 {
			return false
		}
	}
	return len(e.pools) > 0
}

// Available tells whether the address of l, which is not bound, may be given
// now to a client that is not its last one (sameClient false) or that is.
func (e *Endpoint) Available(now lease.Now, l *lease.Lease, sameClient bool) Verdict {
	s := e.Stance(now)
	if s.Posture < Full {
		return s.no()
	}
	doubtful := e.peer.Facts&lease.PeerHalfDoubtful != 0
	if l.State == e.ownFree() && !doubtful {
		return yes
	}
	if s.Posture == Alone {
		if sameClient && ended(l.State) && !doubtful {
			return yes // but a partner that was alone may have given it to another
		}
		return e.fromPartner(now, l)
	}
	switch l.State {
	case e.partnerFree():
		return Verdict{Rule: "half", Why: "the address is the partner's to give"}
	case lease.Expired, lease.Released:
		// The primary may take back what it has ended: to the partner it is
		// FREE, which is the primary's. The secondary only what never left.
		if sameClient && (!e.cfg.Secondary || !l.Flags.Has(lease.FlagSent)) {
			return yes
		}
		return Verdict{Rule: "ack", Why: "the partner has not acknowledged the end of the last lease"}
	case lease.Abandoned:
		if l.Flags.Has(lease.FlagPending) {
			// To the partner its last client may still have it.
			return Verdict{Rule: "ack", Why: "the partner has not acknowledged that the address is abandoned"}
		}
		if at := e.lostUntil(l); at > now.Time() {
			return Verdict{Rule: "R4-lost", Why: "a server that lost its store may have renewed the last lease until " + at.String()}
		}
		if !e.cfg.Secondary {
			return yes
		}
		return Verdict{Rule: "half", Why: "abandoned addresses are the primary's to try again"}
	}
	return Verdict{Rule: "ack", Why: "the partner has not acknowledged " + l.State.String()}
}

// fromPartner tells whether an address of the partner's, or one that waits for it,
// may be used in PARTNER-DOWN.
func (e *Endpoint) fromPartner(now lease.Now, l *lease.Lease) Verdict {
	if e.settling.drain {
		return Verdict{Rule: "drain", Why: "the partner is back"}
	}
	if at := e.takeover(l); now.Time() < at {
		return Verdict{Rule: "R6-wait", Why: "the partner may have promised it until " + at.String()}
	}
	return yes
}

// FreeStates lists the binding states from which addresses may be taken now,
// the preferred one first; empty for none. The slice must not be changed.
func (e *Endpoint) FreeStates(now lease.Now) []lease.State {
	s := e.Stance(now)
	whole := s.Posture == Alone && !e.settling.drain && now.Time() >= e.wholePoolFrom()
	switch {
	case s.Posture < Full || !whole && e.peer.Facts&lease.PeerHalfDoubtful != 0:
		return nil
	case whole:
		return bothFree[e.cfg.Secondary]
	}
	return bothFree[e.cfg.Secondary][:1]
}

var bothFree = map[bool][]lease.State{
	false: {lease.Free, lease.Backup},
	true:  {lease.Backup, lease.Free},
}

// wholePoolFrom is when the first of the partner's free addresses may be used
// in PARTNER-DOWN.
func (e *Endpoint) wholePoolFrom() lease.Time {
	return e.takeover(&lease.Lease{State: e.partnerFree()})
}
