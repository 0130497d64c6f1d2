package boxes

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tandem/cmd/lab/clients"
	"tandem/qemu"
)

// keys is the help line of the view.
const keys = " 1 2 power   f g freeze   l k LAN   d direct cable   n time servers\n" +
	" c v console (Ctrl-] leaves it)   q quit"

// keptEvents is how much of the story is kept; as much of it is shown as the
// terminal has room for.
const keptEvents = 40

// View runs a stage in the terminal until the operator quits: boxes, states,
// links, clocks, leases and clients, with keys that break things.
func View(ctx context.Context, opt Options) error {
	v := &view{lines: make(chan string, 256)}
	s, err := NewStage(opt, v)
	if err != nil {
		return err
	}
	v.stage = s
	restore, err := rawTerminal(os.Stdin)
	if err != nil {
		return fmt.Errorf("terminal: %w", err)
	}
	fmt.Print("\x1b[?1049h\x1b[?25l")
	defer func() {
		fmt.Print("\x1b[?25h\x1b[?1049l")
		restore()
		s.Close()
	}()
	if err := s.Start(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { defer close(done); v.clients(ctx) }()
	err = v.loop(ctx)
	cancel()
	<-done
	return err
}

// view is the screen and what it knows.
type view struct {
	stage  *Stage
	lines  chan string // of the story
	events []string
	ntpOff bool
	cut    [3]bool // LAN of a, LAN of b, the direct cable
	crowd  crowdFigures
	report chan crowdFigures
}

// crowdFigures is what the simulated clients tell of themselves.
type crowdFigures struct {
	bound, rounds int
	trouble       string
	conflicts     int
}

// Write takes the lines of the story.
func (v *view) Write(p []byte) (int, error) {
	select {
	case v.lines <- strings.TrimRight(string(p), "\n"):
	default: // the screen shows the newest anyway
	}
	return len(p), nil
}

// clients keeps the clients at work: they come when the pair is well, and
// renew for ever.
func (v *view) clients(ctx context.Context) {
	s := v.stage
	if err := s.SetUp(ctx); err != nil {
		s.Say("lab", "%v; c and v lead to the consoles", err)
	}
	if err := s.AwaitNormal(ctx); err != nil {
		return
	}
	if err := s.Join(clients.Udhcpc, clients.Dhclient, clients.Dhcpcd); err != nil {
		s.Say("lab", "%v", err)
	}
	const every = 5 * time.Second
	for round := 1; ctx.Err() == nil; round++ {
		turn, stop := context.WithTimeout(ctx, 4*every)
		err := s.Crowd.Renew(turn, 0, crowdSize, 4)
		stop()
		f := crowdFigures{rounds: round, conflicts: len(s.Crowd.Conflicts)}
		for _, a := range s.addresses() {
			if a.IsValid() {
				f.bound++
			}
		}
		if err != nil && ctx.Err() == nil {
			f.trouble = err.Error()
		}
		select {
		case v.report <- f:
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
		}
	}
}

func (v *view) loop(ctx context.Context) error {
	v.report = make(chan crowdFigures, 1)
	typed := make(chan byte)
	go func() {
		var b [1]byte
		for {
			if n, err := os.Stdin.Read(b[:]); n != 1 || err != nil {
				close(typed)
				return
			}
			typed <- b[0]
		}
	}()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case line := <-v.lines:
			v.events = append(v.events, line)
			if len(v.events) > keptEvents {
				v.events = v.events[1:]
			}
			continue
		case f := <-v.report:
			v.crowd = f
			continue
		case key, ok := <-typed:
			if !ok || key == 'q' || key == 3 {
				return nil
			}
			if err := v.key(ctx, key, typed); err != nil {
				v.stage.Say("lab", "%v", err)
			}
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		fmt.Print("\x1b[H" + strings.ReplaceAll(v.draw(), "\n", "\x1b[K\r\n") + "\x1b[J")
	}
}

// key does what a key stands for.
func (v *view) key(ctx context.Context, key byte, typed <-chan byte) error {
	s := v.stage
	switch key {
	case '1', '2':
		i := int(key - '1')
		return s.Power(ctx, i, !s.Boxes[i].On())
	case 'f', 'g':
		return s.Freeze(ctx, int(key-'f'), !s.Eyes[key-'f'].State().Frozen)
	case 'l', 'k':
		i := int('l' - key)
		v.cut[i] = !v.cut[i]
		s.Say("lab", "the LAN cable of %s is %s", Names[i], inOut(v.cut[i]))
		return s.Boxes[i].SetCarrier(ctx, PortLAN, !v.cut[i])
	case 'd':
		v.cut[2] = !v.cut[2]
		s.Say("lab", "the direct cable is %s", inOut(v.cut[2]))
		return s.CutDirect(ctx, v.cut[2])
	case 'n':
		v.ntpOff = !v.ntpOff
		for _, c := range s.Clocks {
			c.Set(qemu.ClockSettings{Silent: v.ntpOff})
		}
		s.Say("lab", "the time servers are silent: %v", v.ntpOff)
	case 'c', 'v':
		i := 0
		if key == 'v' {
			i = 1
		}
		return v.attach(i, typed)
	}
	return nil
}

func inOut(cut bool) string {
	if cut {
		return "pulled out"
	}
	return "plugged in"
}

