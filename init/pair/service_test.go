package pair

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tandem/failover/daemon/control"
	"tandem/failover/daemon/keyring"
	"tandem/init/box"
	"tandem/init/pair/enrol"
)

// place is where one test box lives: addresses of loopback that no other test
// of this machine uses.
type place struct {
	t    *testing.T
	name string
	o    Options
	stop context.CancelFunc
	done chan error
}

var places atomic.Uint32

// site is two boxes' worth of addresses and one set of ports.
type site struct {
	t                  *testing.T
	net                string // first three octets of the LAN
	direct             string // and of the cable
	pairPort, joinPort uint16
}

func newSite(t *testing.T) *site {
	t.Helper()
	n := places.Add(1)
	pid := uint32(os.Getpid())
	s := &site{t: t, net: fmt.Sprintf("127.%d.%d", 10+pid%100, n*2), direct: fmt.Sprintf("127.%d.%d", 10+pid%100, n*2+1)}
	s.pairPort, s.joinPort = freePort(t), freePort(t)
	return s
}

func freePort(t *testing.T) uint16 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String()).Port()
}

// conf is a box.conf of the site; a is the primary.
func (s *site) conf(name string, role box.Role) string {
	own, other := 2, 3
	if role == box.Secondary {
		own, other = 3, 2
	}
	return fmt.Sprintf(`name %s
role %s
lan lan1 %s.%d/24
direct lan2 %s.%d/24
ntp 10.0.0.10 10.0.0.11 10.0.0.12
partner %s.%d direct %s.%d
peer dhcp
`, name, role, s.net, own, s.direct, own, s.net, other, s.direct, other)
}

// box makes a box with a box.conf; nothing runs yet.
func (s *site) box(conf string) *place {
	s.t.Helper()
	dir := s.t.TempDir()
	p := &place{t: s.t, o: Options{Box: filepath.Join(dir, "box.conf"), Keys: filepath.Join(dir, "keys"), Dir: filepath.Join(dir, "pair"),
		Run: filepath.Join(dir, "run"), Engine: filepath.Join(dir, "engine"), PairPort: s.pairPort, EnrolPort: s.joinPort,
		EnrolAddr: netip.MustParseAddr(s.direct + ".1")}}
	p.name, _, _ = strings.Cut(strings.TrimPrefix(conf, "name "), "\n")
	p.o.Log = func(format string, args ...any) { s.t.Logf(p.name+": "+format, args...) }
	for _, d := range []string{p.o.Keys, p.o.Dir, p.o.Run} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			s.t.Fatal(err)
		}
	}
	p.write(p.o.Box, conf)
	return p
}

func (p *place) write(path, text string) {
	p.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) start() {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	p.done = make(chan error, 1)
	done := p.done
	p.stop = func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Errorf("%s: %v", p.name, err)
		}
		p.stop = func() {}
	}
	go func() { done <- Run(ctx, p.o) }()
	p.t.Cleanup(func() { p.stop() })
}

func (p *place) status() Status {
	s, err := ReadStatus(filepath.Join(p.o.Run, "status.json"))
	if err != nil {
		return Status{}
	}
	return s
}

// until waits until the box's status file tells what is wanted.
func (p *place) until(what string, ok func(Status) bool) Status {
	p.t.Helper()
	for end := time.Now().Add(40 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		s := p.status()
		if ok(s) {
			return s
		}
		if time.Now().After(end) {
			raw, _ := json.MarshalIndent(s, "", " ")
			p.t.Fatalf("%s never was: %s\n%s", p.name, what, raw)
		}
	}
}

