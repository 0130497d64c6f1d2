package lease

// Record is one fact that must outlive the process. Each record is whole: it
// replaces the earlier one about the same thing, so replaying a log is
// applying its records in order, and applying one twice does no harm.
//
// The implementations are *Lease, *Peer, *Boot and *Object.
type Record interface{ record() }

func (*Lease) record()  {}
func (*Peer) record()   {}
func (*Boot) record()   {}
func (*Object) record() {}

// Peer is what a server must remember of one failover relationship
// (dhcpd.leases "failover peer ... state").
type Peer struct {
	Name         string
	State        ServerState
	Since        Time // start-time-of-state of State
	Partner      ServerState
	PartnerSince Time
	MCLT         Seconds // as agreed with the partner; zero if never
	HBA          [32]byte
	// LastContact is the last proven contact: a moment at which the partner
	// is known to have still heard this server.
	LastContact Time
	// Authority is the grant authority G agreed with the partner.
	Authority Seconds
	// Epoch grows with every entry to PARTNER-DOWN.
	Epoch uint32
	// DownFrom is the moment from which PARTNER-DOWN counts (p in the restart
	// rules): MCLT after it, whatever the partner promised on its own has
	// ended. Zero outside of PARTNER-DOWN.
	DownFrom Time
	// Lost is the latest moment before which one of the two servers may have
	// made promises that neither remembers, because its store was lost then.
	Lost  Time
	Facts PeerFacts
}

// PeerFacts are the yes-or-no facts of a relationship.
type PeerFacts uint16

const (
	// PeerTransferCut: an UPDREQALL was under way when the link went away, so
	// the next UPDDONE proves nothing.
	PeerTransferCut PeerFacts = 1 << iota
	// PeerBoundToRecover: this server said goodbye and must RECOVER.
	PeerBoundToRecover
	// PeerGoodbye: the partner said goodbye.
	PeerGoodbye
	// PeerRemoved: an operator declared the partner gone for good.
	PeerRemoved
	// PeerOurs: the partner is a Tandem.
	PeerOurs
	// PeerServedAlone: addresses were given while the partner was not in contact.
	PeerServedAlone
	// PeerLapsed: the authority of PARTNER-DOWN ended with a long outage; only
	// contact or an operator gives it back.
	PeerLapsed
	// PeerNeedsAll: this server's store was lost, and the partner has not sent
	// everything since.
	PeerNeedsAll
	// PeerHalfDoubtful: the partner may have given addresses of this server's
	// half: before PARTNER-DOWN was entered, or else before its store was lost.
	PeerHalfDoubtful
)

// ServerState is a failover server state with its number on the wire
// (draft-ietf-dhc-failover-12 section 7.8.21; 254 is dhcpd's number for
// RECOVER-WAIT, which the draft left without one).
type ServerState uint8

// Server states.
const (
	UnknownState            ServerState = 0
	Startup                 ServerState = 1
	Normal                  ServerState = 2
	CommunicationsInterrupt ServerState = 3
	PartnerDown             ServerState = 4
	PotentialConflict       ServerState = 5
	Recover                 ServerState = 6
	Paused                  ServerState = 7
	Shutdown                ServerState = 8
	RecoverDone             ServerState = 9
	ResolutionInterrupted   ServerState = 10
	ConflictDone            ServerState = 11
	RecoverWait             ServerState = 254
)

var serverStateNames = map[ServerState]string{
	UnknownState: "unknown-state", Startup: "startup", Normal: "normal",
	CommunicationsInterrupt: "communications-interrupted", PartnerDown: "partner-down",
	PotentialConflict: "potential-conflict", Recover: "recover", Paused: "paused",
	Shutdown: "shutdown", RecoverDone: "recover-done",
	ResolutionInterrupted: "resolution-interrupted", ConflictDone: "conflict-done",
	RecoverWait: "recover-wait",
}

// String gives the word that dhcpd.leases uses.
func (s ServerState) String() string {
	if n, ok := serverStateNames[s]; ok {
		return n
	}
	return "invalid"
}

// Valid tells whether s is a state that may be on disk or on the wire.
func (s ServerState) Valid() bool { _, ok := serverStateNames[s]; return ok }

// ParseServerState is the inverse of ServerState.String.
func ParseServerState(word string) (ServerState, bool) {
	for s, n := range serverStateNames {
		if n == word {
			return s, true
		}
	}
	return 0, false
}

// Boot is the boot ledger: how this run began, when it was last known alive.
type Boot struct {
	ID        string // unique for each run
	Reason    string // "power", "watchdog", "crash", "command", "update", "unknown"
	Started   Time
	LastAlive Time
	// Resets are the moments of the latest restarts that nobody commanded.
	Resets []Time
	// StoreOrigin is "whole", "new" or "restored".
	StoreOrigin string
}

// Object is a host or group made at run time (OMAPI), or another named text
// that must be kept; its Text is in the language of dhcpd.leases.
type Object struct {
	Kind string // "host", "group", "class", "subclass"
	Name string
	Text string
	// Deleted: it was taken away. The record has to stay, so that a copy of the
	// configuration or of the partner does not bring it back.
	Deleted bool
	// Epoch and Changed order the versions of one object on two servers: the
	// greater epoch of the pair wins, then the later moment (Newer).
	Epoch   uint32
	Changed Time
	// Gone: not even the deletion has to be remembered any more.
	Gone bool
}

// Newer tells whether o takes the place of p, which is about the same thing.
// Two servers that hold the same two versions come to the same answer.
func (o *Object) Newer(p *Object) bool {
	switch {
	case o.Epoch != p.Epoch:
		return o.Epoch > p.Epoch
	case o.Changed != p.Changed:
		return o.Changed > p.Changed
	case o.Deleted != p.Deleted:
		return o.Deleted
	}
	return o.Text > p.Text
}
