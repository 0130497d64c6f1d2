package node

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/conf"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
)

// plain is the configuration of a server without partner.
const plain = `authoritative; ping-check off; default-lease-time 600;
subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.0 10.0.9.255; }
`

// paired is one side of a pair; %s is the role and the addresses.
const paired = `authoritative; ping-check off; default-lease-time 600; min-lease-time 20;
failover peer "p" { %s max-response-delay 12; max-unacked-updates 10; load balance max seconds 3; }
subnet 10.0.0.0 netmask 255.255.0.0 { pool { failover peer "p"; range 10.0.1.0 10.0.1.19; } }
`

func load(t *testing.T, text string) *conf.Config {
	t.Helper()
	cfg, list := conf.Load("test.conf", func(string) ([]byte, error) { return []byte(text), nil })
	if cfg == nil {
		t.Fatal(list)
	}
	return cfg
}

var start = lease.Now{Wall: int64(20_000 * 24 * time.Hour), Mono: int64(time.Hour)}

func started(t *testing.T, opt Options, records ...lease.Record) *Node {
	t.Helper()
	n := New(opt)
	for _, r := range records {
		n.Restore(r)
	}
	n.Start(start)
	n.Step(start, &Links{Interfaces: []dhcp.Interface{*eth0}})
	n.Flush(start)
	return n
}

var eth0 = &dhcp.Interface{Index: 1, Name: "eth0", Addrs: []lease.IP{lease.MustIP("10.0.0.1")}}

func packet(t *testing.T, client byte, kind dhcpv4.MessageType, want string) *PacketIn {
	t.Helper()
	mods := []dhcpv4.Modifier{dhcpv4.WithMessageType(kind), dhcpv4.WithHwAddr(net.HardwareAddr{2, 0, 0, 0, 0, client})}
	if want != "" {
		mods = append(mods, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.ParseIP(want).To4())))
	}
	msg, err := dhcpv4.New(mods...)
	if err != nil {
		t.Fatal(err)
	}
	raw := msg.ToBytes()
	decoded, err := dhcp.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return &PacketIn{Packet: dhcp.Packet{If: eth0, SrcPort: 68, Dst: 1<<32 - 1, Raw: raw, Msg: decoded}}
}

func TestOnlyWhatIsPromisedIsSynced(t *testing.T) {
	n := started(t, Options{Config: load(t, plain)})
	n.Step(start, packet(t, 1, dhcpv4.MessageTypeDiscover, ""))
	if out := n.Flush(start); len(out.Replies) != 1 || out.MustSync || len(out.Records) != 0 {
		t.Fatalf("an offer: %d replies, %d records, sync %v", len(out.Replies), len(out.Records), out.MustSync)
	}
	n.Step(start, packet(t, 1, dhcpv4.MessageTypeRequest, "10.0.1.0"))
	out := n.Flush(start)
	if len(out.Replies) != 1 || !out.MustSync || len(out.Records) != 1 {
		t.Fatalf("an ACK: %d replies, %d records, sync %v", len(out.Replies), len(out.Records), out.MustSync)
	}
	if l := out.Records[0].(*lease.Lease); l.IP != lease.MustIP("10.0.1.0") || l.State != lease.Active {
		t.Fatalf("recorded %+v", l)
	}
	later := start.Add(700 * time.Second)
	if at := n.Deadline(); at == 0 || at > later.Mono {
		t.Fatalf("deadline %d, but a lease ends before %d", at, later.Mono)
	}
	if out := n.Flush(later); len(out.Records) != 1 || out.MustSync {
		t.Fatalf("an end: %d records, sync %v", len(out.Records), out.MustSync)
	}
}

func TestUntrustedClockSilencesAServerWithoutPartner(t *testing.T) {
	n := started(t, Options{Config: load(t, plain), Watched: true})
	n.Step(start, packet(t, 1, dhcpv4.MessageTypeDiscover, ""))
	if out := n.Flush(start); len(out.Replies) != 0 {
		t.Fatal("R1: a client was answered before the clock was trusted")
	}
	if s := n.Status(start); !strings.Contains(s.Sentence, "R1") {
		t.Fatalf("status %q", s.Sentence)
	}
	f := &BoxFacts{}
	f.Clock.Trusted = true
	n.Step(start, f)
	n.Step(start, packet(t, 2, dhcpv4.MessageTypeDiscover, ""))
	if out := n.Flush(start); len(out.Replies) != 1 {
		t.Fatal("no answer though the clock is trusted")
	}
}

