package daemon

import (
	"hash/maphash"
	"time"
)

// Rate is a token bucket: PerSecond tokens a second, at most Burst in store.
// A PerSecond of zero switches it off.
type Rate struct{ PerSecond, Burst int }

// throttle is a table of token buckets, one for each key, of fixed size: a
// stranger who makes up keys can not make it grow. A bucket is kept as the
// moment at which it will be full again (GCRA, ITU-T I.371), so that an idle
// one equals an absent one and may be overwritten. The loop owns it.
type throttle struct {
	interval int64 // nanoseconds a token takes
	credit   int64 // nanoseconds a full bucket is worth
	seed     maphash.Seed

	slots   []bucket
	evicted uint64
}

type bucket struct {
	key  uint64
	full int64
}

// throttleSlots is the number of buckets, throttleWays how many places one
// key may be in.
const (
	throttleSlots = 1 << 14
	throttleWays  = 8
)

// newThrottle gives nil, which lets everything pass, if r is off.
func newThrottle(r Rate) *throttle {
	if r.PerSecond <= 0 {
		return nil
	}
	interval := int64(time.Second) / int64(r.PerSecond)
	return &throttle{
		interval: interval,
		credit:   interval * int64(max(r.Burst, 1)-1),
		seed:     maphash.MakeSeed(),
		slots:    make([]bucket, throttleSlots),
	}
}

// allow takes a token from key's bucket; now is monotonic, in nanoseconds. If
// every place of the key is taken, the bucket that is full soonest makes room.
func (t *throttle) allow(key []byte, now int64) bool {
	if t == nil {
		return true
	}
	h := maphash.Bytes(t.seed, key)
	first := int(h%(throttleSlots/throttleWays)) * throttleWays
	ways := t.slots[first : first+throttleWays]
	oldest := &ways[0]
	for i := range ways {
		b := &ways[i]
		if b.key == h {
			return b.take(now, t.interval, t.credit)
		}
		if b.full < oldest.full {
			oldest = b
		}
	}
	if oldest.full > now {
		t.evicted++
	}
	*oldest = bucket{key: h}
	return oldest.take(now, t.interval, t.credit)
}

func (b *bucket) take(now, interval, credit int64) bool {
	b.full = max(b.full, now)
	if b.full-now > credit {
		return false
	}
	b.full += interval
	return true
}

// evictions is how many buckets that were not full had to make room.
func (t *throttle) evictions() uint64 {
	if t == nil {
		return 0
	}
	return t.evicted
}
