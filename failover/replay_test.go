package failover

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// entry is one line of a capture: a message of the partner, or the end of the
// connection.
type entry struct {
	at      time.Duration
	m       wire.Message // nil for FIN and RST of the partner
	connect bool         // the CONNECT of either side: a connection begins
}

// readCapture gives what the endpoint in the place of one server sees: the
// messages of the other one, and the begin and end of connections.
func readCapture(t *testing.T, name string, secondary bool) (base lease.Time, out []entry) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("wire", "testdata", name+"*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no capture %s", name)
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	theirs := "S>P"
	if secondary {
		theirs = "P>S"
	}
	for s := bufio.NewScanner(f); s.Scan(); {
		line := s.Text()
		if i := strings.Index(line, "epoch second "); i >= 0 {
			n, err := strconv.ParseUint(strings.Fields(line[i+13:])[0], 10, 32)
			if err != nil {
				t.Fatal(err)
			}
			base = lease.Time(n)
		}
		w := strings.Fields(line)
		if len(w) < 3 {
			continue
		}
		if w[0] == "#" && len(w) > 4 && w[2] == "TCP" && w[3] == theirs && (w[4] == "FIN" || w[4] == "RST") {
			out = append(out, entry{at: seconds(t, w[1])})
		}
		if w[0] != "P>S" && w[0] != "S>P" {
			continue
		}
		frame, err := hex.DecodeString(w[2])
		if err != nil {
			t.Fatal(err)
		}
		m, err := wire.Decode(frame)
		if err != nil {
			t.Fatal(err)
		}
		_, connect := m.(*wire.Connect)
		if w[0] == theirs || connect {
			e := entry{at: seconds(t, w[1]), connect: connect}
			if w[0] == theirs {
				e.m = m
			}
			out = append(out, e)
		}
	}
	return base, out
}

func seconds(t *testing.T, s string) time.Duration {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(f * 1e9)
}

// replay is an endpoint in the place of one server of a capture.
type replay struct {
	t       *testing.T
	e       *Endpoint
	base    lease.Time
	conn    ConnID
	nextID  ConnID
	states  []string
	rejects []string          // what we refused, in order
	partner lease.ServerState // as last heard by us
	pending map[uint32]string
}

// replays are the captures with what an endpoint has to make of them. from is
// the state before the capture begins; empty for a server that starts new.
var replays = []struct {
	file      string
	secondary bool
	from      lease.ServerState
	down      time.Duration // when an operator says partner-down; 0 never
	reboot    time.Duration // when this server starts again; 0 never
	want      string
}{
	{"01", true, 0, 0, 0, "startup recover recover-done normal"},
	{"01", false, 0, 0, 0, "startup recover recover-done normal"},
	{"02", true, lease.Normal, 0, 0, "normal"},
	{"02", false, lease.Normal, 0, 0, "normal"},
	{"03", true, lease.Normal, 0, 0, "normal"},
	{"03", false, lease.Normal, 0, 0, "normal"},
	{"04", true, lease.Normal, 0, 0, "normal"},
	{"04", false, lease.Normal, 0, 0, "normal"},
	{"05", true, lease.Normal, 0, 0, "normal"},
	{"05", false, lease.Normal, 0, 0, "normal"},
	{"06", true, lease.Normal, 0, 0, "normal"},
	{"06", false, lease.Normal, 0, 0, "normal"},
	{"07-", false, lease.Normal, 0, 0, "normal communications-interrupted normal"},
	{"07-", true, lease.Normal, 0, 20 * time.Second, "normal communications-interrupted startup normal"},
	{"07b", true, lease.Normal, 0, 0, "normal communications-interrupted normal"},
	{"07b", false, lease.Normal, 0, 15 * time.Second, "normal communications-interrupted startup normal"},
	{"08-", false, lease.Normal, 7 * time.Second, 0, "normal communications-interrupted partner-down normal"},
	{"08-", true, lease.Normal, 0, 36 * time.Second, "normal communications-interrupted startup recover recover-done normal"},
	{"08b", true, lease.Normal, 7 * time.Second, 0, "normal communications-interrupted partner-down normal"},
	{"08b", false, lease.Normal, 0, 35 * time.Second, "normal communications-interrupted startup recover recover-done normal"},
	{"10", false, lease.Normal, 0, 0, "normal communications-interrupted"},
	{"11", false, lease.Normal, 17 * time.Second, 0, "normal communications-interrupted partner-down potential-conflict conflict-done normal"},
	{"11", true, lease.Normal, 16 * time.Second, 0, "normal communications-interrupted partner-down potential-conflict normal"},
	{"12", true, lease.Normal, 0, 0, "normal"},
	{"12", false, lease.Normal, 0, 0, "normal"},
	{"13", true, lease.Normal, 0, 0, "normal communications-interrupted normal"},
	{"13", false, lease.Normal, 0, 0, "normal communications-interrupted normal"},
	{"14", false, lease.Normal, 0, 0, "normal communications-interrupted normal"},
	{"15-", true, lease.Normal, 0, 0, "normal communications-interrupted potential-conflict normal"},
	{"15-", false, lease.Normal, 6 * time.Second, 0, "normal communications-interrupted partner-down potential-conflict conflict-done normal"},
	{"16", true, lease.Normal, 0, 0, "normal"},
	{"16", false, lease.Normal, 0, 0, "normal"},
	{"17", true, lease.Normal, 0, 0, "normal"},
	{"17", false, lease.Normal, 0, 0, "normal"},
	{"18", true, lease.Normal, 0, 0, "normal"},
	{"18", false, lease.Normal, 0, 0, "normal"},
	{"19", true, lease.Normal, 6 * time.Second, 0, "normal communications-interrupted partner-down normal"},
}

