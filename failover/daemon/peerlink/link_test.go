package peerlink

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// happened is one call of the Sink.
type happened struct {
	what string // "connected", "secured", "received", "closed"
	id   ID
	msg  wire.Message
	why  error
}

type sink chan happened

func (s sink) Connected(id ID, _ string, _ bool) { s <- happened{what: "connected", id: id} }
func (s sink) Secured(id ID, err error)          { s <- happened{what: "secured", id: id, why: err} }
func (s sink) Received(id ID, list []wire.Message) {
	for _, m := range list {
		s <- happened{what: "received", id: id, msg: m}
	}
}
func (s sink) Closed(id ID, _ string, why error) { s <- happened{what: "closed", id: id, why: why} }

// await gives the next event of a kind; others before it are passed over.
func (s sink) await(t *testing.T, what string) happened {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		select {
		case h := <-s:
			if h.what == what {
				return h
			}
		case <-limit:
			t.Fatalf("no %q within 30 s", what)
		}
	}
}

// side is one server of a pair on loopback.
type side struct {
	*Links
	sink sink
	cert tls.Certificate
	pin  keyring.Pin
}

func newSide(t *testing.T) *side {
	t.Helper()
	r, err := keyring.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &side{sink: make(sink, 1000)}
	if s.cert, s.pin, err = r.Own(); err != nil {
		t.Fatal(err)
	}
	return s
}

// start makes the links of s; the addresses are of the loopback range, and the
// ports such that the tests of other processes do not meet.
func (s *side) start(t *testing.T, own, partner netip.AddrPort, secondary bool, pin *keyring.Pin) {
	t.Helper()
	s.Links = New([]Peer{{Name: "dhcp", Secondary: secondary, Own: own, Partner: partner, Pin: pin}}, s.cert, s.sink, t.Logf)
	t.Cleanup(s.Close)
}

func addresses(t *testing.T) (a, b netip.AddrPort) {
	t.Helper()
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port := ln.Addr().(*net.TCPAddr).AddrPort().Port()
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port)
}

// connect dials from s until it works: the other side may not listen yet.
func (s *side) connect(t *testing.T) happened {
	t.Helper()
	for range 200 {
		s.Dial("dhcp")
		select {
		case h := <-s.sink:
			if h.what == "connected" {
				return h
			}
			if h.why == nil || !strings.Contains(h.why.Error(), "refused") {
				t.Fatalf("dial: %v", h.why)
			}
			<-time.After(10 * time.Millisecond) // not listening yet
		case <-time.After(30 * time.Second):
			t.Fatal("dial gave neither success nor failure")
		}
	}
	t.Fatal("never connected")
	return happened{}
}

// agree plays the endpoints' part of the negotiation: CONNECT, CONNECTACK, and
// then the handshake on both sides.
func agree(t *testing.T, primary, secondary *side, at, there ID) (perr, serr error) {
	t.Helper()
	primary.Send(at, &wire.Connect{TLSRequest: wire.Some(wire.TLSRequired)})
	if h := secondary.sink.await(t, "received"); h.msg.Kind() != wire.KindConnect {
		t.Fatalf("got %v, want CONNECT", h.msg)
	}
	secondary.Send(there, &wire.Connectack{TLSReply: wire.Some(uint8(1))})
	secondary.Secure(there, false)
	primary.sink.await(t, "received")
	primary.Secure(at, true)
	return primary.sink.await(t, "secured").why, secondary.sink.await(t, "secured").why
}

func TestMessagesTravelBothWays(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprint("secure=", secure), func(t *testing.T) {
			a, b := newSide(t), newSide(t)
			at, bt := addresses(t)
			pinA, pinB := &a.pin, &b.pin
			if !secure {
				pinA, pinB = nil, nil
			}
			a.start(t, at, bt, false, pinB)
			b.start(t, bt, at, true, pinA)
			up := b.connect(t) // the secondary dials, the primary proposes TLS
			there := a.sink.await(t, "connected")
			if secure {
				if perr, serr := agree(t, a, b, there.id, up.id); perr != nil || serr != nil {
					t.Fatal(perr, serr)
				}
			}
			for i := range 300 {
				m := &wire.Contact{}
				m.XID = uint32(i)
				a.Send(there.id, m)
				b.Send(up.id, m)
			}
			for i := range 300 {
				for _, s := range []*side{a, b} {
					if h := s.sink.await(t, "received"); h.msg.Head().XID != uint32(i) {
						t.Fatalf("message %d came as number %d", h.msg.Head().XID, i)
					}
				}
			}
			a.Send(there.id, &wire.Disconnect{})
			a.Hangup(there.id)
			if h := b.sink.await(t, "received"); h.msg.Kind() != wire.KindDisconnect {
				t.Fatalf("got %v before the end, want DISCONNECT", h.msg)
			}
			b.sink.await(t, "closed")
			a.sink.await(t, "closed")
		})
	}
}

