package node

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/failover"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// talk is a node whose partner is only what the test says on the wire.
type talk struct {
	*testing.T
	*Node
	now  lease.Now
	set  setting
	conn uint64
	xid  uint32
	// reach is what a dial leads to: nothing, or the partner.
	reach bool
	sent  []wire.Message
	parts []string // of the hangups
}

// setting is how a talk begins. The zero value is a Tandem primary that was in
// NORMAL with a Tandem until three seconds ago and has just been restarted.
type setting struct {
	secondary, dhcpd, watched bool
	// conf replaces the configuration, extra is put into the failover block.
	conf, extra string
	policy      PeerPolicy
	// forgetful is a partner that remembers no contact.
	forgetful bool
	// saved edits what is remembered of the relationship, boot the ledger.
	saved   func(p *lease.Peer)
	boot    func(b *lease.Boot)
	off     lease.Seconds // how long it was off; 3
	fresh   bool          // nothing is remembered
	records []lease.Record
}

const (
	mclt  = 60
	delay = 12 * time.Second
)

func (set setting) config() string {
	role := "primary; mclt 60; split 128; address 10.0.0.1; peer address 10.0.0.2;"
	if set.secondary {
		role = "secondary; address 10.0.0.2; peer address 10.0.0.1;"
	}
	if set.conf != "" {
		return set.conf
	}
	return fmt.Sprintf(paired, role+set.extra)
}

func begin(t *testing.T, set setting) *talk {
	t.Helper()
	w := &talk{T: t, now: start, set: set}
	boot := lease.Boot{ID: "now", StoreOrigin: "whole"}
	if set.fresh {
		boot.StoreOrigin = "new"
	}
	if set.boot != nil {
		set.boot(&boot)
	}
	w.Node = New(Options{Config: load(t, set.config()), Seed: 1, Boot: boot, Watched: set.watched, Policy: func(string) PeerPolicy { return set.policy }})
	if !set.fresh {
		p := lease.Peer{Name: "p", State: lease.Normal, Since: start.Time() - 1000, Partner: lease.Normal, PartnerSince: start.Time() - 1000,
			MCLT: mclt, HBA: wire.Split(128), LastContact: start.Time() - 5, Authority: mclt, Facts: lease.PeerOurs}
		if set.dhcpd {
			p.Facts, p.Authority = 0, 0
		}
		if set.saved != nil {
			set.saved(&p)
		}
		off := set.off
		if off == 0 {
			off = 3
		}
		w.Restore(&p)
		w.Restore(&lease.Boot{ID: "before", LastAlive: start.Time() - lease.Time(off)})
	}
	for _, r := range set.records {
		w.Restore(r)
	}
	w.Start(start)
	w.Step(start, &Links{Interfaces: []dhcp.Interface{*eth0}})
	w.settle()
	return w
}

// settle does what is due now.
func (w *talk) settle() {
	w.Helper()
	for range 100 {
		links := slices.Clone(w.Flush(w.now).Links)
		if len(links) == 0 {
			return
		}
		for _, l := range links {
			w.carry(l)
		}
	}
	w.Fatal("the node never comes to rest")
}

func (w *talk) carry(l Link) {
	switch l.Do {
	case LinkDial:
		if !w.reach {
			w.Step(w.now, &PeerClosed{Peer: "p", Why: "refused"})
		}
	case LinkSend:
		w.sent = append(w.sent, l.Message)
	case LinkHangup:
		w.parts = append(w.parts, l.Why)
		if l.Conn == w.conn {
			w.conn = 0
		}
	}
}

// pass lets time go by. While the partner is reached it says CONTACT often
// enough.
func (w *talk) pass(d time.Duration) *talk {
	w.Helper()
	w.wait(d, true)
	return w
}

// hush lets time go by in which the partner says nothing.
func (w *talk) hush(d time.Duration) *talk {
	w.Helper()
	w.wait(d, false)
	return w
}

func (w *talk) wait(d time.Duration, contact bool) {
	w.Helper()
	for end := w.now.Mono + int64(d); w.now.Mono < end; {
		w.now = w.now.Add(min(time.Second, time.Duration(end-w.now.Mono)))
		if contact && w.conn != 0 {
			w.hear(&wire.Contact{})
		}
		w.settle()
	}
}

