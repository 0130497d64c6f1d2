// Package wire is the codec of the DHCPv4 failover protocol
// (draft-ietf-dhc-failover-12 sections 6, 7 and 12) as ISC dhcpd 4.4 really
// speaks it: payload offset 12, IP-flags of two octets, RECOVER-WAIT = 254,
// 1 bits of the hash bucket assignment for the primary.
//
// A message is one of the twelve types below (or Unknown); Decode makes it of
// one frame, Encode makes the frame of it, Framer cuts a byte stream into
// frames. Optional fields say whether they were there: with dhcpd an absent
// option and one that is zero mean different things.
//
// # TLS
//
// Two Tandem boxes talk through TLS 1.3; a connection to dhcpd stays in clear
// text. The negotiation is the draft's (sections 7.8.2, 8.2 and 11.2): the
// first CONNECT carries TLS-request (option 27), its CONNECTACK TLS-reply
// (option 26), both one octet long (dhcpd drops the connection on two); see
// AnswerTLS for what goes with what. After a TLS-reply of 1 the sender of the
// CONNECT starts the handshake as TLS client on the same connection, and
// sends the CONNECT again inside, now without TLS-request; the CONNECTACK to
// that one is without TLS-reply. Only this second pair counts: what the clear
// text said is a stimulus, never a fact about the partner.
package wire

import "tandem/failover/lease"

// Kind is the message type on the wire (draft section 6.1).
type Kind uint8

// Message types.
const (
	KindPoolreq    Kind = 1
	KindPoolresp   Kind = 2
	KindBndupd     Kind = 3
	KindBndack     Kind = 4
	KindConnect    Kind = 5
	KindConnectack Kind = 6
	KindUpdreqAll  Kind = 7
	KindUpddone    Kind = 8
	KindUpdreq     Kind = 9
	KindState      Kind = 10
	KindContact    Kind = 11
	KindDisconnect Kind = 12
)

// Message is one failover message: *Poolreq, *Poolresp, *Bndupd, *Bndack,
// *Connect, *Connectack, *UpdreqAll, *Upddone, *Updreq, *State, *Contact,
// *Disconnect or *Unknown. No other type can implement it.
type Message interface {
	// Kind is the message type.
	Kind() Kind
	// Head gives access to the header, to read it or to fill it in.
	Head() *Header

	// Over gives access to what the message carries beside its fields.
	Over() *Surplus
	// String is the message on one line with absolute times; see Line.
	String() string

	message()
}

// Header is what every message carries.
type Header struct {
	// Time is the sender's clock.
	Time lease.Time
	// XID pairs a response with its request; its scope is one direction of
	// one connection. dhcpd counts from 0.
	XID uint32
}

// Head gives the header itself.
func (h *Header) Head() *Header { return h }

// Surplus is what a received message carried beside its known fields, so that
// encoding it again gives the same octets. It is zero in a message made here.
type Surplus struct {
	// Pad is the octets between the header and the payload offset.
	Pad string
	// Others are the options that are unknown or without meaning in a message
	// of this type, in the order received.
	Others []Option
	// Order is the option codes in the order received; nil if it is the order
	// in which dhcpd sends, with Others at the end.
	Order []Code
}

// Over gives the surplus itself.
func (s *Surplus) Over() *Surplus { return s }

func (*Surplus) message() {}

// Option is an option that was not looked into.
type Option struct {
	Code Code
	Data string
}

// Opt is a field that may be absent.
type Opt[T any] struct {
	V   T
	Set bool
}

// Some is a field that is there.
func Some[T any](v T) Opt[T] { return Opt[T]{V: v, Set: true} }

// Or is the value, or def if the field is absent.
func (o Opt[T]) Or(def T) T {
	if o.Set {
		return o.V
	}
	return def
}

// Poolreq asks for addresses (draft section 7.6). dhcpd sends and answers it
// in both directions.
type Poolreq struct {
	Header
	Surplus
}

// Poolresp answers Poolreq (draft section 7.7) with the number of addresses
// whose transfer was queued.
type Poolresp struct {
	Header
	Transferred Opt[uint32]
	Surplus
}

// Binding is what BNDUPD says of one address.
type Binding struct {
	IP     Opt[lease.IP]
	Status Opt[lease.State] // as received, not checked: see Check
	// ClientID is option 61 of the client, type octet included.
	ClientID Opt[string]
	// HW is htype and hardware address, as lease.Lease.HW.
	HW              Opt[string]
	LeaseExpiry     Opt[lease.Time]
	PotentialExpiry Opt[lease.Time]
	// STOS is start-time-of-state. dhcpd means the start of the last lease
	// period by it, not of the state.
	STOS    Opt[lease.Time]
	CLTT    Opt[lease.Time]
	IPFlags Opt[IPFlags]
	// ReplyOptions and RequestOptions (options 7, 8) are a DHCP magic cookie
	// and DHCP options. dhcpd ignores both. See EncodeExtra.
	ReplyOptions   Opt[string]
	RequestOptions Opt[string]
	// Vendor is option 29, skipped by dhcpd. See EncodeExtra.
	Vendor Opt[string]
}

func (b *Binding) binding() *Binding { return b }

// Bndupd reports the state of one address (draft section 7.1).
type Bndupd struct {
	Header
	Binding
	Surplus
}

// Bndack answers Bndupd with the same XID (draft section 7.2). An acceptance
// carries IP alone, a rejection IP, Reject and Message; dhcpd may repeat
// nothing else and is harmed by a ClientID.
type Bndack struct {
	Header
	Binding
	Reject  Opt[Reject]
	Message Opt[string]
	Surplus
}

