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

func (c *capture) second(at time.Duration) lease.Time { return lease.Time(c.zero + at.Seconds()) }

func (c *capture) String() string { return fmt.Sprintf("%s (%d lines)", c.name, len(c.lines)) }
