// Package frame carries the messages of two boxes over one connection:
//
//	+------+--------------------+-----------------+
//	| kind | length, 4 octets   | body            |
//	+------+--------------------+-----------------+
//
// The body is JSON, or empty. The reader says how long a body may be; a longer
// one is refused before any memory is taken for it.
package frame

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Frame is one message.
type Frame struct {
	Kind byte
	Body []byte
}

const headerLen = 5

// ErrTooLong is a frame that the reader does not take.
var ErrTooLong = errors.New("frame is too long")

// Read reads one frame whose body has at most limit octets.
func Read(r io.Reader, limit int) (Frame, error) {
	var head [headerLen]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Frame{}, err
	}
	n := binary.BigEndian.Uint32(head[1:])
	if uint64(n) > uint64(limit) {
		return Frame{}, fmt.Errorf("%w: %d octets of kind %d, at most %d", ErrTooLong, n, head[0], limit)
	}
	f := Frame{Kind: head[0], Body: make([]byte, n)}
	if _, err := io.ReadFull(r, f.Body); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, err
	}
	return f, nil
}

// Write writes one frame whose body is v as JSON, or empty if v is nil.
func Write(w io.Writer, kind byte, v any) error {
	f := Frame{Kind: kind}
	if v != nil {
		var err error
		if f.Body, err = json.Marshal(v); err != nil {
			return err
		}
	}
	_, err := w.Write(Append(nil, f))
	return err
}

// Append appends the octets of a frame to buf.
func Append(buf []byte, f Frame) []byte {
	buf = append(buf, f.Kind)
	buf = binary.BigEndian.AppendUint32(buf, uint32(len(f.Body)))
	return append(buf, f.Body...)
}

// Decode reads the body of a frame of the kind that is expected.
func (f Frame) Decode(kind byte, v any) error {
	if f.Kind != kind {
		return fmt.Errorf("frame of kind %d where one of kind %d is due", f.Kind, kind)
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(f.Body, v); err != nil {
		return fmt.Errorf("frame of kind %d: %w", kind, err)
	}
	return nil
}
