package enrol

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/init/pair/frame"
	"tandem/init/pair/version"
)

func ownKey(t testing.TB) (tls.Certificate, keyring.Pin) {
	t.Helper()
	ring, err := keyring.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	cert, pin, err := ring.Own()
	if err != nil {
		t.Fatal(err)
	}
	return cert, pin
}

// stage is a host on loopback.
type stage struct {
	t       testing.TB
	host    *Host
	pin     keyring.Pin
	addr    string
	windows chan Window
	result  chan Joined
	stop    context.CancelFunc

	mu     sync.Mutex
	pinned []Joined
	pinErr error
}

func open(t testing.TB, change func(*Host)) *stage {
	t.Helper()
	s := &stage{t: t, windows: make(chan Window, 100), result: make(chan Joined, 1)}
	cert, pin := ownKey(t)
	s.pin = pin
	s.host = &Host{
		Own: cert,
		Offer: func() (Offer, error) {
			v := version.First(version.Files{version.Main: []byte("authoritative;\n")})
			return Offer{Kind: Partner, Host: "dhcp-a", BoxConf: []byte("name dhcp-b\n"), Config: v, Time: time.Unix(1e9, 0).UTC()}, nil
		},
		Check: func(raw []byte) error {
			if !bytes.HasPrefix(raw, []byte("name ")) {
				return errors.New("box.conf:1: name is missing (add a line such as: name dhcp-b)")
			}
			return nil
		},
		Pin: func(j Joined) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.pinErr == nil {
				s.pinned = append(s.pinned, j)
			}
			return s.pinErr
		},
		Tell: func(w Window) { s.windows <- w },
	}
	if change != nil {
		change(s.host)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(t.Context())
	s.stop = cancel
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if j, err := s.host.Serve(ctx, l); err == nil {
			s.result <- j
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

// window waits until the host shows what is wanted.
func (s *stage) window(want func(Window) bool) Window {
	s.t.Helper()
	for {
		select {
		case w := <-s.windows:
			if want(w) {
				return w
			}
		case <-time.After(20 * time.Second):
			s.t.Fatal("the host never showed what is waited for")
		}
	}
}

func (s *stage) first() Window { return s.window(func(Window) bool { return true }) }

func (s *stage) pins() []Joined {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pinned
}

func to(addr string) Dial {
	return func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", addr) }
}

func (s *stage) nothingPinned() {
	s.t.Helper()
	if p := s.pins(); len(p) != 0 {
		s.t.Fatalf("the host pinned %v", p[0].Pin)
	}
}

func wantText(t testing.TB, err error, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Fatalf("error %v\nwants %q in it", err, part)
		}
	}
}

func TestTwoBoxesBecomeAPair(t *testing.T) {
	s := open(t, nil)
	own, pin := ownKey(t)
	code, err := ParseCode(strings.ToLower(s.first().Code.String()))
	if err != nil {
		t.Fatal(err)
	}
	session, err := Join(t.Context(), to(s.addr), own, code)
	if err != nil {
		t.Fatal(err)
	}
	if session.Pin != s.pin || session.Offer.Host != "dhcp-a" || session.Offer.Config.Number != 1 {
		t.Fatalf("%+v", session)
	}
	s.nothingPinned()
	err = session.Accept(t.Context(), []byte("rubbish"))
	wantText(t, err, "does not accept this configuration", "name is missing")
	var no *Refusal
	if !errors.As(err, &no) || !no.Correctable() {
		t.Fatalf("%v is not correctable", err)
	}
	s.nothingPinned()
	if err := session.Accept(t.Context(), []byte("name dhcp-c\n")); err != nil {
		t.Fatal(err)
	}
	got := <-s.result
	if got.Pin != pin || string(got.BoxConf) != "name dhcp-c\n" || len(s.pins()) != 1 {
		t.Fatalf("%+v", got)
	}
	if p, err := PinOf(got.PublicKey); err != nil || p != pin {
		t.Fatal("the public key has another pin")
	}
}

