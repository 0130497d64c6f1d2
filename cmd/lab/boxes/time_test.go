package boxes

import (
	"testing"
	"time"

	"tandem/qemu"
)

// tell the three time servers what to say.
func (s *Stage) setClocks(a, b, c qemu.ClockSettings) {
	for i, set := range []qemu.ClockSettings{a, b, c} {
		s.Clocks[i].Set(set)
	}
}

// good is a time server that tells the truth.
var good qemu.ClockSettings

func ahead(d time.Duration) qemu.ClockSettings { return qemu.ClockSettings{Offset: d} }

// TestTime is rule R1 with time servers that fail in every way: absent, lying
// each in its own way, one of three wrong, all jumping.
func TestTime(t *testing.T) {
	opt := options()
	opt.Only, opt.Start = true, qemu.StartDirect
	s := stage(t, opt)
	box := s.Boxes[0]
	absent := qemu.ClockSettings{Silent: true}
	s.setClocks(absent, absent, absent)
	start(t, s)
	expect(t, box, bootPatience, `R1: the time of day is not trusted, nothing is served: no time server answers`)
	silent(t, s)
	if err := box.Console.Type("status"); err != nil {
		t.Fatal(err)
	}
	expect(t, box, servePatience, `Starting: R1: nothing is served before the time of day`)

	s.setClocks(ahead(-time.Hour), ahead(time.Hour), ahead(3*time.Hour))
	expect(t, box, servePatience, `R1: .*nothing is served: time servers disagree: .*10\.77\.0\.11 `)
	silent(t, s)

	events := box.Events()
	s.setClocks(good, ahead(time.Hour), good)
	expect(t, box, servePatience, `clock trusted: stepped by .* to the time that 2 servers agree on`)
	if _, _, err := box.WaitEvent(within(t, servePatience), "RTC_CHANGE", events); err != nil {
		t.Errorf("the clock chip was not set: %v", err)
	}
	expect(t, box, servePatience, `10\.77\.0\.12 out-voted`)
	expect(t, box, servePatience, `Serving alone`)
	serves(t, s)

	// The next question to the servers comes a minute after the first answer.
	s.setClocks(ahead(2*time.Hour), ahead(2*time.Hour), ahead(2*time.Hour))
	expect(t, box, 2*time.Minute, `clock lost: the servers contradict the clock that they set: they say \+7[0-9.]+ s`)
	expect(t, box, servePatience, `dhcpfd: R1: the clock is not trusted`)
	silent(t, s)
	answers(t, box, "why", `(?s)R1: nothing is served.*contradict`)

	s.setClocks(good, good, good)
	expect(t, box, servePatience, `clock trusted: 3 servers agree`)
	expect(t, box, servePatience, `R1: the clock is trusted`)
	serves(t, s)
}

// TestTimeRunsOut takes all time servers away: the error bound grows, and past
// what is allowed the box falls silent.
func TestTimeRunsOut(t *testing.T) {
	onlyLong(t)
	opt := options()
	opt.Only, opt.Start = true, qemu.StartDirect
	opt.Box = func(_ int, text string) string { return text + "clock-bound 0.1\n" }
	s := stage(t, opt)
	box := s.Boxes[0]
	coarse := qemu.ClockSettings{Dispersion: 85 * time.Millisecond}
	s.setClocks(coarse, coarse, coarse)
	start(t, s)
	expect(t, box, bootPatience, `Serving alone`)
	serves(t, s)
	absent := qemu.ClockSettings{Silent: true}
	s.setClocks(absent, absent, absent)
	expect(t, box, 10*time.Minute, `clock lost: no agreement for .*: the clock may be off by 0\.1[0-9]+ s, allowed is 0\.100 s`)
	expect(t, box, servePatience, `dhcpfd: R1: the clock is not trusted`)
	silent(t, s)
	answers(t, box, "why", `(?s)R1: nothing is served.*may\s+be\s+off\s+by`)
	s.setClocks(coarse, coarse, coarse)
	expect(t, box, 2*time.Minute, `clock trusted`)
	expect(t, box, servePatience, `R1: the clock is trusted`)
	serves(t, s)
}

// TestTimeOfChrony has a real chronyd as the only time server.
func TestTimeOfChrony(t *testing.T) {
	opt := options()
	opt.Only, opt.Start = true, qemu.StartDirect
	opt.Box = func(_ int, _ string) string {
		return "name box-a\nrole single\nlan lan1 10.77.0.2/24\nntp 10.77.0.20\nntp-single yes\n"
	}
	s := stage(t, opt)
	node, err := s.Machine(s.Net, "chrony", 0x20)
	if err != nil {
		t.Fatal(err)
	}
	if err := node.IP("addr add 10.77.0.20/24 dev eth0"); err != nil {
		t.Fatal(err)
	}
	// -x leaves this machine's clock alone.
	if err := startChrony(s, node); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	expect(t, s.Boxes[0], bootPatience, `clock trusted: stepped by .* to the time that 1 servers agree on`)
	expect(t, s.Boxes[0], servePatience, `Serving alone`)
	serves(t, s)
}

// TestPausedBox stops the processor of the primary for longer than its partner
// waits, and lets it go on as if nothing had been (R9). The clock chip tells
// it that it is late; nothing is served by the old time.
func TestPausedBox(t *testing.T) {
	opt := options()
	opt.Start = qemu.StartDirect
	s := stage(t, opt)
	start(t, s)
	awaitNormal(t, s)
	before := settle(t, s)
	if err := s.Boxes[0].Freeze(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Eyes[0].Mark(true, true)
	s.Say("lab", "box-a is paused")
	awaitAlone(t, s, 1)
	serves(t, s)
	if err := s.Boxes[0].Thaw(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.Eyes[0].Mark(true, false)
	expect(t, s.Boxes[0], servePatience, `clock lost: this machine stood still for about \d+s`)
	expect(t, s.Boxes[0], servePatience, `clock trusted: stepped by \+[0-9.]+ s`)
	expect(t, s.Boxes[0], servePatience, `to normal`)
	awaitNormal(t, s)
	serves(t, s)
	if err := unchanged(before, s.addresses()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Crowd.Conflicts); n > 0 {
		t.Fatalf("%d addresses had two clients: %v", n, s.Crowd.Conflicts[0])
	}
}
