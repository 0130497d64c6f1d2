package boxes

import (
	"testing"
	"time"

	"tandem/qemu"
)

// hangLimit is W of cmd/init: the time within which a box that hangs is reset.
const hangLimit = 25 * time.Second

// TestWatchdog makes boxes hang in four ways. Each is reset within W, returns
// to its pair by itself, and knows why it restarted.
func TestWatchdog(t *testing.T) {
	opt := options()
	opt.Workbench = true
	s := stage(t, opt)
	start(t, s)
	awaitNormal(t, s)
	// Two hangs for each box: three would be a reset storm (R10).
	for i, words := range []string{"freeze dhcpfd", "stick dhcpfd", "hang disk", "freeze init"} {
		box, eye := s.Boxes[i%2], s.Eyes[i%2]
		skip := box.Events()
		began := time.Now()
		if err := box.Console.Type(words); err != nil {
			t.Fatal(err)
		}
		if _, _, err := box.WaitEvent(within(t, 2*hangLimit), "WATCHDOG", skip); err != nil {
			t.Fatalf("%s: %v", words, err)
		}
		took := time.Since(began)
		s.Say(Names[i%2], "%s: the watchdog resets it after %.1f s", words, took.Seconds())
		if took > hangLimit+time.Second {
			t.Errorf("%s: reset after %v, W is %v", words, took, hangLimit)
		}
		eye.Mark(true, false)
		expect(t, box, bootPatience, `this start was caused by: watchdog`)
		awaitNormal(t, s)
		if started := eye.State().Started; started != "by watchdog" {
			t.Errorf("%s: the status says that it started %q", words, started)
		}
	}
	serves(t, s)
}

// TestNormalImageDoesNotHangOnRequest: the words of the workbench mean nothing
// in an image for the field.
func TestNormalImageDoesNotHangOnRequest(t *testing.T) {
	opt := options()
	opt.Only, opt.Start = true, qemu.StartDirect
	s := stage(t, opt)
	start(t, s)
	expect(t, s.Boxes[0], bootPatience, `Serving alone`)
	if err := s.Boxes[0].Console.Type("freeze init"); err != nil {
		t.Fatal(err)
	}
	expect(t, s.Boxes[0], servePatience, `unknown command "freeze init"`)
	serves(t, s)
}
