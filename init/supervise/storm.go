package supervise

import (
	"fmt"
	"time"
)

// Rule R10: that many resets which nobody commanded within that time are a
// storm; it is over after so much stable running.
const (
	StormResets = 3
	StormWindow = 15 * time.Minute
	StormStable = 15 * time.Minute
)

// Storm tells from the moments of the uncommanded resets, and of the start of
// this run, whether rule R10 holds the box back, and until when.
func Storm(resets []time.Time, started, now time.Time) (held bool, why string) {
	recent := 0
	for _, r := range resets {
		if age := started.Sub(r); age >= 0 && age <= StormWindow {
			recent++
		}
	}
	left := StormStable - now.Sub(started)
	if recent < StormResets || left <= 0 {
		return false, ""
	}
	return true, fmt.Sprintf("R10: %d resets that nobody commanded within %s; new addresses again after %s of stable running",
		recent, StormWindow, left.Round(time.Second))
}
