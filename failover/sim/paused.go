package sim

import "time"

// Which clocks of a paused machine stand still with it.
const (
	bothStand  = iota // as of a virtual machine that the host stops
	bootStands        // the time of day is right when it wakes
	noneStands        // as of a suspended machine
	standings
)

// Times after a machine woke.
const (
	// dazed is how long it takes until a machine that woke with both clocks late
	// looks at its clock chip and the engine is told: a second each for the time
	// service, PID 1 and the engine. No rule can see what happened before that;
	// what clients would be told in that time is not held against the boxes.
	dazed = 3*time.Second + 100*time.Millisecond
	// shortestPause is the least that shows at the clock chip.
	shortestPause = 4 * time.Second
	// askTime is the longest until the time servers have answered then.
	askTime = 10 * time.Second
)

// pause stops the whole machine: no watchdog, no heartbeats, nothing is heard.
func (b *Box) pause() bool {
	if !b.acts() {
		return false
	}
	b.w.tell("%s, a whole machine, is paused", b.name)
	b.paused, b.frozen, b.frozeAt = true, true, b.w.now
	return true
}

// resume lets the machine go on.
func (b *Box) resume(standing int) {
	gap := time.Duration(b.w.now - b.frozeAt)
	b.w.tell("%s, a whole machine, goes on after %v", b.name, gap)
	b.paused = false
	b.w.link.wake(b.i)
	if standing != bothStand && b.wild != 0 {
		b.daze() // it was paused again before anybody had looked at the chip
	}
	if standing == noneStands {
		b.thaw()
		return
	}
	b.waiting = nil // whoever paused it dropped them
	b.lost += gap
	b.frozen, b.heardSince, b.stepped = false, b.w.now, b.read().Mono
	switch {
	case standing == bootStands:
		b.clockSays()
	default:
		b.wild -= gap
		b.daze()
	}
	b.readSoon()
	b.schedule()
}

// daze: the gate looks at the clock chip, and asks the time servers.
func (b *Box) daze() {
	b.dazed = b.w.now.after(dazed)
	boot, dice := b.booted, b.w.dice(beatSalt(b, 7))
	looks := time.Duration(dice.Int64N(int64(factsEvery)))
	asks := time.Duration(dice.Int64N(int64(askTime)))
	b.w.in(looks, func() {
		if b.booted == boot && b.powered {
			b.trust(false)
		}
	})
	b.w.in(looks+asks, func() {
		if b.booted == boot && b.powered {
			b.trust(true)
		}
	})
}
