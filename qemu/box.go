package qemu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// powerOnTime is how long QEMU may take to open its connections.
const powerOnTime = 60 * time.Second

// Box is a virtual machine on the lab's bench. It keeps its disk, its clock
// chip, its console and its cables while it is switched off.
type Box struct {
	Machine Machine
	Console *Console

	sockets sockets
	cables  []*socket
	log     *os.File

	mu     sync.Mutex
	run    *running      // nil: off
	clock  time.Duration // how far the clock chip is ahead of the host
	pulled map[int]bool  // ports without a cable
}

// running is one QEMU process.
type running struct {
	monitor *monitor
	process *os.Process
	ended   chan struct{} // closed when the process is gone
	said    *complaint
}

// maxComplaint bounds what is kept of a QEMU's standard error, in bytes.
const maxComplaint = 16 << 10

// complaint is the beginning of what QEMU says; read it after the process ended.
type complaint struct{ text []byte }

func (c *complaint) Write(p []byte) (int, error) {
	c.text = append(c.text, p[:min(len(p), maxComplaint-len(c.text))]...)
	return len(p), nil
}

// newBox makes ready all that outlives the power.
func newBox(m Machine, dir string) (*Box, error) {
	b := &Box{Machine: m, pulled: map[int]bool{}}
	b.sockets = sockets{monitor: filepath.Join(dir, "qmp"), console: filepath.Join(dir, "con"), vars: filepath.Join(dir, "vars")}
	if !m.Clock.IsZero() {
		b.clock = time.Until(m.Clock)
	}
	if m.Start == StartUEFI {
		_, vars, err := findFirmware(m.Arch)
		if err == nil {
			err = CopySparse(vars, b.sockets.vars, 0)
		}
		if err != nil {
			return nil, fmt.Errorf("box %s: %w", m.Name, err)
		}
	}
	if m.Console == "" {
		b.Console = newConsole(nil)
	} else {
		var err error
		if b.log, err = os.Create(m.Console); err != nil {
			return nil, fmt.Errorf("box %s: %w", m.Name, err)
		}
		b.Console = newConsole(b.log)
	}
	for i, c := range m.Ports {
		path := filepath.Join(dir, portID(i))
		k, err := c.To.listen(m.Name+"/"+portID(i), path)
		if err != nil {
			b.close()
			return nil, fmt.Errorf("box %s: %w", m.Name, err)
		}
		b.cables = append(b.cables, k)
		b.sockets.ports = append(b.sockets.ports, path)
	}
	return b, nil
}

// Cable returns the switch's end of a port's cable, from 0 in the order of the
// case: its faults and counters.
func (b *Box) Cable(port int) *Port { return b.cables[port].port }

// On reports whether the box has power.
func (b *Box) On() bool { return b.current() != nil }

func (b *Box) current() *running {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.run
}

// PowerOn switches the box on. It returns as soon as the machine runs.
func (b *Box) PowerOn(ctx context.Context) error {
	if b.On() {
		return fmt.Errorf("box %s is on already", b.Machine.Name)
	}
	ctx, stop := context.WithTimeout(ctx, powerOnTime)
	defer stop()
	ahead := b.ahead()
	args, err := b.Machine.arguments(b.sockets, time.Now().Add(ahead))
	if err != nil {
		return fmt.Errorf("box %s: %w", b.Machine.Name, err)
	}
	control, err := listenOnce(b.sockets.monitor)
	if err != nil {
		return fmt.Errorf("box %s: %w", b.Machine.Name, err)
	}
	defer control.Close()
	serial, err := listenOnce(b.sockets.console)
	if err != nil {
		return fmt.Errorf("box %s: %w", b.Machine.Name, err)
	}
	defer serial.Close()
	r, err := launch(program(b.Machine.Arch), args)
	if err != nil {
		return fmt.Errorf("box %s: %w", b.Machine.Name, err)
	}
	if err := b.connect(ctx, r, control, serial, ahead); err != nil {
		r.kill()
		return fmt.Errorf("box %s: %w: %s", b.Machine.Name, err, bytes.TrimSpace(r.said.text))
	}
	b.mu.Lock()
	b.run = r
	b.mu.Unlock()
	go b.reap(r)
	return nil
}

// reap notes when a machine is gone, by whatever end.
func (b *Box) reap(r *running) {
	<-r.ended
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.run == r {
		b.run = nil
	}
}

// connect takes QEMU's two connections. ahead is how far the clock chip was
// ahead of the host when the machine was started.
func (b *Box) connect(ctx context.Context, r *running, control, serial *net.UnixListener, ahead time.Duration) error {
	q, err := accept(ctx, r, control)
	if err != nil {
		return err
	}
	s, err := accept(ctx, r, serial)
	if err != nil {
		q.Close()
		return err
	}
	go b.Console.attach(s)
	if r.monitor, err = newMonitor(ctx, q, func(e Event) { b.onEvent(e, ahead) }); err != nil {
		return err
	}
	for port := range b.cables {
		b.mu.Lock()
		pulled := b.pulled[port]
		b.mu.Unlock()
		if !pulled {
			continue
		}
		if err := b.setLink(ctx, r, port, false); err != nil {
			return err
		}
	}
	return nil
}

// onEvent keeps the clock chip's time when the software sets it, so that it
// outlives the power.
func (b *Box) onEvent(e Event, ahead time.Duration) {
	var rtc struct {
		Offset int64 `json:"offset"` // seconds, against a clock that ran on from the start
	}
	if e.Name != "RTC_CHANGE" || json.Unmarshal(e.Data, &rtc) != nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clock = ahead + time.Duration(rtc.Offset)*time.Second
}

func (b *Box) ahead() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.clock
}

// listenOnce listens on a socket for one connection.
func listenOnce(path string) (*net.UnixListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
}

// accept waits for the machine's connection, its end, or the context's.
func accept(ctx context.Context, r *running, ln *net.UnixListener) (net.Conn, error) {
	type result struct {
		c   net.Conn
		err error
	}
	got := make(chan result, 1)
	go func() {
		c, err := ln.Accept()
		got <- result{c, err}
	}()
	select {
	case g := <-got:
		return g.c, g.err
	case <-r.ended:
		return nil, errors.New("QEMU ended at once")
	case <-ctx.Done():
		return nil, fmt.Errorf("QEMU did not come up: %w", ctx.Err())
	}
}

// launch starts QEMU so that it cannot outlive this program.
func launch(name string, args []string) (*running, error) {
	r := &running{ended: make(chan struct{}), said: &complaint{}}
	cmd := exec.Command(name, args...)
	cmd.Stderr = r.said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	started := make(chan error, 1)
	go func() {
		// The death signal is sent when the starting thread ends: keep it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		r.process = cmd.Process
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended does not matter, that it ended does
			close(r.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("%w (Debian packages qemu-system-x86 and qemu-system-arm)", err)
	}
	return r, nil
}

func (r *running) kill() {
	_ = r.process.Kill() // gone already: what was wanted
	<-r.ended
}
