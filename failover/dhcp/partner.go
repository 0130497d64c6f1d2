package dhcp

import (
	"tandem/failover/lease"
)

// Partner is what the responder asks about the other server of the pair
// before it promises anything from a pool. A pool without a failover peer is
// answered by Solo.
type Partner interface {
	// Serve tells whether this server may answer the client at all now:
	// server state, posture, load-balance hash, secs.
	Serve(now lease.Now, q Query) Verdict
	// Available tells whether the address of l, which is not bound, may be
	// given now to a client that is not its last one (sameClient false) or
	// that is (true).
	Available(now lease.Now, l *lease.Lease, sameClient bool) Verdict
	// FreeStates lists the binding states from which this server may take
	// addresses now, the preferred one first; empty for none.
	FreeStates(now lease.Now) []lease.State
	// Grant bounds the lease time want for l by MCLT and the horizons: the
	// time to grant, and the potential expiry to record in TSTP.
	Grant(now lease.Now, l *lease.Lease, want lease.Seconds) (granted lease.Seconds, potential lease.Time, v Verdict)
	// Ended gives the state that l takes when its lease ends, is released or
	// leaves probation: FREE without a partner, EXPIRED or RELEASED with one.
	// A false verdict leaves l as it is until retry.
	Ended(now lease.Now, l *lease.Lease, to lease.State) (state lease.State, retry lease.Time, v Verdict)
}

// Repeater is a Partner that has a client told the rest of its lease, without
// a record, whatever it asks but SELECTING. dhcpd does that beside its partner.
type Repeater interface{ Repeats() }

// Query is what Partner.Serve decides on.
type Query struct {
	Kind Kind
	// Key is the client identifier if the client sent one, else chaddr
	// without the hardware type: the key of the load-balance hash (RFC 3074).
	Key []byte
	// Secs is the packet's secs field, byte order repaired if configured.
	Secs uint16
	// Lease is the binding that the request is about; nil if there is none.
	Lease *lease.Lease
	// Addressed is set if the client named this server (option 54) or sent
	// the packet to its address.
	Addressed bool
}

// Kind is what a client wants.
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

var kindNames = [...]string{"", "DISCOVER", "SELECTING", "INIT-REBOOT", "RENEWING", "REBINDING", "DECLINE", "RELEASE", "INFORM", "BOOTP", "LEASEQUERY"}

// String is the name in RFC 2131.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// Verdict is a decision and the rule that made it. Why is one clause for
// `why` and for the log; it may be empty when OK.
type Verdict struct {
	OK   bool
	Rule string // name of the rule or of the state, e.g. "hash", "R3"
	Why  string
}

// Yes is the verdict that needs no reason.
var Yes = Verdict{OK: true}

// Solo is the Partner of a server, or a pool, without one.
type Solo struct{}

var soloStates = []lease.State{lease.Free}

// Serve is always yes.
func (Solo) Serve(lease.Now, Query) Verdict { return Yes }

// Available is always yes.
func (Solo) Available(lease.Now, *lease.Lease, bool) Verdict { return Yes }

// FreeStates is FREE.
func (Solo) FreeStates(lease.Now) []lease.State { return soloStates }

// Grant grants what is wanted.
func (Solo) Grant(now lease.Now, _ *lease.Lease, want lease.Seconds) (lease.Seconds, lease.Time, Verdict) {
	return want, now.Time().Add(want), Yes
}

// Ended makes every ended lease free at once.
func (Solo) Ended(_ lease.Now, _ *lease.Lease, _ lease.State) (lease.State, lease.Time, Verdict) {
	return lease.Free, 0, Yes
}
