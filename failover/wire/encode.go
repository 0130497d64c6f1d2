package wire

import "encoding/binary"

// Frame gives the octets of m, whatever its values: the inverse of Decode.
// It is for tools; a server uses Encode. The errors are an *Error with
// FaultLong, or FaultOffset when m.Over().Pad is too long for the header.
func Frame(m Message) ([]byte, error) {
	return AppendFrame(make([]byte, 0, 128), m)
}

// AppendFrame is Frame that appends to dst; it gives dst back on an error.
func AppendFrame(dst []byte, m Message) ([]byte, error) {
	start := len(dst)
	h, over := m.Head(), m.Over()
	off := HeaderLen + len(over.Pad)
	if off > 255 {
		return dst, &Error{Fault: FaultOffset, Kind: m.Kind(), Offset: 3, Got: off, Want: HeaderLen}
	}
	b := append(dst, 0, 0, byte(m.Kind()), byte(off))
	b = binary.BigEndian.AppendUint32(b, uint32(h.Time))
	b = binary.BigEndian.AppendUint32(b, h.XID)
	b = append(b, over.Pad...)
	w := writer{m: m, fs: m.Kind().fields(), b: b}
	for _, c := range over.Order {
		w.next(c)
	}
	w.rest()
	n := len(w.b) - start
	if n > MaxMessage {
		return dst, &Error{Fault: FaultLong, Kind: m.Kind(), Got: n, Want: MaxMessage}
	}
	binary.BigEndian.PutUint16(w.b[start:], uint16(n))
	return w.b, nil
}

// writer appends the options of one message, each once.
type writer struct {
	m      Message
	fs     []field
	b      []byte
	done   uint32 // bit i: field i is written
	others int    // so many of the unknown options are written
}

// next writes the field with code c or, if there is none left, the next
// unknown option if it has this code.
func (w *writer) next(c Code) {
	if i := find(w.fs, c); i >= 0 && w.field(i) {
		return
	}
	if o := w.m.Over().Others; w.others < len(o) && o[w.others].Code == c {
		w.other()
	}
}

// rest writes everything that is not written yet in dhcpd's order.
func (w *writer) rest() {
	for i := range w.fs {
		w.field(i)
	}
	for w.others < len(w.m.Over().Others) {
		w.other()
	}
}

// field writes field i; it says false if it is absent or written already.
func (w *writer) field(i int) bool {
	if w.done&(1<<i) != 0 {
		return false
	}
	start := len(w.b)
	w.b = append(w.b, 0, 0, 0, 0)
	b, ok := w.fs[i].put(w.m, w.b)
	if !ok {
		w.b = w.b[:start]
		return false
	}
	w.b = b
	w.done |= 1 << i
	w.head(start, w.fs[i].code)
	return true
}

func (w *writer) other() {
	o := w.m.Over().Others[w.others]
	w.others++
	start := len(w.b)
	w.b = append(append(w.b, 0, 0, 0, 0), o.Data...)
	w.head(start, o.Code)
}

// head fills in code and length of the option that begins at start. A length
// that does not fit is wrong here, but then the message is too long as well.
func (w *writer) head(start int, c Code) {
	binary.BigEndian.PutUint16(w.b[start:], uint16(c))
	binary.BigEndian.PutUint16(w.b[start+2:], uint16(len(w.b)-start-4))
}
