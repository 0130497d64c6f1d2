package sim

import (
	"time"

	"tandem/failover/lease"
)

// genesis is the time of day at which every world begins.
const genesis int64 = 1_800_000_000e9

// clock is the clocks of one box: a time of day that is wrong by a bounded
// amount while the gate trusts it, and a time since boot.
type clock struct {
	bound  time.Duration // what the gate guarantees
	offset time.Duration // wrong by so much at the beginning
	drift  float64       // and by so much more a second
	wild   time.Duration // wrong by so much more while the gate does not trust it
	booted Moment
	lost   time.Duration // in which the clocks stood still
}

// now reads both clocks.
func (c *clock) now(at Moment) lease.Now {
	return lease.Now{Wall: genesis + int64(at) + int64(c.error(at)), Mono: c.mono(at)}
}

// error is how wrong the time of day is; without wildness never beyond bound.
func (c *clock) error(at Moment) time.Duration {
	e := c.offset + time.Duration(c.drift*float64(at))
	return min(max(e, -c.bound), c.bound) + c.wild
}

func (c *clock) mono(at Moment) int64 {
	d := int64(at-c.booted) - int64(c.lost)
	return d + int64(c.drift*float64(d)) + int64(time.Second)
}

// when is the moment at which mono comes.
func (c *clock) when(mono int64) Moment {
	d := float64(mono - int64(time.Second))
	return c.booted.after(c.lost) + Moment(d/(1+c.drift)) + 2
}
