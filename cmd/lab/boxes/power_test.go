package boxes

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"testing"
	"time"

	"tandem/cmd/lab/load"
)

var (
	pulls = flag.Int("boxes.pulls", 3, "how often the power is pulled under load")
	seed  = flag.Uint64("boxes.seed", uint64(time.Now().UnixNano()), "of the moments of the pulls")
)

// loadClients is how many clients ask all the time; the pool has 100 addresses.
const loadClients = 80

// latestPull is the latest moment of a pull: after power-on for the one in
// bootPulls that hits the boot, after the begin of the service for the others.
const (
	latestPull = 8 * time.Second
	bootPulls  = 5
)

// TestPowerPulled pulls the power at random moments, some of them in the boot,
// while clients get and renew addresses. What was acknowledged is
// on the disk each time, the file system can be repaired, and the box boots.
func TestPowerPulled(t *testing.T) {
	t.Logf("-boxes.seed=%d", *seed)
	dice := rand.New(rand.NewPCG(*seed, 4))
	opt := options()
	opt.Only = true
	s := stage(t, opt)
	node, err := s.Machine(s.Net, "load", 0x31)
	if err != nil {
		t.Fatal(err)
	}
	crowd, err := load.NewCrowd(node, "eth0", 2, loadClients)
	if err != nil {
		t.Fatal(err)
	}
	defer crowd.Close()
	dir := t.TempDir()
	busy := 0
	for i := range *pulls {
		acks := len(crowd.Acks)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		start(t, s)
		go func() { ended <- press(ctx, crowd) }()
		pull := time.Duration(dice.Int64N(int64(latestPull)))
		if dice.IntN(bootPulls) > 0 {
			expect(t, s.Boxes[0], bootPatience, `Serving alone`)
		}
		<-time.After(pull)
		s.Boxes[0].PullPower()
		s.Eyes[0].Mark(false, false)
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		if err := crowd.Drain(300 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
		onDisk, err := promises(s.Boxes[0].Machine.Disk, dir)
		if err != nil {
			t.Fatalf("pull %d after %v: %v", i+1, pull, err)
		}
		if err := kept(&crowd.Books, onDisk); err != nil {
			t.Fatalf("pull %d after %v: %v", i+1, pull, err)
		}
		got := len(crowd.Acks) - acks
		if got > 0 {
			busy++
		}
		s.Say("lab", "pull %d after %.1f s and %d acknowledgements: all %d leases that hold are on the disk",
			i+1, pull.Seconds(), got, len(crowd.Held(time.Now())))
	}
	t.Logf("%d pulls, %d of them under load, %d acknowledgements", *pulls, busy, len(crowd.Acks))
	lastBoot(t, s, crowd)
}

// press keeps the clients busy until ctx ends.
func press(ctx context.Context, crowd *load.Crowd) error {
	ways := []func(context.Context, int, int, int) error{crowd.Rebind, crowd.Acquire, crowd.Reboot, crowd.Renew}
	for i := 0; ; i++ {
		err := ways[i%len(ways)](ctx, 0, crowd.Len(), 16)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			return err
		}
	}
}

// lastBoot starts the box once more, and looks at its disk after an orderly end.
func lastBoot(t *testing.T, s *Stage, crowd *load.Crowd) {
	t.Helper()
	box := s.Boxes[0]
	start(t, s)
	expect(t, box, bootPatience, `(?s)this start was caused by: power.*Serving alone`)
	if err := crowd.Rebind(within(t, servePatience), 0, crowd.Len(), 16); err != nil {
		t.Fatal(err)
	}
	if n := len(crowd.Conflicts); n > 0 {
		t.Fatalf("%d addresses had two clients: %v", n, crowd.Conflicts[0])
	}
	if err := box.Console.Type("poweroff"); err != nil {
		t.Fatal(err)
	}
	if err := box.WaitOff(within(t, servePatience)); err != nil {
		t.Fatal(err)
	}
	if _, err := tool("e2fsck", "-fn", data(box.Machine.Disk)); err != nil {
		t.Fatal(err)
	}
}
