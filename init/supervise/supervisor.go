package supervise

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"
)

// Supervisor keeps services running.
type Supervisor struct {
	reaper *Reaper
	notify *listener
	// Report gets every start, end and complaint, for the log.
	report func(format string, args ...any)
	// output gives where the lines of a service go.
	output func(service string) io.Writer

	mu       sync.Mutex
	services []*running
	wg       sync.WaitGroup
}

// running is one service and its present run.
type running struct {
	Service
	status  Status
	process *os.Process
	started time.Time
	beat    time.Time // of the last WATCHDOG=1, or of the start
	hung    bool
	pause   time.Duration
	cancel  context.CancelFunc
}

// New makes a supervisor that listens on the notify socket at path.
func New(reaper *Reaper, path string, report func(string, ...any), output func(service string) io.Writer) (*Supervisor, error) {
	l, err := listen(path)
	if err != nil {
		return nil, err
	}
	s := &Supervisor{reaper: reaper, notify: l, report: report, output: output}
	go l.run(s.heard)
	return s, nil
}

// Start begins to keep svc running.
func (s *Supervisor) Start(svc Service) {
	if svc.StopIn == 0 {
		svc.StopIn = 10 * time.Second
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Service: svc, cancel: cancel}
	r.status = Status{Name: svc.Name, Phase: Stopped, Since: time.Now()}
	s.mu.Lock()
	s.services = append(s.services, r)
	s.mu.Unlock()
	s.wg.Add(1)
	go s.keep(ctx, r)
}

// Stop ends every service, the last one started first, and the supervisor.
func (s *Supervisor) Stop() {
	s.mu.Lock()
	services := append([]*running(nil), s.services...)
	s.mu.Unlock()
	for i := len(services) - 1; i >= 0; i-- {
		services[i].cancel()
	}
	s.wg.Wait()
	s.notify.close()
}

// keep runs a service again and again until ctx ends.
func (s *Supervisor) keep(ctx context.Context, r *running) {
	defer s.wg.Done()
	for ctx.Err() == nil {
		s.once(ctx, r)
		if ctx.Err() != nil {
			break
		}
		s.mu.Lock()
		r.pause = pause(r.pause, time.Since(r.started))
		s.enter(r, Waiting)
		r.status.Restarts++
		wait := r.pause
		s.mu.Unlock()
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
		}
	}
	s.mu.Lock()
	s.enter(r, Stopped)
	s.mu.Unlock()
}

// enter changes the phase; s.mu is held.
func (s *Supervisor) enter(r *running, p Phase) {
	r.status.Phase, r.status.Since = p, time.Now()
}

// once is one run of the service from start to end.
func (s *Supervisor) once(ctx context.Context, r *running) {
	pr, pw, err := os.Pipe()
	if err != nil {
		s.report("%s: %v", r.Name, err)
		return
	}
	s.mu.Lock()
	r.started, r.beat, r.hung = time.Now(), time.Now(), false
	p, err := r.start(s.notify.path, pw)
	pw.Close()
	if err != nil {
		r.status.Text = err.Error()
		s.mu.Unlock()
		pr.Close()
		s.report("%s does not start: %v", r.Name, err)
		return
	}
	r.process = p
	r.status.PID = p.Pid
	if s.enter(r, Starting); r.ReadyIn == 0 {
		s.enter(r, Ready)
	}
	s.mu.Unlock()
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		defer pr.Close()
		io.Copy(s.output(r.Name), pr) // ends when the last writer of the pipe does
	}()
	s.ended(r, s.wait(ctx, r, p))
	// A grandchild may hold the pipe open; the log does not wait for it.
	select {
	case <-copied:
	case <-time.After(time.Second):
	}
}

// wait returns when the process has ended; it ends it when ctx does, or when
// it does not get ready in time.
func (s *Supervisor) wait(ctx context.Context, r *running, p *os.Process) syscall.WaitStatus {
	end := s.reaper.Wait(p.Pid)
	var late <-chan time.Time
	if r.ReadyIn > 0 {
		t := time.NewTimer(r.ReadyIn)
		defer t.Stop()
		late = t.C
	}
	for {
		select {
		case ws := <-end:
			return ws
		case <-late:
			s.mu.Lock()
			starting := r.status.Phase == Starting
			s.mu.Unlock()
			if starting {
				s.report("%s did not become ready within %s and is ended", r.Name, r.ReadyIn)
				return s.terminate(r, p, end)
			}
		case <-ctx.Done():
			return s.terminate(r, p, end)
		}
	}
}

// terminate asks the process to end, then makes it.
func (s *Supervisor) terminate(r *running, p *os.Process, end <-chan syscall.WaitStatus) syscall.WaitStatus {
	s.mu.Lock()
	s.enter(r, Stopping)
	s.mu.Unlock()
	_ = p.Signal(syscall.SIGTERM) // it may have ended just now
	t := time.NewTimer(r.StopIn)
	defer t.Stop()
	select {
	case ws := <-end:
		return ws
	case <-t.C:
		s.report("%s did not end within %s of SIGTERM and is killed", r.Name, r.StopIn)
		_ = p.Signal(syscall.SIGKILL)
		return <-end
	}
}

func (s *Supervisor) ended(r *running, ws syscall.WaitStatus) {
	s.mu.Lock()
	e := Exit{At: time.Now(), Ran: time.Since(r.started), Text: describe(ws)}
	r.status.Exits = append(r.status.Exits, e)
	if len(r.status.Exits) > keptExits {
		r.status.Exits = r.status.Exits[1:]
	}
	r.status.PID, r.process = 0, nil
	stopping := r.status.Phase == Stopping
	s.mu.Unlock()
	if stopping {
		s.report("%s ended: %s", r.Name, e.Text)
		return
	}
	s.report("%s ended by itself after %s: %s", r.Name, e.Ran.Round(time.Millisecond), e.Text)
}

// heard takes a message of the notify socket.
func (s *Supervisor) heard(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.services {
		if r.status.PID != m.PID {
			continue
		}
		if m.Ready && r.status.Phase == Starting {
			s.enter(r, Ready)
			r.beat = time.Now()
		}
		if m.Beat {
			r.beat = time.Now()
		}
		r.hung = r.hung || m.Trigger
		if m.HasText {
			r.status.Text = m.Status
		}
		return
	}
}

// Statuses gives the state of every service in the order of their start.
func (s *Supervisor) Statuses() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Status, 0, len(s.services))
	for _, r := range s.services {
		st := r.status
		st.Exits = append([]Exit(nil), r.status.Exits...)
		if r.Beat > 0 && r.process != nil {
			st.BeatAge = time.Since(r.beat)
		}
		list = append(list, st)
	}
	return list
}

// Fresh tells whether every service that must prove that it works has done so
// in time; if not, why names the one that has not. PID 1 feeds the hardware
// watchdog only while Fresh (rule R8). A service that is starting, or between
// two runs, counts as fresh for ReadyIn, so that a crash is not yet a reset.
func (s *Supervisor) Fresh() (ok bool, why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.services {
		if r.Beat == 0 {
			continue
		}
		age := time.Since(r.beat)
		switch {
		case r.hung:
			return false, r.Name + " says that it hangs"
		case r.status.Phase == Ready && age > r.Beat:
			return false, fmt.Sprintf("%s gave no sign of life for %s", r.Name, age.Round(time.Millisecond))
		case r.status.Phase != Ready && r.status.Phase != Stopped && age > r.ReadyIn+lastPause:
			return false, fmt.Sprintf("%s has not been ready for %s", r.Name, age.Round(time.Millisecond))
		}
	}
	return true, ""
}
