package link

import (
	"testing"
	"time"
)

func at(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func TestShortLossDoesNotCount(t *testing.T) {
	var c Carrier
	c.Set(0, true)
	c.Set(at(10), false)
	if up, _ := c.Now(at(10.9)); !up {
		t.Fatal("down after 0.9 s")
	}
	c.Set(at(10.95), true)
	if up, _ := c.Now(at(20)); !up {
		t.Fatal("a loss of less than a second counted")
	}
}

func TestLossCountsFromItsBegin(t *testing.T) {
	var c Carrier
	c.Set(0, true)
	c.Set(at(10), false)
	if next, ok := c.Next(); !ok || next != at(11) {
		t.Fatalf("next %v %v, want 11 s", next, ok)
	}
	if up, _ := c.Now(at(11)); up || c.LostAt != at(10) {
		t.Fatalf("up %v, lost at %v", up, c.LostAt)
	}
	c.Set(at(40), true)
	if up, _ := c.Now(at(41)); !up || c.LostFor != at(30) {
		t.Fatalf("up %v, was away for %v, want 30 s", up, c.LostFor)
	}
}

func TestFlapping(t *testing.T) {
	var c Carrier
	c.Set(0, true)
	for i := range 6 {
		if _, flapping := c.Now(at(float64(9 + i*2))); flapping {
			t.Fatalf("flapping after %d changes", i)
		}
		c.Set(at(float64(10+i*2)), i%2 == 1)
	}
	if _, flapping := c.Now(at(20)); !flapping {
		t.Fatal("6 changes in 10 s are not flapping")
	}
	if n, later := c.Changes(at(20)), c.Changes(at(75)); n != 6 || later != 3 {
		t.Fatalf("%d changes, %d a minute later; want 6 and 3", n, later)
	}
	if _, flapping := c.Now(at(49)); !flapping {
		t.Fatal("stable after 29 s")
	}
	if up, flapping := c.Now(at(50)); flapping || !up {
		t.Fatal("not stable after 30 s")
	}
	var slow Carrier
	slow.Set(0, true)
	for i := range 12 {
		slow.Set(at(float64(13*i+13)), i%2 == 1)
	}
	if _, flapping := slow.Now(at(170)); flapping {
		t.Fatal("a change every 13 s is not more than 5 in 60 s")
	}
}
