package clock

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"
)

// Service keeps the clock for life: it asks the servers, moves the clock as
// the gate says, and publishes the gate's status.
type Service struct {
	Gate    *Gate
	Servers []string
	Clock   Clock
	// FactsPath and StatusPath are where facts and status are kept; empty
	// for nowhere.
	FactsPath, StatusPath string
	// Report gets every change of state or reason and every failure, for the log.
	Report func(format string, args ...any)
	// Lock guards Gate where others look at it as well; may be nil.
	Lock sync.Locker
	// Ask queries the servers; the package's Ask if nil.
	Ask func(context.Context, []string) []Sample

	apart struct { // of the clock chip and the time of day, when last looked at
		known bool
		is    time.Duration
	}
}

// How often the servers are asked: quickly until the first agreement, then
// at the pace for which the kernel's loop is set.
const (
	askWaiting = time.Second
	askSettled = 64 * time.Second
	factsEvery = 10 * time.Minute
)

// Run keeps the clock until ctx ends.
func (s *Service) Run(ctx context.Context) {
	if s.Ask == nil {
		s.Ask = Ask
	}
	if s.Lock == nil {
		s.Lock = new(sync.Mutex)
	}
	var last Status
	var saved time.Duration
	publish := time.NewTicker(time.Second)
	defer publish.Stop()
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			s.save()
			return
		case <-next.C:
			s.round(ctx)
			if st := s.now(); st.State == Trusted || st.State == Holdover {
				next.Reset(askSettled)
			} else {
				next.Reset(askWaiting)
			}
		case <-publish.C:
			if s.stoodStill() || s.moved() {
				next.Reset(0)
			}
		}
		st := s.now()
		if st.State != last.State || !st.Trusted && reason(st.Why) != reason(last.Why) {
			s.Report("clock %s: %s", st.State, st.Why)
			s.save()
		}
		if !slices.Equal(st.Liars, last.Liars) && len(st.Liars) > 0 {
			s.Report("clock: %s out-voted: wrong time", strings.Join(st.Liars, ", "))
		}
		last = st
		s.publish(st)
		if now := SinceBoot(); now-saved > factsEvery {
			saved = now
			s.save()
		}
	}
}

// stoodStill compares the clock chip with the time of day. If the chip went on
// without it, or the time of day was set by somebody else, the gate is told.
func (s *Service) stoodStill() bool {
	chip, ok := s.Clock.ReadRTC()
	if !ok {
		return false
	}
	before, known := s.apart.is, s.apart.known
	s.apart.is, s.apart.known = time.Until(chip), true
	gone := s.apart.is - before
	if !known || gone.Abs() < chipError {
		return false
	}
	s.Lock.Lock()
	defer s.Lock.Unlock()
	s.Gate.StoodStill(gone)
	return true
}

// moved tells whether the time of day moved against the time since boot since
// the servers agreed: whoever did that, they are asked at once, because until
// then nobody believes it.
func (s *Service) moved() bool {
	st := s.now()
	mono, wall := readClocks()
	return st.Apart != 0 && time.Duration(wall.UnixNano()-int64(mono)-st.Apart).Abs() > time.Second
}

// writeRTC sets the chip, which then no longer compares with before.
func (s *Service) writeRTC() error {
	s.apart.known = false
	return s.Clock.WriteRTC()
}

// reason is a sentence without its figures, which change all the time.
func reason(why string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || strings.ContainsRune("+-.hms", r) {
			return -1
		}
		return r
	}, why)
}

func (s *Service) now() Status {
	s.Lock.Lock()
	defer s.Lock.Unlock()
	return s.Gate.Now(SinceBoot())
}

// round asks once and moves the clock.
func (s *Service) round(ctx context.Context) {
	samples := s.Ask(ctx, s.Servers)
	s.Lock.Lock()
	mono, wall := readClocks()
	act := s.Gate.Samples(mono, wall, samples)
	s.Lock.Unlock()
	var err error
	switch {
	case act.Step != 0:
		if err = s.Clock.Step(act.Step); err == nil {
			err = s.writeRTC()
		}
	case act.Slew != 0:
		err = s.Clock.Slew(act.Slew)
	}
	if err != nil {
		s.Report("clock: %v", err)
	}
}

func (s *Service) publish(st Status) {
	if s.StatusPath == "" {
		return
	}
	if err := Publish(s.StatusPath, Published{Status: st, SinceBoot: SinceBoot()}); err != nil {
		s.Report("clock: publish status: %v", err)
	}
}

// save keeps time and drift, once the time is known.
func (s *Service) save() {
	st := s.now()
	if s.FactsPath == "" || !st.Trusted {
		return
	}
	if err := WriteFacts(s.FactsPath, Facts{Time: time.Now().UTC(), Drift: st.Drift}); err != nil {
		s.Report("clock: %v", err)
	}
	if err := s.writeRTC(); err != nil {
		s.Report("clock: %v", err)
	}
}

// Restore moves a clock that is behind the last time known, or behind floor,
// forward to it, before any server is asked.
func Restore(c Clock, f Facts, floor, now time.Time) (time.Duration, error) {
	want := f.Time
	if floor.After(want) {
		want = floor
	}
	if !want.After(now) {
		return 0, nil
	}
	d := want.Sub(now)
	return d, c.Step(d)
}
