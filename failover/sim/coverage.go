package sim

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"tandem/failover"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// place is where a box stands.
type place struct{ State, Posture, Rule string }

// visit is an event at a place.
type visit struct {
	place
	event string
}

// Coverage counts what was visited.
type Coverage struct {
	places map[place]uint64
	visits map[visit]uint64
	faults map[string]uint64
	// Refused counts clients that got no address for about a minute.
	Refused uint64
	// Excused counts lives with both boxes declared the survivor.
	Excused uint64
}

func newCoverage() *Coverage {
	return &Coverage{places: map[place]uint64{}, visits: map[visit]uint64{}, faults: map[string]uint64{}}
}

func (c *Coverage) fault(what string) { c.faults[what]++ }

// Add takes another one's counts.
func (c *Coverage) Add(o *Coverage) {
	for k, n := range o.places {
		c.places[k] += n
	}
	for k, n := range o.visits {
		c.visits[k] += n
	}
	for k, n := range o.faults {
		c.faults[k] += n
	}
	c.Refused += o.Refused
	c.Excused += o.Excused
}

// seenEvery is how often a box that says nothing is looked at.
const seenEvery = 20 * time.Second

// see notes where the box is after a batch, and what happened there.
func (b *Box) see(now lease.Now, batch []node.Input, out *node.Output) {
	for _, in := range batch {
		b.w.Cover.visits[visit{b.where, eventName(in)}]++
	}
	if len(out.Lines) == 0 && b.w.now-b.seen < Moment(seenEvery) {
		return
	}
	b.seen = b.w.now
	p := b.node.Status(now).Peers[0]
	at := place{p.State, p.Posture, p.Rule}
	b.w.Cover.places[at]++
	if at != b.where {
		b.w.tell("%s is in %s, %s by %s: %s", b.name, p.State, p.Posture, p.Rule, p.PostureWhy)
	}
	// A box that comes back to PARTNER-DOWN out of STARTUP was not declared anew.
	back := b.where.State == lease.Startup.String() && b.declaredIn != b.run
	if at.State == lease.PartnerDown.String() && at.State != b.where.State && !back {
		b.w.operator.entered(b)
	}
	if at.State == lease.Normal.String() {
		b.declared = false
	}
	switch {
	case p.Connected:
		b.aloneAt = 0
	case at.Posture == failover.Alone.String():
		b.aloneAt = b.w.now
	}
	if b.unsaid && at.State != lease.Startup.String() {
		b.unsaid = false
		if !p.Connected {
			b.w.operator.excuse("an older disk was put back in silence, and there is no contact to show it")
		}
	}
	b.where = at
}

func eventName(in node.Input) string {
	switch in := in.(type) {
	case *node.PeerReceived:
		return in.Message.Kind().String()
	case *node.Query:
		if in.Args[0] == "why" {
			return "why"
		}
		return strings.Join(in.Args[:min(2, len(in.Args))], " ")
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", in), "*node.")
}

// What a pair of Tandem boxes can come to.
var (
	allStates = []string{"startup", "normal", "communications-interrupted", "partner-down", "potential-conflict",
		"recover", "recover-wait", "recover-done", "resolution-interrupted", "conflict-done", "shutdown"}
	allPostures = []string{"SILENT", "RENEW-ONLY", "FULL", "ALONE"}
	allRules    = []string{"R1", "R2", "R3", "R4-wait", "R5", "R6", "R7", "R10", "R11", "partner-state", "goodbye"}
)

// Never lists what no box came to, in words.
func (c *Coverage) Never() []string {
	var never []string
	note := func(kind string, missing []string) {
		for _, m := range missing {
			never = append(never, kind+" "+m)
		}
	}
	note("state", c.missing(allStates, func(p place) string { return p.State }))
	note("posture", c.missing(allPostures, func(p place) string { return p.Posture }))
	note("rule", c.missing(allRules, func(p place) string { return p.Rule }))
	for _, what := range slices.Sorted(maps.Keys(faults)) {
		if c.faults[what] == 0 {
			never = append(never, "fault "+what)
		}
	}
	return never
}

// Print writes the counts: places, then which events met which states, what
// was done to the boxes, and what was never reached.
func (c *Coverage) Print(out io.Writer) {
	keys := slices.SortedFunc(maps.Keys(c.places), func(a, b place) int {
		return strings.Compare(a.State+a.Posture+a.Rule, b.State+b.Posture+b.Rule)
	})
	for _, k := range keys {
		fmt.Fprintf(out, "%10d  %-28s %-10s %s\n", c.places[k], k.State, k.Posture, k.Rule)
	}
	c.printEvents(out)
	for _, k := range slices.Sorted(maps.Keys(c.faults)) {
		fmt.Fprintf(out, "%10d  fault %s\n", c.faults[k], k)
	}
	fmt.Fprintf(out, "%d clients without an address for a minute, each told why; %d lives with both boxes declared the survivor\n", c.Refused, c.Excused)
	fmt.Fprintf(out, "never reached: %s\n", strings.Join(append(c.Never(), ""), "; "))
}

// printEvents writes, for each kind of event, the states in which it came.
func (c *Coverage) printEvents(out io.Writer) {
	states := map[string]map[string]uint64{}
	for v, n := range c.visits {
		if states[v.event] == nil {
			states[v.event] = map[string]uint64{}
		}
		states[v.event][v.State] += n
	}
	for _, event := range slices.Sorted(maps.Keys(states)) {
		of := states[event]
		fmt.Fprintf(out, "%10d  %s in %s\n", total(of), event, strings.Join(slices.Sorted(maps.Keys(of)), ", "))
	}
}

func total(m map[string]uint64) (sum uint64) {
	for _, n := range m {
		sum += n
	}
	return sum
}

// missing gives those of want that no box came to.
func (c *Coverage) missing(want []string, of func(place) string) []string {
	var missing []string
	for _, w := range want {
		seen := false
		for p := range c.places {
			seen = seen || of(p) == w
		}
		if !seen {
			missing = append(missing, w)
		}
	}
	return missing
}
