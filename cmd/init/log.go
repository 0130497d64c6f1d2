package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
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
