package clock

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// recorder is a clock that only writes down what it was told; moving the
// machine's own clock is for boxes in QEMU.
type recorder struct {
	steps []time.Duration
	slews []time.Duration
	rtc   int
	chip  time.Duration // how far the clock chip is ahead
}

func (r *recorder) Step(d time.Duration) error { r.steps = append(r.steps, d); return nil }
func (r *recorder) Slew(d time.Duration) error { r.slews = append(r.slews, d); return nil }
func (r *recorder) WriteRTC() error            { r.rtc++; return nil }
func (r *recorder) ReadRTC() (time.Time, bool) { return time.Now().Add(r.chip), true }

func TestServiceStepsPublishesAndKeepsFacts(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	trusted := make(chan struct{})
	clk := &recorder{}
	s := &Service{
		Gate: NewGate(Policy{}, 0), Servers: []string{"a", "b"}, Clock: clk,
		FactsPath: filepath.Join(dir, "facts"), StatusPath: filepath.Join(dir, "status"),
		Report: func(format string, args ...any) {
			if args[0] == Trusted {
				close(trusted)
			}
		},
		Ask: func(context.Context, []string) []Sample {
			return []Sample{sample("a", time.Hour, 5*ms), sample("b", time.Hour, 5*ms)}
		},
	}
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	<-trusted
	cancel()
	<-done
	if len(clk.steps) != 1 || clk.steps[0] != time.Hour || clk.rtc == 0 {
		t.Fatalf("clock was told %+v", clk)
	}
	f, err := ReadFacts(s.FactsPath)
	if err != nil || time.Since(f.Time) > time.Minute || f.Drift <= 0 {
		t.Fatalf("facts %+v, %v", f, err)
	}
	var p Published
	raw, err := os.ReadFile(s.StatusPath)
	if err != nil || json.Unmarshal(raw, &p) != nil || !p.Trusted || p.SinceBoot == 0 {
		t.Fatalf("published %s, %v", raw, err)
	}
}

// TestServiceNoticesThatTheTimeMoved: the servers agreed about another time of
// day than the one that is read now.
func TestServiceNoticesThatTheTimeMoved(t *testing.T) {
	for _, off := range []time.Duration{0, 300 * ms, -90 * time.Second, 2 * time.Second} {
		s := &Service{Gate: NewGate(Policy{}, 0), Lock: new(sync.Mutex), Clock: &recorder{}}
		if s.moved() {
			t.Error("moved before anybody agreed")
		}
		mono, wall := readClocks()
		s.Gate.Samples(mono, wall.Add(off), []Sample{sample("a", 0, 5*ms), sample("b", 0, 5*ms)})
		if got := s.moved(); got != (off.Abs() > time.Second) {
			t.Errorf("by %v: %v", off, got)
		}
	}
}

func TestServiceNoticesThatItStoodStill(t *testing.T) {
	clk := &recorder{}
	s := &Service{Gate: NewGate(Policy{}, 0), Lock: new(sync.Mutex), Clock: clk}
	s.Gate.Samples(SinceBoot(), time.Now(), []Sample{sample("a", 0, 5*ms), sample("b", 0, 5*ms)})
	for i, c := range []struct {
		chip time.Duration
		want bool
	}{{5 * time.Second, false}, {6 * time.Second, false}, {46 * time.Second, true}, {46 * time.Second, false}, {44 * time.Second, false}, {time.Second, true}} {
		clk.chip = c.chip
		if got := s.stoodStill(); got != c.want {
			t.Errorf("look %d: %v", i, got)
		}
	}
	if st := s.now(); st.Trusted {
		t.Errorf("%+v", st)
	}
	clk.chip = 90 * time.Second
	if err := s.writeRTC(); err != nil || s.stoodStill() {
		t.Error("the chip was set, nothing stood still", err)
	}
}

func TestRestoreMovesOnlyForward(t *testing.T) {
	clk := &recorder{}
	for _, c := range []struct {
		known, floor, now time.Time
		want              time.Duration
	}{
		{noon, noon.Add(-time.Hour), noon.Add(-time.Minute), time.Minute},
		{noon.Add(-time.Hour), noon, noon.Add(-time.Minute), time.Minute},
		{noon, noon, noon.Add(time.Minute), 0},
	} {
		if got, err := Restore(clk, Facts{Time: c.known}, c.floor, c.now); got != c.want || err != nil {
			t.Errorf("Restore(%v, %v, %v) = %v, %v; want %v", c.known, c.floor, c.now, got, err, c.want)
		}
	}
}

func TestReadFactsDamaged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "facts")
	if f, err := ReadFacts(path); err != nil || !f.Time.IsZero() {
		t.Fatalf("missing file: %+v, %v", f, err)
	}
	if err := os.WriteFile(path, []byte("{\"time\":\"20"), 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := ReadFacts(path); err == nil || !f.Time.IsZero() {
		t.Fatalf("torn file: %+v, %v", f, err)
	}
}
