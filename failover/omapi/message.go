package omapi

import (
	"encoding/binary"
	"errors"
)

// headerLen is the length of a message's header: authid, authlen, opcode,
// handle, id, rid, each of four octets.
const headerLen = 24

// startLen is the length of what both sides send first: protocol version and
// header length.
const (
	startLen        = 8
	protocolVersion = 100
)

// opcode is what a message asks for.
type opcode uint32

const (
	opOpen opcode = 1 + iota
	opRefresh
	opUpdate
	opNotify
	opStatus
	opDelete
)

// value is one entry of a name/value list. Data of length zero is NULL: as
// part of a change it removes the attribute.
type value struct {
	name string
	data []byte
}

// values is a name/value list in the order of the wire.
type values []value

// get finds a value by name.
func (v values) get(name string) ([]byte, bool) {
	for i := range v {
		if v[i].name == name {
			return v[i].data, true
		}
	}
	return nil, false
}

// key finds a value that is there and not NULL, so that it can be searched by.
func (v values) key(name string) ([]byte, bool) {
	data, ok := v.get(name)
	return data, ok && len(data) > 0
}

// put adds a value, or replaces the one of that name.
func (v *values) put(name string, data []byte) {
	for i := range *v {
		if (*v)[i].name == name {
			(*v)[i].data = data
			return
		}
	}
	*v = append(*v, value{name, data})
}

func (v *values) text(name, s string)          { *v = append(*v, value{name, []byte(s)}) }
func (v *values) number(name string, n uint32) { *v = append(*v, value{name, u32(n)}) }

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// number reads an integer, which has four octets and no others.
func number(data []byte) (uint32, bool) {
	if len(data) != 4 {
		return 0, false
	}
	return binary.BigEndian.Uint32(data), true
}

// message is one message. The slices of a decoded one are parts of the octets
// it was decoded from.
type message struct {
	authID uint32
	op     opcode
	handle uint32
	id     uint32
	rid    uint32
	values values // message values: type, create, result ...
	object values // object values: the attributes

	head, body []byte // the signed octets: header without authid, and both lists
	signature  []byte
}

// Faults of a message. Each ends the connection.
var (
	errLong       = errors.New("message longer than MaxMessage")
	errName       = errors.New("name longer than MaxName")
	errValue      = errors.New("value longer than MaxValue")
	errMany       = errors.New("more values than MaxValues")
	errSignature  = errors.New("signature longer than any algorithm's")
	errUnexpected = errors.New("signature without a key")
)

// next decodes the first message of buf, whose sender announced headers of
// header octets; those beyond headerLen are skipped. size is the length of
// the message; zero if it is not complete yet. Lengths beyond the limits are
// an error as soon as they are seen.
func next(buf []byte, header int) (m message, size int, err error) {
	if len(buf) < header {
		return m, 0, nil
	}
	authLen := binary.BigEndian.Uint32(buf[4:])
	m = message{
		authID: binary.BigEndian.Uint32(buf),
		op:     opcode(binary.BigEndian.Uint32(buf[8:])),
		handle: binary.BigEndian.Uint32(buf[12:]),
		id:     binary.BigEndian.Uint32(buf[16:]),
		rid:    binary.BigEndian.Uint32(buf[20:]),
		head:   buf[4:headerLen],
	}
	if authLen > maxSignature {
		return m, 0, errSignature
	}
	if m.authID == 0 && authLen != 0 {
		return m, 0, errUnexpected
	}
	end := header
	for _, list := range []*values{&m.values, &m.object} {
		n, err := nextList(buf[end:], list)
		if err != nil {
			return m, 0, err
		}
		end += n
		if end > MaxMessage {
			return m, 0, errLong
		}
		if n == 0 {
			return m, 0, nil
		}
	}
	m.body = buf[header:end]
	size = end + int(authLen)
	if size > MaxMessage {
		return m, 0, errLong
	}
	if len(buf) < size {
		return m, 0, nil
	}
	m.signature = buf[end:size]
	return m, size, nil
}

// nextList decodes one list and gives its length; zero if it is not complete.
func nextList(buf []byte, list *values) (int, error) {
	at := 0
	for entries := 0; ; entries++ {
		if len(buf) < at+2 {
			return 0, nil
		}
		nameLen := int(binary.BigEndian.Uint16(buf[at:]))
		at += 2
		if nameLen == 0 {
			return at, nil
		}
		if nameLen > MaxName {
			return 0, errName
		}
		if entries == MaxValues {
			return 0, errMany
		}
		if len(buf) < at+nameLen+4 {
			return 0, nil
		}
		name := buf[at : at+nameLen]
		at += nameLen + 4
		valueLen := binary.BigEndian.Uint32(buf[at-4:])
		if valueLen > MaxValue {
			return 0, errValue
		}
		if at+int(valueLen) > MaxMessage {
			return 0, errLong
		}
		if len(buf) < at+int(valueLen) {
			return 0, nil
		}
		list.put(string(name), buf[at:at+int(valueLen)])
		at += int(valueLen)
	}
}

// encode gives the octets of m, to be signed by k unless it is nil.
func (m *message) encode(k *Key) []byte {
	b := make([]byte, 0, 512)
	b = binary.BigEndian.AppendUint32(b, m.authID)
	b = binary.BigEndian.AppendUint32(b, uint32(k.size()))
	b = binary.BigEndian.AppendUint32(b, uint32(m.op))
	b = binary.BigEndian.AppendUint32(b, m.handle)
	b = binary.BigEndian.AppendUint32(b, m.id)
	b = binary.BigEndian.AppendUint32(b, m.rid)
	b = appendList(b, m.values)
	b = appendList(b, m.object)
	if k == nil {
		return b
	}
	return append(b, k.sign(b[4:])...)
}

// appendList encodes a list. A name or value that no decoder would take is
// left out: a list never ends early because of what a lease holds.
func appendList(b []byte, list values) []byte {
	for _, v := range list {
		if len(v.name) == 0 || len(v.name) > MaxName || len(v.data) > MaxValue {
			continue
		}
		b = binary.BigEndian.AppendUint16(b, uint16(len(v.name)))
		b = append(b, v.name...)
		b = binary.BigEndian.AppendUint32(b, uint32(len(v.data)))
		b = append(b, v.data...)
	}
	return append(b, 0, 0)
}
