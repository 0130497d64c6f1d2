package daemon

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"tandem/failover/dhcp"
)

func TestLogPlain(t *testing.T) {
	var out bytes.Buffer
	l := NewLogger(&out, LogPlain, dhcp.LevelInfo)
	l.Sayf(dhcp.LevelDebug, "not seen")
	l.Lines([]dhcp.Line{{Level: dhcp.LevelInfo, Text: "one"}, {Level: dhcp.LevelError, Class: "x", Text: "two\n\x1b[31mthree"}})
	l.Close()
	l.Sayf(dhcp.LevelError, "after the end")
	if got, want := out.String(), "one\ntwo..[31mthree\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLogJournalPrefix(t *testing.T) {
	var out bytes.Buffer
	l := NewLogger(&out, LogJournal, dhcp.LevelDebug)
	for level := dhcp.LevelDebug; level <= dhcp.LevelError; level++ {
		l.Sayf(level, "x")
	}
	l.Close()
	if got, want := out.String(), "<7>x\n<6>x\n<4>x\n<3>x\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// datagrams keeps each Write apart.
type datagrams []string

func (d *datagrams) Write(b []byte) (int, error) {
	*d = append(*d, string(b))
	return len(b), nil
}

func TestLogSyslog(t *testing.T) {
	var out datagrams
	l := NewLogger(&out, LogSyslog, dhcp.LevelInfo)
	l.Lines([]dhcp.Line{{Level: dhcp.LevelInfo, Text: "one"}, {Level: dhcp.LevelWarning, Text: "two"}})
	l.Close()
	if len(out) != 2 {
		t.Fatalf("%q", out)
	}
	for i, want := range []string{`^<30>\w{3} [ \d]\d [\d:]{8} dhcpfd\[\d+\]: one$`, `^<28>.*: two$`} {
		if !regexp.MustCompile(want).MatchString(out[i]) {
			t.Errorf("%q does not match %s", out[i], want)
		}
	}
}

func TestLogSuppresses(t *testing.T) {
	var out bytes.Buffer
	l := NewLogger(&out, LogPlain, dhcp.LevelInfo)
	clock := time.Unix(1000, 0)
	l.mu.Lock()
	l.now = func() time.Time { return clock }
	l.mu.Unlock()
	for i := range logClassLines + 7 {
		l.Line(dhcp.Line{Level: dhcp.LevelInfo, Class: "discover", Text: fmt.Sprint("line ", i)})
	}
	l.mu.Lock()
	clock = clock.Add(time.Second)
	l.mu.Unlock()
	l.Line(dhcp.Line{Level: dhcp.LevelInfo, Class: "discover", Text: "next second"})
	l.Line(dhcp.Line{Level: dhcp.LevelInfo, Class: "request", Text: "other class"})
	l.Close()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != logClassLines+3 {
		t.Fatalf("%d lines", len(lines))
	}
	if got, want := lines[logClassLines], "7 similar lines suppressed (discover)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A reader that stands still must cost lines, not memory and not the caller.
func TestLogBounded(t *testing.T) {
	gate := make(chan struct{})
	out := &gated{gate: gate}
	l := NewLogger(out, LogPlain, dhcp.LevelInfo)
	text := strings.Repeat("x", 1000)
	for range 3 * logBuffer / 1000 {
		l.Line(dhcp.Line{Level: dhcp.LevelInfo, Text: text})
	}
	close(gate)
	l.Close()
	if n := out.Len(); n > 2*logBuffer+4096 {
		t.Errorf("%d octets were kept", n)
	}
	if !strings.Contains(out.String(), "lines lost") {
		t.Error("nobody said that lines were lost")
	}
}

type gated struct {
	gate chan struct{}
	bytes.Buffer
}

func (g *gated) Write(b []byte) (int, error) {
	<-g.gate
	return g.Buffer.Write(b)
}
