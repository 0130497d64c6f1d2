package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// tales are the stories that the rules were made for. Each adds its faults to
// a plan, with the times left to luck; m is MCLT and g is G, in seconds.
var tales = map[string]func(t *tale){
	// The boxes lose each other, and an operator believes that one is dead.
	"partition": func(t *tale) {
		at := t.begin()
		t.add("link", 0, at, 8*t.m)
		t.add("declare", t.r.IntN(2), at+10+t.r.IntN(t.g+30), 0)
	},
	// The hazard: one stops, the other takes over, stops as well, and the
	// first one comes back alone.
	"lonely": func(t *tale) {
		at, box := t.begin(), t.r.IntN(2)
		t.add("power", box, at, 3*t.m+t.r.IntN(4*t.m))
		t.add("declare", 1-box, at+20+t.r.IntN(t.g+30), 0)
		last := at + 3*t.m + t.r.IntN(3*t.m)
		t.add("power", 1-box, last, t.m+t.r.IntN(6*t.m))
		t.add("link", 0, last+5, 12*t.m)
		t.add("declare", box, last+t.r.IntN(3*t.m), 0)
	},
	// A box hangs, is declared dead, and wakes while the link is cut.
	"thaw": func(t *tale) {
		t.p.Watchdog = 0
		at, box := t.begin(), t.r.IntN(2)
		t.add("freeze", box, at, 2*t.m+t.r.IntN(4*t.m))
		t.add("link", 0, at+t.r.IntN(2*t.m), 9*t.m)
		t.add("declare", 1-box, at+25+t.r.IntN(t.m), 0)
	},
	// The cable to the clients is out, and the box is declared dead.
	"cable": func(t *tale) {
		at, box := t.begin(), t.r.IntN(2)
		t.add("carrier", box, at, 2*t.m+t.r.IntN(4*t.m))
		t.add("link", 0, at-10+t.r.IntN(20), 9*t.m)
		t.add("declare", 1-box, at+25+t.r.IntN(t.m), 0)
	},
	// A box serves alone and then loses its disk.
	"disk": func(t *tale) {
		at, box := t.begin(), t.r.IntN(2)
		out := 20 + t.r.IntN(2*t.m)
		t.add("link", 0, at, out)
		t.add("disk-lost", box, at+t.r.IntN(out+20), 1+t.r.IntN(30))
	},
	// An older disk is put back without a word.
	"older": func(t *tale) {
		at, box := t.begin(), t.r.IntN(2)
		t.add("backup", box, at, 0)
		t.add("restore-silently", box, at+100+t.r.IntN(2*t.m), 1+t.r.IntN(20))
	},
	// A survivor gives what was the partner's, and the partner comes back.
	"return": func(t *tale) {
		at, box := t.begin(), t.r.IntN(2)
		t.add("power", box, at, 4*t.m+t.r.IntN(4*t.m))
		t.add("declare", 1-box, at+20+t.r.IntN(t.m), 0)
		t.add("link-slow", 0, at+3*t.m, 8*t.m)
	},
	// A box hands over, and the other one forgets what it gave alone.
	"handover": func(t *tale) {
		at, box, out := t.begin(), t.r.IntN(2), t.m/2+t.r.IntN(3*t.m)
		t.add("backup", 1-box, at-100+t.r.IntN(150), 0)
		t.add("maintenance", box, at, out)
		forgets := []string{"disk-lost", "restore", "restore-silently", "power"}[t.r.IntN(4)]
		t.add(forgets, 1-box, at+30+t.r.IntN(out), 1+t.r.IntN(60))
		if t.r.IntN(2) == 0 {
			t.add("link", 0, at+20+t.r.IntN(out), 1+t.r.IntN(out))
		}
	},
	// The link is slow when the two meet again after a declaration in a
	// partition, and much happens before they are one.
	"quarrel": func(t *tale) {
		t.p.Promise = []Promise{Strict, Auto}[t.r.IntN(2)]
		at, out := t.begin(), 2*t.m+t.r.IntN(t.m)
		t.add("link", 0, at, out)
		t.add("declare", t.r.IntN(2), at+10+t.r.IntN(t.m), 0)
		t.add("link-slow", 0, at+out-5, 6*t.m)
		for range 4 {
			what := quarrels[t.r.IntN(len(quarrels))]
			t.add(what, t.r.IntN(2), at+out+t.r.IntN(30), 1+t.r.IntN(30))
		}
		for i := range 6 {
			t.p.Clients = append(t.p.Clients, ClientSpec{N: 100 + i, From: at + t.r.IntN(out+60)})
		}
	},
	// The operator declares a living box dead as soon as it is silent.
	"early": func(t *tale) {
		t.p.Authority = t.m + t.r.IntN(t.m)
		t.g = t.p.Authority
		at := t.begin()
		t.add("link", 0, at, 8*t.m)
		t.add("declare", t.r.IntN(2), at+t.p.Delay+1+t.r.IntN(10), 0)
		t.p.Pool = 4
		for i := range 9 {
			t.p.Clients = append(t.p.Clients, ClientSpec{N: 100 + i, Kind: Steady, From: at + t.r.IntN(t.g+2*t.m)})
		}
	},
	// The clocks differ as much as the gate allows, and every address is wanted.
	"skew": func(t *tale) {
		t.p.Bound, t.p.Pool = 1500, 2
		ahead := t.r.IntN(2)
		t.add("clock-step", ahead, 20, 0)
		t.add("clock-step", 1-ahead, 20, 0)
		t.p.Faults[0].N, t.p.Faults[1].N = 2000, 0
		for i := range 10 {
			t.p.Clients = append(t.p.Clients, ClientSpec{N: 100 + i, From: 30 + t.r.IntN(60)})
		}
	},
	// A clock is set to nonsense and nobody hears of it before the gate does.
	"clock": func(t *tale) {
		at, box := t.begin(), t.r.IntN(2)
		t.add("clock-wild", box, at, 10+t.r.IntN(2*t.m))
		t.add("clock-wild", 1-box, at+t.r.IntN(3*t.m), 10+t.r.IntN(t.m))
		t.add("power", box, at+t.r.IntN(2*t.m), 1+t.r.IntN(t.m))
	},
	// A whole machine is paused, declared dead, and wakes while the link is cut.
	"asleep": func(t *tale) {
		at, box := t.begin(), t.r.IntN(2)
		t.add("paused-machine", box, at, 2*t.m+t.r.IntN(4*t.m))
		t.add("link", 0, at+t.r.IntN(2*t.m), 9*t.m)
		t.add("declare", 1-box, at+25+t.r.IntN(t.m), 0)
	},
	// One box loses power, and the other one sees it by the cable between them.
	"evidence": func(t *tale) {
		t.automatic()
		at, box := t.begin(), t.r.IntN(2)
		t.add("power", box, at, t.g+t.r.IntN(4*t.m))
		t.add("link", 0, at+t.g+t.r.IntN(3*t.m), 5*t.m)
		t.add("power", 1-box, at+t.g+t.r.IntN(3*t.m), 1+t.r.IntN(t.g))
	},
	// The cable is out, and one box is cut off from the clients' network.
	"cut-off": func(t *tale) {
		t.automatic()
		at, out := t.begin(), 3*t.m+t.r.IntN(4*t.m)
		t.add("link", 0, at, out+3*t.m)
		t.p.Faults[0].N = alsoCable | unplugged
		t.add("lan", t.r.IntN(2), at-20+t.r.IntN(t.g), out)
	},
}

