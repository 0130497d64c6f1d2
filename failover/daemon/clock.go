package daemon

import (
	"time"

	"golang.org/x/sys/unix"

	"tandem/failover/lease"
)

// readClock reads the machine's clocks: the time of day, and the time since
// boot, which goes on while the machine sleeps.
func readClock() lease.Now {
	return readTogether(bootClock, func() int64 { return time.Now().UnixNano() })
}

// Two clocks cannot be read at once. A process that is starved between the two
// would see the time of day jump, so that it reads them again.
const (
	readSpan  = time.Millisecond // the longest time between two readings that count as one
	readTries = 50
)

// readTogether reads both clocks within readSpan; after readTries it takes what
// it has.
func readTogether(mono, wall func() int64) lease.Now {
	var now lease.Now
	for range readTries {
		before := mono()
		now = lease.Now{Wall: wall(), Mono: mono()}
		if now.Mono-before <= int64(readSpan) {
			break
		}
	}
	return now
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
