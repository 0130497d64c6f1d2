package omapi

import (
	"bytes"
	"testing"

	"tandem/failover/lease"
)

// FuzzNext: nothing panics, what is decoded is within the limits, and a
// message without repeated names is encoded as it came.
func FuzzNext(f *testing.F) {
	for _, v := range vectors(f) {
		for _, b := range v.frames {
			f.Add(b)
		}
	}
	for _, b := range oversize() {
		f.Add(b[:min(len(b), 4096)])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, size, err := next(b, headerLen)
		if err != nil || size == 0 {
			return
		}
		if size > len(b) || size > MaxMessage || len(m.values) > MaxValues || len(m.object) > MaxValues {
			t.Fatalf("%d of %d octets, %d and %d values", size, len(b), len(m.values), len(m.object))
		}
		if len(m.signature) > 0 {
			return
		}
		again := m.encode(nil)
		second, n, err := next(again, headerLen)
		if err != nil || n != len(again) || !bytes.Equal(second.encode(nil), again) {
			t.Fatalf("encoded again: %x, %v", again, err)
		}
		if len(again) == size && !bytes.Equal(again, b[:size]) {
			t.Fatalf("encoded again\n got %x\nwant %x", again, b[:size])
		}
	})
}

// FuzzSession: whatever a client sends in whatever pieces, nothing panics, no
// limit is passed, all that is sent is well formed, and without the secret
// nothing is changed.
func FuzzSession(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(bytes.Join(v.segments, nil), uint16(len(v.name)), false)
	}
	f.Fuzz(func(t *testing.T, stream []byte, piece uint16, keyRequired bool) {
		c := Config{}
		if keyRequired {
			c = keyed("hmac-md5")
			c.Keys[0].Secret = []byte("nobody knows this one")
		}
		w := sampleWorld()
		w.slow = piece%2 == 0
		drawn := uint32(0)
		server, err := NewServer(c, w, func() uint32 { drawn++; return drawn })
		if err != nil {
			t.Fatal(err)
		}
		now := lease.Now{Wall: 1e18, Mono: 1}
		se, _, err := server.Accept(now, 1, loopback)
		if err != nil {
			t.Fatal(err)
		}
		sent := se.Hello()
		for part := range chunks(stream, int(piece)+1) {
			sent = append(sent, fuzzFeed(t, server, w, se, now, part)...)
		}
		checkSent(t, sent)
		if keyRequired && len(w.changes) > 0 {
			t.Fatalf("without the secret: %v", kinds(w.changes))
		}
	})
}

// fuzzFeed feeds one piece and settles what comes of it.
func fuzzFeed(t *testing.T, server *Server, w *world, se *Session, now lease.Now, part []byte) (sent []byte) {
	out := se.Feed(now, part)
	for {
		sent = append(sent, out.Bytes...)
		if len(se.buf) > MaxMessage+MaxFeed || len(se.handles.named) > MaxHandles || len(se.seen.oldest) > MaxRemembered {
			t.Fatalf("%d octets, %d handles, %d remembered", len(se.buf), len(se.handles.named), len(se.seen.oldest))
		}
		if over := out.Close != ""; over != (se.Deadline() == 0) {
			t.Fatalf("close %q, deadline %d", out.Close, se.Deadline())
		}
		switch {
		case se.More():
			out = se.Feed(now, nil)
		case len(w.pending) > 0:
			_, out = w.settle(server, now)
			if se.closed != "" {
				return append(sent, out.Bytes...)
			}
		default:
			return sent
		}
	}
}

// checkSent decodes all that a session sent.
func checkSent(t *testing.T, sent []byte) {
	all, frames := decodeAll(sent)
	size := startLen
	for i, m := range all {
		size += len(frames[i])
		if i > 0 && m.id != all[i-1].id+1 || m.op != opStatus && m.op != opUpdate {
			t.Fatalf("answer %d: %+v", i, m)
		}
	}
	if size != len(sent) {
		t.Fatalf("%d octets sent, %d in whole messages", len(sent), size)
	}
}
