package setup

import (
	"context"
	"io"
	"time"
)

// Console is one terminal. The device must give keys as they are typed,
// unechoed (raw mode), and pass octets through unchanged.
type Console struct {
	In  io.Reader
	Out io.Writer
	// Notices are log lines; a terminal of lines shows them, a screen shows
	// the last one. May be nil.
	Notices <-chan string
}

// turn is how often the box is asked how it is.
const turn = time.Second

// Run serves one console until ctx ends or the console is at its end. It is
// the only place with goroutines, a clock and a device: one goroutine reads
// the terminal and each task has one of its own.
func Run(ctx context.Context, c Console, m Machine) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &shell{machine: m, events: make(chan Event), running: map[int]context.CancelFunc{}}
	ended := make(chan error, 1)
	go s.read(ctx, c.In, ended)
	u := New(time.Now(), s.look())
	for {
		if out := u.Output(); len(out) > 0 {
			if _, err := c.Out.Write(out); err != nil {
				return err
			}
		}
		e, err := s.next(ctx, u.Deadline(), c.Notices, ended)
		if err != nil {
			return err
		}
		for _, effect := range u.Step(time.Now(), e) {
			s.start(ctx, effect)
		}
	}
}

// shell connects a UI with the world.
type shell struct {
	machine Machine
	events  chan Event // from the goroutines
	running map[int]context.CancelFunc
	looked  time.Time
	// quiet is closed when the last task 0 has ended: what comes after it
	// begins after it.
	quiet chan struct{}
}

// wait waits for what may never have begun.
func wait(done <-chan struct{}) {
	if done != nil {
		<-done
	}
}

func (s *shell) look() Refresh {
	s.looked = time.Now()
	return Refresh{Facts: s.machine.Facts(), Ports: s.machine.Ports(), Status: s.machine.Status()}
}

// next waits for the next event.
func (s *shell) next(ctx context.Context, due time.Time, notices <-chan string, ended <-chan error) (Event, error) {
	refresh := s.looked.Add(turn)
	wait := time.Until(refresh)
	tick := !due.IsZero() && due.Before(refresh)
	if tick {
		wait = time.Until(due)
	}
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	select {
	case e := <-s.events:
		if d, ok := e.(Done); ok {
			delete(s.running, d.Task)
		}
		return e, nil
	case line := <-notices:
		return Notice(line), nil
	case <-timer.C:
		if tick {
			return Tick{}, nil
		}
		return s.look(), nil
	case err := <-ended:
		return nil, err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// send hands an event over unless the console is over.
func (s *shell) send(ctx context.Context, e Event) bool {
	select {
	case s.events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *shell) read(ctx context.Context, in io.Reader, ended chan<- error) {
	buf := make([]byte, 4096)
	for {
		n, err := in.Read(buf)
		if n > 0 && !s.send(ctx, Octets(append([]byte(nil), buf[:n]...))) {
			return
		}
		if err != nil {
			ended <- err
			return
		}
	}
}

// start begins or cancels a task.
func (s *shell) start(ctx context.Context, e Effect) {
	if e.Work == nil {
		if cancel := s.running[e.Task]; cancel != nil {
			cancel()
			delete(s.running, e.Task)
		}
		return
	}
	before := s.quiet
	if e.Task == 0 {
		done := make(chan struct{})
		s.quiet = done
		go func() {
			defer close(done)
			wait(before)
			e.Work(ctx, s.machine, func(string) {})
		}()
		return
	}
	work, cancel := context.WithCancel(ctx)
	s.running[e.Task] = cancel
	go func() {
		defer cancel()
		wait(before)
		value, err := e.Work(work, s.machine, func(text string) { s.send(work, Told{e.Task, text}) })
		// Also one that was given up tells how it ended: see UI.done.
		s.send(ctx, Done{e.Task, value, err})
	}()
}
