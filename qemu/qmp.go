package qemu

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
)

// maxEvents bounds the events that are kept for WaitEvent.
const maxEvents = 256

// Event is something that QEMU tells of itself.
type Event struct {
	Name string          `json:"event"` // "RESET", "WATCHDOG", "SHUTDOWN", "RTC_CHANGE" ...
	Data json.RawMessage `json:"data"`
}

// monitor is the control connection of one QEMU process (QMP).
type monitor struct {
	conn   net.Conn
	answer chan reply
	ask    sync.Mutex // one command at a time

	mu     sync.Mutex
	events []Event // the newest maxEvents
	total  int     // how many there ever were
	change chan struct{}
	gone   bool
}

type reply struct {
	Return json.RawMessage `json:"return"`
	Error  *struct {
		Class string `json:"class"`
		Desc  string `json:"desc"`
	} `json:"error"`
}

// errOff is what commands to a machine without power give.
var errOff = errors.New("the machine is switched off")

// newMonitor takes the connection that QEMU opened and agrees on the protocol.
// onEvent is called for each event, in order.
func newMonitor(ctx context.Context, c net.Conn, onEvent func(Event)) (*monitor, error) {
	m := &monitor{conn: c, answer: make(chan reply, 1), change: make(chan struct{})}
	go m.read(onEvent)
	if _, err := m.do(ctx, "qmp_capabilities", nil); err != nil {
		c.Close()
		return nil, err
	}
	return m, nil
}

func (m *monitor) read(onEvent func(Event)) {
	lines := bufio.NewScanner(m.conn)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var e Event
		if json.Unmarshal(lines.Bytes(), &e) == nil && e.Name != "" {
			m.note(e)
			onEvent(e)
			continue
		}
		var r reply
		if json.Unmarshal(lines.Bytes(), &r) == nil && (r.Return != nil || r.Error != nil) {
			select {
			case m.answer <- r:
			default: // nobody asked
			}
		}
	}
	m.conn.Close()
	close(m.answer)
	m.mu.Lock()
	m.gone = true
	close(m.change)
	m.change = make(chan struct{})
	m.mu.Unlock()
}

func (m *monitor) note(e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
	m.total++
	if len(m.events) > maxEvents {
		m.events = m.events[1:]
	}
	close(m.change)
	m.change = make(chan struct{})
}

// do sends a command and waits for its answer. A command whose context ends
// leaves the connection unusable, so it is closed.
func (m *monitor) do(ctx context.Context, command string, args any) (json.RawMessage, error) {
	m.ask.Lock()
	defer m.ask.Unlock()
	line, err := json.Marshal(struct {
		Execute   string `json:"execute"`
		Arguments any    `json:"arguments,omitempty"`
	}{command, args})
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { m.conn.Close() })
	defer stop()
	if _, err := m.conn.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("%s: %w", command, cmp.Or(ctx.Err(), errOff))
	}
	select {
	case r, ok := <-m.answer:
		if !ok {
			return nil, fmt.Errorf("%s: %w", command, cmp.Or(ctx.Err(), errOff))
		}
		if r.Error != nil {
			return nil, fmt.Errorf("%s: %s: %s", command, r.Error.Class, r.Error.Desc)
		}
		return r.Return, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", command, ctx.Err())
	}
}

// wait returns the first event of a name after the first skip events, and the
// number of events up to and with it.
func (m *monitor) wait(ctx context.Context, name string, skip int) (Event, int, error) {
	for {
		m.mu.Lock()
		first := m.total - len(m.events)
		for i, e := range m.events {
			if n := first + i + 1; n > skip && e.Name == name {
				m.mu.Unlock()
				return e, n, nil
			}
		}
		gone, change := m.gone, m.change
		m.mu.Unlock()
		if gone {
			return Event{}, 0, fmt.Errorf("waiting for %s: %w", name, errOff)
		}
		select {
		case <-change:
		case <-ctx.Done():
			return Event{}, 0, fmt.Errorf("waiting for %s: %w", name, ctx.Err())
		}
	}
}
