package sim

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// TestModelIsAsCaptured puts the model in the place of one dhcpd of each
// capture, gives it what the other one really said, and what clients did, and
// holds everything that it does against what the real one did: each message
// with every option, the order, and the moment.
func TestModelIsAsCaptured(t *testing.T) {
	met := make([]bool, len(tolerated))
	for _, s := range scenes {
		t.Run(s.String(), func(t *testing.T) {
			s.set = s.set.or(s.file[0] == 'p')
			for _, f := range s.untolerated(t, s.read(t), met) {
				t.Error(f)
			}
		})
	}
	for i, x := range tolerated {
		if !met[i] {
			t.Errorf("no longer needed: in %v %v, %s", x.scene, x.finding, x.why)
		}
	}
}

// TestAnAlteredCaptureIsFound: whatever is changed in a capture, the comparison
// says so.
func TestAnAlteredCaptureIsFound(t *testing.T) {
	for _, x := range []struct {
		scene  string
		line   int // of the file
		change func(*captured)
		want   string
	}{
		{"07 primary", 21, func(x *captured) { x.m.(*wire.State).Flags.V = wire.FlagStartup }, "STATE"},
		{"03 primary", 12, func(x *captured) { x.m.(*wire.Bndack).Reject.V = wire.RejectFatalConflict }, "reject-reason"},
		{"03 secondary", 10, func(x *captured) { x.m.(*wire.Bndupd).PotentialExpiry.V++ }, "potential-expiration-time"},
		{"05 primary", 19, func(x *captured) { x.m.(*wire.Bndupd).Status.V = lease.Free }, "BNDUPD"},
		{"05 primary", 14, func(x *captured) { x.at += 300 * time.Millisecond }, "off by"},
		{"06 secondary", 18, func(x *captured) { x.at += 300 * time.Millisecond }, "off by"},
		{"07 primary", 13, func(x *captured) { x.at += 2 * time.Second }, "off by"},
		{"16 secondary", 4, func(x *captured) { x.m.(*wire.Bndupd).CLTT = wire.Opt[lease.Time]{} }, "client-last-transaction-time"},
		{"17 primary", 9, func(x *captured) { x.m.(*wire.Poolresp).Transferred.V = 3 }, "addresses-transferred"},
		{"14 secondary", 61, func(x *captured) { x.m.(*wire.State).State.V = lease.RecoverDone }, "STATE"},
		{"08b secondary", 30, nil, "the model alone"},
	} {
		t.Run(fmt.Sprintf("%s line %d", x.scene, x.line), func(t *testing.T) {
			s := scenes[slices.IndexFunc(scenes, func(s scene) bool { return s.String() == x.scene })]
			s.set = s.set.or(false)
			c := s.read(t)
			at := slices.IndexFunc(c.lines, func(l captured) bool { return l.line == x.line })
			if at < 0 || !c.lines[at].mine {
				t.Fatalf("no line %d of this server", x.line)
			}
			if x.change == nil {
				c.lines = slices.Delete(c.lines, at, at+1)
			} else {
				x.change(&c.lines[at])
			}
			found := strings.Join(s.untolerated(t, c, make([]bool, len(tolerated))), "\n")
			if !strings.Contains(found, x.want) {
				t.Errorf("not found, only %q", found)
			}
		})
	}
}
