// Package conf is the language of dhcpd.conf: it parses a configuration once,
// checks it, compiles it to an immutable value, and prints it in canonical form.
//
// A configuration goes through three stages:
//
//	text --reader, parser--> File --compiler--> Config --Evaluate--> Settings
//
// The parser knows the grammar and the types of options, because values are
// written as their types have it; it repairs typographic characters and goes
// on after errors. The compiler knows names, networks and addresses. Evaluate
// executes the statements of scopes for one request.
//
// The verdict on a text is that of dhcpd 4.4.3-P1, and so is what clients
// get; testdata/differences.tsv and testdata/replies.tsv hold the exceptions
// with their reasons. A statement that is right but would change what clients
// get, and that this server does not do, is an Error with Unsupported set:
// `execute`, statements on events, `add`, names of hosts where addresses
// stand, gethostbyname, gethostname and get-lease-hostnames. One that has no
// effect that a client can tell is a Notice.
//
// The package is pure: files are read by a function that the caller gives.
// Limits on size, depth and work are named in limits.go; whatever the text,
// reading it takes time and memory bounded by a multiple of its size.
package conf

import (
	"tandem/failover/lease"
)

// Config is one compiled configuration. It never changes after Load returned
// it; any number of readers may share it.
type Config struct {
	// Global holds the statements outside of every declaration.
	Global *Scope
	// Networks lists every shared network in order of declaration; a subnet
	// outside of a shared-network statement has an implicit one of its own.
	Networks []*SharedNetwork
	// Subnets lists every subnet in order of declaration.
	Subnets []*Subnet
	// Pools lists every pool, the implicit ones of ranges outside of a pool
	// statement included; Pools[i].ID == i.
	Pools []*Pool
	// Hosts lists every host declaration in order.
	Hosts []*Host
	// Classes lists every class in order of declaration, without subclasses.
	Classes []*Class
	// Peers lists the failover relationships.
	Peers []*Peer
	// Keys lists the keys.
	Keys []*Key
	// Zones lists the DDNS zones (kept for later use).
	Zones []*Zone
	// Groups lists the named groups in order of declaration; of several with
	// one name the last one counts.
	Groups []*Scope
	// OMAPI is what omapi-port and omapi-key say.
	OMAPI OMAPI

	options *options
	index   index
}

// Scope is the statements of one declaration and the declaration it is
// written in. Statements are executed from the outermost scope inwards.
type Scope struct {
	// Kind is the declaration's keyword: "global", "shared-network",
	// "subnet", "pool", "group", "host", "class", "subclass".
	Kind string
	// Name is the declaration's name or address for messages; may be empty.
	Name string
	// Parent is the enclosing declaration; nil for global.
	Parent *Scope
	// Pos is where the declaration starts.
	Pos Pos
	// Static is set when no statement here or further out depends on the
	// packet, the lease or the moment: its result may be kept.
	Static bool

	statements []statement
	// authoritative is what networks declared here begin with.
	authoritative bool
}

// SharedNetwork is a set of subnets on one link (shared-network, or one
// subnet that stands alone).
type SharedNetwork struct {
	Name     string
	Scope    *Scope
	Subnets  []*Subnet
	Pools    []*Pool
	Implicit bool // made for a subnet that stands alone
	// Authoritative tells whether DHCPNAK may be sent for this network.
	Authoritative bool
	// Interface is the argument of an `interface` statement, or "".
	Interface string

	peer  *Peer       // the failover peer that later pools begin with
	byNet subnetTable // of its subnets
}

// Subnet is one subnet declaration.
type Subnet struct {
	Net     lease.IP
	Mask    lease.IP // may be non-contiguous, as dhcpd accepts it
	Network *SharedNetwork
	Scope   *Scope
	// Authoritative as in SharedNetwork, for this subnet.
	Authoritative bool
	Interface     string
}

// Contains tells whether ip lies in the subnet.
func (s *Subnet) Contains(ip lease.IP) bool { return ip&s.Mask == s.Net }

// Broadcast is the subnet's broadcast address.
func (s *Subnet) Broadcast() lease.IP { return s.Net | ^s.Mask }

