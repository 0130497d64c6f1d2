package supervise

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// TestMain lets the test binary play a service.
func TestMain(m *testing.M) {
	switch os.Getenv("PLAY") {
	case "beats":
		daemon.SdNotify(false, "READY=1\nSTATUS=all is well")
		for range 2000 {
			daemon.SdNotify(false, daemon.SdNotifyWatchdog)
			<-time.After(5 * time.Millisecond)
		}
	case "hangs":
		daemon.SdNotify(false, daemon.SdNotifyReady)
		<-time.After(time.Minute)
	case "never-ready":
		<-time.After(time.Minute)
	case "rights":
		raw, err := os.ReadFile("/proc/self/status")
		fmt.Println(string(raw), err)
		<-time.After(time.Minute)
	case "fails":
		fmt.Println("cannot go on")
		os.Exit(3)
	default:
		os.Exit(m.Run())
	}
}

// journal collects the reports and lets tests wait for one.
type journal struct {
	mu    sync.Mutex
	lines []string
	out   bytes.Buffer
	more  chan struct{}
}

func (j *journal) report(format string, args ...any) {
	j.mu.Lock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
	j.mu.Unlock()
	select {
	case j.more <- struct{}{}:
	default:
	}
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.Write(p)
}

func (j *journal) await(t *testing.T, n int, want string) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		j.mu.Lock()
		found := 0
		for _, l := range j.lines {
			if strings.Contains(l, want) {
				found++
			}
		}
		all := strings.Join(j.lines, "\n")
		j.mu.Unlock()
		if found >= n {
			return
		}
		select {
		case <-j.more:
		case <-limit:
			t.Fatalf("no %d lines with %q; got\n%s", n, want, all)
		}
	}
}

func newSupervisor(t *testing.T) (*Supervisor, *journal) {
	t.Helper()
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	j := &journal{more: make(chan struct{}, 1)}
	s, err := New(NewReaper(stop), filepath.Join(t.TempDir(), "notify"), j.report, func(string) io.Writer { return j })
	if err != nil {
		t.Fatal(err)
	}
	return s, j
}

func play(what string) Service {
	return Service{Name: what, Path: os.Args[0], Env: []string{"PLAY=" + what}}
}

// eventually polls a condition that only the supervisor's own state tells.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for range 3000 {
		if cond() {
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	t.Fatal("never: " + what)
}

func TestServiceGetsReadyBeatsAndStops(t *testing.T) {
	s, j := newSupervisor(t)
	svc := play("beats")
	svc.Beat, svc.ReadyIn = 5*time.Second, 20*time.Second
	s.Start(svc)
	eventually(t, "ready", func() bool {
		st := s.Statuses()[0]
		return st.Phase == Ready && st.Text == "all is well"
	})
	if ok, why := s.Fresh(); !ok {
		t.Fatal(why)
	}
	s.Stop()
	j.await(t, 1, "beats ended: killed by SIGTERM")
	if st := s.Statuses()[0]; st.Phase != Stopped || st.Restarts != 0 {
		t.Fatalf("%+v", st)
	}
}

func TestHungServiceIsNotFresh(t *testing.T) {
	s, _ := newSupervisor(t)
	defer s.Stop()
	svc := play("hangs")
	svc.Beat, svc.ReadyIn = 50*time.Millisecond, 20*time.Second
	s.Start(svc)
	eventually(t, "stale", func() bool { ok, why := s.Fresh(); return !ok && strings.Contains(why, "no sign of life") })
}

func TestServiceGetsNoNewRights(t *testing.T) {
	s, j := newSupervisor(t)
	s.Start(play("rights"))
	eventually(t, "NoNewPrivs", func() bool {
		j.mu.Lock()
		defer j.mu.Unlock()
		return strings.Contains(j.out.String(), "NoNewPrivs:\t1")
	})
	s.Stop()
}

func TestFailingServiceIsStartedAgain(t *testing.T) {
	s, j := newSupervisor(t)
	s.Start(play("fails"))
	j.await(t, 3, "fails ended by itself")
	s.Stop()
	st := s.Statuses()[0]
	if st.Restarts < 2 || len(st.Exits) < 3 || st.Exits[0].Text != "exit status 3" {
		t.Fatalf("%+v", st)
	}
	if !strings.Contains(j.out.String(), "cannot go on") {
		t.Fatalf("output %q", j.out.String())
	}
}

func TestServiceThatIsNeverReadyIsEnded(t *testing.T) {
	s, j := newSupervisor(t)
	svc := play("never-ready")
	svc.ReadyIn = 50 * time.Millisecond
	s.Start(svc)
	j.await(t, 1, "did not become ready within 50ms")
	s.Stop()
}

func TestMissingProgramIsReported(t *testing.T) {
	s, j := newSupervisor(t)
	s.Start(Service{Name: "x", Path: "/no/such/program"})
	j.await(t, 2, "x does not start")
	s.Stop()
}

func TestPause(t *testing.T) {
	var p time.Duration
	for range 20 {
		p = pause(p, time.Second)
	}
	if p != lastPause {
		t.Fatalf("%v after 20 quick ends", p)
	}
	if p = pause(p, steady); p != firstPause {
		t.Fatalf("%v after a steady run", p)
	}
}

func TestStorm(t *testing.T) {
	start := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	ago := func(m ...int) (list []time.Time) {
		for _, m := range m {
			list = append(list, start.Add(-time.Duration(m)*time.Minute))
		}
		return list
	}
	for _, c := range []struct {
		resets []time.Time
		after  time.Duration
		held   bool
	}{
		{ago(0, 5, 14), 0, true},
		{ago(0, 5, 14), 14 * time.Minute, true},
		{ago(0, 5, 14), 15 * time.Minute, false},
		{ago(0, 5, 16), 0, false},
		{ago(0, 5), 0, false},
	} {
		if held, why := Storm(c.resets, start, start.Add(c.after)); held != c.held || held != strings.Contains(why, "R10") {
			t.Errorf("%v after %v: %v %q", c.resets, c.after, held, why)
		}
	}
}
