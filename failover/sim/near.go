package sim

import (
	"cmp"
	"embed"
	"encoding/json"
	"math/rand/v2"
	"path"
	"slices"
	"sync"
)

// nearFrom is the seed from which on one in nearEvery is a life near a kept
// one: where one promise broke, the next fault is not far. Kept lives come and
// go, so the usual seeds stay below.
const (
	nearFrom  = 1 << 40
	nearEvery = 4
)

//go:embed testdata/lives/*.json testdata/controls/*.json
var keptFiles embed.FS

// kept are the plans of two Tandem boxes at which something was learnt, without
// those with a fault that no rule repairs.
var kept = sync.OnceValue(func() []*Plan {
	var list []*Plan
	for _, dir := range [...]string{"testdata/controls", "testdata/lives"} {
		files, err := keptFiles.ReadDir(dir)
		if err != nil {
			panic(err) // not embedded: the build is wrong
		}
		for _, f := range files {
			raw, err := keptFiles.ReadFile(path.Join(dir, f.Name()))
			p := &Plan{}
			if err == nil && json.Unmarshal(raw, p) == nil && slices.Contains(promises, p.Promise) && !slices.ContainsFunc(p.Faults, Fault.hopeless) {
				list = append(list, p)
			}
		}
	}
	return list
})

// promises are those that two Tandem boxes can be bought with.
var promises = []Promise{Strict, Auto, Standard}

// Near gives a plan that differs from a kept one in a few things, with every
// rule in force.
func Near(seed uint64) *Plan {
	r := stream(seed, 0)
	p := clonePlan(kept()[r.IntN(len(kept()))])
	p.Without, p.Note = 0, ""
	if r.IntN(3) > 0 {
		p.Seed = seed
	}
	for range 1 + r.IntN(5) {
		nearEdits[r.IntN(len(nearEdits))](p, r)
	}
	slices.SortStableFunc(p.Faults, func(a, b Fault) int { return cmp.Compare(a.At, b.At) })
	if n := len(p.Faults); n > 0 {
		p.Seconds = max(p.Seconds, int(p.Faults[n-1].At/1000)+p.MCLT)
	}
	p.Seconds += r.IntN(6 * p.MCLT)
	return p
}

// nearEdits are the differences.
var nearEdits = []func(p *Plan, r *rand.Rand){
	func(p *Plan, r *rand.Rand) { // a fault comes a little earlier or later
		if f := someFault(p, r); f != nil {
			f.At = max(0, f.At+int64(r.IntN(20_000)-10_000))
		}
	},
	func(p *Plan, r *rand.Rand) { // or a lot
		if f := someFault(p, r); f != nil {
			f.At = max(0, f.At+int64(r.IntN(4000*p.MCLT)-2000*p.MCLT))
		}
	},
	func(p *Plan, r *rand.Rand) { // it takes longer, or is over sooner
		if f := someFault(p, r); f != nil {
			f.For = int64(drawLength(p, r)) * 1000
		}
	},
	func(p *Plan, r *rand.Rand) { // it comes to the other box
		if f := someFault(p, r); f != nil {
			f.Box = 1 - f.Box
		}
	},
	func(p *Plan, r *rand.Rand) { // it comes again
		if f := someFault(p, r); f != nil {
			again := *f
			again.At += int64(r.IntN(3000 * p.MCLT))
			p.Faults = append(p.Faults, again)
		}
	},
	func(p *Plan, r *rand.Rand) { // it does not come
		if n := len(p.Faults); n > 0 {
			at := r.IntN(n)
			p.Faults = slices.Delete(p.Faults, at, at+1)
		}
	},
	newFault, newFault, newFault, // something else goes wrong as well
	func(p *Plan, r *rand.Rand) { p.Promise = promises[r.IntN(len(promises))] },
	func(p *Plan, r *rand.Rand) { p.Lease = p.MCLT * (1 + r.IntN(6)) },
	func(p *Plan, r *rand.Rand) { p.Authority = p.MCLT/2 + r.IntN(p.MCLT) },
	func(p *Plan, r *rand.Rand) { p.Bound = []int{0, 200, 1000, 1500}[r.IntN(4)] },
	func(p *Plan, r *rand.Rand) { p.Pool = 2 + r.IntN(5) },
	func(p *Plan, r *rand.Rand) { p.Watchdog = 30 - p.Watchdog },
	drawBeats,
	func(p *Plan, r *rand.Rand) { // another client
		n := 200
		for _, c := range p.Clients {
			n = max(n, c.N+1)
		}
		p.Clients = append(p.Clients, ClientSpec{N: n, From: r.IntN(p.Seconds), Kind: []string{"", "", Steady, Mute}[r.IntN(4)]})
	},
	func(p *Plan, r *rand.Rand) { // a client begins at another time
		if n := len(p.Clients); n > 0 {
			p.Clients[r.IntN(n)].From = r.IntN(p.Seconds)
		}
	},
}

func newFault(p *Plan, r *rand.Rand) {
	f := Fault{At: int64(r.IntN(p.Seconds * 1000)), What: menu[r.IntN(len(menu))], Box: r.IntN(2), For: int64(drawLength(p, r)) * 1000}
	if f.N = drawNumber(f.What, r); f.What == "storm" {
		f.For = int64(15+r.IntN(60)) * 1000
	}
	p.Faults = append(p.Faults, f)
}

func someFault(p *Plan, r *rand.Rand) *Fault {
	if len(p.Faults) == 0 {
		return nil
	}
	return &p.Faults[r.IntN(len(p.Faults))]
}