func (p *place) ask(words ...string) (Status, error) {
	p.t.Helper()
	c, err := control.Dial(filepath.Join(p.o.Run, "control"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer c.Close()
	var s Status
	err = c.Ask(words, func(body json.RawMessage) error { return json.Unmarshal(body, &s) })
	return s, err
}

func (p *place) key() *keyring.Ring {
	p.t.Helper()
	r, err := keyring.Open(p.o.Keys)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

func publicKey(cert tls.Certificate) ed25519.PublicKey {
	return cert.PrivateKey.(ed25519.PrivateKey).Public().(ed25519.PublicKey)
}

// join does what the console of a joining box does: it types the code and
// takes what is offered.
func (s *site) join(host *place, code string) *place {
	s.t.Helper()
	p := s.box("name joining\n")
	cert, _, err := p.key().Own()
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := enrol.ParseCode(code)
	if err != nil {
		s.t.Fatal(err)
	}
	at := netip.AddrPortFrom(host.o.EnrolAddr, host.o.EnrolPort).String()
	session, err := enrol.Join(s.t.Context(), func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", at)
	}, cert, c)
	if err != nil {
		s.t.Fatal(err)
	}
	theirs, problems := box.Parse("offer", string(session.Offer.BoxConf))
	if len(problems) > 0 {
		s.t.Fatal(problems)
	}
	if err := session.Accept(s.t.Context(), session.Offer.BoxConf); err != nil {
		s.t.Fatal(err)
	}
	if err := InstallOffer(p.o.Keys, p.o.Dir, theirs.PeerName(), session); err != nil {
		s.t.Fatal(err)
	}
	p.name = theirs.Name
	p.write(p.o.Box, string(session.Offer.BoxConf))
	return p
}

func reachable(s Status) bool { return s.Partner.Reachable }

func bothPaths(s Status) bool {
	return s.Heard["lan"] != 0 && s.Heard["direct"] != 0 && s.Proven["lan"] != 0 && s.Proven["direct"] != 0
}

// From two boxes of which one is blank to a pair, one dies and returns, its
// place is taken by a new box.
func TestLifeOfAPair(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.box(s.conf("dhcp-a", box.Primary))
	a.start()
	shown := a.until("a code is shown", func(s Status) bool { return s.Code != "" })
	if shown.Paired || !shown.Open || !strings.Contains(shown.Sentence, shown.Code) {
		t.Fatalf("%+v", shown)
	}
	b := s.join(a, strings.ToLower(shown.Code))
	if b.name != "dhcp-b" {
		t.Fatalf("the joining box is called %s", b.name)
	}
	b.start()
	st := a.until("in touch over the cable", func(s Status) bool { return reachable(s) && s.Partner.Path == "direct" })
	if st.Open || st.Code != "" || !st.Paired || st.Partner.Name != "dhcp-b" || st.Partner.Role != "secondary" {
		t.Fatalf("%+v", st)
	}
	a.until("hears b on both paths", bothPaths)
	b.until("hears a on both paths", bothPaths)
	b.until("in touch", func(s Status) bool {
		return strings.HasPrefix(s.Sentence, "In touch with dhcp-a over the direct cable")
	})

	b.stop()
	st = a.until("b is away", func(s Status) bool { return !s.Partner.Reachable })
	if !strings.Contains(st.Sentence, "dhcp-b") {
		t.Fatal(st.Sentence)
	}
	st = a.until("an alarm", func(s Status) bool { return len(s.Alarms) > 0 })
	if len(st.Alarms) != 1 || !strings.Contains(st.Alarms[0], "out of reach") {
		t.Fatalf("%q", st.Alarms)
	}
	b.start()
	st = a.until("b is back and no alarm", func(s Status) bool { return s.Partner.Reachable && len(s.Alarms) == 0 })
	if st.Counters["session-up"] < 2 {
		t.Fatalf("%v", st.Counters)
	}

	// To open the door for a replacement while the partner lives is odd, and said so.
	if st, err := a.ask("open"); err != nil || !strings.Contains(st.Sentence, "will be shut out") {
		t.Fatalf("%+v, %v", st, err)
	}
	if st, err := a.ask("close"); err != nil || !strings.Contains(st.Sentence, "In touch with") {
		t.Fatalf("%+v, %v", st, err)
	}

	// The primary dies; the survivor shows a code, a blank box takes its place.
	a.stop()
	b.until("a is away", func(s Status) bool { return !s.Partner.Reachable })
	shown, err := b.ask("open")
	if err != nil || !shown.Replace || shown.Code == "" || !strings.Contains(shown.Sentence, "take the place of dhcp-a") {
		t.Fatalf("%+v, %v", shown, err)
	}
	oldPin := shown.Partner.Pin
	a2 := s.join(b, shown.Code)
	raw, err := os.ReadFile(a2.o.Box)
	if err != nil || string(raw) != s.conf("dhcp-a", box.Primary) {
		t.Fatalf("the new box has %q, %v", raw, err)
	}
	a2.start()
	st = b.until("in touch with the new box", reachable)
	if st.Partner.Pin == oldPin || st.Open {
		t.Fatalf("%+v", st)
	}
	a2.until("in touch", reachable)

	// The dead one comes back: it is nobody's partner any more.
	a2.stop()
	a.start()
	a.until("is told why", func(s Status) bool {
		return strings.Contains(s.Sentence, "does not take this box's key") || s.Counters["session-wrong-key"] > 0
	})
	if st := a.status(); st.Partner.Reachable {
		t.Fatalf("%+v", st)
	}
}

// A box joins, and loses its power before it is set up: the host has pinned a
// key that nobody uses. It opens by itself again.
func TestJoiningBoxNeverCalls(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.box(s.conf("dhcp-a", box.Primary))
	a.o.callTime = time.Second
	a.start()
	shown := a.until("a code is shown", func(s Status) bool { return s.Code != "" })
	late := s.join(a, shown.Code) // and does not start
	a.until("paired", func(s Status) bool { return s.Paired })
	shown = a.until("a new code is shown", func(s Status) bool { return s.Paired && s.Code != "" })
	if shown.Replace {
		t.Fatalf("%+v", shown)
	}
	late.start() // it was only slow: the door is closed again
	a.until("in touch, closed", func(s Status) bool { return reachable(s) && !s.Open })
	late.stop()
	if err := replaceFile(filepath.Join(a.o.Dir, joinedMark), []byte(enrol.Partner)); err != nil {
		t.Fatal(err)
	}
	a.stop()
	a.start()
	shown = a.until("a new code is shown", func(s Status) bool { return s.Paired && s.Code != "" })
	b := s.join(a, shown.Code)
	b.start()
	a.until("in touch, closed", func(s Status) bool { return reachable(s) && !s.Open })
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(a.o.Dir, joinedMark)); errors.Is(err, fs.ErrNotExist) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the mark is still there")
		}
	}
}