// staleNews is what an endpoint must refuse in a capture: the EXPIRED of a
// restarted dhcpd for a lease that its partner had renewed.
var staleNews = map[string]string{
	"08bsecondary": "expired 10.77.0.110 (2)",
	"19secondary":  "expired 10.77.0.110 (2)",
}

// TestReplaysOfCaptures puts an endpoint in the place of one dhcpd of each
// capture and gives it what the other one really said.
func TestReplaysOfCaptures(t *testing.T) {
	for _, c := range replays {
		role := "primary"
		if c.secondary {
			role = "secondary"
		}
		t.Run(c.file+" "+role, func(t *testing.T) {
			base, entries := readCapture(t, c.file, c.secondary)
			r := newReplay(t, c.secondary, c.from, base)
			down, reboot := c.down, c.reboot
			for _, x := range entries {
				for _, todo := range []struct {
					at *time.Duration
					do func()
				}{{&down, r.partnerDown}, {&reboot, func() { r.reboot(c.secondary) }}} {
					if *todo.at != 0 && *todo.at <= x.at {
						r.until(*todo.at)
						todo.do()
						*todo.at = 0
					}
				}
				r.until(x.at)
				r.take(x)
			}
			r.until(entries[len(entries)-1].at + time.Second)
			if got := strings.Join(r.states, " "); got != c.want {
				t.Errorf("states\n got  %s\n want %s", got, c.want)
			}
			if got, want := strings.Join(r.rejects, ", "), staleNews[c.file+role]; got != want {
				t.Errorf("rejected %q, want %q", got, want)
			}
		})
	}
}

func newReplay(t *testing.T, secondary bool, from lease.ServerState, base lease.Time) *replay {
	r := &replay{t: t, base: base, nextID: 1, pending: map[uint32]string{}}
	table := lease.NewTable()
	table.SetPools([][]lease.Range{{{Low: lease.MustIP("10.77.0.100"), High: lease.MustIP("10.77.0.119")}}})
	saved, boot := lease.Peer{}, Boot{Origin: "new"}
	if from != 0 {
		saved = lease.Peer{Name: "fo-pair", State: from, Since: base - 3, MCLT: 20, HBA: wire.Split(128), LastContact: base - 1}
		boot = Boot{Origin: "whole", LastAlive: base - 1}
		for ip := lease.MustIP("10.77.0.100"); ip <= lease.MustIP("10.77.0.109"); ip++ {
			table.Apply(lease.Lease{IP: ip, State: lease.Backup, Rewind: lease.Backup, Starts: base - 3, TSTP: base - 3})
		}
	}
	r.e = New(replayConfig(secondary), table, []int{0}, saved, boot)
	r.step(0, ClockFacts{Trusted: true})
	r.step(0, Started{})
	if from != 0 {
		// The capture begins on a connection that is up already.
		r.greet(0, secondary)
		m := &wire.State{State: wire.Some(lease.Normal), Flags: wire.Some(wire.ServerFlags(0)), Since: wire.Some(base - 3)}
		m.Time = base
		r.step(0, Received{r.conn, m})
		done := &wire.Upddone{}
		done.Time = base
		r.step(0, Received{r.conn, done})
		r.states = []string{"normal"}
		r.partner = lease.Normal
	}
	return r
}

