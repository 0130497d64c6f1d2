package sim

import (
	"slices"
	"time"

	"tandem/failover"
	"tandem/failover/lease"
	beat "tandem/init/pair/heartbeat"
)

// Paths on which two boxes send each other heartbeats. Without any their keys
// are not paired, or the partner is a dhcpd.
const (
	BeatsLAN   = "lan"
	BeatsCable = "cable"
	BeatsBoth  = "both"
)

// How PID 1 looks after the network, as cmd/init does it.
const (
	beatsFrom = 3 * time.Second // after power on
	lanEvery  = 5               // rounds between two looks for a neighbour
	lanStale  = 15 * time.Second
)

// beats are the heartbeats between the boxes, by the rules that ship. The pair
// service sends them, whatever the engine beside it does: they prove that a
// machine runs, not that it serves.
type beats struct {
	w      *World
	paths  []beat.Path
	round  int
	again  func()
	deaf   int // faults that keep the boxes from hearing each other on the clients' network
	cut    int // and on the cable, whose carrier stays
	pulled int // faults with the cable pulled out
}

// pulse is what one box knows of its partner's heartbeats. Moments are of the
// time since boot; the file lags behind the pair service.
type pulse struct {
	rules  [2]*beat.Rules
	status [2]int64
	file   [2]int64
	told   [2]int64 // what the process knows
	late   bool     // PID 1 looks before the pair service speaks
	lan    Moment   // when a neighbour answered
}

// pathNames are the names of every set of paths: bit 0 for the clients'
// network, bit 1 for the cable.
var pathNames = [4][]string{nil, {failover.PathLAN}, {directCable}, {failover.PathLAN, directCable}}

const directCable = "direct cable"

func newBeats(w *World) *beats {
	h := &beats{w: w}
	h.again = h.tick
	if !slices.Contains(promises, w.plan.Promise) {
		return h // dhcpd has none
	}
	switch w.plan.Beats {
	case BeatsLAN:
		h.paths = []beat.Path{beat.LAN}
	case BeatsCable:
		h.paths = []beat.Path{beat.Direct}
	case BeatsBoth:
		h.paths = []beat.Path{beat.LAN, beat.Direct}
	}
	return h
}

// What a partition of the link takes with it, in the N of the fault.
const (
	alsoLAN   = 1 << iota // heartbeats on the clients' network
	alsoCable             // and on the cable
	unplugged             // and the cable's carrier
)

// part is a partition, join its end.
func (h *beats) part(n int) { h.partition(n, 1) }
func (h *beats) join(n int) { h.partition(n, -1) }

func (h *beats) partition(n, by int) {
	if n&alsoLAN != 0 {
		h.deaf += by
	}
	if n&alsoCable != 0 {
		h.cut += by
	}
	if n&unplugged != 0 {
		h.pulled += by
		h.w.tell("the direct cable is pulled out: %v", h.pulled > 0)
	}
}

// cable tells whether a cable leads directly from box to box.
func (h *beats) cable() bool {
	return len(h.paths) > 0 && (h.w.plan.Beats == BeatsCable || h.w.plan.Beats == BeatsBoth)
}

// begin sets the rounds going, if there is anything to send.
func (h *beats) begin() {
	if len(h.paths) > 0 {
		h.w.in(beat.Every, h.again)
	}
}

// tick is one second: every service says what it knows, and beats.
func (h *beats) tick() {
	h.round++
	for _, b := range h.w.boxes {
		if b.beats() {
			h.publish(b)
			b.write()
		}
	}
	for _, b := range h.w.boxes {
		if b.beats() {
			h.beat(b)
		}
	}
	h.w.in(beat.Every, h.again)
}

// beats tells whether the pair service of the box runs.
func (b *Box) beats() bool { return b.powered && !b.paused && b.w.now >= b.booted.after(beatsFrom) }

// publish hands what was heard one step on.
func (h *beats) publish(b *Box) {
	p := &b.pulse
	if p.late {
		p.file = p.status
	}
	for i, r := range p.rules {
		if r != nil {
			p.status[i] = r.Heard()
		}
	}
	if !p.late {
		p.file = p.status
	}
	if h.w.plan.Gateway && h.round%lanEvery == b.i && h.w.lan.reaches(b) && !h.w.lan.lost(beatSalt(b, 2)) {
		p.lan = h.w.now
	}
}

