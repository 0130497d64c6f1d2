package wire

import (
	"encoding/binary"

	"tandem/failover/lease"
)

// field is one option that has a place in a message type: how its data is
// read into the message, written from it and shown.
type field struct {
	code Code
	// size is the only allowed length of the data; 0 if any length will do.
	size int
	// get stores data in the message. It says false if the data is to be kept
	// as an unknown option.
	get func(m Message, data []byte) bool
	// put appends the data to dst, or says false if the field is absent.
	put func(m Message, dst []byte) ([]byte, bool)
	// text shows the value; st says how times are written.
	text func(m Message, st style) string
}

// fieldsOf gives, for each message type, its fields in the order in which
// dhcpd sends them; options that only a Tandem understands come last.
var fieldsOf = [KindDisconnect + 1][]field{
	KindPoolresp: {
		number(CodeTransferred, 4, func(m *Poolresp) *Opt[uint32] { return &m.Transferred }, showNumber),
	},
	KindBndupd: append(bindingFields(), vendorOf(vendorOfBinding)),
	KindBndack: append(bindingFields(),
		number(CodeReject, 1, func(m *Bndack) *Opt[Reject] { return &m.Reject }, showReject),
		octets(CodeMessage, func(m *Bndack) *Opt[string] { return &m.Message }, showText),
		vendorOf(vendorOfBinding),
	),
	KindConnect:    connectFields(),
	KindConnectack: connectackFields(),
	KindState: {
		number(CodeServerState, 1, func(m *State) *Opt[lease.ServerState] { return &m.State }, showServerState),
		number(CodeServerFlags, 1, func(m *State) *Opt[ServerFlags] { return &m.Flags }, showFlags),
		number(CodeSTOS, 4, func(m *State) *Opt[lease.Time] { return &m.Since }, showTime),
		vendorOf(func(m *State) *Opt[string] { return &m.Vendor }),
	},
	KindContact: {
		vendorOf(func(m *Contact) *Opt[string] { return &m.Vendor }),
	},
	KindDisconnect: {
		number(CodeReject, 1, func(m *Disconnect) *Opt[Reject] { return &m.Reject }, showReject),
		octets(CodeMessage, func(m *Disconnect) *Opt[string] { return &m.Message }, showText),
	},
}

// bound is the two messages that carry a Binding.
type bound interface {
	Message
	binding() *Binding
}

func vendorOfBinding(m bound) *Opt[string] { return &m.binding().Vendor }

func bindingFields() []field {
	return []field{
		number(CodeIP, 4, func(m bound) *Opt[lease.IP] { return &m.binding().IP }, showIP),
		number(CodeStatus, 1, func(m bound) *Opt[lease.State] { return &m.binding().Status }, showStatus),
		octets(CodeClientID, func(m bound) *Opt[string] { return &m.binding().ClientID }, showOctets),
		octets(CodeHW, func(m bound) *Opt[string] { return &m.binding().HW }, showHW),
		number(CodeLeaseExpiry, 4, func(m bound) *Opt[lease.Time] { return &m.binding().LeaseExpiry }, showTime),
		number(CodePotentialExpiry, 4, func(m bound) *Opt[lease.Time] { return &m.binding().PotentialExpiry }, showTime),
		number(CodeSTOS, 4, func(m bound) *Opt[lease.Time] { return &m.binding().STOS }, showTime),
		number(CodeCLTT, 4, func(m bound) *Opt[lease.Time] { return &m.binding().CLTT }, showTime),
		number(CodeIPFlags, 2, func(m bound) *Opt[IPFlags] { return &m.binding().IPFlags }, showFlags),
		octets(CodeRequestOptions, func(m bound) *Opt[string] { return &m.binding().RequestOptions }, showDHCP),
		octets(CodeReplyOptions, func(m bound) *Opt[string] { return &m.binding().ReplyOptions }, showDHCP),
	}
}

