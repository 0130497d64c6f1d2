package daemon

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"tandem/failover/dhcp"
)

// LogForm is how lines are written.
type LogForm uint8

// The forms of a log.
const (
	LogPlain   LogForm = iota // the text alone, as dhcpd -d writes
	LogJournal                // with the prefix <N> that systemd's journal reads (sd-daemon(3))
	LogSyslog                 // one datagram a line to /dev/log (RFC 3164)
)

// logDelay is how long a line may wait for others: waking the writer up for
// each batch would cost as much as to answer it. Warnings do not wait.
const logDelay = 20 * time.Millisecond

// Limits of the log.
const (
	logBuffer     = 1 << 20 // octets that wait for a slow reader; more are dropped and counted
	logClassLines = 1000    // lines of one class that clients can cause in a second
	logClasses    = 256     // classes that are told apart; the rest share one
)

// Logger writes lines without ever waiting for whoever reads them: a
// goroutine of its own does the writing. It is safe for concurrent use.
type Logger struct {
	form    LogForm
	least   dhcp.Level
	out     io.Writer
	program string
	now     func() time.Time

	mu      sync.Mutex
	more    *sync.Cond
	buf     []byte
	ends    []int // of the lines in buf, for datagrams
	lost    int
	closed  bool
	timer   *time.Timer // wakes the writer up
	ticking bool
	done    chan struct{}
	classes map[string]*class
}

// class counts the lines of one kind in the current second.
type class struct {
	second     int64
	lines      int
	suppressed int
	level      dhcp.Level
}

// NewLogger starts a logger to out. Lines below least are left out.
func NewLogger(out io.Writer, form LogForm, least dhcp.Level) *Logger {
	l := &Logger{form: form, least: least, out: out, program: "dhcpfd", now: time.Now,
		done: make(chan struct{}), classes: map[string]*class{}}
	l.more = sync.NewCond(&l.mu)
	l.timer = time.AfterFunc(time.Hour, l.more.Signal)
	l.timer.Stop()
	go l.write()
	return l
}

// Least is the lowest level that is written.
func (l *Logger) Least() dhcp.Level { return l.least }

// Close writes what is left and ends.
func (l *Logger) Close() {
	l.mu.Lock()
	if !l.closed {
		for name, c := range l.classes {
			l.summary(name, c)
		}
		l.closed = true
		l.more.Signal()
	}
	l.mu.Unlock()
	<-l.done
}

// Sayf writes one line that no client can cause at will.
func (l *Logger) Sayf(level dhcp.Level, format string, args ...any) {
	l.Line(dhcp.Line{Level: level, Text: fmt.Sprintf(format, args...)})
}

// Line writes one line.
func (l *Logger) Line(line dhcp.Line) { l.Lines([]dhcp.Line{line}) }

// Lines writes the lines of a batch.
func (l *Logger) Lines(lines []dhcp.Line) {
	if len(lines) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	second := l.now().Unix()
	urgent := false
	for i := range lines {
		if lines[i].Level >= l.least && l.admit(&lines[i], second) {
			l.queue(lines[i].Level, lines[i].Text)
			urgent = urgent || lines[i].Level >= dhcp.LevelWarning
		}
	}
	switch {
	case urgent:
		l.more.Signal()
	case len(l.buf) > 0 && !l.ticking:
		l.ticking = true
		l.timer.Reset(logDelay)
	}
}

// admit counts the line in its class and tells whether it may be written.
func (l *Logger) admit(line *dhcp.Line, second int64) bool {
	if line.Class == "" {
		return true
	}
	name := line.Class
	c := l.classes[name]
	if c == nil {
		if len(l.classes) >= logClasses {
			name = "other"
		}
		if c = l.classes[name]; c == nil {
			c = &class{second: second}
			l.classes[name] = c
		}
	}
	if c.second != second {
		l.summary(name, c)
		*c = class{second: second}
	}
	c.level = max(c.level, line.Level)
	if c.lines >= logClassLines {
		c.suppressed++
		return false
	}
	c.lines++
	return true
}

// summary tells what a class kept back.
func (l *Logger) summary(name string, c *class) {
	if c.suppressed > 0 {
		l.queue(c.level, fmt.Sprintf("%d similar lines suppressed (%s)", c.suppressed, name))
		c.suppressed = 0
	}
}

// queue formats the line into the buffer.
func (l *Logger) queue(level dhcp.Level, text string) {
	if len(l.buf)+len(text)+64 > logBuffer {
		l.lost++
		return
	}
	l.buf = l.appendPrefix(l.buf, level)
	start := len(l.buf)
	l.buf = append(l.buf, text...)
	clean(l.buf[start:])
	l.buf = append(l.buf, '\n')
	l.ends = append(l.ends, len(l.buf))
}

// clean keeps what a client sent from looking like another line, or from
// steering the terminal.
func clean(b []byte) {
	for i, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			b[i] = '.'
		}
	}
}

// priorities are syslog's severities.
var priorities = map[dhcp.Level]int{dhcp.LevelDebug: 7, dhcp.LevelInfo: 6, dhcp.LevelWarning: 4, dhcp.LevelError: 3}

const facilityDaemon = 3 << 3

func (l *Logger) appendPrefix(buf []byte, level dhcp.Level) []byte {
	switch l.form {
	case LogJournal:
		return fmt.Appendf(buf, "<%d>", priorities[level])
	case LogSyslog:
		return fmt.Appendf(buf, "<%d>%s %s[%d]: ", facilityDaemon|priorities[level], l.now().Format(time.Stamp), l.program, os.Getpid())
	}
	return buf
}

// write is the writing goroutine.
func (l *Logger) write() {
	defer close(l.done)
	var buf []byte
	var ends []int
	for {
		l.mu.Lock()
		for len(l.buf) == 0 && !l.closed {
			l.more.Wait()
		}
		if len(l.buf) == 0 {
			l.mu.Unlock()
			return
		}
		l.ticking = false
		buf, l.buf = l.buf, buf[:0]
		ends, l.ends = l.ends, ends[:0]
		if lost := l.lost; lost > 0 {
			l.lost = 0
			l.queue(dhcp.LevelWarning, fmt.Sprintf("%d lines lost: the log is not read fast enough", lost))
		}
		l.mu.Unlock()
		l.put(buf, ends)
	}
}

// put writes lines: together to a stream, one by one as datagrams. There is
// nobody to tell about an error of the log.
func (l *Logger) put(buf []byte, ends []int) {
	if l.form != LogSyslog {
		_, _ = l.out.Write(buf)
		return
	}
	start := 0
	for _, end := range ends {
		_, _ = l.out.Write(bytes.TrimSuffix(buf[start:end], []byte("\n")))
		start = end
	}
}
