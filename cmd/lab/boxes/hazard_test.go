package boxes

import (
	"bytes"
	"context"
	"net"
	"os"
	"regexp"
	"strings"
	"testing"

	"tandem/cmd/lab/load"
	"tandem/images/grubenv"
	"tandem/images/layout"
)

// newcomers are clients that have no lease yet, on a machine of their own.
func newcomers(t *testing.T, s *Stage, n int) *load.Crowd {
	t.Helper()
	node, err := s.Machine(s.Net, "late", 0x32)
	if err != nil {
		t.Fatal(err)
	}
	crowd, err := load.NewCrowd(node, "eth0", 3, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { crowd.Close() })
	return crowd
}

// refused lets a new client ask until a box says that it has refused it and
// why, and checks that nobody answered.
func refused(t *testing.T, s *Stage, box int, crowd *load.Crowd, client int, why string) {
	t.Helper()
	ctx, enough := context.WithTimeout(t.Context(), 2*servePatience)
	defer enough()
	answered := make(chan bool, 1)
	go func() { answered <- crowd.Acquire(ctx, client, client+1, 1) == nil }()
	mac := crowd.MAC(client)
	words := "why " + net.HardwareAddr(mac[:]).String()
	says := regexp.MustCompile(why)
	for !says.MatchString(strings.Join(strings.Fields(ask(t, s.Boxes[box], words)), " ")) {
		if ctx.Err() != nil {
			t.Fatalf("%s never refused the client by %s; it says\n%s", Names[box], why, ask(t, s.Boxes[box], words))
		}
	}
	enough()
	if <-answered {
		t.Fatalf("a client was given %v", crowd.Addr(client))
	}
}

// noConflict checks what all clients were given.
func noConflict(t *testing.T, crowds ...*load.Crowd) {
	t.Helper()
	for _, c := range crowds {
		for _, two := range c.Conflicts {
			t.Errorf("an address had two clients: %v", two)
		}
	}
}

// fewAddresses is Conf with a pool of eight.
var fewAddresses = strings.Replace(Conf, "10.77.0.199", "10.77.0.107", 1)

// TestFrozenBoxWakes is the hazard of the restart rules in whole boxes: box-a
// stands still, is declared dead, and box-b gives every address away; then
// box-a goes on, where it cannot hear box-b but every client. It gives nothing.
func TestFrozenBoxWakes(t *testing.T) {
	const pool = 8
	opt := options()
	opt.Start, opt.DHCP, opt.MCLT = "direct", fewAddresses, 60
	s := stage(t, opt)
	start(t, s)
	awaitNormal(t, s)
	late := newcomers(t, s, 2)

	if err := s.Freeze(t.Context(), 0, true); err != nil {
		t.Fatal(err)
	}
	awaitAlone(t, s, 1)
	answers(t, s.Boxes[1], "failctl --yes partner-down", `(?s)Posture\s+ALONE\s+by\s+rule\s+R6`)
	if err := s.Crowd.Acquire(within(t, bootPatience), 0, pool, pool); err != nil {
		t.Fatalf("box-b has not taken over: %v", err)
	}
	if err := s.Crowd.Rebind(within(t, servePatience), 0, pool, pool); err != nil {
		t.Fatal(err) // the first leases have ended meanwhile
	}
	s.Say("lab", "box-b has given all %d addresses", pool)

	// From here on box-b cannot be heard.
	pullCable(t, s, 1, PortLAN, false)
	directCable(t, s, false)
	if err := s.Freeze(t.Context(), 0, false); err != nil {
		t.Fatal(err)
	}
	expect(t, s.Boxes[0], servePatience, `clock lost: this machine stood still for about \S+`)
	expect(t, s.Boxes[0], servePatience, `clock trusted: stepped by \+[0-9.]+ s`)
	refused(t, s, 0, late, 0, `It was refused: no contact since .* \(rule R3\)`)
	answers(t, s.Boxes[0], "why", `(?s)Posture\s+RENEW-ONLY\s+by\s+rule\s+R3`)

	pullCable(t, s, 1, PortLAN, true)
	directCable(t, s, true)
	awaitNormal(t, s)
	if err := s.Crowd.Renew(within(t, servePatience), 0, pool, pool); err != nil {
		t.Fatal(err)
	}
	noConflict(t, s.Crowd, late)
}

