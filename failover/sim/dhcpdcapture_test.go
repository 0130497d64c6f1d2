package sim

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// captured is one line of a capture: a message, or what TCP did.
type captured struct {
	at   time.Duration // since the first packet
	mine bool          // by the server in whose place the model is
	m    wire.Message  // nil for what TCP did, and for what cannot be read
	tcp  string        // "SYN", "FIN" or "RST"; "bad" for what cannot be read
	line int
}

// capture is a captured conversation as one of the two servers saw it.
type capture struct {
	name  string
	zero  float64 // the true time of its first packet, in seconds since 1970
	lines []captured
}

// captures are kept beside the codec, which is held against them as well.
var captures = filepath.Join("..", "wire", "testdata")

func readCapture(t *testing.T, name string, secondary bool) *capture {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(captures, name+"-*.txt"))
	if err != nil || len(files) != 1 {
		t.Fatalf("captures %s: %v, %v", name, files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	c := &capture{name: filepath.Base(files[0])}
	mine, theirs := "P>S", "S>P"
	if secondary {
		mine, theirs = theirs, mine
	}
	for i, line := range strings.Split(string(text), "\n") {
		if _, second, ok := strings.Cut(line, "epoch second "); ok {
			c.zero = seconds(t, strings.Fields(second)[0]).Seconds()
		}
		w := strings.Fields(line)
		if len(w) < 3 {
			continue
		}
		x := captured{line: i + 1}
		switch {
		case w[0] == mine, w[0] == theirs:
			x.mine, x.at = w[0] == mine, seconds(t, w[1])
			frame, err := hex.DecodeString(w[2])
			if err != nil {
				t.Fatalf("%s:%d: %v", c.name, i+1, err)
			}
			x.m, err = wire.Decode(frame)
			if err != nil || slices.ContainsFunc(x.m.Over().Others, func(o wire.Option) bool { return o.Code == wire.CodeDDNS }) {
				x.m, x.tcp = nil, "bad"
			}
		case w[0] == "#" && len(w) > 4 && w[2] == "TCP":
			x.mine, x.at, x.tcp = w[3] == mine, seconds(t, w[1]), w[4]
		case w[0] == "#" && len(w) > 3 && w[2]+" "+w[3] == "peer closed":
			x.mine, x.at, x.tcp = true, seconds(t, w[1]), "FIN"
		case w[0] == "#" && len(w) > 3 && w[2]+" "+w[3] == "accepted from":
			x.mine, x.at, x.tcp = true, seconds(t, w[1]), "SYN"
		default:
			continue
		}
		c.lines = append(c.lines, x)
	}
	c.findZero(t)
	return c
}

// findZero finds the moment of the first packet, of which the head gives the
// second at most: what the server's clock said when it sent leaves little room,
// and dhcpd does much when a second begins.
func (c *capture) findZero(t *testing.T) {
	for _, x := range c.lines {
		if x.mine && x.m != nil {
			c.zero = max(c.zero, float64(x.m.Head().Time)-x.at.Seconds()+.010)
		}
	}
	if c.zero == 0 {
		t.Fatalf("%s: nothing of this server", c.name)
	}
}

// base is the second in which the capture begins.
func (c *capture) base() lease.Time { return lease.Time(c.zero) }

// moment is when a second of the servers' clocks begins.
func (c *capture) moment(s lease.Time) time.Duration {
	return time.Duration((float64(s) - c.zero) * 1e9)
}

func seconds(t *testing.T, s string) time.Duration {
	t.Helper()
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(f * 1e9)
}

// call is what a client did at the server, as far as the capture shows.
type call struct {
	at   time.Duration
	what byte // typeRequest, typeDiscover for an offer that was not taken, typeRelease, typeDecline
	ip   lease.IP
	hw   string
	uid  string
	want lease.Seconds // the lease time asked for; zero for none
}

// before is how long before the message about it a client's packet came.
const before = 3 * time.Millisecond

// calls finds what clients did: every message about a lease says when the
// client was last there.
func (c *capture) calls() []call {
	var list []call
	add := func(v call) {
		if !slices.ContainsFunc(list, func(o call) bool {
			return o.what == v.what && o.ip == v.ip && o.hw == v.hw && c.second(o.at) == c.second(v.at)
		}) {
			list = append(list, v)
		}
	}
	for _, x := range c.lines {
		m, ok := x.m.(*wire.Bndupd)
		if !ok || !x.mine {
			continue
		}
		now := x.at - before
		if syn := c.greeted(x.at); x.at-syn < time.Second {
			now = min(now, syn-before) // and so it was not told before
		}
		v := call{what: typeRequest, ip: m.IP.V, hw: m.HW.V, uid: m.ClientID.V}
		if m.Status.V == lease.Active {
			v.want = m.PotentialExpiry.V.Sub(m.STOS.V) - m.LeaseExpiry.V.Sub(m.STOS.V)/2
		}
		at := func(s lease.Time) time.Duration {
			if s == m.Time {
				return now
			}
			return c.moment(s) + time.Second/2 + time.Duration(x.line)*time.Millisecond
		}
		idle := m.Status.V == lease.Free || m.Status.V == lease.Backup
		offer := idle && m.CLTT.Set && m.LeaseExpiry.V == m.CLTT.V.Add(120)
		switch {
		case m.Status.V == lease.Released:
			v.what, v.at = typeRelease, now
			add(v)
			v.what = typeRequest
		case m.Status.V == lease.Abandoned:
			v.what, v.at = typeDecline, now
			add(v)
			continue
		case offer && m.Status.V == lease.Free && m.PotentialExpiry.V != 0:
			// It was in use before; a lease of MCLT ended then.
			old := v
			old.hw, old.at = stranger(v.ip), at(m.PotentialExpiry.V-20)
			add(old)
		case idle && m.CLTT.V > m.LeaseExpiry.V:
			continue
		case m.CLTT.Set && m.CLTT.V < m.STOS.V && m.STOS.V < m.Time:
			// The partner has given the lease to this client since.
			v.hw, v.uid, v.want, v.at = stranger(v.ip), "", 0, at(m.CLTT.V)
			if !slices.ContainsFunc(list, func(o call) bool { return o.ip == v.ip && c.second(o.at) == m.CLTT.V }) {
				add(v)
			}
			continue
		}
		if offer { // the latest one comes first in dhcpd's lists
			v.what, v.at = typeDiscover, at(m.CLTT.V)-time.Duration(2*x.line)*time.Millisecond
			add(v)
			continue
		}
		if m.CLTT.V > m.STOS.V && m.Status.V == lease.Active {
			v.at = at(m.STOS.V)
			add(v)
		}
		if m.CLTT.Set {
			v.at = at(m.CLTT.V)
			add(v)
		}
	}
	slices.SortStableFunc(list, func(a, b call) int { return int(a.at - b.at) })
	return list
}

// greeted is when the connection began that was there at a moment.
func (c *capture) greeted(at time.Duration) time.Duration {
	from := -time.Hour
	for _, x := range c.lines {
		if x.tcp == "SYN" && x.at <= at {
			from = x.at
		}
	}
	return from
}

// stranger is a client of which the capture does not tell.
func stranger(ip lease.IP) string { return "\x01\x02\x00\xff\x00\x00" + string(rune(ip&0x7f)) }

func (c *capture) second(at time.Duration) lease.Time { return lease.Time(c.zero + at.Seconds()) }

func (c *capture) String() string { return fmt.Sprintf("%s (%d lines)", c.name, len(c.lines)) }
