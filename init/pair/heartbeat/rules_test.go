package heartbeat

import (
	"bytes"
	"crypto/ed25519"
	"testing"
	"time"
)

const second = int64(time.Second)

// Runs of the tests: ours, and the partner's in order of its starts.
const us, p1, p2 = 100, 201, 202

// step is one thing that happens at a second: a datagram is sent, or comes.
type step struct {
	at   int64 // seconds
	in   *Beat // nil: we send one
	want Verdict
	echo [2]uint64 // of what we send
}

func in(at int64, want Verdict, run, number, echoRun, echoNumber uint64) step {
	return step{at, &Beat{LAN, run, number, echoRun, echoNumber}, want, [2]uint64{}}
}

func out(at int64, echoRun, echoNumber uint64) step {
	return step{at, nil, Fresh, [2]uint64{echoRun, echoNumber}}
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name          string
		steps         []step
		heard, proven int64 // seconds
	}{
		{"nobody there", []step{out(1, 0, 0), out(2, 0, 0)}, 0, 0},
		{"handshake", []step{
			out(1, 0, 0),
			in(1, Unproven, p1, 7, 0, 0),
			out(4, p1, 7),
			in(5, Fresh, p1, 8, us, 2),
			out(6, p1, 8),
		}, 5, 4},
		{"a recorded datagram of another run", []step{
			out(1, 0, 0),
			in(2, Unproven, p1, 7, 55, 3),
			in(3, Replayed, p1, 7, 55, 3),
		}, 0, 0},
		{"a datagram said twice", []step{
			out(1, 0, 0),
			in(2, Fresh, p1, 7, us, 1),
			in(9, Replayed, p1, 7, us, 1),
		}, 2, 1},
		{"the partner does not hear us any more", []step{
			out(1, 0, 0),
			in(2, Fresh, p1, 7, us, 1), out(2, p1, 7),
			in(3, Fresh, p1, 8, us, 1), out(3, p1, 8),
			in(4, Fresh, p1, 9, us, 1),
		}, 4, 1},
		{"the partner restarts", []step{
			out(1, 0, 0),
			in(2, Fresh, p1, 7, us, 1),
			in(3, Unproven, p2, 1, 0, 0),
			out(4, p1, 7), // it may be a replay: the living run goes first
			out(6, p2, 1),
			in(7, Fresh, p2, 2, us, 3),
		}, 7, 6},
		{"then its old run is replayed", []step{
			out(1, 0, 0), in(2, Fresh, p1, 7, us, 1), out(2, p1, 7),
			in(3, Fresh, p2, 2, us, 2),
			in(4, Replayed, p1, 8, us, 2),
			in(4, Replayed, p1, 8, us, 1),
			out(5, p2, 2),
		}, 3, 2},
		{"a proof that was held back too long", []step{
			out(1, 0, 0),
			in(12, Unproven, p1, 7, us, 1),
		}, 0, 0},
		{"an echo of what we never sent", []step{
			out(1, 0, 0),
			in(2, Unproven, p1, 7, us, 2),
			in(2, Unproven, p1, 8, us, 0),
		}, 0, 0},
		{"we restart, the partner does not: its echo is of our old run", []step{
			out(1, 0, 0),
			in(1, Unproven, p1, 500, 99, 400),
			out(4, p1, 500),
			in(4, Fresh, p1, 501, us, 2),
		}, 4, 4},
		{"zeros", []step{out(1, 0, 0), in(1, Malformed, 0, 1, us, 1), in(1, Malformed, p1, 0, us, 1)}, 0, 0},
		{"a flood of unproven runs does not take the place of a living partner", []step{
			out(1, 0, 0), in(1, Fresh, p1, 7, us, 1),
			in(2, Unproven, p2, 1, 0, 0), in(2, Unproven, p2, 2, 0, 0),
			out(3, p1, 7),
			in(3, Fresh, p1, 8, us, 2),
		}, 3, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewRules(LAN, us)
			for i, s := range c.steps {
				if s.in == nil {
					if b := r.Next(s.at * second); b.EchoRun != s.echo[0] || b.EchoNumber != s.echo[1] {
						t.Fatalf("step %d: sent %+v, want echo %v", i, b, s.echo)
					}
				} else if got := r.Take(s.at*second, *s.in); got != s.want {
					t.Fatalf("step %d: %+v is %v, want %v", i, *s.in, got, s.want)
				}
			}
			if r.Heard() != c.heard*second || r.Proven() != c.proven*second {
				t.Errorf("heard %d proven %d", r.Heard()/second, r.Proven()/second)
			}
		})
	}
}