func replayConfig(secondary bool) Config {
	cfg := Config{Name: "fo-pair", Secondary: secondary, MaxResponseDelay: 12, MaxUnacked: 10, HBA: wire.Split(128),
		LoadBalanceMaxSeconds: 3, MinBalance: 300, MaxBalance: 600, Expect: ExpectISC, MaxClockDelta: 60}
	if !secondary {
		cfg.MCLT = 20
	}
	return cfg
}

// reboot starts the server again from what it saved.
func (r *replay) reboot(secondary bool) {
	now := r.e.now
	r.e = New(replayConfig(secondary), r.e.table, []int{0}, r.e.peer, Boot{Origin: "whole", LastAlive: r.base + 4})
	r.e.now = now
	r.conn = 0
	at := time.Duration(now.Mono - 1e9)
	r.step(at, ClockFacts{Trusted: true})
	r.step(at, Started{})
}

// greet makes a connection by messages that dhcpd would send.
func (r *replay) greet(at time.Duration, secondary bool) {
	r.conn, r.nextID = r.nextID, r.nextID+1
	r.step(at, Connected{Conn: r.conn})
	if secondary {
		m := &wire.Connect{Relationship: wire.Some("fo-pair"), MaxUnacked: wire.Some(uint32(10)), ReceiveTimer: wire.Some(lease.Seconds(12)),
			MCLT: wire.Some(lease.Seconds(20)), HBA: wire.Some(wire.Split(128))}
		m.Time = r.base
		r.step(at, Received{r.conn, m})
		return
	}
	m := &wire.Connectack{Relationship: wire.Some("fo-pair"), MaxUnacked: wire.Some(uint32(10)), ReceiveTimer: wire.Some(lease.Seconds(12))}
	m.Time = r.base
	r.step(at, Received{r.conn, m})
}

func (r *replay) partnerDown() {
	if err := r.e.Command(r.e.now, Command{Order: OrderPartnerDown}); err != nil {
		r.t.Errorf("partner-down: %v", err)
	}
	r.look()
}

// until lets time pass, stepping at every deadline.
func (r *replay) until(at time.Duration) {
	for {
		d := r.e.Deadline()
		next := time.Duration(d - 1e9)
		if d == 0 || next > at {
			break
		}
		now := time.Duration(r.e.now.Mono - 1e9)
		r.step(max(next, now), Tick{})
		if r.e.Deadline() <= d && next <= now {
			break
		}
	}
	r.step(at, Tick{})
}

func (r *replay) step(at time.Duration, ev Event) {
	r.e.Step(lease.Now{Wall: int64(r.base)*1e9 + int64(at), Mono: 1e9 + int64(at)}, ev)
	r.look()
}

// take gives one line of the capture to the endpoint.
func (r *replay) take(x entry) {
	if x.connect {
		r.conn, r.nextID = r.nextID, r.nextID+1
		r.step(x.at, Connected{Conn: r.conn})
	}
	switch m := x.m.(type) {
	case nil:
		if !x.connect && r.conn != 0 {
			r.step(x.at, Closed{r.conn, "closed by the partner"})
			r.conn = 0
		}
		return
	case *wire.State:
		r.partner = m.State.V
	case *wire.Bndupd:
		r.pending[m.XID] = fmt.Sprintf("%v %v", m.Status.V, m.IP.V)
	}
	r.step(x.at, Received{r.conn, x.m})
}

// look judges what the endpoint does.
func (r *replay) look() {
	for _, x := range r.e.Effects() {
		switch x := x.(type) {
		case Entered:
			r.states = append(r.states, x.To.String())
		case Send:
			if err := wire.Check(x.Message, wire.ISC); err != nil {
				r.t.Errorf("%v", err)
			}
			switch m := x.Message.(type) {
			case *wire.State:
				if err := wire.CheckState(m.State.V, r.partner); err != nil {
					r.t.Errorf("%v", err)
				}
			case *wire.Bndack:
				if m.Reject.Set {
					r.rejects = append(r.rejects, fmt.Sprintf("%s (%d)", r.pending[m.XID], m.Reject.V))
				}
			}
		}
	}
}
