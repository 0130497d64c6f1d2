package daemon

import (
	"runtime/debug"
	"runtime/metrics"
)

// The garbage collector's pace. The table of leases lives for ever, packets
// live for a batch. With little in the table the default pace, double what
// lives, would collect every few hundred packets, so at least spareHeap may
// gather before it does; with a million leases the default would double the
// memory, so then no more than a quarter of the table may.
const (
	loadPercent = 400 // while leases are loaded: next to nothing of that is garbage
	spareHeap   = 16 << 20
	minPercent  = 25
	maxPercent  = 800
)

// pace keeps the collector's pace in step with the table, which grows.
type pace struct {
	percent int
	sample  []metrics.Sample
}

func newPace() *pace {
	return &pace{sample: []metrics.Sample{{Name: "/gc/heap/live:bytes"}}}
}

// begin gives back what loading took and sets the first pace.
func (p *pace) begin() {
	debug.FreeOSMemory()
	p.tune()
}

// tune sets the pace for what lives now, if that has changed much: setting it
// stops the world for a moment.
func (p *pace) tune() {
	metrics.Read(p.sample)
	want := pacePercent(p.sample[0].Value.Uint64())
	if p.percent == 0 || want < p.percent*9/10 || want > p.percent*11/10 {
		p.percent = want
		debug.SetGCPercent(want)
	}
}

// pacePercent is how much may gather, in percent of what lives.
func pacePercent(live uint64) int {
	return int(min(max(spareHeap*100/max(live, 1), minPercent), maxPercent))
}
