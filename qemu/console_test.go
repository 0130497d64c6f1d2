package qemu

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// serial is a console and the machine's end of its line.
func serial(t *testing.T, log io.Writer) (*Console, net.Conn) {
	t.Helper()
	machine, ours := net.Pipe()
	c := newConsole(log)
	go c.attach(ours)
	t.Cleanup(func() { machine.Close() })
	if _, err := machine.Write([]byte("hello\n")); err != nil { // also waits for attach
		t.Fatal(err)
	}
	return c, machine
}

func soon(t *testing.T) context.Context {
	ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(stop)
	return ctx
}

func TestExpectGoesForward(t *testing.T) {
	var log bytes.Buffer
	c, machine := serial(t, &log)
	go func() { _, _ = machine.Write([]byte("count=1\r\ncount=2\r\nend\r\n")) }()
	for _, want := range []string{"1", "2"} {
		got, err := c.Expect(soon(t), `count=(\d)(x)?`)
		if err != nil || got[1] != want || got[2] != "" {
			t.Errorf("%q %v, want %s", got, err, want)
		}
	}
	if _, err := c.Expect(soon(t), "end"); err != nil {
		t.Fatal(err)
	}
	short, stop := context.WithTimeout(context.Background(), time.Millisecond)
	defer stop()
	_, err := c.Expect(short, "count=1")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "count=2") {
		t.Errorf("going back: %v", err)
	}
	if _, err := c.Expect(short, "("); err == nil {
		t.Error("a bad pattern is accepted")
	}
	if !strings.HasPrefix(log.String(), "hello\ncount=1") {
		t.Errorf("log %q", log.String())
	}
	if got := c.Tail(1); got != "end" {
		t.Errorf("tail %q", got)
	}
}

func TestTypeReachesTheMachine(t *testing.T) {
	c, machine := serial(t, nil)
	got := make(chan string, 1)
	go func() {
		buf := make([]byte, 16)
		n, _ := machine.Read(buf)
		got <- string(buf[:n])
	}()
	if err := c.Type("reboot"); err != nil || <-got != "reboot\n" {
		t.Error(err)
	}
	machine.Close()
	for ctx := soon(t); c.Type("x") == nil; {
		if ctx.Err() != nil {
			t.Fatal("typing into a machine without power works")
		}
	}
}

func TestConsoleIsBounded(t *testing.T) {
	c := newConsole(nil)
	output, stop := c.Watch()
	line := []byte(strings.Repeat("x", 1023) + "\n")
	for range 2 * keepConsole / len(line) {
		c.add(line)
	}
	if len(c.kept) > keepConsole {
		t.Errorf("%d bytes kept", len(c.kept))
	}
	if len(output) != watcherQueue {
		t.Errorf("%d pieces wait for a watcher", len(output))
	}
	stop()
	stop()
	c.add([]byte("last\n"))
	if _, err := c.Expect(soon(t), "last"); err != nil {
		t.Error(err)
	}
}