func TestWrongCodeThreeTimesMakesANewOne(t *testing.T) {
	s := open(t, nil)
	own, _ := ownKey(t)
	old := s.first().Code
	wrong := NewCode()
	for i := range MaxTries {
		_, err := Join(t.Context(), to(s.addr), own, wrong)
		wantText(t, err, "the code does not match", []string{"takes 2 more", "takes 1 more", "takes 3 more"}[i])
	}
	w := s.window(func(w Window) bool { return w.Code != old })
	if !strings.Contains(w.Last, "three wrong codes") || w.Tries != 0 {
		t.Fatalf("%+v", w)
	}
	_, err := Join(t.Context(), to(s.addr), own, old)
	wantText(t, err, "an old one", "made its present code")
	if _, err := Join(t.Context(), to(s.addr), own, w.Code); err != nil {
		t.Fatal(err)
	}
	s.nothingPinned()
}

func TestCodeRunsOut(t *testing.T) {
	s := open(t, func(h *Host) { h.life = 50 * time.Millisecond })
	own, _ := ownKey(t)
	old := s.first().Code
	w := s.window(func(w Window) bool { return w.Code != old })
	if !w.Until.After(w.Since) {
		t.Fatalf("%+v", w)
	}
	_, err := Join(t.Context(), to(s.addr), own, old)
	wantText(t, err, "the code does not match", "old one")
	s.nothingPinned()
}

// A man in the middle who speaks TLS to both sides and passes every frame on.
func TestManInTheMiddle(t *testing.T) {
	s := open(t, nil)
	own, _ := ownKey(t)
	code := s.first().Code
	middle := newMiddle(t, s.addr, nil)
	_, err := Join(t.Context(), to(middle.addr), own, code)
	wantText(t, err, "the code does not match", "somebody may sit between the boxes")
	if w := s.window(func(w Window) bool { return w.Tries == 1 }); !strings.Contains(w.Last, "wrong code") {
		t.Fatalf("%+v", w)
	}
	if middle.passed() < 3 {
		t.Fatalf("only %d frames went through the middle", middle.passed())
	}
	s.nothingPinned()
}

// A man in the middle who answers for the host that he knows the code.
func TestImpostor(t *testing.T) {
	s := open(t, nil)
	own, _ := ownKey(t)
	code := s.first().Code
	middle := newMiddle(t, s.addr, func(f frame.Frame) frame.Frame {
		if f.Kind == kindRefuse { // the host's refusal of the proof
			var buf bytes.Buffer
			_ = frame.Write(&buf, kindOffer, offer{MAC: make([]byte, macLen), Offer: Offer{Kind: Partner}})
			f, _ = frame.Read(&buf, maxOffer)
		}
		return f
	})
	_, err := Join(t.Context(), to(middle.addr), own, code)
	wantText(t, err, "does not know the code", "Nothing was pinned")
	s.nothingPinned()
}

// middle is a man in the middle: TLS to both sides with a key of his own.
type middle struct {
	addr   string
	mu     sync.Mutex
	frames []frame.Frame // from the joining box
}

func (m *middle) passed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.frames)
}

func newMiddle(t *testing.T, host string, back func(frame.Frame) frame.Frame) *middle {
	t.Helper()
	own, _ := ownKey(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &middle{addr: l.Addr().String()}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		defer raw.Close()
		a, err := secure(t.Context(), raw, own, false)
		if err != nil {
			return
		}
		onward, err := net.Dial("tcp", host)
		if err != nil {
			return
		}
		defer onward.Close()
		b, err := secure(t.Context(), onward, own, true)
		if err != nil {
			return
		}
		all.Go(func() { m.copy(a.conn, b.conn, m.keep); b.conn.CloseWrite() })
		m.copy(b.conn, a.conn, func(f frame.Frame) frame.Frame {
			m.keep(f)
			if back != nil {
				return back(f)
			}
			return f
		})
	})
	return m
}

func (m *middle) keep(f frame.Frame) frame.Frame {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.frames = append(m.frames, f)
	return f
}

func (m *middle) copy(from io.Reader, to io.Writer, see func(frame.Frame) frame.Frame) {
	for {
		f, err := frame.Read(from, maxOffer)
		if err != nil {
			return
		}
		f = see(f)
		if _, err := to.Write(frame.Append(nil, f)); err != nil {
			return
		}
	}
}

