package supervise

import (
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Reaper collects every child that ends. PID 1 inherits the orphans of all
// others, so waiting for single processes is not enough.
type Reaper struct {
	mu    sync.Mutex
	waits map[int]chan syscall.WaitStatus
	// early keeps the end of a child that was not waited for yet.
	early map[int]syscall.WaitStatus
}

// maxEarly bounds the ends that are kept for somebody who may still ask.
const maxEarly = 64

// NewReaper starts to collect, until stop is closed.
func NewReaper(stop <-chan struct{}) *Reaper {
	r := &Reaper{waits: map[int]chan syscall.WaitStatus{}, early: map[int]syscall.WaitStatus{}}
	sigs := make(chan os.Signal, 8)
	signal.Notify(sigs, syscall.SIGCHLD)
	go func() {
		defer signal.Stop(sigs)
		for {
			r.collect()
			select {
			case <-sigs:
			case <-stop:
				return
			}
		}
	}()
	return r
}

func (r *Reaper) collect() {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		if !ws.Exited() && !ws.Signaled() {
			continue // stopped or continued, not ended
		}
		r.mu.Lock()
		if c, ok := r.waits[pid]; ok {
			delete(r.waits, pid)
			c <- ws
		} else {
			if len(r.early) >= maxEarly {
				clear(r.early)
			}
			r.early[pid] = ws
		}
		r.mu.Unlock()
	}
}

// Wait gives a channel that gets the status of the process once it has ended.
func (r *Reaper) Wait(pid int) <-chan syscall.WaitStatus {
	c := make(chan syscall.WaitStatus, 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	if ws, ok := r.early[pid]; ok {
		delete(r.early, pid)
		c <- ws
		return c
	}
	r.waits[pid] = c
	return c
}

func signalName(s syscall.Signal) string {
	if n := unix.SignalName(s); n != "" {
		return n
	}
	return s.String()
}