func TestOtherPath(t *testing.T) {
	r := NewRules(Direct, us)
	r.Next(second)
	if v := r.Take(second, Beat{LAN, p1, 1, us, 1}); v != WrongPath {
		t.Errorf("%v", v)
	}
}

// Two sides that exchange datagrams prove each other within three rounds,
// whichever restarts.
func TestTwoSides(t *testing.T) {
	a, b := NewRules(LAN, 1), NewRules(LAN, 2)
	now := second
	round := func() {
		now += second
		b.Take(now, a.Next(now))
		a.Take(now, b.Next(now))
	}
	for i := range 3 {
		for range 3 {
			round()
		}
		if a.Heard() != now || b.Heard() != now || a.Proven() != now || b.Proven() < now-second {
			t.Fatalf("start %d: %d and %d, proven %d and %d, at %d", i, a.Heard(), b.Heard(), a.Proven(), b.Proven(), now)
		}
		b = NewRules(LAN, uint64(10+i)) // it was off for a while
		now += 5 * second
	}
}

func key(t testing.TB) (ed25519.PrivateKey, ed25519.PublicKey) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return priv, pub
}

func TestDatagram(t *testing.T) {
	priv, pub := key(t)
	_, other := key(t)
	b := Beat{Direct, 1, 2, 3, 1 << 63}
	raw := b.Sign(priv)
	if len(raw) != Len {
		t.Fatalf("%d octets", len(raw))
	}
	if got, v := Open(raw, pub); v != Fresh || got != b {
		t.Fatalf("%+v %v", got, v)
	}
	if _, v := Open(raw, other); v != WrongKey {
		t.Errorf("another's key: %v", v)
	}
	for i := range raw {
		bad := bytes.Clone(raw)
		bad[i] ^= 1
		if _, v := Open(bad, pub); v == Fresh {
			t.Errorf("octet %d changed, still taken", i)
		}
	}
	for _, bad := range [][]byte{nil, raw[:Len-1], append(bytes.Clone(raw), 0)} {
		if _, v := Open(bad, pub); v != Malformed {
			t.Errorf("%d octets: %v", len(bad), v)
		}
	}
	// What the key signed elsewhere is no heartbeat.
	if _, v := Open(append(bytes.Clone(raw[:bodyLen]), ed25519.Sign(priv, raw[:bodyLen])...), pub); v != WrongKey {
		t.Errorf("a signature for something else: %v", v)
	}
}

func FuzzOpen(f *testing.F) {
	priv, pub := key(f)
	f.Add(Beat{LAN, 1, 2, 3, 4}.Sign(priv)[:bodyLen], uint64(1))
	f.Fuzz(func(t *testing.T, raw []byte, run uint64) {
		if _, v := Open(raw, pub); v == Fresh {
			t.Fatalf("%x was taken", raw)
		}
		// The same octets signed reach the rules; they keep their promises.
		signedRaw := append(bytes.Clone(raw), ed25519.Sign(priv, append([]byte(signed), raw...))...)
		b, v := Open(signedRaw, pub)
		if v != Fresh {
			return
		}
		if !bytes.Equal(b.Sign(priv), signedRaw) {
			t.Fatalf("%x became %x", signedRaw, b.Sign(priv))
		}
		r := NewRules(b.Path, run|1)
		r.Next(second)
		if v := r.Take(second, b); v == Fresh && (b.EchoRun != run|1 || b.EchoNumber != 1) {
			t.Fatalf("%+v proves a run", b)
		}
		if v := r.Take(second, b); v == Fresh {
			t.Fatalf("%+v is fresh twice", b)
		}
	})
}
