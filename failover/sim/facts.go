package sim

import (
	"time"

	"tandem/failover"
	"tandem/failover/node"
)

// What the engine knows of its box comes late. The time gate and the pair
// service say once a second how things are, PID 1 writes that into a file once
// a second, a change of carrier at once, and the engine reads the file once a
// second (failover/daemon/boxfacts.go).
const (
	factsEvery = time.Second
	factsStale = 5 * time.Second // the age at which a heartbeat says nothing of now
	flapping   = 5               // carrier changes in a minute; more are told anew each second
)

// boxFile is the file, but for the heartbeats.
type boxFile struct {
	link  failover.LinkFacts
	clock failover.ClockFacts
	apart int64
}

// look has PID 1 write down what it sees now.
func (b *Box) look() {
	recent := 0
	for _, at := range b.changes {
		if b.w.now-at < Moment(time.Minute) {
			recent++
		}
	}
	f := &b.file
	f.link = failover.LinkFacts{LAN: b.carrier(), Changes: recent}
	f.clock = failover.ClockFacts{Trusted: b.trusted, Error: b.bound}
	f.apart = b.vouched
	b.w.beats.look(b, &f.link)
}

// write has PID 1 write the file. The engine reads it each second, here only
// if there is something in it.
func (b *Box) write() {
	if !b.powered || b.paused {
		return
	}
	was := b.file
	b.look()
	if b.file.link.Changes > flapping && !b.rewrites {
		b.rewrites = true
		b.w.in(factsEvery, func() {
			b.rewrites = false
			b.write()
			b.readSoon()
		})
	}
	if b.file != was {
		b.readSoon()
	}
}

// clockSays tells what the gate says, once PID 1 has heard of it: also for which
// time of day. A node that saw it move meanwhile looks again.
func (b *Box) clockSays() {
	boot := b.booted
	right := b.clock
	right.wild = 0
	if now := right.now(b.w.now); b.trusted {
		b.vouched = now.Wall - now.Mono
	}
	b.w.in(time.Duration(b.w.dice(beatSalt(b, 5)).Int64N(int64(2*factsEvery))), func() {
		if b.booted == boot {
			b.write()
			b.readSoon()
		}
	})
	b.w.in(3*factsEvery, func() {
		if b.booted == boot && b.acts() && b.file.clock.Trusted && (b.parted || b.where.Rule == failover.RuleR1.String()) {
			b.readSoon()
		}
	})
}

// readSoon has the process read the file when it looks the next time. A
// process that stands still looks when it goes on.
func (b *Box) readSoon() {
	if b.reading || !b.process {
		return
	}
	b.reading = true
	run := b.run
	left := Moment(factsEvery) - (b.w.now-b.started)%Moment(factsEvery)
	b.w.at(b.w.now+left, func() {
		if b.runs(run) {
			b.reading = false
			b.readFile()
		}
	})
}

// readFile gives the process what is in the file.
func (b *Box) readFile() {
	if b.acts() {
		b.give(b.boxFacts(b.news(b.read().Mono)))
	}
}

// boxFacts is the file as the process takes it.
func (b *Box) boxFacts(heard []string) *node.BoxFacts {
	in := &node.BoxFacts{Link: b.file.link, Clock: b.file.clock, ClockApart: b.file.apart, Heard: heard}
	if !in.Clock.Trusted {
		in.ClockWhy = "no agreement about the time"
	}
	return in
}