// TestResetStorm resets box-b three times: it then renews and gives nothing
// new, alone or not, until an operator has looked (R10).
func TestResetStorm(t *testing.T) {
	onlyLong(t)
	opt := options()
	opt.Start = "direct"
	s := stage(t, opt)
	box, eye := s.Boxes[1], s.Eyes[1]
	start(t, s)
	awaitNormal(t, s)
	before := settle(t, s)
	late := newcomers(t, s, 2)
	for i := range 3 {
		s.Say("lab", "reset %d of box-b", i+1)
		if err := box.Reset(t.Context()); err != nil {
			t.Fatal(err)
		}
		eye.Mark(true, false)
		expect(t, box, bootPatience, `this start was caused by: power`)
		if err := eye.Await(within(t, bootPatience), "starting", func(s State) bool { return !Normal(s) }); err != nil {
			t.Fatal(err)
		}
		awaitNormal(t, s)
		serves(t, s)
	}
	answers(t, box, "why", `(?s)Posture\s+RENEW-ONLY\s+by\s+rule\s+R10`)
	if err := s.Power(t.Context(), 0, false); err != nil {
		t.Fatal(err)
	}
	awaitAlone(t, s, 1)
	serves(t, s)
	if err := unchanged(before, s.addresses()); err != nil {
		t.Fatal(err)
	}
	refused(t, s, 1, late, 0, `It was refused: three restarts within 15 minutes that nobody commanded \(rule R10\)`)
	answers(t, box, "calm", `(?s)Posture\s+FULL`)
	if err := late.Acquire(within(t, servePatience), 1, 2, 1); err != nil {
		t.Fatalf("after `calm`: %v", err)
	}
	noConflict(t, s.Crowd, late)
}

// TestBootLoaderWithoutMemory zeroes the environment block of the boot loader,
// as a power cut in the wrong moment may: the box starts all the same, and puts
// the block right.
func TestBootLoaderWithoutMemory(t *testing.T) {
	opt := options()
	opt.Only = true
	s := stage(t, opt)
	b := s.Boxes[0]
	disk, at := bootMemory(t, b.Machine.Disk)
	if _, err := disk.WriteAt(make([]byte, grubenv.Size), at); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	expect(t, b, bootPatience, `No slot is known to be good: they take turns`)
	expect(t, b, bootPatience, `Serving alone`)
	serves(t, s)
	expect(t, b, bootPatience, `boot slot a is good`)
	if err := b.Console.Type("poweroff"); err != nil {
		t.Fatal(err)
	}
	if err := b.WaitOff(within(t, servePatience)); err != nil {
		t.Fatal(err)
	}
	block := make([]byte, grubenv.Size)
	if _, err := disk.ReadAt(block, at); err != nil {
		t.Fatal(err)
	}
	if state, err := grubenv.Parse(block); err != nil || state.Order != "a" || state.Tries["a"] != grubenv.Full {
		t.Errorf("the block is %+v, %v", state, err)
	}
}

// bootMemory opens a disk and finds the boot loader's environment block.
func bootMemory(t *testing.T, name string) (disk *os.File, at int64) {
	t.Helper()
	disk, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	partition := make([]byte, layout.BootSize)
	if _, err := disk.ReadAt(partition, layout.BootStart); err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(partition, []byte("# GRUB Environment Block\norder="))
	if i < 0 {
		t.Fatal("no environment block on the boot partition")
	}
	return disk, layout.BootStart + int64(i)
}
