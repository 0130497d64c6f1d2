package pair

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/init/box"
	"tandem/init/pair/change"
	"tandem/init/pair/frame"
	"tandem/init/pair/heartbeat"
)

// ear is a listener that tells a test what happens, in one order.
type ear struct{ heard chan string }

func newEar() *ear           { return &ear{make(chan string, 1000)} }
func (e *ear) up(s *session) { e.heard <- "up " + s.path.String() }
func (e *ear) down(*session) { e.heard <- "down" }
func (e *ear) quiet() bool   { return true }
func (e *ear) receive(msg []byte) error {
	e.heard <- string(msg)
	if string(msg) == "rubbish" {
		return errors.New("rubbish")
	}
	return nil
}

func (e *ear) next(t *testing.T) string {
	t.Helper()
	select {
	case what := <-e.heard:
		return what
	case <-time.After(20 * time.Second):
		t.Fatal("nothing happened")
		return ""
	}
}

// side is one box's link, without the rest of the service.
type side struct {
	*link
	*ear
	stop func()
}

func ring(t *testing.T) ownKey {
	t.Helper()
	r, err := keyring.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var k ownKey
	if k.cert, k.pin, err = r.Own(); err != nil {
		t.Fatal(err)
	}
	return k
}

func (s *site) identity(conf string, own ownKey, pin keyring.Pin) *identity {
	s.t.Helper()
	c, problems := box.Parse("box.conf", conf)
	if len(problems) > 0 {
		s.t.Fatal(problems)
	}
	return &identity{boxText: []byte(conf), box: c, own: own, paired: true, pin: pin}
}

func (s *site) run(id *identity) *side {
	e := newEar()
	l := &side{link: newLink(id, s.pairPort, e, &counters{}, s.t.Logf), ear: e}
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan struct{})
	go func() { l.link.run(ctx); close(done) }()
	l.stop = sync.OnceFunc(func() { cancel(); <-done })
	s.t.Cleanup(l.stop)
	return l
}

// why waits until the link says that.
func (l *side) until(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		_, why, _ := l.session()
		if strings.Contains(why, text) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("says %q, not %q", why, text)
		}
	}
}

func TestMessagesPass(t *testing.T) {
	s := newSite(t)
	keyA, keyB := ring(t), ring(t)
	a := s.run(s.identity(s.conf("a", box.Primary), keyA, keyB.pin))
	b := s.run(s.identity(s.conf("b", box.Secondary), keyB, keyA.pin))
	// Over the LAN, if a did not listen on the cable yet when b called.
	if up := a.next(t); !strings.HasPrefix(up, "up ") || b.next(t) != up {
		t.Fatal(up)
	}
	upA, _, _ := a.session()
	upB, _, _ := b.session()
	if upA.box.Name != "b" || upB.box.Name != "a" {
		t.Fatal(upA.box.Name, upB.box.Name)
	}
	large := bytes.Repeat([]byte("x"), 8<<20)
	for _, msg := range [][]byte{[]byte("one"), large, []byte("two")} {
		if !upA.send(frame.Frame{Kind: kindChange, Body: msg}) {
			t.Fatal("no room for a message")
		}
	}
	for _, want := range []string{"one", string(large), "two"} {
		if got := b.next(t); got != want {
			t.Fatalf("%.20s came, not %.20s", got, want)
		}
	}
	// What is not understood ends the session; the next one begins.
	upB.send(frame.Frame{Kind: kindChange, Body: []byte("rubbish")})
	for _, want := range []string{"rubbish", "down", "up "} {
		if got := a.next(t); !strings.HasPrefix(got, want) {
			t.Fatalf("%s, not %s", got, want)
		}
	}
	if a.count.all()["session-bad-frame"] != 1 {
		t.Errorf("%v", a.count.all())
	}
	if upA.send(frame.Frame{Kind: kindChange}) {
		t.Error("a message was taken by a session that is over")
	}
}

