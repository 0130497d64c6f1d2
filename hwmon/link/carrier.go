// Package link watches the carrier of network ports: debounced, with flaps
// counted as the restart rules want them (R7).
package link

import "time"

// Limits of rule R7.
const (
	// Debounce is how long a carrier must stay as it is to count.
	Debounce = time.Second
	// FlapWindow and FlapChanges: more changes than that within the window
	// is flapping.
	FlapWindow  = 60 * time.Second
	FlapChanges = 5
	// Stable is how long a flapping port must rest to count as stable again.
	Stable = 30 * time.Second
)

// Carrier follows one port. It is pure: moments are monotonic.
type Carrier struct {
	up       bool // debounced
	raw      bool
	rawSince time.Duration
	known    bool
	changes  []time.Duration // raw changes, the latest FlapChanges+1
	flapping bool
	// LostAt is when the debounced carrier went away last; LostFor how long
	// it was away before it came back last.
	LostAt, LostFor time.Duration
}

// Set takes what the kernel says at mono.
func (c *Carrier) Set(mono time.Duration, up bool) {
	if !c.known {
		c.known, c.raw, c.up, c.rawSince = true, up, up, mono
		return
	}
	if up == c.raw {
		return
	}
	c.settle(mono)
	c.raw, c.rawSince = up, mono
	c.changes = append(c.changes, mono)
	if len(c.changes) > FlapChanges+1 {
		c.changes = c.changes[1:]
	}
	if len(c.changes) > FlapChanges && mono-c.changes[0] <= FlapWindow {
		c.flapping = true
	}
}

// settle lets a state that has lasted long enough count.
func (c *Carrier) settle(mono time.Duration) {
	if c.raw != c.up && mono-c.rawSince >= Debounce {
		c.up = c.raw
		if c.up {
			c.LostFor = c.rawSince - c.LostAt
		} else {
			c.LostAt = c.rawSince
		}
	}
	if c.flapping && mono-c.rawSince >= Stable {
		c.flapping = false
	}
}

// Now gives the debounced carrier and whether the port is flapping.
func (c *Carrier) Now(mono time.Duration) (up, flapping bool) {
	c.settle(mono)
	return c.up, c.flapping
}

// Changes is the number of changes within the flap window before mono, as far
// as it matters: more than FlapChanges is not counted.
func (c *Carrier) Changes(mono time.Duration) int {
	n := 0
	for _, at := range c.changes {
		if mono-at <= FlapWindow {
			n++
		}
	}
	return n
}

// Next is when Now may change without a Set; ok is false if it cannot.
func (c *Carrier) Next() (at time.Duration, ok bool) {
	switch {
	case c.raw != c.up:
		return c.rawSince + Debounce, true
	case c.flapping:
		return c.rawSince + Stable, true
	}
	return 0, false
}