// hear gives the node a message of the partner.
func (w *talk) hear(m wire.Message) *talk {
	w.xid++
	m.Head().Time, m.Head().XID = w.now.Time(), w.xid
	w.Step(w.now, &PeerReceived{Conn: w.conn, Message: m})
	w.settle()
	return w
}

// call makes a connection that says nothing yet.
func (w *talk) call() *talk {
	w.conn = uint64(w.now.Mono)
	w.Step(w.now, &PeerConnected{Peer: "p", Conn: w.conn, Dialled: true})
	w.settle()
	return w
}

func (w *talk) greeting() wire.Greeting {
	g := wire.Greeting{Role: wire.RolePrimary, Boot: "partner", MCLT: wire.Some(lease.Seconds(mclt)), Authority: wire.Some(lease.Seconds(mclt)),
		Capabilities: wire.CapStrict, LastContact: wire.Some(start.Time() - 5)}
	if !w.set.secondary {
		g.Role = wire.RoleSecondary
	}
	if w.set.fresh || w.set.forgetful {
		g.LastContact = wire.Opt[lease.Time]{}
	}
	return g
}

func (w *talk) connect() *wire.Connect {
	m := &wire.Connect{Relationship: wire.Some("p"), MaxUnacked: wire.Some(uint32(10)), ReceiveTimer: wire.Some(lease.Seconds(12)),
		MCLT: wire.Some(lease.Seconds(mclt)), HBA: wire.Some(wire.Split(128))}
	if !w.set.dhcpd {
		m.Vendor = wire.Some(w.greeting().Encode())
	}
	return m
}

func (w *talk) connectack() *wire.Connectack {
	m := &wire.Connectack{Relationship: wire.Some("p"), MaxUnacked: wire.Some(uint32(10)), ReceiveTimer: wire.Some(lease.Seconds(12))}
	if !w.set.dhcpd {
		m.Vendor = wire.Some(w.greeting().Encode())
	}
	return m
}

// meet connects the partner, which says its state.
func (w *talk) meet(s lease.ServerState) *talk {
	w.call()
	if w.set.secondary {
		w.hear(w.connect())
	} else {
		w.hear(w.connectack())
	}
	return w.state(s)
}

// state is the partner's STATE message.
func (w *talk) state(s lease.ServerState) *talk {
	return w.hear(&wire.State{State: wire.Some(s), Flags: wire.Some(wire.ServerFlags(0)), Since: wire.Some(w.now.Time())})
}

// startingUp is the partner's STATE in STARTUP.
func (w *talk) startingUp(saved lease.ServerState) *talk {
	return w.hear(&wire.State{State: wire.Some(saved), Flags: wire.Some(wire.FlagStartup), Since: wire.Some(w.now.Time() - 100)})
}

// done is the partner's UPDDONE.
func (w *talk) done() *talk { return w.hear(&wire.Upddone{}) }

// acknowledge answers every update that was sent so far.
func (w *talk) acknowledge() *talk {
	for range 50 {
		sent := w.sent
		w.sent = nil
		for _, m := range sent {
			if u, ok := m.(*wire.Bndupd); ok {
				ack := &wire.Bndack{}
				ack.IP, ack.Status = u.IP, u.Status
				ack.Time, ack.XID = w.now.Time(), u.XID
				w.Step(w.now, &PeerReceived{Conn: w.conn, Message: ack})
			}
		}
		w.settle()
	}
	return w
}

// lost is the end of the connection.
func (w *talk) lost(why string) *talk {
	w.Step(w.now, &PeerClosed{Conn: w.conn, Why: why})
	w.conn = 0
	w.settle()
	return w
}

// order is an operator's.
func (w *talk) order(words ...string) *talk {
	w.Helper()
	if a := w.ask(append([]string{"order"}, words...)...); a.Err != "" {
		w.Fatalf("order %v: %s", words, a.Err)
	}
	w.settle()
	return w
}

// box is what the machine says of itself: by default that all is well.
func (w *talk) box(edit func(f *BoxFacts)) *talk {
	f := &BoxFacts{Clock: failover.ClockFacts{Trusted: true}, ClockApart: w.now.Wall - w.now.Mono, Link: failover.LinkFacts{LAN: true}}
	if edit != nil {
		edit(f)
	}
	w.Step(w.now, f)
	w.settle()
	return w
}

