package failover

import (
	"testing"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// TestCarrierThatIsStillOut obeys R7: that the carrier is back is heard of a
// moment late, so a box without it is careful before.
func TestCarrierThatIsStillOut(t *testing.T) {
	for _, c := range []struct {
		name string
		out  time.Duration
		want Posture
	}{
		{"for less than max-response-delay", 5 * time.Second, Full},
		{"within G", 50 * time.Second, Full},
		{"for longer than G", 2 * time.Hour, RenewOnly},
	} {
		e := inNormal(t, wire.Tandem, false)
		e.Step(e.now, Closed{Conn: 1})
		e.Step(e.now, LinkFacts{})
		for left := c.out; left > 0; left -= 5 * time.Second {
			e.Step(e.now.Add(5*time.Second), LinkFacts{})
		}
		if s := e.Stance(e.now); s.Posture != c.want {
			t.Errorf("out %s: %v", c.name, s)
		}
		e.Step(e.now, LinkFacts{LAN: true})
		if s := e.Stance(e.now); s.Posture != c.want {
			t.Errorf("back after %v: %v", c.out, s)
		}
	}
}

// TestPartnerDownLapsesWithoutCarrier obeys R5 and R7 likewise.
func TestPartnerDownLapsesWithoutCarrier(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.Step(e.now, Closed{Conn: 1})
	now := e.now.Add(30 * time.Second)
	if err := e.Command(now, Command{Order: OrderPartnerDown}); err != nil {
		t.Fatal(err)
	}
	e.Step(now, LinkFacts{})
	for range 2 * 3600 / 5 {
		e.Step(e.now.Add(5*time.Second), LinkFacts{})
	}
	if s := e.Stance(e.now); e.State() != lease.PartnerDown || s.Posture != RenewOnly || s.Rule != "R5" {
		t.Errorf("out for longer than G: %v, %v", e.State(), s)
	}
}
