package wire

import (
	"bytes"
	"testing"
)

// FuzzDecode: nothing panics, and encoding what was decoded gives the octets back.
func FuzzDecode(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.frame)
	}
	f.Add(sampleUpdate(f))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Decode(b)
		if err != nil {
			if m != nil || err.Error() == "" {
				t.Fatalf("message %v with error %v", m, err)
			}
			return
		}
		again, err := Frame(m)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("encoded again, %v\n got %x\nwant %x", err, again, b)
		}
		if Line(m, 1) == "" || Describe(m, 0) == "" || m.Head() == nil {
			t.Fatal("nothing to print")
		}
		for _, d := range []Dialect{ISC, Tandem} {
			if sent, err := Encode(m, d); err == nil && !bytes.Equal(sent, b) {
				t.Fatalf("to %v: %x", d, sent)
			}
		}
		if u, ok := m.(*Bndupd); ok {
			fuzzExtra(t, u)
		}
	})
}

// fuzzExtra: what was read of an extra comes through a second time unchanged.
func fuzzExtra(t *testing.T, u *Bndupd) {
	x, ok, err := u.Extra()
	if !ok || err != nil {
		return
	}
	copied := *u
	copied.Over().Others = nil
	if !copied.SetExtra(x) || !copied.Vendor.Set {
		return // something had to be left out, or was before
	}
	y, ok, err := copied.Extra()
	if err != nil || !ok || !sameExtra(x, y) {
		t.Fatalf("extra changed: %v %v\n got %+v %+v\nwant %+v %+v", ok, err, y, y.Client, x, x.Client)
	}
}

// FuzzFramer: how a stream is cut into pieces does not change what comes out.
func FuzzFramer(f *testing.F) {
	var stream []byte
	for i, v := range vectors(f) {
		stream = append(stream, v.frame...)
		if i%40 == 39 {
			f.Add(stream, uint8(i))
			stream = nil
		}
	}
	f.Fuzz(func(t *testing.T, stream []byte, cut uint8) {
		var whole, pieces Framer
		var want, got []byte
		collect := func(dst *[]byte) func(Message) bool {
			return func(m Message) bool {
				b, err := Frame(m)
				if err != nil {
					t.Fatal(err)
				}
				*dst = append(*dst, b...)
				return true
			}
		}
		_, wantErr := whole.Feed(stream, collect(&want))
		var gotErr error
		for rest := stream; len(rest) > 0; {
			n := min(int(cut)+1, len(rest))
			_, gotErr = pieces.Feed(rest[:n], collect(&got))
			rest = rest[n:]
			if pieces.Pending() >= MaxMessage || cap(pieces.part) > 2*MaxMessage {
				t.Fatalf("%d octets held back, room for %d", pieces.Pending(), cap(pieces.part))
			}
		}
		if !bytes.Equal(got, want) || (gotErr == nil) != (wantErr == nil) {
			t.Fatalf("in pieces of %d: %v, whole: %v\n got %x\nwant %x", cut+1, gotErr, wantErr, got, want)
		}
		if !bytes.Equal(want, stream[:len(want)]) || whole.Octets != uint64(len(want)) {
			t.Fatalf("%d octets counted, %d taken", whole.Octets, len(want))
		}
	})
}