func connectFields() []field {
	return []field{
		octets(CodeRelationship, func(m *Connect) *Opt[string] { return &m.Relationship }, showText),
		number(CodeMaxUnacked, 4, func(m *Connect) *Opt[uint32] { return &m.MaxUnacked }, showNumber),
		number(CodeReceiveTimer, 4, func(m *Connect) *Opt[lease.Seconds] { return &m.ReceiveTimer }, showSeconds),
		octets(CodeVendorClass, func(m *Connect) *Opt[string] { return &m.VendorClass }, showText),
		number(CodeVersion, 1, func(m *Connect) *Opt[uint8] { return &m.Version }, showNumber),
		number(CodeTLSRequest, 1, func(m *Connect) *Opt[TLSRequest] { return &m.TLSRequest }, showTLSRequest),
		number(CodeMCLT, 4, func(m *Connect) *Opt[lease.Seconds] { return &m.MCLT }, showSeconds),
		hbaField(),
		vendorOf(func(m *Connect) *Opt[string] { return &m.Vendor }),
	}
}

func connectackFields() []field {
	return []field{
		octets(CodeRelationship, func(m *Connectack) *Opt[string] { return &m.Relationship }, showText),
		number(CodeMaxUnacked, 4, func(m *Connectack) *Opt[uint32] { return &m.MaxUnacked }, showNumber),
		number(CodeReceiveTimer, 4, func(m *Connectack) *Opt[lease.Seconds] { return &m.ReceiveTimer }, showSeconds),
		octets(CodeVendorClass, func(m *Connectack) *Opt[string] { return &m.VendorClass }, showText),
		number(CodeVersion, 1, func(m *Connectack) *Opt[uint8] { return &m.Version }, showNumber),
		number(CodeTLSReply, 1, func(m *Connectack) *Opt[uint8] { return &m.TLSReply }, showNumber),
		number(CodeReject, 1, func(m *Connectack) *Opt[Reject] { return &m.Reject }, showReject),
		octets(CodeMessage, func(m *Connectack) *Opt[string] { return &m.Message }, showText),
		vendorOf(func(m *Connectack) *Opt[string] { return &m.Vendor }),
	}
}

// number is a field of 1, 2 or 4 octets, most significant first.
func number[M Message, T ~uint8 | ~uint16 | ~uint32](
	code Code, size int, at func(M) *Opt[T], show func(T, style) string,
) field {
	return field{
		code: code, size: size,
		get: func(m Message, data []byte) bool {
			var n uint32
			for _, b := range data {
				n = n<<8 | uint32(b)
			}
			*at(m.(M)) = Some(T(n))
			return true
		},
		put: func(m Message, dst []byte) ([]byte, bool) {
			o := at(m.(M))
			if !o.Set {
				return dst, false
			}
			switch n := uint32(o.V); size {
			case 1:
				dst = append(dst, byte(n))
			case 2:
				dst = binary.BigEndian.AppendUint16(dst, uint16(n))
			default:
				dst = binary.BigEndian.AppendUint32(dst, n)
			}
			return dst, true
		},
		text: func(m Message, st style) string { return show(at(m.(M)).V, st) },
	}
}

// octets is a field of any length.
func octets[M Message](code Code, at func(M) *Opt[string], show func(string) string) field {
	return field{
		code: code,
		get: func(m Message, data []byte) bool {
			*at(m.(M)) = Some(string(data))
			return true
		},
		put: func(m Message, dst []byte) ([]byte, bool) {
			o := at(m.(M))
			return append(dst, o.V...), o.Set
		},
		text: func(m Message, _ style) string { return show(at(m.(M)).V) },
	}
}

func vendorOf[M Message](at func(M) *Opt[string]) field {
	f := octets(CodeVendor, at, nil)
	f.text = func(m Message, st style) string { return showVendor(at(m.(M)).V, st) }
	return f
}

// hbaField keeps an assignment of a wrong length as an unknown option: dhcpd
// answers it with a rejection and not by dropping the connection.
func hbaField() field {
	return field{
		code: CodeHBA,
		get: func(m Message, data []byte) bool {
			if len(data) != len(HBA{}) {
				return false
			}
			m.(*Connect).HBA = Some(HBA(data))
			return true
		},
		put: func(m Message, dst []byte) ([]byte, bool) {
			o := &m.(*Connect).HBA
			if !o.Set {
				return dst, false
			}
			return append(dst, o.V[:]...), true
		},
		text: func(m Message, _ style) string { return m.(*Connect).HBA.V.String() },
	}
}

// fields gives the fields of messages of type k; none if the type is unknown.
func (k Kind) fields() []field {
	if int(k) < len(fieldsOf) {
		return fieldsOf[k]
	}
	return nil
}

// find gives the index of the field with this code, or -1.
func find(fs []field, c Code) int {
	for i := range fs {
		if fs[i].code == c {
			return i
		}
	}
	return -1
}