func TestFullQueueIsToldToTheSender(t *testing.T) {
	s := &session{out: make(chan frame.Frame, sendQueue), done: make(chan struct{})}
	for i := range sendQueue {
		if !s.send(frame.Frame{}) {
			t.Fatalf("no room for message %d", i)
		}
	}
	if s.send(frame.Frame{}) {
		t.Fatal("room for one more")
	}
}

// A stranger holds the direct cable's address: the boxes meet over the LAN.
func TestLANWhenTheCableDoesNotDo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	squatter, err := net.Listen("tcp", netip.AddrPortFrom(netip.MustParseAddr(s.direct+".2"), s.pairPort).String())
	if err != nil {
		t.Fatal(err)
	}
	defer squatter.Close()
	go func() {
		for {
			c, err := squatter.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	keyA, keyB := ring(t), ring(t)
	a := s.run(s.identity(s.conf("a", box.Primary), keyA, keyB.pin))
	b := s.run(s.identity(s.conf("b", box.Secondary), keyB, keyA.pin))
	if up := a.next(t); up != "up lan" || b.next(t) != up {
		t.Fatal(up)
	}
	if a.count.all()["session-listen-failed"] == 0 {
		t.Errorf("%v", a.count.all())
	}
	// The stranger goes: they meet over the cable.
	squatter.Close()
	for _, want := range []string{"down", "up direct"} {
		if got := a.next(t); got != want || b.next(t) != want {
			t.Fatalf("%s, not %s", got, want)
		}
	}
}

// Who is not the partner is not let in, and each side says why.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		change       func(a, b *identity, s *site)
		whyA, whyB   string
		counterAtOne string
	}{
		{"b has another key than a pinned", func(a, b *identity, s *site) { b.own = ring(s.t) },
			"another key than the partner's", "does not take this box's key", "session-wrong-key"},
		{"a has another key than b pinned", func(a, b *identity, s *site) { a.own = ring(s.t) },
			"does not take this box's key", "another key than the partner's", "session-wrong-key"},
		{"relationships of two names", func(a, b *identity, s *site) {
			b.boxText = bytes.Replace(b.boxText, []byte("peer dhcp"), []byte("peer tandem"), 1)
			b.box.Peer.Name = "tandem"
		}, `is called "dhcp" here and "tandem" at b`, `is called "tandem" here`, "session-refused"},
		{"two primaries, one of which dials", func(a, b *identity, s *site) {
			b.boxText = bytes.Replace(b.boxText, []byte("role secondary"), []byte("role primary"), 1)
		}, "have the role primary", "have the role primary", "session-refused"},
		{"another release", func(a, b *identity, s *site) { b.boxText = []byte("colour blue\n") },
			"is not understood here", "is not understood here", "session-refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSite(t)
			keyA, keyB := ring(t), ring(t)
			idA := s.identity(s.conf("a", box.Primary), keyA, keyB.pin)
			idB := s.identity(s.conf("b", box.Secondary), keyB, keyA.pin)
			c.change(idA, idB, s)
			a, b := s.run(idA), s.run(idB)
			a.until(t, c.whyA)
			b.until(t, c.whyB)
			if n := a.count.all()[c.counterAtOne] + b.count.all()[c.counterAtOne]; n == 0 {
				t.Errorf("%v %v", a.count.all(), b.count.all())
			}
			if len(a.heard)+len(b.heard) != 0 {
				t.Errorf("something went through: %s", a.next(t))
			}
		})
	}
}