// answer puts a question and gives the whole answer.
func answer(t *testing.T, n *Node, words ...string) []Answer {
	t.Helper()
	n.Step(start, &Query{ID: 7, Args: words})
	var got []Answer
	for range 1000 {
		out := n.Flush(start)
		for _, a := range out.Answers {
			if a.ID == 7 {
				got = append(got, a)
			}
		}
		if len(got) > 0 && !got[len(got)-1].More {
			return got
		}
		n.Step(start, &Query{ID: 7, Args: []string{"more"}})
	}
	t.Fatalf("%q has no end", words)
	return nil
}

func TestListingsComeInPieces(t *testing.T) {
	var records []lease.Record
	const count = 1500
	for i := range lease.IP(count) {
		l := lease.Lease{IP: lease.MustIP("10.0.1.0") + i, State: lease.Active, Ends: start.Time() + 100, HW: "\x01\x02\x00\x00\x00" + string([]byte{byte(i >> 8), byte(i)})}
		if i%2 == 1 {
			l.State = lease.Free
		}
		records = append(records, &l)
	}
	n := started(t, Options{Config: load(t, plain)}, records...)
	pieces := answer(t, n, "leases", "active")
	total := 0
	for _, p := range pieces {
		var list []LeaseInfo
		if err := json.Unmarshal(p.Body, &list); err != nil {
			t.Fatal(err)
		}
		total += len(list)
	}
	if total != count/2 || len(pieces) < 2 {
		t.Fatalf("%d leases in %d pieces, want %d in several", total, len(pieces), count/2)
	}
}

func TestQueriesThatCannotBeAnswered(t *testing.T) {
	n := started(t, Options{Config: load(t, plain)})
	for _, c := range []struct{ words, want string }{
		{"nonsense", "unknown query"},
		{"why 10.0.0.300", ""},
		{"order partner-down me", "has no failover peer"},
		{"order partner-down me x", `there is no failover peer "x"; there is none`},
		{"order dance me", "unknown order"},
		{"evidence", "has no failover peer"},
	} {
		got := answer(t, n, strings.Fields(c.words)...)
		if c.want != "" && !strings.Contains(got[0].Err, c.want) || c.want == "" && got[0].Err == "" && len(got[0].Body) == 0 {
			t.Errorf("%q: %+v, want %q", c.words, got[0], c.want)
		}
	}
}

// wires joins two nodes by one connection, as the shell would.
type wires struct {
	t     *testing.T
	nodes [2]*Node
	up    bool
}

// run flushes both nodes until neither has anything to say.
func (w *wires) run(now lease.Now) {
	w.t.Helper()
	for range 200 {
		quiet := true
		for i, n := range w.nodes {
			for _, l := range append([]Link(nil), n.Flush(now).Links...) {
				quiet = false
				w.carry(now, i, l)
			}
		}
		if quiet {
			return
		}
	}
	w.t.Fatal("the nodes never come to rest")
}

func (w *wires) carry(now lease.Now, from int, l Link) {
	other := w.nodes[1-from]
	switch {
	case l.Do == LinkDial && !w.up:
		w.up = true
		w.nodes[from].Step(now, &PeerConnected{Peer: "p", Conn: 1, Dialled: true})
		other.Step(now, &PeerConnected{Peer: "p", Conn: 1})
	case l.Do == LinkSend && w.up:
		other.Step(now, &PeerReceived{Conn: 1, Message: l.Message})
	case l.Do == LinkHangup && w.up:
		w.up = false
		w.t.Fatalf("node %d hangs up: %s", from, l.Why)
	}
}