func TestForeignKeysAreRefused(t *testing.T) {
	for _, c := range []string{"foreign key", "pins a third key"} {
		t.Run(c, func(t *testing.T) {
			a, b, other := newSide(t), newSide(t), newSide(t)
			at, bt := addresses(t)
			b.start(t, bt, at, true, &a.pin)
			pin := &b.pin
			if c == "foreign key" {
				a.cert = other.cert
			} else {
				pin = &other.pin
			}
			a.start(t, at, bt, false, pin)
			up := a.connect(t)
			there := b.sink.await(t, "connected")
			perr, serr := agree(t, a, b, up.id, there.id)
			if serr == nil && perr == nil {
				t.Fatal("a foreign key was accepted")
			}
			// With TLS 1.3 the client may believe in success until the first read.
			b.sink.await(t, "closed")
			a.sink.await(t, "closed")
			if n := a.Counters.RefusedTLS.Load() + b.Counters.RefusedTLS.Load(); n == 0 {
				t.Fatal("the refusal was not counted")
			}
		})
	}
}

func TestOnlyOneMessageIsTakenInClearText(t *testing.T) {
	a, b := newSide(t), newSide(t)
	at, bt := addresses(t)
	b.start(t, bt, at, true, &a.pin)
	a.start(t, at, bt, false, nil) // knows no pin, goes on in clear text
	up := a.connect(t)
	b.sink.await(t, "connected")
	for range 100 {
		a.Send(up.id, &wire.State{State: wire.Some(lease.PotentialConflict)})
	}
	b.sink.await(t, "received")
	a.Close()
	b.Close()
	close(b.sink)
	for h := range b.sink {
		if h.what == "received" {
			t.Fatalf("a second message in clear text was taken: %v", h.msg)
		}
	}
}

// waitListening returns once something accepts on at.
func waitListening(t *testing.T, from, at netip.AddrPort) {
	t.Helper()
	for range 500 {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from.Addr(), 0))}
		if c, err := d.Dial("tcp4", at.String()); err == nil {
			c.Close()
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatalf("nothing listens on %v", at)
}

func TestRogueConnectsAreBoundedAndLeaveNoTrace(t *testing.T) {
	a, b := newSide(t), newSide(t)
	at, bt := addresses(t)
	b.start(t, bt, at, true, &a.pin)
	rogue := netip.MustParseAddr("127.0.0.66")
	waitListening(t, netip.AddrPortFrom(rogue, 0), bt)
	before := runtime.NumGoroutine()
	var open []net.Conn
	for i := range 1000 {
		from := rogue
		if i%2 == 0 {
			from = at.Addr() // the partner's address, but nothing is ever said
		}
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
		c, err := d.Dial("tcp4", bt.String())
		if err != nil {
			continue
		}
		open = append(open, c)
	}
	if n := runtime.NumGoroutine() - before; n > 2*maxOpen+4 {
		t.Errorf("%d goroutines more after 1000 connects", n)
	}
	for _, c := range open {
		c.Close()
	}
	if b.Counters.RefusedAddress.Load() < 400 || b.Counters.RefusedOpen.Load() < 400 {
		t.Errorf("refused for the address: %d, for too many open: %d; want about 500 each",
			b.Counters.RefusedAddress.Load(), b.Counters.RefusedOpen.Load())
	}
	for range maxOpen {
		b.sink.await(t, "closed")
	}
	a.start(t, at, bt, false, &b.pin)
	up := a.connect(t)
	there := b.sink.await(t, "connected")
	if perr, serr := agree(t, a, b, up.id, there.id); perr != nil || serr != nil {
		t.Fatal(perr, serr)
	}
}

func TestMalformedOctetsCloseTheConnection(t *testing.T) {
	b := newSide(t)
	at, bt := addresses(t)
	b.start(t, bt, at, true, nil)
	waitListening(t, at, bt)
	b.sink.await(t, "closed") // the connection that found out
	for _, octets := range []string{"0003", "ffff0000", "000c050b00000000000000ff", "000e0a0c0000000000000000ffff"} {
		d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(at.Addr(), 0))}
		c, err := d.Dial("tcp4", bt.String())
		if err != nil {
			t.Fatal(err)
		}
		b.sink.await(t, "connected")
		raw, _ := hex.DecodeString(octets)
		if _, err := c.Write(raw); err != nil {
			t.Fatal(err)
		}
		if h := b.sink.await(t, "closed"); !strings.Contains(h.why.Error(), "no failover message") {
			t.Errorf("%s: closed because of %v", octets, h.why)
		}
		c.Close()
	}
	if n := b.Counters.Malformed.Load(); n != 4 {
		t.Errorf("%d malformed, want 4", n)
	}
}