// Pool is a set of ranges with one set of permits and at most one failover peer.
type Pool struct {
	ID      int
	Network *SharedNetwork
	// Scope's parents are the shared network's, as in dhcpd; the subnet's
	// statements apply to a client through the address it gets.
	Scope *Scope
	// Ranges in ascending order, without overlap.
	Ranges []PoolRange
	// Peer is nil for a pool that no failover relationship covers.
	Peer *Peer
	// Allow and Deny are the permits. A client is refused if any Deny
	// matches, or if there are Allows and none matches.
	Allow, Deny []Permit
	Pos         Pos
}

// PoolRange is one range of a pool.
type PoolRange struct {
	lease.Range
	Subnet       *Subnet
	DynamicBOOTP bool
}

// PermitKind is what a permit speaks about.
type PermitKind uint8

// The permits of a pool (dhcpd.conf(5) "allow and deny in pool").
const (
	PermitKnown PermitKind = iota + 1
	PermitUnknown
	PermitAll
	PermitAuthenticated
	PermitUnauthenticated
	PermitDynamicBOOTP
	PermitMembers // Class
	PermitAfter   // After
)

// Permit is one allow or deny statement of a pool.
type Permit struct {
	Kind  PermitKind
	Class *Class
	After lease.Time
	Pos   Pos
}

// Host is one host declaration.
type Host struct {
	Name  string
	Scope *Scope
	// HW is hardware type octet + address; empty if none was given.
	HW string
	// UID is the client identifier (uid, or option dhcp-client-identifier).
	UID string
	// Identifier names the option of host-identifier and its value.
	Identifier      OptionKey
	IdentifierValue []byte
	// Fixed lists the fixed addresses in order; FixedNames those given as
	// host names, which the shell resolves (nothing does so on the box).
	Fixed      []lease.IP
	FixedNames []string
	Group      *Scope
	Deleted    bool
	Pos        Pos
}

// Class is a class, or a subclass of one.
type Class struct {
	Name string
	// Value is the data of a subclass.
	Value string
	// Super is the class of a subclass, else nil.
	Super *Class
	Scope *Scope
	// LeaseLimit is the number of leases that members may hold together;
	// zero for no limit.
	LeaseLimit int
	// Spawning classes make a subclass of every new value; Limit counts per value.
	Spawning bool
	Pos      Pos

	matchIf  *expr
	match    *expr
	children map[string]*Class
}

// Peer is one failover relationship (`failover peer "NAME" { ... }`).
type Peer struct {
	Name      string
	Secondary bool
	// Address and PeerAddress are addresses or host names, as written.
	Address, PeerAddress string
	Port, PeerPort       int
	MaxResponseDelay     lease.Seconds
	MaxUnackedUpdates    int
	MCLT                 lease.Seconds // zero on a secondary: the primary says
	// HBA is the hash bucket assignment in ISC's polarity (1 = primary),
	// made of split or hba; meaningless on a secondary.
	HBA                   [32]byte
	LoadBalanceMaxSeconds int // zero switches load balancing off
	MaxLeaseMisbalance    int // percent
	MaxLeaseOwnership     int // percent
	MinBalance            lease.Seconds
	MaxBalance            lease.Seconds
	AutoPartnerDown       lease.Seconds // zero: off
	Pos                   Pos
}

// Key is one key declaration.
type Key struct {
	Name      string
	Algorithm string // lower case, "hmac-md5" ...
	Secret    []byte
	Pos       Pos
}

// OMAPI is how the server is reached by omshell.
type OMAPI struct {
	// Port is the TCP port, in host order; zero for none.
	Port uint16
	// Key must sign every request; nil if none is required, and then only the
	// machine itself may connect.
	Key *Key
}

// Zone is one zone declaration, kept for dynamic DNS.
type Zone struct {
	Name    string
	Primary string
	Key     *Key
	Pos     Pos
}

// Pos is a place in a file: line and column count from 1, columns in octets.
type Pos struct {
	File      string
	Line, Col int
}

// OptionKey names an option: its space ("dhcp", "agent", "server", "fqdn",
// a space of the configuration) and its code. Server parameters are options
// of the space "server", as in dhcpd.
type OptionKey struct {
	Space string
	Code  uint32
}
