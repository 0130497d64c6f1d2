package lease

import "time"

// Time is a moment in seconds since 1970 UTC, in the 32 bits that DHCP, the
// failover protocol and dhcpd.leases give it. Zero means unset.
type Time uint32

// Never is the end of an infinite lease. No arithmetic leads to it or away
// from it by accident: Add saturates one second below.
const Never Time = 1<<32 - 1

// Seconds is a length of time in seconds, as on the wire. Infinite is the
// lease time of a lease without end (RFC 2131 section 3.3).
type Seconds uint32

// Infinite is the lease time that means for ever.
const Infinite Seconds = 1<<32 - 1

// Add gives t + d. An infinite d gives Never; Never stays Never; an overflow
// saturates at the last finite moment.
func (t Time) Add(d Seconds) Time {
	if t == Never || d == Infinite {
		return Never
	}
	if sum := uint64(t) + uint64(d); sum < uint64(Never) {
		return Time(sum)
	}
	return Never - 1
}

// Sub gives the seconds from o to t, zero if t is not after o, Infinite if t
// is Never.
func (t Time) Sub(o Time) Seconds {
	switch {
	case t == Never:
		return Infinite
	case t <= o:
		return 0
	}
	return Seconds(t - o)
}

// UTC converts to the standard library's type; the result for zero and Never
// is the zero time.Time.
func (t Time) UTC() time.Time {
	if t == 0 || t == Never {
		return time.Time{}
	}
	return time.Unix(int64(t), 0).UTC()
}

// FromUTC converts from the standard library's type; moments outside of the
// 32 bits give the nearest finite value.
func FromUTC(t time.Time) Time {
	switch s := t.Unix(); {
	case s <= 0:
		return 0
	case s >= int64(Never):
		return Never - 1
	default:
		return Time(s)
	}
}

// String is RFC 3339 in UTC, "never" or "-".
func (t Time) String() string {
	switch t {
	case 0:
		return "-"
	case Never:
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// Duration converts to the standard library's type; Infinite gives the
// largest time.Duration.
func (d Seconds) Duration() time.Duration {
	if d == Infinite {
		return 1<<63 - 1
	}
	return time.Duration(d) * time.Second
}

// Now is one reading of the machine's clocks, taken once for a whole batch
// of inputs and handed to everything that decides.
type Now struct {
	// Wall is the time of day in nanoseconds since 1970 UTC. Leases and
	// everything that is told to others count by it.
	Wall int64
	// Mono is nanoseconds since the box booted, suspended time included
	// (CLOCK_BOOTTIME). Timeouts and silence count by it: no step of the
	// time of day moves it.
	Mono int64
}

// Time is the time of day in whole seconds.
func (n Now) Time() Time { return Time(n.Wall / int64(time.Second)) }

// UTC is the time of day as the standard library's type.
func (n Now) UTC() time.Time { return time.Unix(0, n.Wall).UTC() }

// Add gives the reading d later on both clocks.
func (n Now) Add(d time.Duration) Now { return Now{n.Wall + int64(d), n.Mono + int64(d)} }