func newPair(t *testing.T) (*wires, lease.Now) {
	t.Helper()
	w := &wires{t: t}
	for i, role := range []string{
		"primary; mclt 60; split 128; address 10.0.0.1; peer address 10.0.0.2;",
		"secondary; address 10.0.0.2; peer address 10.0.0.1;",
	} {
		w.nodes[i] = New(Options{Config: load(t, fmt.Sprintf(paired, role)), Seed: 1, Boot: lease.Boot{ID: fmt.Sprint("boot", i), StoreOrigin: "new"}})
		w.nodes[i].Start(start)
		w.nodes[i].Step(start, &Links{Interfaces: []dhcp.Interface{*eth0}})
	}
	now := start
	for range 100 {
		w.run(now)
		if w.normal() {
			return w, now
		}
		now = now.Add(500 * time.Millisecond)
	}
	t.Fatalf("not NORMAL after 50 s: %q and %q", w.nodes[0].Status(now).Sentence, w.nodes[1].Status(now).Sentence)
	return nil, now
}

func (w *wires) normal() bool {
	return w.nodes[0].relations[0].end.State() == lease.Normal && w.nodes[1].relations[0].end.State() == lease.Normal
}

func TestPairGivesEachClientOneServerAndTellsTheOther(t *testing.T) {
	w, now := newPair(t)
	now = now.Add(10 * time.Second) // the pool is balanced
	w.run(now)
	served := 0
	for client := byte(1); client <= 8; client++ {
		answers := 0
		for _, n := range w.nodes {
			n.Step(now, packet(t, client, dhcpv4.MessageTypeDiscover, ""))
			for _, r := range append([]dhcp.Reply(nil), n.events.Replies...) {
				answers++
				offer, err := dhcpv4.FromBytes(r.Payload)
				if err != nil {
					t.Fatal(err)
				}
				n.Step(now, packet(t, client, dhcpv4.MessageTypeRequest, offer.YourIPAddr.String()))
			}
		}
		if answers != 1 {
			t.Errorf("client %d got %d offers", client, answers)
		}
		served += answers
		w.run(now)
	}
	for i, n := range w.nodes {
		if got := n.table.Count(0, lease.Active); got != served {
			t.Errorf("node %d knows %d active leases, want %d", i, got, served)
		}
	}
	for i := range w.nodes[0].table.Len() {
		a := w.nodes[0].table.At(i)
		b := w.nodes[1].table.Get(a.IP)
		if b == nil || a.State != b.State || a.HW != b.HW || a.Ends != b.Ends {
			t.Errorf("the tables differ about %v: %+v and %+v", a.IP, a, b)
		}
	}
}

func TestPartnerDownIsRefusedWhileThePartnerIsHeard(t *testing.T) {
	w, _ := newPair(t)
	got := answer(t, w.nodes[0], "order", "partner-down", "the test")
	if got[0].Err == "" {
		t.Fatal("accepted while the pair is NORMAL")
	}
	var facts []string
	got = answer(t, w.nodes[0], "evidence")
	if json.Unmarshal(got[0].Body, &facts) != nil || len(facts) == 0 {
		t.Fatalf("evidence: %+v", got)
	}
	got = answer(t, w.nodes[0], "why")
	if json.Unmarshal(got[0].Body, &facts) != nil || !strings.Contains(facts[0], "normal") {
		t.Fatalf("why: %+v", got)
	}
}

func TestRestoredRelationshipGoesOnAndTheBootIsWrittenDown(t *testing.T) {
	w, now := newPair(t)
	saved := w.nodes[0].saved["p"]
	if saved.State != lease.Normal || saved.MCLT != 60 {
		t.Fatalf("saved %+v", saved)
	}
	n := New(Options{Config: w.nodes[0].cfg, Boot: lease.Boot{ID: "again", StoreOrigin: "whole"}})
	n.Restore(&saved)
	n.Restore(&lease.Boot{ID: "boot0", LastAlive: now.Time()})
	n.Start(now)
	boots := 0
	for range 5 {
		for _, r := range n.Flush(now).Records {
			if b, ok := r.(*lease.Boot); ok && b.LastAlive == now.Time() && b.ID == "again" {
				boots++
			}
		}
		now = now.Add(aliveEvery)
	}
	if boots != 5 {
		t.Fatalf("alive was written down %d times in 25 s, want 5", boots)
	}
	if st := n.relations[0].end.State(); st == lease.Recover {
		t.Fatalf("a whole store leads to %v", st)
	}
}