// attach gives the terminal to the serial console of a box until Ctrl-].
func (v *view) attach(i int, typed <-chan byte) error {
	console := v.stage.Boxes[i].Console
	output, stop := console.Watch()
	defer stop()
	fmt.Printf("\x1b[2J\x1b[H\x1b[?25h--- %s, serial console; Ctrl-] leaves ---\r\n%s\r\n", Names[i],
		strings.ReplaceAll(console.Tail(20), "\n", "\r\n"))
	defer fmt.Print("\x1b[?25l\x1b[2J")
	// The box asks what the terminal is; once nobody answers any more it goes
	// back to lines, which the view reads.
	const redraw = 0x0c
	if _, err := console.Write([]byte{redraw}); err != nil {
		return err
	}
	defer console.Write([]byte{redraw})
	for {
		select {
		case data := <-output:
			os.Stdout.Write(data)
		case key, ok := <-typed:
			const leave = 0x1d
			if !ok || key == leave {
				return nil
			}
			if _, err := console.Write([]byte{key}); err != nil {
				return err
			}
		}
	}
}

// draw makes the screen, 80 columns wide.
func (v *view) draw() string {
	var b strings.Builder
	s := v.stage
	fmt.Fprintf(&b, "\x1b[7m%-79s\x1b[0m\n", fmt.Sprintf(" Tandem lab   %4.0f s", time.Since(s.began).Seconds()))
	for i, e := range s.Eyes {
		drawBox(&b, i, e.State())
	}
	clock := "answer"
	if v.ntpOff {
		clock = "SILENT"
	}
	fmt.Fprintf(&b, "\n time servers %s   direct cable %s\n", clock, inOut(v.cut[2]))
	fmt.Fprintf(&b, "\n clients  %d of %d have a lease, round %d; %d addresses had two clients %s\n",
		v.crowd.bound, crowdSize, v.crowd.rounds, v.crowd.conflicts, clip(v.crowd.trouble, 18))
	for _, c := range s.Real {
		fmt.Fprintf(&b, "          %-9s %s\n", c.Kind, clip(lastLease(c), 60))
	}
	b.WriteString("\n")
	room := max(rows()-strings.Count(b.String(), "\n")-strings.Count(keys, "\n")-2, 0)
	for _, line := range v.events[max(0, len(v.events)-room):] {
		b.WriteString(clip(line, 79) + "\n")
	}
	b.WriteString("\n" + keys)
	return b.String()
}

// rows is the height of the terminal.
func rows() int {
	size, err := unix.IoctlGetWinsize(int(os.Stdout.Fd()), unix.TIOCGWINSZ)
	if err != nil || size.Row == 0 {
		return 24
	}
	return int(size.Row)
}

func drawBox(b *strings.Builder, i int, st State) {
	power := "\x1b[31mOFF\x1b[0m"
	switch {
	case st.Frozen:
		power = "\x1b[33mFROZEN\x1b[0m"
	case st.Power:
		power = "\x1b[32mON\x1b[0m"
	}
	fmt.Fprintf(b, "\n \x1b[1m%-6s\x1b[0m %-9s %s  %s\n", Names[i], roles[i], power, detail(st))
	if !st.Power {
		b.WriteString("\n\n")
		return
	}
	fmt.Fprintf(b, "        LAN %-28s direct %s\n", clip(st.LAN, 28), clip(st.Direct, 28))
	fmt.Fprintf(b, "        %s\n", clip(st.Service, 70))
	for _, a := range st.Alarms {
		fmt.Fprintf(b, "        \x1b[31mALARM %s\x1b[0m\n", clip(a, 64))
	}
}

func detail(st State) string {
	switch {
	case !st.Power:
		return ""
	case st.Step != "":
		return "booting: " + clip(st.Step, 50)
	}
	return fmt.Sprintf("clock %s, started %s", st.Clock, st.Started)
}

func lastLease(c *clients.Client) string {
	lines := strings.Split(strings.TrimSpace(c.Tail(40)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if _, after, ok := strings.Cut(lines[i], "LAB "); ok {
			return after
		}
	}
	return "asking"
}

func clip(s string, width int) string {
	r := []rune(s)
	if len(r) <= width {
		return s
	}
	return string(r[:width-1]) + "~"
}

// rawTerminal switches line editing and echo off; restore undoes it.
func rawTerminal(f *os.File) (restore func(), err error) {
	fd := int(f.Fd())
	was, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	raw := *was
	raw.Lflag &^= unix.ICANON | unix.ECHO | unix.ISIG
	raw.Iflag &^= unix.ICRNL | unix.IXON
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &raw); err != nil {
		return nil, err
	}
	return func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, was) }, nil
}

// IsTerminal tells whether both ends of a conversation are a terminal.
func IsTerminal(in, out *os.File) bool {
	for _, f := range []*os.File{in, out} {
		if _, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err != nil {
			return false
		}
	}
	return true
}

// Run shows a pair of boxes: in a terminal by the view, else by the fixed
// scenario as lines on out.
func Run(ctx context.Context, opt Options, out io.Writer) error {
	if IsTerminal(os.Stdin, os.Stdout) {
		return View(ctx, opt)
	}
	s, err := NewStage(opt, out)
	if err != nil {
		return err
	}
	err = s.Scenario(ctx)
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	return err
}
