package daemon

import (
	"time"

	"golang.org/x/sys/unix"

	"tandem/failover/lease"
)

// readClock reads the machine's clocks: the time of day, and the time since
// boot, which goes on while the machine sleeps.
func readClock() lease.Now {
	return lease.Now{Wall: time.Now().UnixNano(), Mono: bootClock()}
}

func bootClock() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic("the kernel has no boot clock: " + err.Error()) // since Linux 2.6.39 it has
	}
	return ts.Nano()
}

var processStart = time.Now()

// ticks is a cheap monotonic clock in nanoseconds, for rates.
func ticks() int64 { return int64(time.Since(processStart)) }
