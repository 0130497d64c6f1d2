// Package lease is the vocabulary of the server: addresses, times, binding
// states, the lease itself, and the in-memory table that holds every binding
// and knows which address is free.
//
// The package is pure: no clock, no files, no sockets. Time comes in with
// every call. Live service, recovery after a crash and the failover partner's
// updates all go through the same Table.Apply.
package lease

// Lease is one binding: an address and what is known about it.
//
// It is a plain value. The table hands out pointers to its own copies for
// reading; a change is made on a copy and given back through Table.Apply.
// Strings hold raw octets and are never modified.
type Lease struct {
	IP    IP
	State State
	// Rewind is the last binding state that the partner is known to have
	// (dhcpd.leases "rewind binding state"); equal to State where there is
	// no partner.
	Rewind State
	Flags  Flags

	// Starts is the begin of the current client lease period, the moment of
	// the last DHCPACK (dhcpd.leases "starts"; what dhcpd sends as
	// start-time-of-state in a BNDUPD).
	Starts Time
	// STOS is the moment at which State was entered (start-time-of-state,
	// draft-ietf-dhc-failover-12 section 5.2).
	STOS Time
	// Ends is the lease-expiration-time: what the client was told last.
	Ends Time
	// CLTT is the client-last-transaction-time.
	CLTT Time
	// TSTP is the potential-expiration-time that was sent to the partner.
	TSTP Time
	// TSFP is the potential-expiration-time received from the partner in an
	// update that this server accepted.
	TSFP Time
	// ATSFP is the potential-expiration-time that the partner acknowledged.
	// A lease whose update is still to be acknowledged carries FlagPending.
	ATSFP Time
	// Epoch is the pair epoch in which the current binding was granted in
	// PARTNER-DOWN; zero for every other grant.
	Epoch uint32

	// HW is the hardware type octet followed by the hardware address
	// (htype + chaddr[0:hlen]); empty if unknown.
	HW string
	// UID is the client identifier, option 61 without code and length.
	UID string
	// Extra holds what most decisions do not need; nil when empty.
	Extra *Extra
}

// Extra is the part of a lease that describes its client rather than the
// promise made to it. An Extra is immutable once a lease points to it.
type Extra struct {
	Hostname    string // option 12 as the client sent it
	FQDN        string // option 81, the name part, in text form
	VendorClass string // option 60
	UserClass   string // option 77
	RelayAgent  string // option 82, sub-options as received (stash-agent-options)
	Requested   string // option 55, one octet a code
	Billing     string // class that counts this lease (lease limit)
	BillingSub  string // subclass value of a spawned class
	Vars        []Var  // `set` variables, sorted by name
}

// Var is one variable of a lease (dhcpd.conf "set", dhcpd.leases "set").
type Var struct{ Name, Value string }

// State is a binding status with its number on the wire
// (draft-ietf-dhc-failover-12 section 12.3).
type State uint8

// Binding states. In a failover pool FREE belongs to the primary and BACKUP
// to the secondary; EXPIRED, RELEASED and RESET wait for the partner's
// acknowledgement before they become free. A server without a partner uses
// only FREE, ACTIVE and ABANDONED at rest.
const (
	Free State = 1 + iota
	Active
	Expired
	Released
	Abandoned
	Reset
	Backup
)

var stateNames = [...]string{"", "free", "active", "expired", "released", "abandoned", "reset", "backup"}

// String gives the word that dhcpd.leases uses.
func (s State) String() string {
	if s.Valid() {
		return stateNames[s]
	}
	return "invalid"
}

// Valid tells whether s is one of the seven states of the draft.
func (s State) Valid() bool { return s >= Free && s <= Backup }

// ParseState is the inverse of State.String; ok is false for other words.
func ParseState(word string) (s State, ok bool) {
	for i := Free; i <= Backup; i++ {
		if stateNames[i] == word {
			return i, true
		}
	}
	return 0, false
}

// Flags are the properties of a binding that outlive its state.
type Flags uint8

const (
	// FlagReserved: the address is kept for its last client (IP-flags bit 0).
	FlagReserved Flags = 1 << iota
	// FlagBOOTP: granted to a BOOTP client, so without an end (IP-flags bit 1).
	FlagBOOTP
	// FlagPending: the partner has not acknowledged this state yet.
	FlagPending
	// FlagSent: an update about this state has left for the partner, so that
	// the state may not be rewound (draft section 5.2; see Rewind).
	FlagSent
	// FlagDeclined: abandoned because a client declined it, not because of a ping.
	FlagDeclined
)

// Has tells whether every flag of f2 is set in f.
func (f Flags) Has(f2 Flags) bool { return f&f2 == f2 }

// ClientKey is how a client is recognised: by client identifier if it sent
// one, else by hardware address.
type ClientKey struct {
	UID string
	HW  string
}

// Client returns the key of the client that holds or last held the lease.
func (l *Lease) Client() ClientKey { return ClientKey{UID: l.UID, HW: l.HW} }

// Matches tells whether both keys name the same client: by client identifier
// where both have one, else by hardware address (RFC 2131 section 4.2).
func (k ClientKey) Matches(o ClientKey) bool {
	if k.UID != "" && o.UID != "" {
		return k.UID == o.UID
	}
	if (k.UID == "") != (o.UID == "") {
		return false
	}
	return k.HW != "" && k.HW == o.HW
}

// Hostname returns the name the client gave, or "".
func (l *Lease) Hostname() string {
	if l.Extra == nil {
		return ""
	}
	return l.Extra.Hostname
}

// Binding tells whether the address is bound to a live client at now: an
// ACTIVE lease that has not ended.
func (l *Lease) Binding(now Time) bool { return l.State == Active && l.Ends > now }