// automatic: the boxes declare each other down by themselves, and see all that
// there is to see.
func (t *tale) automatic() { t.p.Promise, t.p.Beats, t.p.Gateway = Auto, BeatsBoth, true }

// quarrels are what happens while a conflict is resolved.
var quarrels = []string{"link-reset", "link-reset", "link", "crash", "power", "freeze", "freeze", "clock-wild", "carrier", "reload", "declare", "removed",
	"maintenance", "pause", "calm"}

// tale is a plan that one of them is told in.
type tale struct {
	p    *Plan
	r    *rand.Rand
	m, g int
}

// Tell makes the plan of a seed that begins like the named tale: short times,
// few addresses, more clients than addresses, all of them alive when it
// matters.
func Tell(name string, seed uint64) *Plan { return tell(tales[name], seed) }

func tell(told func(t *tale), seed uint64) *Plan {
	r := stream(seed, 0)
	p := &Plan{Seed: seed, MCLT: 60 + 60*r.IntN(2), Delay: 6 + r.IntN(10), Bound: []int{0, 1000, 1500}[r.IntN(3)]}
	p.Promise = []Promise{Strict, Strict, Auto, Standard}[r.IntN(4)]
	p.Lease = p.MCLT * (1 + r.IntN(4))
	p.Pool = 2 + r.IntN(5)
	if r.IntN(4) == 0 {
		p.Authority = p.MCLT/2 + r.IntN(p.MCLT)
	}
	p.Watchdog = 30 * r.IntN(2)
	drawBeats(p, r)
	t := &tale{p: p, r: r, m: p.MCLT, g: p.grantTime()}
	told(t)
	end := t.begin() + 14*t.m
	p.Seconds = end
	n := p.Pool + 2 + r.IntN(5)
	if len(p.Clients) > 0 {
		n = r.IntN(2)
	}
	for i := range n {
		p.Clients = append(p.Clients, ClientSpec{N: i + 1, From: 30 + r.IntN(end-60), Kind: []string{"", "", "", Steady, Mute}[r.IntN(5)]})
	}
	for range r.IntN(3) {
		t.add(menu[r.IntN(len(menu))], r.IntN(2), t.begin()+r.IntN(10*t.m), 1+r.IntN(3*t.m))
	}
	p.Ping = r.IntN(6) == 0
	slices.SortStableFunc(p.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	return p
}

// Tales lists the names.
func Tales() []string {
	return []string{"partition", "lonely", "thaw", "cable", "disk", "older", "return", "early", "skew", "clock", "quarrel", "asleep",
		"evidence", "cut-off", "handover"}
}

// begin is when a tale begins: the pair is in NORMAL and clients have leases.
func (t *tale) begin() int { return 4 * t.m }

func (t *tale) add(what string, box, at, length int) {
	f := Fault{At: int64(at)*1000 + int64(t.r.IntN(1000)), What: what, Box: box, For: int64(length) * 1000}
	f.N = drawNumber(what, t.r)
	if what == "storm" {
		f.For = int64(15+t.r.IntN(60)) * 1000
	}
	t.p.Faults = append(t.p.Faults, f)
}

// grantTime is G in seconds.
func (p *Plan) grantTime() int {
	if p.Authority != 0 {
		return p.Authority
	}
	return p.MCLT
}