func TestOpenAndClose(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.box(s.conf("dhcp-b", box.Secondary))
	b.start()
	st := b.until("says what to do", func(s Status) bool { return s.Sentence != "" })
	if st.Open || !strings.Contains(st.Sentence, "failctl pair open") {
		t.Fatalf("%+v", st)
	}
	if _, err := b.ask("open", "replacement"); err == nil || !strings.Contains(err.Error(), "never had a partner") {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"open", "sesame"}, {"open", "a", "b"}, {"close", "it"}, {"status", "now"}, {"what"}} {
		if _, err := b.ask(words...); err == nil {
			t.Errorf("%v was taken", words)
		}
	}
	first, err := b.ask("open")
	if err != nil || first.Code == "" || first.Replace {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := b.ask("open", "partner")
	if err != nil || second.Code == "" || second.Code == first.Code {
		t.Fatalf("%+v, %v", second, err)
	}
	if st, err := b.ask("close"); err != nil || st.Open || st.Code != "" {
		t.Fatalf("%+v, %v", st, err)
	}
}

func TestThreeWrongCodesAreTold(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	a := s.box(s.conf("dhcp-a", box.Primary))
	a.start()
	shown := a.until("a code is shown", func(s Status) bool { return s.Code != "" })
	cert, _, err := s.box("name x\n").key().Own()
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(a.o.EnrolAddr, a.o.EnrolPort).String()
	for range enrol.MaxTries {
		_, err := enrol.Join(t.Context(), func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", at)
		}, cert, enrol.NewCode())
		if err == nil || !strings.Contains(err.Error(), "does not match") {
			t.Fatal(err)
		}
	}
	a.until("another code is shown", func(s Status) bool {
		return s.Code != "" && s.Code != shown.Code && strings.Contains(s.LastTry, "three wrong codes")
	})
}

// The box's own file changes: the service begins anew by itself.
func TestBoxConfChanges(t *testing.T) {
	s := newSite(t)
	a := s.box(s.conf("dhcp-a", box.Primary))
	a.start()
	a.until("a code is shown", func(s Status) bool { return s.Code != "" })
	a.write(a.o.Box, "name dhcp-a\nrole single\nlan lan1 "+s.net+".2/24\nntp 10.0.0.10 10.0.0.11 10.0.0.12\n")
	st := a.until("is single", func(s Status) bool { return strings.Contains(s.Sentence, "single") })
	if st.Open || st.Code != "" {
		t.Fatalf("%+v", st)
	}
	if _, err := a.ask("open"); err == nil || !strings.Contains(err.Error(), "give it a role") {
		t.Fatal(err)
	}
}

func TestBadBoxConf(t *testing.T) {
	s := newSite(t)
	a := s.box("name dhcp-a\nrole king\n")
	if err := Run(t.Context(), a.o); err == nil || !strings.Contains(err.Error(), `unknown role "king"`) {
		t.Fatal(err)
	}
}
