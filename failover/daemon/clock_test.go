package daemon

import (
	"testing"
	"time"
)

// TestStarvedBetweenTwoClocks: that the process did not run between reading one
// clock and the other looks like a jump of the time of day, and is none.
func TestStarvedBetweenTwoClocks(t *testing.T) {
	const apart = 1_700_000_000 * int64(time.Second)
	for _, c := range []struct {
		name   string
		stalls int // how many readings are interrupted
		apart  int64
	}{
		{"never", 0, apart},
		{"twice", 2, apart},
		{"always", readTries, apart - int64(time.Second)},
	} {
		at, stalls := int64(time.Hour), c.stalls
		mono := func() int64 { at += 1000; return at }
		wall := func() int64 {
			w := at + apart
			if stalls > 0 {
				stalls--
				at += int64(time.Second)
			}
			return w
		}
		now := readTogether(mono, wall)
		if off := now.Wall - now.Mono - c.apart; off < -2000 || off > 2000 {
			t.Errorf("%s: the clocks are %v apart, %v too much", c.name, time.Duration(now.Wall-now.Mono), time.Duration(off))
		}
	}
	if now := readClock(); time.Since(time.Unix(0, now.Wall)).Abs() > time.Minute {
		t.Errorf("the time of day is %v", now.UTC())
	}
}