func TestWhyThereIsNoSession(t *testing.T) {
	s := newSite(t)
	now := time.Now()
	silence := trouble{"nothing is heard", false, now}
	answer := trouble{"wrong key", true, now}
	old := trouble{"wrong key", true, now.Add(-time.Minute)}
	const direct, lan = heartbeat.Direct, heartbeat.LAN
	for _, c := range []struct {
		trouble map[heartbeat.Path]trouble
		ended   string
		since   time.Duration
		want    string
	}{
		{nil, "", 0, "the partner does not call"},
		{nil, "it restarts", time.Second, "it restarts"},
		{nil, "it restarts", time.Hour, "the partner does not call"},
		{map[heartbeat.Path]trouble{direct: silence, lan: silence}, "it restarts", time.Second, "direct cable and LAN: nothing is heard"},
		{map[heartbeat.Path]trouble{direct: silence, lan: answer}, "", 0, "LAN: wrong key"},
		{map[heartbeat.Path]trouble{direct: answer, lan: silence}, "", 0, "direct cable: wrong key"},
		{map[heartbeat.Path]trouble{direct: old, lan: silence}, "", 0, "LAN: nothing is heard"},
	} {
		l := newLink(s.identity(s.conf("a", box.Primary), ownKey{}, keyring.Pin{}), 1, newEar(), &counters{}, t.Logf)
		l.trouble, l.ended, l.since = c.trouble, c.ended, now.Add(-c.since)
		if got := l.whyNone(now); !strings.HasPrefix(got, c.want) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

// Connections from elsewhere are closed at once; silent ones take a place for
// a while only, and the partner's session is not among the places.
func TestStrangersAtTheListener(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	keyA, keyB := ring(t), ring(t)
	a := s.run(s.identity(s.conf("a", box.Primary), keyA, keyB.pin))
	at := netip.AddrPortFrom(netip.MustParseAddr(s.net+".2"), s.pairPort).String()
	from := func(addr string) net.Conn {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(addr)}}
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			c, err := d.Dial("tcp", at)
			if err == nil {
				t.Cleanup(func() { c.Close() })
				return c
			}
			if time.Now().After(end) {
				t.Fatal(err)
			}
		}
	}
	if _, err := from(s.net + ".9").Read(make([]byte, 1)); err == nil {
		t.Fatal("a stranger is answered")
	}
	for range maxHandshakes {
		from(s.net + ".3")
	}
	if _, err := from(s.net + ".3").Read(make([]byte, 1)); err == nil {
		t.Fatal("one too many is answered")
	}
	if n := a.count.all(); n["session-stranger"] != 1 || n["session-too-many"] != 1 {
		t.Fatalf("%v", n)
	}
	b := s.run(s.identity(s.conf("b", box.Secondary), keyB, keyA.pin))
	if up := b.next(t); !strings.HasPrefix(up, "up") {
		t.Fatal(up)
	}
}

// A second session of the partner takes the place of the first, whole.
func TestNewSessionReplacesTheOld(t *testing.T) {
	s := newSite(t)
	keyA, keyB := ring(t), ring(t)
	a := s.run(s.identity(s.conf("a", box.Primary), keyA, keyB.pin))
	idB := s.identity(s.conf("b", box.Secondary), keyB, keyA.pin)
	connect := func() *session {
		t.Helper()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(s.net + ".3")}}
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			raw, err := d.Dial("tcp", netip.AddrPortFrom(netip.MustParseAddr(s.net+".2"), s.pairPort).String())
			if err != nil {
				if time.Now().After(end) {
					t.Fatal(err)
				}
				continue
			}
			up, err := greet(t.Context(), raw, idB, true)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(up.end)
			return up
		}
	}
	connect()
	if got := a.next(t); got != "up lan" {
		t.Fatal(got)
	}
	second := connect()
	go func() { _ = second.write() }()
	second.send(frame.Frame{Kind: kindChange, Body: []byte("hello")})
	for _, want := range []string{"down", "up lan", "hello"} {
		if got := a.next(t); got != want {
			t.Fatalf("%s, not %s", got, want)
		}
	}
}

// A partner that says nothing any more is lost after sessionSilent.
func TestSilentPartner(t *testing.T) {
	t.Parallel()
	x, y := net.Pipe()
	defer x.Close()
	defer y.Close()
	began := time.Now()
	err := readMessages(&patientReader{x}, func([]byte) error { return nil })
	if !isTimeout(err) || time.Since(began) < sessionSilent {
		t.Fatalf("%v after %v", err, time.Since(began))
	}
	if text := reasonOf(err); !strings.Contains(text, "nothing is heard") {
		t.Error(text)
	}
}

