package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/failover/node"
)

// heardAt lives a plan with these faults until the second and gives what box A
// says about its partner before it is told to declare it down.
func heardAt(t *testing.T, beats string, second int, faults ...Fault) string {
	t.Helper()
	p := &Plan{Seed: 1, Promise: Standard, Seconds: second, MCLT: 60, Lease: 120, Delay: 8, Pool: 4, Beats: beats, Gateway: true, Faults: faults}
	w := newWorld(p, false)
	for _, b := range w.boxes {
		b.powerOn(0)
		b.wild = 0
		b.trust(true)
	}
	w.beats.begin()
	for _, f := range faults {
		w.at(Moment(f.At)*Moment(time.Millisecond), func() { w.fault(f) })
	}
	w.advance(Moment(second) * Moment(time.Second))
	said := ""
	w.boxes[0].ask(func(a node.Answer) { said = string(a.Body) }, "evidence")
	w.advance(w.now.after(time.Second))
	if w.failed != nil {
		t.Fatal(w.failed)
	}
	return said
}

// TestHeartbeatsProveAMachine: they go on whatever the engine does, and end
// with the machine or with the paths that they take.
func TestHeartbeatsProveAMachine(t *testing.T) {
	const long = 3_600_000
	link := func(n int) Fault { return Fault{At: 60_000, What: "link", For: long, N: n} }
	for _, c := range []struct {
		name   string
		beats  string
		faults []Fault
		heard  bool
		facts  string
	}{
		{"the link is cut", BeatsBoth, []Fault{link(0)}, true, "clients' network: carrier; cable to the partner: carrier"},
		{"and there are no heartbeats", "", []Fault{link(0)}, false, "cable to the partner: unknown"},
		{"every path is cut", BeatsBoth, []Fault{link(alsoLAN | alsoCable)}, false, "cable to the partner: carrier"},
		{"the cable is pulled", BeatsBoth, []Fault{link(alsoCable | unplugged)}, true, "cable to the partner: no carrier"},
		{"the engine has crashed", BeatsLAN, []Fault{{At: 60_000, What: "crash", Box: 1, For: long}}, true, "cable to the partner: unknown"},
		{"the engine hangs", BeatsCable, []Fault{{At: 60_000, What: "freeze", Box: 1, For: long}}, true, "cable to the partner: carrier"},
		{"the partner has no carrier", BeatsLAN, []Fault{link(0), {At: 60_000, What: "carrier", Box: 1, For: long}}, false, "clients' network: carrier"},
		{"this box is cut off", BeatsLAN, []Fault{link(0), {At: 60_000, What: "lan", Box: 0, For: long}}, false, "clients' network: carrier"},
		{"the partner is off", BeatsBoth, []Fault{{At: 60_000, What: "power", Box: 1, For: long}}, false, "cable to the partner: no carrier"},
		{"the partner's machine is paused", BeatsBoth, []Fault{{At: 60_000, What: "paused-machine", Box: 1, For: long}}, false, "cable to the partner: carrier"},
	} {
		said := heardAt(t, c.beats, 120, c.faults...)
		if got := strings.Contains(said, "would be refused"); got != c.heard || !strings.Contains(said, c.facts) {
			t.Errorf("%s: heard %v, want %v with %q: %s", c.name, got, c.heard, c.facts, said)
		}
	}
}

// TestFactsComeLate: a change of carrier is known within a second, that of the
// clock within three, and a process that stands still hears of neither.
func TestFactsComeLate(t *testing.T) {
	w := newWorld(&Plan{Seed: 1, Promise: Standard, MCLT: 60, Lease: 120, Delay: 8, Pool: 4}, false)
	w.boxes[0].powerOn(0)
	w.boxes[0].wild = 0
	w.boxes[0].trust(true)
	b := w.boxes[0]
	w.advance(Moment(30 * time.Second))
	told := func() bool {
		return slices.ContainsFunc(b.inbox, func(in node.Input) bool { _, ok := in.(*node.BoxFacts); return ok })
	}
	b.frozen, b.frozeAt = true, w.now
	b.setCarrier(false)
	w.advance(w.now.after(5 * time.Second))
	if told() || b.file.link.LAN {
		t.Errorf("told %v while it stands still; the file says that the carrier is up: %v", told(), b.file.link.LAN)
	}
	b.thaw()
	if !told() {
		t.Error("a process that goes on does not look")
	}
	w.advance(w.now.after(time.Second))
	b.trust(false)
	if b.file.clock.Trusted != true || told() {
		t.Error("the engine knows at once")
	}
	w.advance(w.now.after(3*time.Second + 10*time.Millisecond))
	if at := b.place(b.read()); at.Rule != "R1" {
		t.Errorf("3 s after the clock was distrusted: %v by %v", at.Posture, at.Rule)
	}
}
