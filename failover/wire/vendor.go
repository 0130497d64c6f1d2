package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tandem/failover/lease"
)

// The vendor-specific-options (29) of a Tandem box are elements of two octets
// code, two octets length, and data, as draft section 12.29 wants them. The
// first one is elemMagic with vendorVersion, so that the contents of others are
// told apart without a vendor class in every message. Elements that are not
// known are skipped: a later version may add some. dhcpd skips the option as
// a whole, in every message (tried with 4.4.3-P1 in CONNECT, STATE, CONTACT and BNDUPD).
type element uint16

// Elements. Numbers are for ever.
const (
	elemMagic element = 0x544d // "TM", one octet: vendorVersion

	// Of a Greeting.
	elemRole         element = 1 // u8
	elemAuthority    element = 2 // u32, seconds
	elemMCLT         element = 3 // u32, seconds
	elemPools        element = 4 // digest
	elemCapabilities element = 5 // u32, bits
	elemSoftware     element = 6 // text
	elemBoot         element = 7 // text
	elemEpoch        element = 8 // u32; also of an Extra
	elemLastContact  element = 9 // u32, moment

	// Of an Echo.
	elemEchoTime element = 20 // u32, moment
	elemEchoXID  element = 21 // u32

	// Of a Goodbye.
	elemGoodbye element = 30 // u8, Goodbye

	// Of an Extra.
	elemCut        element = 40 // empty
	elemEntered    element = 41 // u32, moment
	elemDeclined   element = 42 // empty
	elemBilling    element = 43 // text
	elemBillingSub element = 44 // octets
	elemVar        element = 45 // u8 length of the name, name, value

	// Of a CONTACT that carries a Note.
	elemNote element = 50 // octets
)

// vendorVersion is the version of the meaning of the elements. Another one
// means that nothing after it may be understood.
const vendorVersion = 1

var elementNames = map[element]string{
	elemRole: "role", elemAuthority: "authority", elemMCLT: "mclt", elemPools: "pools",
	elemCapabilities: "capabilities", elemSoftware: "software", elemBoot: "boot",
	elemEpoch: "epoch", elemLastContact: "last-contact",
	elemEchoTime: "echo-time", elemEchoXID: "echo-xid", elemGoodbye: "goodbye",
	elemCut: "cut", elemEntered: "entered", elemDeclined: "declined",
	elemBilling: "billing", elemBillingSub: "billing-sub", elemVar: "var", elemNote: "note",
}

func (e element) String() string {
	if n, ok := elementNames[e]; ok {
		return n
	}
	return "element-" + strconv.Itoa(int(e))
}

// ErrVendor is what every error about the contents of our own
// vendor-specific-options wraps.
var ErrVendor = errors.New("malformed vendor-specific-options")

// vendorStart is the head of our vendor-specific-options.
func vendorStart() []byte { return appendElement(nil, elemMagic, string([]byte{vendorVersion})) }

func appendElement(b []byte, e element, data string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(e))
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)))
	return append(b, data...)
}

func appendElement32(b []byte, e element, n uint32) []byte {
	return binary.BigEndian.AppendUint32(appendHead(b, e, 4), n)
}

func appendHead(b []byte, e element, n int) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(e))
	return binary.BigEndian.AppendUint16(b, uint16(n))
}

// eachElement gives the elements of our own option contents to fn, without
// elemMagic. ours is false, and nothing was given, if the contents are
// somebody else's or of another version. Errors wrap ErrVendor.
func eachElement(s string, fn func(element, string) error) (ours bool, err error) {
	rest, ok := strings.CutPrefix(s, string(vendorStart()))
	if !ok {
		return false, nil
	}
	for rest != "" {
		if len(rest) < 4 {
			return true, fmt.Errorf("%w: %d octets left at the end", ErrVendor, len(rest))
		}
		e := element(rest[0])<<8 | element(rest[1])
		n := int(rest[2])<<8 | int(rest[3])
		if n > len(rest)-4 {
			return true, fmt.Errorf("%w: %v runs past the end: %d octets, %d are left", ErrVendor, e, n, len(rest)-4)
		}
		if err := fn(e, rest[4:4+n]); err != nil {
			return true, err
		}
		rest = rest[4+n:]
	}
	return true, nil
}

// element8 and element32 read numbers; the error names the element.
func element8(e element, data string) (uint8, error) {
	if len(data) != 1 {
		return 0, badLength(e, len(data), 1)
	}
	return data[0], nil
}

func element32(e element, data string) (uint32, error) {
	if len(data) != 4 {
		return 0, badLength(e, len(data), 4)
	}
	return binary.BigEndian.Uint32([]byte(data)), nil
}

func badLength(e element, got, want int) error {
	return fmt.Errorf("%w: %v has %d octets, want %d", ErrVendor, e, got, want)
}

// show is name and value of one element.
func (e element) show(data string, st style) string {
	switch e {
	case elemCut, elemDeclined:
		return e.String()
	case elemRole:
		if r, err := element8(e, data); err == nil {
			return "role=" + Role(r).String()
		}
	case elemGoodbye:
		if g, err := element8(e, data); err == nil {
			return "goodbye=" + Goodbye(g).String()
		}
	case elemLastContact, elemEchoTime, elemEntered:
		if t, err := element32(e, data); err == nil {
			return e.String() + "=" + st.time(lease.Time(t))
		}
	case elemAuthority, elemMCLT, elemEpoch, elemEchoXID, elemCapabilities:
		if n, err := element32(e, data); err == nil {
			return e.String() + "=" + strconv.FormatUint(uint64(n), 10)
		}
	case elemSoftware, elemBoot, elemBilling:
		return e.String() + "=" + strconv.Quote(data)
	case elemVar:
		if name, value, err := cutVar(data); err == nil {
			return fmt.Sprintf("var %q=%s", name, showOctets(value))
		}
	}
	return e.String() + "=" + showOctets(data)
}
