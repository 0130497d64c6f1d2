package boxes

import (
	"testing"
	"time"
)

// pullCable takes the carrier of a port of a box away, or gives it back.
func pullCable(t *testing.T, s *Stage, box, port int, up bool) {
	t.Helper()
	if err := s.Boxes[box].SetCarrier(t.Context(), port, up); err != nil {
		t.Fatal(err)
	}
}

// directCable cuts the cable between the boxes, so that both ends see it.
func directCable(t *testing.T, s *Stage, up bool) {
	t.Helper()
	pullCable(t, s, 0, PortDirect, up)
	pullCable(t, s, 1, PortDirect, up)
}

// awaitAlone waits until a box says that its partner is not reached.
func awaitAlone(t *testing.T, s *Stage, box int) {
	t.Helper()
	if err := s.Eyes[box].Await(within(t, time.Minute), "alone", Alone); err != nil {
		t.Fatal(err)
	}
}

// TestCables cuts the LAN of one box, the direct cable, both, and lets the LAN
// flap (R7). The clients are served all the time.
func TestCables(t *testing.T) {
	opt := options()
	opt.Start = "direct"
	s := stage(t, opt)
	a := s.Boxes[0]
	start(t, s)
	awaitNormal(t, s)
	before := settle(t, s)

	s.Say("lab", "the LAN cable of box-a is out")
	pullCable(t, s, 0, PortLAN, false)
	expect(t, a, servePatience, `ALARM: link lan \(critical\)`)
	serves(t, s)
	pullCable(t, s, 0, PortLAN, true)
	expect(t, a, servePatience, `cleared: link lan`)

	s.Say("lab", "the direct cable is out")
	stop := keepAsking(t, s)
	directCable(t, s, false)
	expect(t, a, servePatience, `ALARM: link direct \(warning\)`)
	awaitAlone(t, s, 0)
	awaitAlone(t, s, 1)
	stop()
	serves(t, s)
	stop = keepAsking(t, s)
	directCable(t, s, true)
	awaitNormal(t, s)

	s.Say("lab", "box-a has no cable at all")
	pullCable(t, s, 0, PortLAN, false)
	directCable(t, s, false)
	awaitAlone(t, s, 1)
	stop()
	serves(t, s)
	pullCable(t, s, 0, PortLAN, true)
	directCable(t, s, true)
	awaitNormal(t, s)
	serves(t, s)

	s.Say("lab", "the LAN cable of box-a is loose")
	for i := range 8 {
		pullCable(t, s, 0, PortLAN, i%2 == 1)
		<-time.After(300 * time.Millisecond)
	}
	expect(t, a, servePatience, `ALARM: flapping lan`)
	answers(t, a, "why", `R7`)
	stop = keepAsking(t, s)
	expect(t, a, 2*time.Minute, `cleared: flapping lan`)
	stop()
	serves(t, s)
	if err := unchanged(before, s.addresses()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Crowd.Conflicts); n > 0 {
		t.Fatalf("%d addresses had two clients: %v", n, s.Crowd.Conflicts[0])
	}
}
