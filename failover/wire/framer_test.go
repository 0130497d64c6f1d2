package wire

import (
	"bytes"
	"errors"
	"testing"
)

func contacts(t testing.TB, n int) []byte {
	t.Helper()
	var b []byte
	for i := range n {
		var err error
		if b, err = AppendFrame(b, &Contact{Header: Header{XID: uint32(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func TestFramerTakesAnyPieces(t *testing.T) {
	stream := contacts(t, 5)
	stream = append(stream, sampleUpdate(t)...)
	for size := 1; size <= len(stream); size++ {
		var f Framer
		var got []byte
		for at := 0; at < len(stream); at += size {
			_, err := f.Feed(stream[at:min(at+size, len(stream))], func(m Message) bool {
				b, _ := Frame(m)
				got = append(got, b...)
				return true
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got, stream) || f.Messages != 6 || f.Octets != uint64(len(stream)) || f.Pending() != 0 {
			t.Fatalf("pieces of %d: %d messages, %d octets, %d pending", size, f.Messages, f.Octets, f.Pending())
		}
	}
}

func TestFramerHandsOverTheRest(t *testing.T) {
	var f Framer
	stream := append(contacts(t, 2), "handshake"...)
	n := 0
	rest, err := f.Feed(stream, func(Message) bool { n++; return n < 2 })
	if err != nil || string(rest) != "handshake" || n != 2 || f.Pending() != 0 {
		t.Errorf("%q after %d messages, %v", rest, n, err)
	}
	// The same when the last message came in two pieces.
	f = Framer{}
	never := func(Message) bool { return false }
	if rest, err := f.Feed(stream[:5], never); rest != nil || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
	if rest, err := f.Feed(stream[5:], never); len(rest) != 12+9 || err != nil {
		t.Errorf("%q, %v", rest, err)
	}
}

func TestFramerStaysBroken(t *testing.T) {
	for _, bad := range []struct {
		octets string
		fault  Fault
	}{
		{"\x00\x0b", FaultShort},
		{"\xff\xff", FaultLong},
		{"\x16\x03", FaultLong}, // a TLS record
		{"GET / HTTP/1.1\r\n", FaultLong},
		{"\x00\x0c\x0b\x0b12341234", FaultOffset},
	} {
		var f Framer
		n := 0
		count := func(Message) bool { n++; return true }
		stream := append(contacts(t, 1), bad.octets...)
		_, err := f.Feed(stream, count)
		if !errors.Is(err, bad.fault) || n != 1 {
			t.Errorf("%q: %v after %d messages", bad.octets, err, n)
		}
		if _, again := f.Feed(contacts(t, 1), count); again != err || n != 1 {
			t.Errorf("%q: then %v after %d messages", bad.octets, again, n)
		}
	}
}
