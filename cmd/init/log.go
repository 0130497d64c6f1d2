package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"tandem/hwmon"
	"tandem/init/clock"
	"tandem/init/journal"
)

// say adds a line to the log and shows it on the console.
func (b *box) say(severity journal.Severity, app, text string) {
	l := journal.Line{At: time.Now(), Trusted: b.trusted().Trusted, SinceBoot: clock.SinceBoot(), Severity: severity, App: app, Text: text}
	b.journal.Add(l)
	fmt.Fprintln(b.console, l)
}

// log writes a line of PID 1's own, marked while the time is not known.
func (b *box) log(format string, args ...any) {
	b.say(journal.Info, "init", fmt.Sprintf(format, args...))
}

// complain writes one that a person should see.
func (b *box) complain(format string, args ...any) {
	b.say(journal.Error, "init", fmt.Sprintf(format, args...))
}

// severityOf ranks alarms as syslog does.
func severityOf(ch hwmon.Change) journal.Severity {
	switch {
	case !ch.Raised:
		return journal.Notice
	case ch.Severity == hwmon.Critical.String():
		return journal.Critical
	}
	return journal.Warning
}

// lineWriter hands whole lines on.
type lineWriter struct {
	take func(line string)
	rest []byte
}

// longestLine bounds a line; the rest of a longer one is lost.
const longestLine = 4096

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, after, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok {
			break
		}
		w.take(string(line))
		w.rest = after
	}
	if len(w.rest) > longestLine {
		w.rest = w.rest[:0]
	}
	return len(p), nil
}

// serviceLog takes the lines of a service, which may begin with a severity as
// "<4>" (sd-daemon(3)).
func (b *box) serviceLog(name string) io.Writer {
	return &lineWriter{take: func(line string) {
		severity := journal.Info
		if len(line) > 3 && line[0] == '<' && line[2] == '>' && line[1] >= '0' && line[1] <= '7' {
			severity, line = journal.Severity(line[1]-'0'), line[3:]
		}
		b.say(severity, name, line)
	}}
}

// bootLog takes the lines about the boot steps.
func (b *box) bootLog() io.Writer {
	return &lineWriter{take: func(line string) {
		severity := journal.Info
		if strings.Contains(line, "] FAIL ") {
			severity = journal.Error
		}
		b.journal.Add(journal.Line{At: time.Now(), Trusted: b.trusted().Trusted, SinceBoot: clock.SinceBoot(),
			Severity: severity, App: "init", Text: line})
		fmt.Fprintln(b.console, line)
	}}
}

// console is the box's console. A serial line takes some hundred lines a
// second: who writes does not wait for it, or a talkative service could keep
// PID 1 from feeding the watchdog.
type console struct {
	out     io.Writer
	queue   chan []byte
	dropped atomic.Uint64
	written atomic.Uint64
	asked   atomic.Uint64
}

// consoleQueue is how many pieces may wait; more are left out and counted.
const consoleQueue = 1024

func newConsole(out io.Writer) *console {
	c := &console{out: out, queue: make(chan []byte, consoleQueue)}
	go func() {
		for p := range c.queue {
			if n := c.dropped.Swap(0); n > 0 {
				fmt.Fprintf(c.out, "(%d lines are left out here, the log has them)\n", n)
			}
			_, _ = c.out.Write(p) // there is no other place to say that it failed
			c.written.Add(1)
		}
	}()
	return c
}

// Write implements io.Writer.
func (c *console) Write(p []byte) (int, error) {
	select {
	case c.queue <- bytes.Clone(p):
		c.asked.Add(1)
	default:
		c.dropped.Add(1)
	}
	return len(p), nil
}

// lastWords bounds the wait for the console before the box ends.
const lastWords = 3 * time.Second

// flush waits until everything has been shown.
func (c *console) flush() {
	for end := time.Now().Add(lastWords); c.written.Load() < c.asked.Load() && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
}
