package boxes

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"tandem/cmd/lab/load"
	"tandem/cmd/lab/netlab"
	"tandem/qemu"
)

// Way is one way for a box to start.
type Way struct {
	Name   string
	Board  string
	Start  qemu.Start
	Memory int // MiB
}

// Ways are those that BootTimes measures.
var Ways = []Way{
	{"pc, BIOS", "pc", qemu.StartBIOS, 256},
	{"pc, BIOS, 128 MiB", "pc", qemu.StartBIOS, 128},
	{"pc, UEFI", "pc", qemu.StartUEFI, 512},
	{"arm64, UEFI", "qemu-arm64", qemu.StartUEFI, 512},
	{"generic arm64, UEFI", "arm64-uefi", qemu.StartUEFI, 512},
}

// BootTime is how one start went: by the lab's clock from power-on, and by the
// box's own.
type BootTime struct {
	Way
	Loader, Init, Services, ACK time.Duration // since power-on
	Steps                       []BootStep
	// BoxServing is the box's time from init's first line to the start of the
	// services, without the wait for the time servers' answer, in seconds.
	BoxServing float64
	Left       string // of the memory, as the box says
}

// BootStep is one step of init, in seconds of the box.
type BootStep struct {
	Name string
	Took float64
	Done float64 // since the kernel started
}

// bootLimit bounds one start under plain emulation.
const bootLimit = 4 * time.Minute

// MeasureBoot starts a single box with a wrong clock and waits for the first
// address that a client gets.
func MeasureBoot(ctx context.Context, im Image, way Way, consoles string) (BootTime, error) {
	bt := BootTime{Way: way}
	ctx, stop := context.WithTimeout(ctx, bootLimit)
	defer stop()
	p, err := New(Options{Image: im, Start: way.Start, Memory: way.Memory, Only: true, Consoles: consoles})
	if err != nil {
		return bt, err
	}
	defer p.Close()
	dir, err := os.MkdirTemp("", "boot-")
	if err != nil {
		return bt, err
	}
	defer os.RemoveAll(dir)
	net, err := netlab.New(dir)
	if err != nil {
		return bt, err
	}
	defer net.Close()
	node, err := p.Machine(net, "client", 0x30)
	if err != nil {
		return bt, err
	}
	crowd, err := load.NewCrowd(node, "eth0", 1, 1)
	if err != nil {
		return bt, err
	}
	defer crowd.Close()
	began := time.Now()
	lines := follow(p.Boxes[0], began)
	defer lines.stop()
	if err := p.PowerOn(ctx); err != nil {
		return bt, err
	}
	if err := crowd.Acquire(ctx, 0, 1, 1); err != nil {
		return bt, fmt.Errorf("%s: no address after %v: %w; the console ends with\n%s",
			way.Name, time.Since(began).Round(time.Second), err, p.Boxes[0].Console.Tail(25))
	}
	bt.ACK = time.Since(began)
	lines.read(&bt)
	return bt, nil
}

// stamped is a console's lines with the time at which they came.
type stamped struct {
	mu    sync.Mutex
	lines []stampedLine
	stop  func()
}

type stampedLine struct {
	at   time.Duration
	text string
}

func follow(b *qemu.Box, began time.Time) *stamped {
	s := &stamped{}
	output, stop := b.Console.Watch()
	s.stop = stop
	go readLines(output, func(line string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lines = append(s.lines, stampedLine{time.Since(began), line})
	})
	return s
}

var (
	timedStep  = regexp.MustCompile(`^\[ *([0-9.]+)\] (?:ok  |FAIL) (\w[\w ]*?) +([0-9.]+) s(?:  (.*))?$`)
	initLine   = regexp.MustCompile(`^Tandem: init starts at ([0-9.]+) s`)
	memoryText = regexp.MustCompile(`memory: (.*)$`)
)

// read takes the moments out of what the console said.
func (s *stamped) read(bt *BootTime) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number := func(text string) float64 {
		f, _ := strconv.ParseFloat(text, 64) // the pattern lets only numbers through
		return f
	}
	first, gate := 0.0, 0.0
	for _, l := range s.lines {
		if strings.Contains(l.text, "Starting slot") && bt.Loader == 0 {
			bt.Loader = l.at
		}
		if m := initLine.FindStringSubmatch(l.text); m != nil {
			bt.Init, first = l.at, number(m[1])
		}
		if m := memoryText.FindStringSubmatch(l.text); m != nil {
			bt.Left = m[1]
		}
		if m := timedStep.FindStringSubmatch(l.text); m != nil {
			step := BootStep{m[2], number(m[3]), number(m[1])}
			bt.Steps = append(bt.Steps, step)
			if step.Name == "clock gate" {
				gate = step.Took
			}
			bt.BoxServing, bt.Services = step.Done-first-gate, l.at
		}
	}
}

// Print writes the measurement as a few lines.
func (bt BootTime) Print(w io.Writer) {
	fmt.Fprintf(w, "%s\n  power to boot loader %.1f s, to init %.1f s, to the start of services %.1f s, to the first ACK %.1f s\n",
		bt.Name, bt.Loader.Seconds(), bt.Init.Seconds(), bt.Services.Seconds(), bt.ACK.Seconds())
	fmt.Fprintf(w, "  init's first line to its last step, the time servers' answer left out: %.2f s of box time\n  ", bt.BoxServing)
	for _, s := range bt.Steps {
		fmt.Fprintf(w, " %s %.2f", s.Name, s.Took)
	}
	fmt.Fprintf(w, "\n  memory: %s of %d MiB in the machine\n", bt.Left, bt.Memory)
}

// BenchBoot measures every way to start. Images must lie in dir.
func BenchBoot(ctx context.Context, w io.Writer, dir, consoles string) error {
	for _, name := range BenchBoards {
		im := ImageIn(dir, name)
		fmt.Fprintf(w, "image %s: %.1f MB in a slot (goal: 40), RAM disk %.1f MB, %.1f MB unpacked, %d kernel modules\n", name,
			float64(im.Built.Slot)/1e6, float64(im.Built.RAMDisk)/1e6, float64(im.Built.Unpacked)/1e6, im.Built.Modules)
	}
	for _, way := range Ways {
		bt, err := MeasureBoot(ctx, ImageIn(dir, way.Board), way, consoles)
		if err != nil {
			return err
		}
		bt.Print(w)
	}
	return nil
}

// BenchBoards are the boards of Ways.
var BenchBoards = []string{"pc", "qemu-arm64", "arm64-uefi"}
