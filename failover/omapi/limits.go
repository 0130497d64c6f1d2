package omapi

import "time"

// Limits of what a client may make the server hold. Whoever breaks one of
// those of a message is disconnected before anything is allocated for it.
const (
	// MaxMessage is the largest message in octets, header and signature included.
	MaxMessage = 256 << 10
	// MaxName is the longest name of a value in octets.
	MaxName = 255
	// MaxValue is the longest value in octets.
	MaxValue = 64 << 10
	// MaxValues is the most values in one list.
	MaxValues = 64
	// MaxHeader is the longest header in octets that a client may announce.
	MaxHeader = 1024
	// MaxFeed is the most octets to give to one Session.Feed.
	MaxFeed = 64 << 10
	// MaxReplies is how many octets of replies end one Session.Feed; the rest
	// waits until the shell has written them.
	MaxReplies = 64 << 10
	// MaxHandles is the most handles of one session. The one that was unused
	// for the longest time is forgotten first; its user has to open again.
	MaxHandles = 256
	// MaxRefusals is how many requests with a wrong signature, a wrong key or
	// none are answered before the connection is closed.
	MaxRefusals = 16
	// MaxRemembered is how many signatures of changes a session keeps, to tell
	// a repeated message.
	MaxRemembered = 1024
	// MaxMatches is how many objects one search looks at.
	MaxMatches = 16
	// MaxSessions is the most connections at once.
	MaxSessions = 64
	// MaxUnproven is the most connections at once that have not yet shown a
	// valid signature. The oldest makes room for a new one.
	MaxUnproven = 16
	// MaxVariable is the longest value of a lease's variable in octets.
	MaxVariable = 1024
	// MaxStatements is the longest text of statements of a host or group in octets.
	MaxStatements = 8 << 10
	// MaxFixed is the most fixed addresses of a host.
	MaxFixed = 64
)

// Times after which a connection is closed, or answered.
const (
	// MessageTime is the longest time between the first octet of a message and
	// its last one. The eight octets of the start count as a message.
	MessageTime = 30 * time.Second
	// UnprovenTime is the longest time until the first valid signature. A
	// person who types into omshell needs some.
	UnprovenTime = 5 * time.Minute
	// IdleTime is the longest idle time after it.
	IdleTime = 30 * time.Minute
	// ChangeTime is how long a change may take before the client hears that
	// its outcome is not known yet.
	ChangeTime = 30 * time.Second
)

// Stats counts what sessions did and what was refused, since start.
type Stats struct {
	Accepted      uint64 // connections
	Turned        uint64 // connections refused at once: too many, or not from loopback
	Evicted       uint64 // unproven connections closed for a newer one
	Requests      uint64 // messages taken
	Unsigned      uint64 // requests without the signature that is required
	BadSignatures uint64
	BadKeys       uint64 // keys asked for by a wrong name or algorithm
	Malformed     uint64 // connections closed for breaking the protocol or a limit
	Repeated      uint64 // connections closed for a repeated message
	Stalled       uint64 // connections closed in the middle of a message
	Idle          uint64 // connections closed for idleness
	Forgotten     uint64 // handles forgotten for newer ones
	Changes       uint64 // changes handed to Authority
	Refused       uint64 // of these, refused
	Late          uint64 // of these, not settled within ChangeTime
}

// Each calls fn for every counter in a fixed order.
func (s *Stats) Each(fn func(name string, value uint64)) {
	fn("omapi-accepted", s.Accepted)
	fn("omapi-turned-away", s.Turned)
	fn("omapi-evicted", s.Evicted)
	fn("omapi-requests", s.Requests)
	fn("omapi-unsigned", s.Unsigned)
	fn("omapi-bad-signatures", s.BadSignatures)
	fn("omapi-bad-keys", s.BadKeys)
	fn("omapi-malformed", s.Malformed)
	fn("omapi-repeated", s.Repeated)
	fn("omapi-stalled", s.Stalled)
	fn("omapi-idle", s.Idle)
	fn("omapi-handles-forgotten", s.Forgotten)
	fn("omapi-changes", s.Changes)
	fn("omapi-changes-refused", s.Refused)
	fn("omapi-changes-late", s.Late)
}
