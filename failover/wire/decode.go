package wire

import (
	"encoding/binary"

	"tandem/failover/lease"
)

// newMessage makes an empty message of type k, *Unknown if k is no known type.
func newMessage(k Kind) Message {
	switch k {
	case KindPoolreq:
		return new(Poolreq)
	case KindPoolresp:
		return new(Poolresp)
	case KindBndupd:
		return new(Bndupd)
	case KindBndack:
		return new(Bndack)
	case KindConnect:
		return new(Connect)
	case KindConnectack:
		return new(Connectack)
	case KindUpdreqAll:
		return new(UpdreqAll)
	case KindUpddone:
		return new(Upddone)
	case KindUpdreq:
		return new(Updreq)
	case KindState:
		return new(State)
	case KindContact:
		return new(Contact)
	case KindDisconnect:
		return new(Disconnect)
	}
	return &Unknown{Type: k}
}

// frameLen gives the length of the message that starts with b, once it can be
// known: ok is false if b is shorter than two octets.
func frameLen(b []byte) (n int, ok bool, err error) {
	if len(b) < 2 {
		return 0, false, nil
	}
	n = int(binary.BigEndian.Uint16(b))
	switch {
	case n < HeaderLen:
		return 0, false, &Error{Fault: FaultShort, Got: n, Want: HeaderLen}
	case n > MaxMessage:
		return 0, false, &Error{Fault: FaultLong, Got: n, Want: MaxMessage}
	}
	return n, true, nil
}

// Decode makes a message of one whole frame, length prefix included, and
// keeps nothing of frame.
//
// It receives as dhcpd does. Options that are unknown, or of no use in a
// message of this type, are set aside whatever their length; a useful one must
// have its length and appear once. Values are not judged: see Check. An error
// is an *Error and means that the connection must be closed.
func Decode(frame []byte) (Message, error) {
	n, ok, err := frameLen(frame)
	if err != nil {
		return nil, err
	}
	if !ok || n != len(frame) {
		return nil, &Error{Fault: FaultFrame, Got: len(frame), Want: max(n, HeaderLen)}
	}
	kind, off := Kind(frame[2]), int(frame[3])
	if off < HeaderLen || off > n {
		return nil, &Error{Fault: FaultOffset, Kind: kind, Offset: 3, Got: off, Want: HeaderLen}
	}
	m := newMessage(kind)
	*m.Head() = Header{
		Time: lease.Time(binary.BigEndian.Uint32(frame[4:])),
		XID:  binary.BigEndian.Uint32(frame[8:]),
	}
	if off > HeaderLen {
		m.Over().Pad = string(frame[HeaderLen:off])
	}
	if off < n && !kind.Known() {
		return nil, &Error{Fault: FaultType, Kind: kind, Offset: 2}
	}
	if err := decodeOptions(m, frame, off); err != nil {
		return nil, err
	}
	return m, nil
}

// decodeOptions reads the options of frame from offset at on.
func decodeOptions(m Message, frame []byte, at int) error {
	var (
		kind  = m.Kind()
		fs    = kind.fields()
		over  = m.Over()
		seen  uint32 // bit i: field i was there
		last  = -1   // index of the latest field; len(fs) after an unknown option
		usual = true
	)
	first := at
	for at < len(frame) {
		c, data, err := cutOption(kind, frame, at)
		if err != nil {
			return err
		}
		i := find(fs, c)
		if i >= 0 {
			if err := checkField(kind, &fs[i], seen&(1<<i) != 0, at, len(data)); err != nil {
				return err
			}
			seen |= 1 << i
		}
		if i < 0 || !fs[i].get(m, data) {
			over.Others = append(over.Others, Option{c, string(data)})
			i = len(fs)
		}
		usual = usual && i >= last
		last = i
		at += 4 + len(data)
	}
	if !usual {
		over.Order = orderOf(frame, first)
	}
	return nil
}

// orderOf lists the codes of the options, which are known to be well-formed.
func orderOf(frame []byte, at int) []Code {
	var order []Code
	for at < len(frame) {
		order = append(order, Code(binary.BigEndian.Uint16(frame[at:])))
		at += 4 + int(binary.BigEndian.Uint16(frame[at+2:]))
	}
	return order
}

// cutOption gives the option that starts at offset at.
func cutOption(k Kind, frame []byte, at int) (Code, []byte, error) {
	if left := len(frame) - at; left < 4 {
		return 0, nil, &Error{Fault: FaultCut, Kind: k, Offset: at, Got: 4, Want: left}
	}
	c := Code(binary.BigEndian.Uint16(frame[at:]))
	n := int(binary.BigEndian.Uint16(frame[at+2:]))
	if left := len(frame) - at - 4; n > left {
		return c, nil, &Error{Fault: FaultPastEnd, Kind: k, Offset: at, Code: c, Got: n, Want: left}
	}
	return c, frame[at+4 : at+4+n], nil
}

func checkField(k Kind, f *field, seen bool, at, n int) error {
	if seen {
		return &Error{Fault: FaultDuplicate, Kind: k, Offset: at, Code: f.code}
	}
	if f.size != 0 && n != f.size {
		return &Error{Fault: FaultSize, Kind: k, Offset: at, Code: f.code, Got: n, Want: f.size}
	}
	return nil
}
