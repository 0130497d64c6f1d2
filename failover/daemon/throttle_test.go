package daemon

import (
	"encoding/binary"
	"testing"
	"time"
)

func TestThrottleRate(t *testing.T) {
	th := newThrottle(Rate{PerSecond: 10, Burst: 5})
	now := int64(time.Hour)
	passed := 0
	for range 100 {
		if th.allow([]byte("client"), now) {
			passed++
		}
	}
	if passed != 5 {
		t.Errorf("%d of a burst passed, want 5", passed)
	}
	for range 3 {
		now += int64(100 * time.Millisecond)
		if !th.allow([]byte("client"), now) {
			t.Error("a token was due and none was there")
		}
		if th.allow([]byte("client"), now) {
			t.Error("two tokens where one was due")
		}
	}
	if !th.allow([]byte("other"), now) {
		t.Error("one client's flood stopped another")
	}
}

func TestThrottleOff(t *testing.T) {
	th := newThrottle(Rate{})
	for range 1000 {
		if !th.allow([]byte("x"), 1) {
			t.Fatal("stopped by nothing")
		}
	}
	if th.evictions() != 0 {
		t.Error("evictions of nothing")
	}
}

// A flood of made-up keys must neither grow the table nor stop anybody.
func TestThrottleBounded(t *testing.T) {
	th := newThrottle(Rate{PerSecond: 1, Burst: 1})
	var key [8]byte
	for i := range uint64(4 * throttleSlots) {
		binary.BigEndian.PutUint64(key[:], i)
		if !th.allow(key[:], int64(time.Hour)) {
			t.Fatalf("key %d was never seen and is stopped", i)
		}
	}
	if len(th.slots) != throttleSlots {
		t.Errorf("the table has %d slots", len(th.slots))
	}
	if th.evictions() == 0 {
		t.Error("no eviction was counted")
	}
}

func TestThrottleAllocatesNothing(t *testing.T) {
	th := newThrottle(Rate{PerSecond: 1, Burst: 1})
	key := []byte{1, 2, 3, 4, 5, 6}
	if n := testing.AllocsPerRun(100, func() { th.allow(key, 5) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
