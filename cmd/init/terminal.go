package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"tandem/board"
	"tandem/init/setup"
)

// console is all consoles of the box together, for what is said to everybody.
// A serial line takes some hundred lines a second: who writes does not wait
// for it, or a talkative service could keep PID 1 from feeding the watchdog.
type console struct {
	queue   chan []byte
	dropped atomic.Uint64
	written atomic.Uint64
	asked   atomic.Uint64

	mu        sync.Mutex
	terminals []*terminal
}

// terminal is one console: plain at first, then with a person's interface on
// it, which gets the lines as notices.
type terminal struct {
	name    string
	keys    chan []byte // what is typed; one goroutine reads the device for ever
	out     io.Writer
	notices chan string
	lost    int // notices that found no room, told with the next one

	mu   sync.Mutex
	live bool
}

// Limits of what waits to be shown; more is left out and counted.
const (
	consoleQueue = 1024 // pieces for all consoles
	noticeQueue  = 512  // lines for one
)

func newConsole(out io.Writer) *console {
	c := &console{queue: make(chan []byte, consoleQueue)}
	c.terminals = []*terminal{newTerminal("console", os.Stdin, out)}
	go func() {
		for p := range c.queue {
			if n := c.dropped.Swap(0); n > 0 {
				c.show([]byte(fmt.Sprintf("(%d lines are left out here, the log has them)\n", n)))
			}
			c.show(p)
			c.written.Add(1)
		}
	}()
	return c
}

func newTerminal(name string, in io.Reader, out io.Writer) *terminal {
	t := &terminal{name: name, keys: make(chan []byte), out: out, notices: make(chan string, noticeQueue)}
	go func() {
		for {
			p := make([]byte, 256)
			n, err := in.Read(p)
			if n > 0 {
				t.keys <- p[:n]
			}
			if err != nil {
				time.Sleep(comeBack) // a line that is not connected says so for ever
			}
		}
	}()
	return t
}

// keyboard reads what is typed until ctx ends.
type keyboard struct {
	ctx  context.Context
	keys <-chan []byte
	rest []byte
}

// Read implements io.Reader.
func (k *keyboard) Read(p []byte) (int, error) {
	if len(k.rest) == 0 {
		select {
		case k.rest = <-k.keys:
		case <-k.ctx.Done():
			return 0, io.EOF
		}
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}

// Write implements io.Writer.
func (c *console) Write(p []byte) (int, error) {
	select {
	case c.queue <- bytes.Clone(p):
		c.asked.Add(1)
	default:
		c.dropped.Add(1)
	}
	return len(p), nil
}

func (c *console) all() []*terminal {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]*terminal(nil), c.terminals...)
}

func (c *console) show(p []byte) {
	for _, t := range c.all() {
		t.show(p)
	}
}

// show brings lines to the terminal.
func (t *terminal) show(p []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.live {
		_, _ = t.out.Write(bytes.ReplaceAll(p, []byte("\n"), []byte("\r\n"))) // there is no other place to say that it failed
		return
	}
	for line := range strings.Lines(string(p)) {
		t.notice(strings.TrimRight(line, "\r\n"))
	}
}

// notice hands one line to the interface, which may be behind.
func (t *terminal) notice(line string) {
	if t.lost > 0 {
		select {
		case t.notices <- fmt.Sprintf("(%d lines are left out here, the log has them)", t.lost):
			t.lost = 0
		default:
		}
	}
	select {
	case t.notices <- line:
	default:
		t.lost++
	}
}

// lastWords bounds the wait for the consoles before the box ends.
const lastWords = 3 * time.Second

// flush waits until everything has been shown.
func (c *console) flush() {
	for end := time.Now().Add(lastWords); c.written.Load() < c.asked.Load() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
}

// open takes the other consoles of the board as well: a screen with a
// keyboard, say. One that is not there is none.
func (c *console) open(consoles []board.Console) {
	if len(consoles) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range consoles[:len(consoles)-1] { // the last one is open already
		f, err := os.OpenFile("/dev/"+b.Device, os.O_RDWR|unix.O_NOCTTY, 0)
		if err == nil && raw(f) == nil {
			c.terminals = append(c.terminals, newTerminal(b.Device, f, f))
		}
	}
}

// raw lets a terminal give keys as they are typed, and pass octets through
// unchanged.
func raw(f *os.File) error {
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		return err
	}
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t)
}

// comeBack is the pause before a console that failed is served again.
const comeBack = 10 * time.Second

// talk puts the interface onto every console until ctx ends.
func (b *box) talk(ctx context.Context) {
	for _, t := range b.console.all() {
		b.talking.Go(func() {
			for ctx.Err() == nil {
				if err := t.serve(ctx, &machine{b}); ctx.Err() == nil {
					b.log("console %s: %v", t.name, err)
				}
				select {
				case <-time.After(comeBack):
				case <-ctx.Done():
				}
			}
		})
	}
}

// serve is the interface on one console until it or ctx ends. What goes wrong
// in it stays in it: nothing typed on a console may end PID 1.
func (t *terminal) serve(ctx context.Context, m setup.Machine) (err error) {
	t.setLive(true)
	defer t.setLive(false)
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return setup.Run(ctx, setup.Console{In: &keyboard{ctx: ctx, keys: t.keys}, Out: t.out, Notices: t.notices}, m)
}

func (t *terminal) setLive(on bool) {
	t.mu.Lock()
	t.live = on
	t.mu.Unlock()
	for !on { // what the interface did not show any more
		select {
		case line := <-t.notices:
			t.show([]byte(line + "\n"))
		default:
			return
		}
	}
}
