package qemu

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// partner plays QEMU: it answers each command with the next of the answers.
func partner(t *testing.T, answers ...string) (net.Conn, net.Conn) {
	t.Helper()
	theirs, ours := net.Pipe()
	t.Cleanup(func() { theirs.Close() })
	go func() {
		fmt.Fprintln(theirs, `{"QMP": {"version": {}}}`)
		lines := bufio.NewScanner(theirs)
		for _, a := range answers {
			if !lines.Scan() {
				return
			}
			fmt.Fprintln(theirs, a)
		}
	}()
	return theirs, ours
}

const fine = `{"return": {}}`

func TestMonitor(t *testing.T) {
	var heard []string
	_, ours := partner(t, fine, `{"event": "RESET", "data": {"guest": true}}`+"\n"+fine, `{"error": {"class": "GenericError", "desc": "no such thing"}}`)
	m, err := newMonitor(soon(t), ours, func(e Event) { heard = append(heard, e.Name) })
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.do(soon(t), "system_reset", nil); err != nil {
		t.Error(err)
	}
	if _, err := m.do(soon(t), "set_link", map[string]any{"name": "x"}); err == nil || !strings.Contains(err.Error(), "no such thing") {
		t.Errorf("err = %v", err)
	}
	if e, n, err := m.wait(soon(t), "RESET", 0); err != nil || n != 1 || !strings.Contains(string(e.Data), "guest") {
		t.Errorf("%+v %d %v", e, n, err)
	}
	if len(heard) != 1 {
		t.Errorf("heard %q", heard)
	}
	short, stop := context.WithTimeout(context.Background(), time.Millisecond)
	defer stop()
	if _, _, err := m.wait(short, "RESET", 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("an old event counts as new: %v", err)
	}
}

func TestMonitorOfADeadMachine(t *testing.T) {
	theirs, ours := partner(t, fine)
	m, err := newMonitor(soon(t), ours, func(Event) {})
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if _, err := m.do(soon(t), "stop", nil); !errors.Is(err, errOff) {
		t.Errorf("command: %v", err)
	}
	if _, _, err := m.wait(soon(t), "RESET", 0); !errors.Is(err, errOff) {
		t.Errorf("wait: %v", err)
	}
}

func TestMonitorThatNeverAnswers(t *testing.T) {
	_, ours := partner(t)
	short, stop := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer stop()
	if _, err := newMonitor(short, ours, func(Event) {}); err == nil {
		t.Error("no answer is taken for one")
	}
}

func TestEventsAreBounded(t *testing.T) {
	m := &monitor{change: make(chan struct{})}
	for i := range 3 * maxEvents {
		m.note(Event{Name: fmt.Sprint(i)})
	}
	if len(m.events) != maxEvents || m.total != 3*maxEvents {
		t.Errorf("%d kept of %d", len(m.events), m.total)
	}
	if _, n, err := m.wait(soon(t), fmt.Sprint(3*maxEvents-1), 3*maxEvents-1); err != nil || n != 3*maxEvents {
		t.Errorf("%d %v", n, err)
	}
}