// beatSalt keeps the luck of heartbeats apart.
func beatSalt(b *Box, n int) uint64 { return 1<<50 + uint64(b.i)<<10 + uint64(n)<<4 }

// beat sends a box's heartbeats.
func (h *beats) beat(b *Box) {
	for _, path := range h.paths {
		h.send(b, path, b.rulesOf(path).Next(b.mono(h.w.now)))
	}
}

// send carries one heartbeat of box b.
func (h *beats) send(b *Box, path beat.Path, m beat.Beat) {
	o := b.partner()
	if !h.carries(path, b) {
		return
	}
	if d := h.delay(path, beatSalt(b, int(path-beat.LAN))); d > 0 {
		h.w.in(d, func() { h.arrive(o, path, m) })
		return
	}
	h.arrive(o, path, m)
}

// arrive gives a heartbeat to box o.
func (h *beats) arrive(o *Box, path beat.Path, m beat.Beat) {
	if o.beats() && h.open(path) {
		o.rulesOf(path).Take(o.mono(h.w.now), m)
	}
}

// rulesOf are the box's of one path, for as long as it has power.
func (b *Box) rulesOf(path beat.Path) *beat.Rules {
	r := &b.pulse.rules[path-beat.LAN]
	if *r == nil {
		*r = beat.NewRules(path, uint64(b.booted)<<2|uint64(b.i)<<1|1)
	}
	return *r
}

// open tells whether a path leads from box to box.
func (h *beats) open(path beat.Path) bool {
	if path == beat.Direct {
		return h.cut == 0 && h.pulled == 0
	}
	return h.deaf == 0 && h.w.lan.reaches(h.w.boxes[0]) && h.w.lan.reaches(h.w.boxes[1])
}

// carries tells whether this heartbeat gets through.
func (h *beats) carries(path beat.Path, b *Box) bool {
	return h.open(path) && (path == beat.Direct || !h.w.lan.lost(beatSalt(b, 3)))
}

func (h *beats) delay(path beat.Path, salt uint64) time.Duration {
	switch {
	case path == beat.Direct:
		return h.w.link.delay
	case h.w.lan.delay > 0:
		return h.w.lan.latency(salt)
	}
	return 0
}

// look adds what PID 1 sees of the network to the facts.
func (h *beats) look(b *Box, f *failover.LinkFacts) {
	f.LANAlive = b.pulse.lan != 0 && h.w.now-b.pulse.lan < Moment(lanStale)
	if h.cable() {
		f.Cable = failover.CableDown
		if h.pulled == 0 && b.partner().powered {
			f.Cable = failover.CableUp
		}
	}
}

// news gives the paths with a heartbeat that the process does not know of, as
// boxFacts of the daemon does.
func (b *Box) news(now int64) []string {
	p := &b.pulse
	news := 0
	for i, at := range p.file {
		if at > p.told[i] && time.Duration(now-at) <= factsStale {
			p.told[i] = at
			news |= 1 << i
		}
	}
	if news != 0 {
		b.beatAt = b.w.now
	}
	return pathNames[news]
}

// spokenWait is how soon after a message of the partner a heartbeat is no news.
const spokenWait = 2 * time.Second

// hearBeats gives the process the heartbeats that it has read of since its
// last turn: the life would be the same if it took a turn for each, but longer.
func (b *Box) hearBeats(now lease.Now) {
	if b.pulse.file == b.pulse.told || b.w.now < b.spoken.after(spokenWait) || b.w.now < b.looked.after(factsEvery) {
		return
	}
	b.looked = b.w.now
	// The latest of them was read a while after it came, not before the last turn.
	at := max(b.pulse.file[0], b.pulse.file[1]) + int64(2*factsEvery)
	at = min(max(at, b.stepped), now.Mono)
	if heard := b.news(at); heard != nil {
		b.handle(lease.Now{Wall: now.Wall - (now.Mono - at), Mono: at}, b.boxFacts(heard))
	}
}