// Connect opens a relationship; the primary sends it first on every
// connection, whoever dialled (draft section 7.8).
type Connect struct {
	Header
	Relationship Opt[string]
	MaxUnacked   Opt[uint32]
	ReceiveTimer Opt[lease.Seconds]
	VendorClass  Opt[string]
	Version      Opt[uint8]
	TLSRequest   Opt[TLSRequest]
	MCLT         Opt[lease.Seconds]
	// HBA is absent when the option is missing or not 32 octets long (then it
	// is among Surplus.Others).
	HBA    Opt[HBA]
	Vendor Opt[string] // see Greeting
	Surplus
}

// Connectack answers Connect (draft section 7.9).
type Connectack struct {
	Header
	Relationship Opt[string] // also in a rejection
	MaxUnacked   Opt[uint32]
	ReceiveTimer Opt[lease.Seconds]
	VendorClass  Opt[string]
	Version      Opt[uint8]
	TLSReply     Opt[uint8]
	Reject       Opt[Reject]
	Message      Opt[string]
	Vendor       Opt[string] // see Greeting
	Surplus
}

// UpdreqAll asks for every address of the relationship (draft section 7.4).
type UpdreqAll struct {
	Header
	Surplus
}

// Upddone ends the answer to Updreq or UpdreqAll, with the XID of the latest
// one (draft section 7.5).
type Upddone struct {
	Header
	Surplus
}

// Updreq asks for every update that was not acknowledged (draft section 7.3).
type Updreq struct {
	Header
	Surplus
}

// State announces the server state (draft section 7.10).
type State struct {
	Header
	State Opt[lease.ServerState] // as received, not checked: see Check
	Flags Opt[ServerFlags]
	Since Opt[lease.Time] // start-time-of-state
	// Vendor is skipped by dhcpd. See Goodbye.
	Vendor Opt[string]
	Surplus
}

// Contact keeps a connection alive (draft section 7.11).
type Contact struct {
	Header
	Vendor Opt[string] // see Echo
	Surplus
}

// Disconnect announces the end of the connection (draft section 7.12).
type Disconnect struct {
	Header
	Reject  Opt[Reject]
	Message Opt[string]
	Surplus
}

// Unknown is a message of a type above 12 or 0 without options, to be ignored.
type Unknown struct {
	Header
	Type Kind
	Surplus
}

// Kind is KindPoolreq.
func (*Poolreq) Kind() Kind { return KindPoolreq }

// Kind is KindPoolresp.
func (*Poolresp) Kind() Kind { return KindPoolresp }

// Kind is KindBndupd.
func (*Bndupd) Kind() Kind { return KindBndupd }

// Kind is KindBndack.
func (*Bndack) Kind() Kind { return KindBndack }

// Kind is KindConnect.
func (*Connect) Kind() Kind { return KindConnect }

// Kind is KindConnectack.
func (*Connectack) Kind() Kind { return KindConnectack }

// Kind is KindUpdreqAll.
func (*UpdreqAll) Kind() Kind { return KindUpdreqAll }

// Kind is KindUpddone.
func (*Upddone) Kind() Kind { return KindUpddone }

// Kind is KindUpdreq.
func (*Updreq) Kind() Kind { return KindUpdreq }

// Kind is KindState.
func (*State) Kind() Kind { return KindState }

// Kind is KindContact.
func (*Contact) Kind() Kind { return KindContact }

// Kind is KindDisconnect.
func (*Disconnect) Kind() Kind { return KindDisconnect }

// Kind is the number received.
func (m *Unknown) Kind() Kind { return m.Type }

// IPFlags are the properties of an address (option 12).
type IPFlags uint16

// IP flags.
const (
	IPReserved IPFlags = 1 << iota
	IPBOOTP
)

// ServerFlags go with a state (option 23).
type ServerFlags uint8

// FlagStartup: the sender is in STARTUP and reports the state it had before.
const FlagStartup ServerFlags = 1

// TLSRequest is the sender's wish for TLS (option 27, draft section 12.27).
type TLSRequest uint8

// Values of TLS-request.
const (
	TLSNone     TLSRequest = 0
	TLSDesired  TLSRequest = 1
	TLSRequired TLSRequest = 2
)

// Version is the protocol-version that every CONNECT and CONNECTACK carries.
const Version = 1

// Reject is a reject-reason (option 21, draft section 12.21).
type Reject uint8

// Reject reasons.
const (
	RejectNone              Reject = 0
	RejectIllegalIP         Reject = 1
	RejectFatalConflict     Reject = 2
	RejectMissingInfo       Reject = 3
	RejectTimeMismatch      Reject = 4
	RejectInvalidMCLT       Reject = 5
	RejectMisc              Reject = 6
	RejectDuplicateConn     Reject = 7
	RejectInvalidPartner    Reject = 8
	RejectTLSUnsupported    Reject = 9
	RejectTLSUnconfigured   Reject = 10
	RejectTLSRequired       Reject = 11
	RejectDigestUnsupported Reject = 12
	RejectDigestMissingConf Reject = 13
	RejectVersion           Reject = 14
	RejectOutdated          Reject = 15
	RejectLessCritical      Reject = 16
	RejectNoTraffic         Reject = 17
	RejectHBAConflict       Reject = 18
	RejectNotReserved       Reject = 19
	RejectDigestMismatch    Reject = 20
	RejectDigestMissing     Reject = 21
	RejectUnknown           Reject = 254
)
