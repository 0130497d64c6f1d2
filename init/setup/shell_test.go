package setup

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/init/setup/term/vt100"
)

// line is a serial line: a terminal at its end, and a person who reads it.
type line struct {
	mu   sync.Mutex
	term *vt100.Terminal
	keys *io.PipeWriter
	seen chan struct{}
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	answer := l.term.Write(p)
	l.mu.Unlock()
	if len(answer) > 0 {
		go l.keys.Write(answer)
	}
	select {
	case l.seen <- struct{}{}:
	default:
	}
	return len(p), nil
}

// awaits waits until the screen shows text.
func (l *line) awaits(t *testing.T, text string) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		l.mu.Lock()
		screen := l.term.String()
		l.mu.Unlock()
		if strings.Contains(screen, text) {
			return
		}
		select {
		case <-l.seen:
		case <-limit:
			t.Fatalf("%q does not come:\n%s", text, screen)
		}
	}
}

// safeBox is a fakeBox that several goroutines may use.
type safeBox struct {
	mu sync.Mutex
	*fakeBox
	slow chan struct{} // Do waits for it, if set
}

func (m *safeBox) Facts() Facts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fakeBox.Facts()
}

func (m *safeBox) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fakeBox.Status()
}

func (m *safeBox) Do(ctx context.Context, a Action) (Answer, error) {
	if m.slow != nil {
		<-ctx.Done()
		close(m.slow)
		return Answer{}, ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.fakeBox.Do(ctx, a)
}

func connect(t *testing.T, m Machine, notices <-chan string) (*line, context.CancelFunc, <-chan error) {
	in, keys := io.Pipe()
	l := &line{term: vt100.New(80, 24), keys: keys, seen: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, Console{In: in, Out: l, Notices: notices}, m) }()
	t.Cleanup(func() {
		cancel()
		keys.Close()
	})
	return l, cancel, ended
}

func TestShell(t *testing.T) {
	m := &safeBox{fakeBox: runningBox()}
	m.answers["Why"] = Answer{Text: "because"}
	notices := make(chan string)
	l, cancel, ended := connect(t, m, notices)
	l.awaits(t, "| posture   FULL")
	notices <- "a log line"
	l.awaits(t, "a log line")
	io.WriteString(l.keys, "\r")
	l.awaits(t, "Enter menu")
	io.WriteString(l.keys, "w\r")
	l.awaits(t, "because")
	io.WriteString(l.keys, "\x1b\x1b") // the last one alone: the shell has to wait for it
	l.awaits(t, "Enter menu")
	m.mu.Lock()
	m.status.Sentence = "something new"
	m.mu.Unlock()
	l.awaits(t, "something new")
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestShellGivesUp(t *testing.T) {
	m := &safeBox{fakeBox: runningBox(), slow: make(chan struct{})}
	l, _, ended := connect(t, m, nil)
	io.WriteString(l.keys, "why\r")
	l.awaits(t, "why ...")
	io.WriteString(l.keys, "\x03")
	<-m.slow // the task was told
	l.keys.Close()
	if err := <-ended; err != io.EOF {
		t.Errorf("%v", err)
	}
}

// broken is a line that can not be written.
type broken struct{ bytes.Buffer }

func (*broken) Write([]byte) (int, error) { return 0, errors.New("no such line") }

func TestShellOnABrokenLine(t *testing.T) {
	in, keys := io.Pipe()
	defer keys.Close()
	err := Run(context.Background(), Console{In: in, Out: &broken{}}, &safeBox{fakeBox: blankBox()})
	if err == nil || err.Error() != "no such line" {
		t.Errorf("%v", err)
	}
}

func TestShellLeavesAnOffer(t *testing.T) {
	f := blankBox()
	f.offer = offered()
	left := make(chan struct{})
	m := &leavingBox{safeBox: &safeBox{fakeBox: f}, left: left}
	l, _, _ := connect(t, m, nil)
	io.WriteString(l.keys, "\r")
	l.awaits(t, "Up/Down move")
	io.WriteString(l.keys, "23K7QM3F2P\r")
	l.awaits(t, "what the other box says")
	io.WriteString(l.keys, "\x1b")
	<-left
	l.awaits(t, "the pairing code")
}

type leavingBox struct {
	*safeBox
	left chan struct{}
}

func (m *leavingBox) Leave() { close(m.left) }
