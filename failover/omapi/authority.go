package omapi

import "tandem/failover/lease"

// Authority is the server as OMAPI sees it. Reading is answered at once;
// a change may be settled later.
type Authority interface {
	// Peer finds a failover relationship by its exact name.
	Peer(name string) (Peer, bool)
	// Leases finds leases by IP, HW or UID, at most MaxMatches of them, in a
	// fixed order. An address of a range that was never used is a lease too.
	Leases(by Search) []Lease
	// Hosts finds host declarations by Name, HW or UID, deleted ones left out,
	// at most MaxMatches of them, in a fixed order.
	Hosts(by Search) []Host
	// Group finds a named group.
	Group(name string) (Group, bool)
	// Change carries c out, or refuses it with a text for the person who
	// asked. It looks at the facts again: they may have changed since the
	// client read them. If done is false, the outcome goes to Server.Resolve
	// with this ticket once it is durable.
	Change(ticket Ticket, c Change) (r Result, done bool)
}

// Ticket names a change that is under way. No two are the same during the
// life of a Server.
type Ticket uint64

// Search says what to find: exactly one field is set. An empty one, as for
// the address 0.0.0.0, finds nothing.
type Search struct {
	IP   lease.IP
	HW   string // hardware type octet + address
	UID  string // client identifier
	Name string
}

// Peer is a failover relationship.
type Peer struct {
	Name                         string
	PartnerAddress, LocalAddress lease.IP
	PartnerPort, LocalPort       uint16
	MaxUnacked                   uint32 // max-unacked-updates
	MCLT                         lease.Seconds
	LoadBalance                  lease.Seconds // load balance max seconds
	HBA                          *[32]byte     // hash buckets of the primary as in CONNECT (RFC 3074 section 5); nil if not known
	Partner, Local               lease.ServerState
	PartnerSince, LocalSince     lease.Time
	Secondary                    bool
	MaxResponseDelay             lease.Seconds
	Unacked                      uint32 // updates not yet acknowledged by the partner
}

// Lease is a lease and where it belongs.
type Lease struct {
	lease.Lease
	Host string // host declaration of its client; empty if none
	// Subnet and Pool are numbers of the server's own; the client sees handles.
	Subnet, Pool uint32
}

// Host is a host declaration.
type Host struct {
	Name  string
	HW    string // hardware type octet + address; empty if none
	UID   string // client identifier; empty if none
	Fixed []lease.IP
	Group string // named group; empty if none
	// Statements is text in the language of dhcpd.conf. What OMAPI did not
	// set is not shown here and stays as it is.
	Statements string
}

// Group is a named group of hosts.
type Group struct {
	Name       string
	Statements string // in the language of dhcpd.conf
}

// Change is something to be done. The implementations are *SetPeerState,
// *SetLease, *PutHost, *DropHost, *PutGroup, *DropGroup and *Shutdown.
type Change interface{ change() }

// SetPeerState asks for a server state by hand; State is always PartnerDown.
type SetPeerState struct {
	Peer  string
	State lease.ServerState
}

// SetLease changes a lease.
type SetLease struct {
	IP lease.IP
	// State is the new binding state; zero leaves it. It is Free, Expired,
	// Released, Abandoned or Reset.
	State lease.State
	// Ends is the new end; zero leaves it.
	Ends lease.Time
	// Flags are the new values of the flags in Mask, which is zero or
	// FlagReserved.
	Flags, Mask lease.Flags
	// Vars are variables to set; an empty value removes the variable.
	Vars []lease.Var
}

// PutHost makes a host declaration, or replaces it whole.
type PutHost struct {
	Host
	New bool // it must not exist yet
}

// DropHost removes a host declaration, also one of the configuration.
type DropHost struct{ Name string }

// PutGroup makes a named group, or replaces it whole.
type PutGroup struct {
	Group
	New bool // it must not exist yet
}

// DropGroup removes a named group.
type DropGroup struct{ Name string }

// Shutdown asks the server to hand over to its partner and serve no longer.
type Shutdown struct{}

func (*SetPeerState) change() {}
func (*SetLease) change()     {}
func (*PutHost) change()      {}
func (*DropHost) change()     {}
func (*PutGroup) change()     {}
func (*DropGroup) change()    {}
func (*Shutdown) change()     {}
