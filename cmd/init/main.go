// init is PID 1 of a box: it wires board, init/* and hwmon together. Booting
// is the list of steps in steps.go; afterwards the loop in watch.go reads the
// hardware, tells dhcpfd the facts its restart rules need, feeds the watchdog
// while the box proves that it works, and keeps the console's status.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tandem/init/boot"
	"tandem/init/clock"
)

func main() {
	if len(os.Args) > 1 && os.Getpid() != 1 {
		var err error
		switch os.Args[1] {
		case holdWord:
			err = hold(os.Args[2:])
		case pairWord:
			err = runPair()
		default:
			err = fmt.Errorf("%q is no word for it", os.Args[1])
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "init:", err)
			os.Exit(1)
		}
		return
	}
	if os.Getpid() != 1 {
		fmt.Println("init is the first process of a Tandem box and does nothing elsewhere. Its boot steps:")
		boot.List(os.Stdout, newBox(io.Discard).steps())
		os.Exit(1)
	}
	b := newBox(os.Stdout)
	defer func() {
		// A panic of PID 1 is a panic of the kernel; say why, and leave word.
		if r := recover(); r != nil {
			fmt.Fprintf(b.console, "init: panic: %v\n%s\n", r, debug.Stack())
			b.restart(boot.ByPanic, fmt.Sprint("panic: ", r))
		}
	}()
	b.run()
}

// run boots and then watches until the box is told to restart or switch off.
func (b *box) run() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGUSR2)
	if err := raw(os.Stdin); err != nil {
		b.log("console: %v", err)
	}
	fmt.Fprintf(b.console, "Tandem: init starts at %.3f s\n", clock.SinceBoot().Seconds())
	early, listened := make(chan order, 1), make(chan struct{})
	go func() {
		defer close(listened)
		b.listenWhileBooting(signals, early, cancel)
	}()
	alarms, err := boot.Run(ctx, b.steps(), b.bootLog(), clock.SinceBoot)
	select {
	case o := <-early:
		b.carryOut(o)
	default:
	}
	for _, a := range alarms {
		b.complain("boot step %s failed: %v", a.Step, a.Err)
		b.passed = append(b.passed, a)
	}
	if errors.Is(err, boot.ErrRestart) {
		cancel()
		b.restart(boot.ByPanic, err.Error())
	}
	close(b.booted)
	<-listened
	o := b.watch(ctx, signals)
	cancel()
	b.carryOut(o)
}

// listenWhileBooting keeps the picture of the box, and lets a person end a
// boot that waits for something.
func (b *box) listenWhileBooting(signals <-chan os.Signal, early chan<- order, cancel func()) {
	tick := time.NewTicker(turn)
	defer tick.Stop()
	end := func(o order) {
		early <- o
		cancel()
	}
	for {
		select {
		case <-b.booted:
			return
		case <-tick.C:
			if b.supervisor.Load() != nil {
				b.followPair()
			}
			b.paintBooting()
		case o := <-b.orders:
			end(o)
			return
		case s := <-signals:
			end(orderOf(s))
			return
		}
	}
}

// order is how the box ends.
type order struct {
	reason boot.Reason
	off    bool
	why    string
}

// carryOut stops everything in good order, then restarts or switches off.
func (b *box) carryOut(o order) {
	b.log("%s", o.why)
	b.quiet()
	if s := b.supervisor.Load(); s != nil {
		s.Stop()
	}
	b.announce(o.reason)
	if o.off {
		if b.dog != nil {
			if err := b.dog.Disarm(); err != nil {
				b.log("watchdog: %v", err)
			}
		}
		b.end(unix.LINUX_REBOOT_CMD_POWER_OFF)
	}
	b.end(unix.LINUX_REBOOT_CMD_RESTART)
}

// quietTime bounds the wait for the consoles' interfaces to end.
const quietTime = time.Second

// quiet takes the interface off every console, so that what is still to be
// said is seen.
func (b *box) quiet() {
	b.hush()
	done := make(chan struct{})
	go func() { b.talking.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(quietTime):
	}
}

// restart is the end of a box that cannot go on.
func (b *box) restart(reason boot.Reason, why string) {
	b.complain("restart: %s", why)
	b.quiet()
	b.announce(reason)
	// Time to read the console, and a brake for a box that fails at once.
	time.Sleep(3 * time.Second)
	b.end(unix.LINUX_REBOOT_CMD_RESTART)
}

// announce leaves word of a coming restart in the boot ledger.
func (b *box) announce(reason boot.Reason) {
	if !b.dataMounted {
		return
	}
	b.ledger.Announced = reason
	if err := b.ledger.Write(ledgerPath); err != nil {
		b.log("%v", err)
	}
}

func (b *box) end(how int) {
	b.journal.Close()
	if b.dataMounted {
		unix.Sync()
		if err := unix.Unmount(dataDir, 0); err != nil {
			b.log("unmount the data partition: %v", err)
			_ = unix.Mount("", dataDir, "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
		}
	}
	b.console.flush()
	unix.Sync()
	_ = unix.Reboot(how)
	select {} // the machine is going down
}
