package daemon

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestPollerSeesSources(t *testing.T) {
	p, err := newPoller()
	check(t, err)
	defer func() { check(t, p.close()) }()
	var pipe [2]int
	check(t, unix.Pipe2(pipe[:], unix.O_NONBLOCK|unix.O_CLOEXEC))
	defer unix.Close(pipe[1])
	read := 0
	s := &source{fd: pipe[0], read: func() { read++ }}
	check(t, p.add(s))
	idle := func() bool { return true }
	if got := p.wait(time.Millisecond, idle); len(got) != 0 {
		t.Fatalf("%d sources ready of nothing", len(got))
	}
	_, err = unix.Write(pipe[1], []byte("x"))
	check(t, err)
	got := p.wait(time.Hour, idle)
	if len(got) != 1 || got[0] != s {
		t.Fatalf("%v", got)
	}
	check(t, p.drop(s))
	if got := p.wait(0, idle); len(got) != 0 || len(p.sources) != 1 {
		t.Error("a source that was dropped is still there")
	}
}

func TestPollerDoesNotSleepWithWork(t *testing.T) {
	p, err := newPoller()
	check(t, err)
	defer func() { check(t, p.close()) }()
	p.wait(time.Hour, func() bool { return false })
	p.ring() // nobody sleeps: nothing may be left behind
	begun := time.Now()
	p.wait(20*time.Millisecond, func() bool { return true })
	if time.Since(begun) < 20*time.Millisecond {
		t.Error("woken up by a ring for an earlier sleep")
	}
}
