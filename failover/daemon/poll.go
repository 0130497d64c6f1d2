package daemon

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// source is a socket that the loop receives from.
type source struct {
	fd   int
	read func() // receives what has come
}

// poller waits for sockets and for other goroutines at the same time
// (epoll(7)). The loop does the waiting itself, rather than a goroutine for
// each socket: a packet that comes alone then costs one wake-up, not three.
type poller struct {
	ep, bell int // bell is an eventfd that others ring
	sources  map[int32]*source
	events   [32]unix.EpollEvent
	ready    []*source
	sleeping atomic.Bool
}

func newPoller() (*poller, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("eventfd: %w", err), unix.Close(ep))
	}
	p := &poller{ep: ep, bell: bell, sources: map[int32]*source{}}
	if err := p.add(&source{fd: bell, read: p.silence}); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// add waits for s as well from now on.
func (p *poller) add(s *source) error {
	event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(s.fd)}
	if err := unix.EpollCtl(p.ep, unix.EPOLL_CTL_ADD, s.fd, &event); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	p.sources[int32(s.fd)] = s
	return nil
}

// drop closes the socket of s, which ends the waiting for it.
func (p *poller) drop(s *source) error {
	delete(p.sources, int32(s.fd))
	return unix.Close(s.fd)
}

// close closes every source that is left.
func (p *poller) close() error {
	errs := []error{unix.Close(p.ep)}
	for fd := range p.sources {
		errs = append(errs, unix.Close(int(fd)))
	}
	clear(p.sources)
	return errors.Join(errs...)
}

// wait gives the sources that have something, after timeout at the latest. It
// does not wait if idle, which is asked once the bell would be heard, is false.
func (p *poller) wait(timeout time.Duration, idle func() bool) []*source {
	if timeout > 0 {
		p.sleeping.Store(true)
		if !idle() {
			timeout = 0
		}
	}
	ms := int((timeout + time.Millisecond - 1) / time.Millisecond)
	n, err := unix.EpollWait(p.ep, p.events[:], ms)
	p.sleeping.Store(false)
	p.ready = p.ready[:0]
	if err != nil { // interrupted by a signal
		return p.ready
	}
	for i := range n {
		if s := p.sources[p.events[i].Fd]; s != nil {
			p.ready = append(p.ready, s)
		}
	}
	return p.ready
}

// ring ends a wait. Any goroutine may ring.
func (p *poller) ring() {
	if p.sleeping.CompareAndSwap(true, false) {
		_, _ = unix.Write(p.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0}) // full means that it rings already
	}
}

// silence takes the bell's count down.
func (p *poller) silence() {
	var count [8]byte
	_, _ = unix.Read(p.bell, count[:]) // empty means that another wait took it
}