// Frames of a good enrolment, said again on another connection to the same
// box, which by chance has the same code again: worth nothing, even to who has
// the joining box's key.
func TestReplay(t *testing.T) {
	s := open(t, nil)
	code := s.first().Code
	own, _ := ownKey(t)
	hello1, proof1 := recordExchange(t, s.addr, own, code)
	s2 := open(t, func(h *Host) {
		h.Own = s.host.Own
		h.newCode = func() Code { return code }
	})
	w := s2.first()
	for name, key := range map[string]tls.Certificate{"with the same key": own, "by a third party": mustKey(t)} {
		raw, err := net.Dial("tcp", s2.addr)
		if err != nil {
			t.Fatal(err)
		}
		l, err := secure(t.Context(), raw, key, true)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []frame.Frame{hello1, proof1} {
			if _, err := l.conn.Write(frame.Append(nil, f)); err != nil {
				t.Fatal(name, err)
			}
		}
		if err := l.expect(kindShare, &share{}, stepTime, maxSmall); err != nil {
			t.Fatal(name, err)
		}
		_, err = l.receive(stepTime, maxOffer)
		wantText(t, err, "the code does not match")
		raw.Close()
	}
	if now := s2.window(func(w Window) bool { return w.Tries == 2 }); now.Code != w.Code {
		t.Fatal("the code changed after two tries")
	}
	s.nothingPinned()
	s2.nothingPinned()
}

func mustKey(t *testing.T) tls.Certificate { c, _ := ownKey(t); return c }

// recordExchange proves the code and keeps what the joining box said.
func recordExchange(t *testing.T, addr string, own tls.Certificate, code Code) (hello1, proof1 frame.Frame) {
	t.Helper()
	raw, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	l, err := secure(t.Context(), raw, own, true)
	if err != nil {
		t.Fatal(err)
	}
	ci, sid, err := l.binding(own, true)
	if err != nil {
		t.Fatal(err)
	}
	x := newExchange([]byte(code), ci, sid)
	hello1 = body(t, kindHello, hello{Protocol: protocol, Share: x.share})
	if _, err := l.conn.Write(frame.Append(nil, hello1)); err != nil {
		t.Fatal(err)
	}
	var theirs share
	if err := l.expect(kindShare, &theirs, stepTime, maxSmall); err != nil {
		t.Fatal(err)
	}
	key, err := x.key(theirs.Share, true)
	if err != nil {
		t.Fatal(err)
	}
	proof1 = body(t, kindProof, proof{confirmation(key, sid, x.share)})
	if _, err := l.conn.Write(frame.Append(nil, proof1)); err != nil {
		t.Fatal(err)
	}
	if err := l.expect(kindOffer, &offer{}, stepTime, maxOffer); err != nil {
		t.Fatal(err)
	}
	return hello1, proof1
}

