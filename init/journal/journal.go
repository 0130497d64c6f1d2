// Package journal is the log of a box: the latest lines in memory, bounded
// files on the data partition, and a remote syslog server (RFC 5424). Adding a
// line never waits: what a slow disk or network does not take is dropped and
// counted.
package journal

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// Severity is that of syslog (RFC 5424 section 6.2.1).
type Severity uint8

// The severities that a box uses.
const (
	Critical Severity = 2
	Error    Severity = 3
	Warning  Severity = 4
	Notice   Severity = 5
	Info     Severity = 6
	Debug    Severity = 7
)

// Line is one line of the log.
type Line struct {
	// At is the time of day, which is only right if Trusted. SinceBoot is the
	// clock that nobody sets.
	At        time.Time
	Trusted   bool
	SinceBoot time.Duration
	Severity  Severity
	// App is who says it: "init", "dhcpfd".
	App  string
	Text string
}

// Stamp is the time as people read it: marked while it is not known.
func (l Line) Stamp() string {
	if l.Trusted {
		return l.At.UTC().Format(time.DateTime)
	}
	return fmt.Sprintf("(no time) %9.3f", l.SinceBoot.Seconds())
}

// String is the line as console and files have it.
func (l Line) String() string {
	if l.App == "init" {
		return l.Stamp() + " " + l.Text
	}
	return l.Stamp() + " " + l.App + ": " + l.Text
}

const (
	// keptLines is how many lines stay in memory.
	keptLines = 2000
	// queued is how many lines may wait for the disk, or for the network.
	queued = 1024
)

// Journal takes lines.
type Journal struct {
	mu    sync.Mutex
	lines []Line // the latest, oldest first
	sinks []*sink
}

// sink is a place where lines go besides memory.
type sink struct {
	lines   chan Line
	dropped uint64
	done    chan struct{}
}

// Add takes a line. Control characters in it become spaces.
func (j *Journal) Add(l Line) {
	l.Text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, l.Text)
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.lines) >= keptLines {
		j.lines = append(j.lines[:0], j.lines[keptLines/4:]...)
	}
	j.lines = append(j.lines, l)
	for _, s := range j.sinks {
		s.put(l)
	}
}

func (s *sink) put(l Line) {
	select {
	case s.lines <- l:
	default:
		s.dropped++
	}
}

// Tail gives the last n lines.
func (j *Journal) Tail(n int) []Line {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]Line(nil), j.lines[max(0, len(j.lines)-n):]...)
}

// Dropped is how many lines did not find room on the way to disk and network.
func (j *Journal) Dropped() (n uint64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, s := range j.sinks {
		n += s.dropped
	}
	return n
}

// closeLimit bounds the wait for disk and network at the end.
const closeLimit = 2 * time.Second

// Close lets disk and network have what waits for them, if they take it soon,
// and ends both: the data partition can then be unmounted. Lines that come
// later are kept in memory only.
func (j *Journal) Close() {
	j.mu.Lock()
	sinks := j.sinks
	j.sinks = nil
	j.mu.Unlock()
	late := time.After(closeLimit)
	for _, s := range sinks {
		close(s.lines)
		select {
		case <-s.done:
		case <-late:
			return
		}
	}
}

// attach begins to hand lines to write, the ones in memory first, until Close;
// then end is called.
func (j *Journal) attach(write func(Line), end func()) {
	s := &sink{lines: make(chan Line, queued), done: make(chan struct{})}
	j.mu.Lock()
	for _, l := range j.lines {
		s.put(l)
	}
	j.sinks = append(j.sinks, s)
	j.mu.Unlock()
	go func() {
		defer close(s.done)
		for l := range s.lines {
			write(l)
		}
		end()
	}()
}
