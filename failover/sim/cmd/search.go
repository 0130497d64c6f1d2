package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tandem/failover/sim"
)

// refresh is how often the line of progress is written.
const refresh = 2 * time.Second

// progress is one line on a terminal that says how far a search is. It goes
// to standard error, and only if that is a terminal.
type progress struct {
	terminal      bool
	c             *choices
	start, latest time.Time
	shown         int // columns
}

func newProgress(c *choices) *progress {
	_, err := unix.IoctlGetTermios(int(os.Stderr.Fd()), unix.TCGETS)
	return &progress{terminal: err == nil, c: c, start: time.Now()}
}

// show writes the line anew if it is time to.
func (p *progress) show(sum *sim.Sum) {
	if now := time.Now(); p.terminal && now.Sub(p.latest) >= refresh {
		p.latest = now
		p.clear()
		text := fmt.Sprintf("%d lives, %.0f pair-hours, %d broken; %s", sum.Lives, sum.Hours, sum.Broken, p.left(sum, now))
		fmt.Fprint(os.Stderr, text)
		p.shown = len(text)
	}
}

// left is what remains to be done.
func (p *progress) left(sum *sim.Sum, now time.Time) string {
	if p.c.n != 0 {
		return fmt.Sprintf("%d lives to go", p.c.n-min(sum.Lives, p.c.n))
	}
	return fmt.Sprintf("%v to go", max(p.c.length-now.Sub(p.start), 0).Round(time.Second))
}

// clear takes the line away.
func (p *progress) clear() {
	if p.shown > 0 {
		fmt.Fprintf(os.Stderr, "\r%s\r", strings.Repeat(" ", p.shown))
		p.shown = 0
	}
}

// search lives seeds and prints those that break a promise, the coverage and
// the hours. An interrupt ends it after the lives that are under way.
func search(c *choices) bool {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	line := newProgress(c)
	sum := sim.Search{First: c.first, N: c.n, For: c.length, Workers: c.workers,
		Broken: func(seed uint64, v *sim.Violation) {
			line.clear()
			sim.Paragraph(os.Stdout, fmt.Sprintf("seed %d: %v", seed, v))
		},
		Lived: func(sum *sim.Sum) bool {
			line.show(sum)
			return len(stop) == 0
		}}.Run()
	line.clear()
	signal.Stop(stop)
	sum.Cover.Print(os.Stdout)
	took := time.Since(line.start)
	fmt.Printf("\n%d lives from seed %d on, %d broke a promise\n", sum.Lives, c.first, sum.Broken)
	fmt.Printf("%.0f pair-hours in %v; %.0f a second of processor time\n", sum.Hours, took.Round(time.Second), sum.Hours/processor().Seconds())
	return sum.Broken == 0 && len(sum.Cover.Impossible()) == 0
}

// processor is the processor time that this process has used.
func processor() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