func TestReasonsHaveARemedy(t *testing.T) {
	for _, err := range []error{keyring.ErrWrongKey, errTold("the partner says\x1b[2J so"), errors.New("odd"), frame.ErrTooLong,
		&net.OpError{Op: "remote error", Err: errors.New("tls: bad certificate")}, tls.RecordHeaderError{Msg: "no TLS"}} {
		if text := reasonOf(err); len(text) < 10 || strings.ContainsAny(text, "\n") {
			t.Errorf("%v: %q", err, text)
		}
	}
	if text := oneLine("a\x1b[2Jb\nc" + strings.Repeat("x", 1000)); strings.ContainsAny(text, "\x1b\n") || len(text) > 600 {
		t.Errorf("%q", text)
	}
}

func TestMisfits(t *testing.T) {
	s := newSite(t)
	parse := func(text string) *box.Config {
		t.Helper()
		c, problems := box.Parse("box.conf", text)
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		return &c
	}
	own := parse(s.conf("a", box.Primary))
	for _, c := range []struct{ old, new, want string }{
		{"", "", ""},
		{"name b", "name a", "both boxes are called a"},
		{"role secondary", "role primary", "one must be primary"},
		{"peer dhcp", "peer x", "give both the same name"},
		{"lan1 " + s.net + ".3/24", "lan1 " + s.net + ".4/24", "a looks for it at"},
		{"partner " + s.net + ".2", "partner " + s.net + ".5", "b looks for it at"},
		{"direct lan2 " + s.direct + ".3/24\n", "", "a has a direct cable, b has none"},
		{"direct lan2 " + s.direct + ".3", "direct lan2 " + s.direct + ".7", "the ends of the direct cable do not fit"},
	} {
		text := s.conf("b", box.Secondary)
		text = strings.Replace(text, c.old, c.new, 1)
		if strings.Contains(c.want, "has none") {
			text = strings.Replace(text, " direct "+s.direct+".2", "", 1)
		}
		got := strings.Join(misfits(own, parse(text)), "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%q for %q: %q, want %q", c.new, c.old, got, c.want)
		}
	}
}

// What a partner of another release, or a broken one, says in a session does
// no harm: it ends in an error, and what is not a message is not handed on.
func FuzzSession(f *testing.F) {
	f.Add(frame.Append(nil, frame.Frame{Kind: kindChange, Body: change.Encode(change.Fetch{})}))
	f.Add(frame.Append(frame.Append(nil, frame.Frame{Kind: kindAlive}), frame.Frame{Kind: kindBye, Body: []byte(`{"why":"x"}`)}))
	f.Add(frame.Append(nil, frame.Frame{Kind: kindHello, Body: []byte(`{"protocol":1}`)}))
	f.Fuzz(func(t *testing.T, raw []byte) {
		err := readMessages(bytes.NewReader(raw), func(msg []byte) error {
			m, err := change.Decode(msg)
			if m == nil && err == nil {
				t.Fatalf("%q is nothing, and no error", msg)
			}
			return err
		})
		if err == nil || reasonOf(err) == "" {
			t.Fatalf("%v", err)
		}
	})
}

// A greeting, likewise.
func FuzzGreeting(f *testing.F) {
	f.Add([]byte("name b\nrole secondary\nlan lan1 10.0.0.3/24\nntp 10.0.0.10 10.0.0.11\npartner 10.0.0.2\n"), protocol)
	f.Fuzz(func(t *testing.T, conf []byte, version int) {
		own, _ := box.Parse("box.conf", "name a\nrole primary\nlan lan1 10.0.0.2/24\nntp 10.0.0.10 10.0.0.11\npartner 10.0.0.3\n")
		s := &session{hello: greeting{version, conf}}
		if s.fits(&identity{box: own}) == nil && (version != protocol || s.box.Role == box.Primary) {
			t.Fatalf("%q fits", conf)
		}
		misfits(&own, &s.box)
	})
}