// ask puts a question.
func (w *talk) ask(words ...string) Answer {
	w.Helper()
	w.Step(w.now, &Query{ID: 9, Args: words})
	var got *Answer
	out := w.Flush(w.now)
	for i := range out.Answers {
		if out.Answers[i].ID == 9 {
			got = &out.Answers[i]
		}
	}
	if got == nil {
		w.Fatalf("%v is not answered", words)
	}
	a := *got
	for _, l := range slices.Clone(out.Links) {
		w.carry(l)
	}
	return a
}

// why is the answer to the question.
func (w *talk) why(about ...string) []string {
	w.Helper()
	a := w.ask(append([]string{"why"}, about...)...)
	var lines []string
	if a.Err != "" || json.Unmarshal(a.Body, &lines) != nil {
		w.Fatalf("why %v: %q %s", about, a.Err, a.Body)
	}
	return lines
}

// told is the answer to what a scene ends with.
func (w *talk) told(about string) []string {
	w.Helper()
	words := strings.Fields(about)
	if len(words) == 0 || words[0] != "evidence" && words[0] != "order" {
		return w.why(words...)
	}
	a := w.ask(words...)
	if words[0] == "order" {
		if a.Err == "" {
			w.Fatalf("%s is not refused", about)
		}
		return []string{a.Err}
	}
	var lines []string
	if a.Err != "" || json.Unmarshal(a.Body, &lines) != nil {
		w.Fatalf("evidence: %q %s", a.Err, a.Body)
	}
	return lines
}

// scene is a story, and what is asked at its end.
type scene struct {
	name  string
	play  func(t *testing.T) *talk
	about string // the words after `why`; or "evidence", or an order that is refused
}

var update = flag.Bool("update", false, "write testdata/why.golden anew")

// TestWhy holds what `why` says at the end of each scene, sentence by sentence,
// against testdata/why.golden.
func TestWhy(t *testing.T) {
	var text strings.Builder
	want := golden(t)
	for _, s := range allScenes() {
		got := s.play(t).told(s.about)
		fmt.Fprintf(&text, "# %s\n%s\n\n", s.name, strings.Join(got, "\n"))
		for _, l := range got {
			if !strings.HasSuffix(l, ".") && !strings.HasPrefix(s.about, "order") && s.about != "evidence" || strings.Contains(l, "%!") {
				t.Errorf("%s: no sentence: %q", s.name, l)
			}
		}
		if w := want[s.name]; !*update && !slices.Equal(got, w) {
			t.Errorf("%s: said\n%s\nwant\n%s", s.name, strings.Join(got, "\n"), strings.Join(w, "\n"))
		}
		delete(want, s.name)
	}
	if *update {
		if err := os.WriteFile(goldenFile, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for name := range want {
		t.Errorf("%s has %q, which is no scene", goldenFile, name)
	}
}

const goldenFile = "testdata/why.golden"

// golden is the sentences of each scene.
func golden(t *testing.T) map[string][]string {
	t.Helper()
	raw, err := os.ReadFile(goldenFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	want := map[string][]string{}
	for part := range strings.SplitSeq(strings.TrimSuffix(string(raw), "\n\n"), "\n\n") {
		lines := strings.Split(part, "\n")
		want[strings.TrimPrefix(lines[0], "# ")] = lines[1:]
	}
	return want
}

// ending matches what a sentence says about what will change it.
var ending = regexp.MustCompile(`for another |\bends\b|ends this|end this|in \d|is sending what it knows|NORMAL follows`)

// TestWhyNamesAnEnd: whenever this server gives no new addresses, the answer
// names the rule, and what will change it.
func TestWhyNamesAnEnd(t *testing.T) {
	refusals := 0
	for name, lines := range golden(t) {
		all := strings.Join(lines, "\n")
		if !strings.Contains(all, "Posture SILENT") && !strings.Contains(all, "Posture RENEW-ONLY") {
			continue
		}
		refusals++
		if !regexp.MustCompile(`Posture (SILENT|RENEW-ONLY) by rule [A-Za-z0-9-]+: \S`).MatchString(all) {
			t.Errorf("%s: neither rule nor facts:\n%s", name, all)
		}
		if !ending.MatchString(all) {
			t.Errorf("%s: nothing says what will change it:\n%s", name, all)
		}
	}
	if refusals < 20 {
		t.Errorf("only %d answers refuse: the file is not what it was", refusals)
	}
}

// allScenes are those of the server and those of a client or an address.
func allScenes() []scene {
	return slices.Concat(serverScenes, refusalScenes, lossScenes, orderScenes, leaseScenes, clientScenes)
}