func body(t *testing.T, kind byte, v any) frame.Frame {
	t.Helper()
	var buf bytes.Buffer
	if err := frame.Write(&buf, kind, v); err != nil {
		t.Fatal(err)
	}
	f, err := frame.Read(&buf, maxOffer)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// While one box is being set up, and after it has joined, a third gets nothing.
func TestThirdParty(t *testing.T) {
	s := open(t, nil)
	own, _ := ownKey(t)
	third, _ := ownKey(t)
	code := s.first().Code
	session, err := Join(t.Context(), to(s.addr), own, code)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Join(t.Context(), to(s.addr), third, code)
	wantText(t, err, "another box has used this code", "failctl pair open")
	if err := session.link.send(kindAccept, accept{[]byte("name b\n")}); err != nil {
		t.Fatal(err)
	}
	if err := session.link.expect(kindReady, nil, stepTime, maxSmall); err != nil {
		t.Fatal(err)
	}
	if err := session.link.send(kindCommit, nil); err != nil {
		t.Fatal(err)
	}
	if err := session.link.expect(kindDone, nil, stepTime, maxSmall); err != nil {
		t.Fatal(err)
	}
	_, err = Join(t.Context(), to(s.addr), third, code)
	wantText(t, err, "does not take a partner now")
	thief := &Session{dial: to(s.addr), own: third, Pin: s.pin}
	wantText(t, thief.resumeOnce(t.Context()), "does not take a partner now")
	if p := s.pins(); len(p) != 1 {
		t.Fatalf("%d boxes were pinned", len(p))
	}
}

// The connection breaks after the commit: the joining box asks again.
func TestBreakAfterCommit(t *testing.T) {
	s := open(t, nil)
	own, pin := ownKey(t)
	var conns []net.Conn
	dial := func(ctx context.Context) (net.Conn, error) {
		c, err := to(s.addr)(ctx)
		if len(conns) == 0 {
			c = &cutAfter{Conn: c}
		}
		conns = append(conns, c)
		return c, err
	}
	session, err := Join(t.Context(), dial, own, s.first().Code)
	if err != nil {
		t.Fatal(err)
	}
	cut := conns[0].(*cutAfter)
	if err := session.link.send(kindAccept, accept{[]byte("name b\n")}); err != nil {
		t.Fatal(err)
	}
	if err := session.link.expect(kindReady, nil, stepTime, maxSmall); err != nil {
		t.Fatal(err)
	}
	cut.now = true // from now on nothing comes back
	if err := session.finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-s.result; got.Pin != pin || len(conns) != 2 {
		t.Fatalf("%v after %d connections", got.Pin, len(conns))
	}
}

// cutAfter is a connection whose way back ends.
type cutAfter struct {
	net.Conn
	now bool
}

func (c *cutAfter) Read(b []byte) (int, error) {
	if c.now {
		return 0, io.EOF
	}
	return c.Conn.Read(b)
}

// What breaks before the commit pins nothing, and the used code is gone.
func TestBreakBeforeCommit(t *testing.T) {
	s := open(t, nil)
	own, _ := ownKey(t)
	code := s.first().Code
	session, err := Join(t.Context(), to(s.addr), own, code)
	if err != nil {
		t.Fatal(err)
	}
	session.Close()
	w := s.window(func(w Window) bool { return w.Code != code && w.Last != "" })
	if !strings.Contains(w.Last, "then gave up") || w.Busy {
		t.Fatalf("%+v", w)
	}
	s.nothingPinned()
}

func TestHostCannotPin(t *testing.T) {
	s := open(t, nil)
	s.pinErr = errors.New("disk full: free some space on /data")
	own, _ := ownKey(t)
	session, err := Join(t.Context(), to(s.addr), own, s.first().Code)
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, session.Accept(t.Context(), []byte("name b\n")), "disk full", "neither box has changed")
	s.nothingPinned()
}

func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	own, _ := ownKey(t)
	_, err = Join(t.Context(), to(l.Addr().String()), own, NewCode())
	wantText(t, err, "no box that takes a partner answers", "failctl pair open")
}

// Clients that are no boxes, or of another release.
func TestStrangers(t *testing.T) {
	s := open(t, nil)
	s.first()
	raw, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(raw, "GET / HTTP/1.0\r\n\r\n")
	s.window(func(w Window) bool { return strings.Contains(w.Last, "secure connection") })
	raw.Close()
	for want, f := range map[string]frame.Frame{
		"another release":         body(t, kindHello, hello{Protocol: protocol + 1}),
		"did not understand this": {Kind: kindHello, Body: bytes.Repeat([]byte("x"), maxSmall+1)},
		"not understand this one": {Kind: kindCommit},
	} {
		raw, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		l, err := secure(t.Context(), raw, mustKey(t), true)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.conn.Write(frame.Append(nil, f)); err != nil {
			t.Fatal(err)
		}
		_, err = l.receive(stepTime, maxSmall)
		wantText(t, err, want)
		raw.Close()
	}
	s.nothingPinned()
}

// More boxes than places are turned away; those inside are served.
func TestTooManyAtOnce(t *testing.T) {
	s := open(t, nil)
	code := s.first().Code
	var idle []net.Conn
	for range MaxConns {
		c, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, c)
	}
	own, _ := ownKey(t)
	_, err := Join(t.Context(), to(s.addr), own, code)
	wantText(t, err, "try again")
	for _, c := range idle {
		c.Close()
		s.window(func(w Window) bool { return strings.Contains(w.Last, "secure connection") })
	}
	if _, err := Join(t.Context(), to(s.addr), own, code); err != nil {
		t.Fatal(err)
	}
}

func TestTextsOfTheOtherSideAreHarmless(t *testing.T) {
	r := refuse{Reason: badBox, Text: "line\x1b[2J\u009b1m\n" + strings.Repeat("x", 5000)}.refusal()
	if strings.ContainsAny(r.Error(), "\x1b\u009b") || len(r.Error()) > 2200 {
		t.Fatalf("%q", r.Error())
	}
}
