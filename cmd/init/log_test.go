package main

import (
	"bytes"
	"strings"
	"testing"

	"tandem/init/journal"
)

func TestServiceLinesCarryTheirSeverity(t *testing.T) {
	b := newBox(&bytes.Buffer{})
	w := b.serviceLog("dhcpfd")
	for _, part := range []string{"<3>the disk", " is full\n<6>all is", " well\nplain <4>\n", strings.Repeat("x", 2*longestLine)} {
		if n, err := w.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatal(n, err)
		}
	}
	lines := b.journal.Tail(10)
	want := []struct {
		severity journal.Severity
		text     string
	}{{journal.Error, "the disk is full"}, {journal.Info, "all is well"}, {journal.Info, "plain <4>"}}
	if len(lines) != len(want) {
		t.Fatalf("%+v", lines)
	}
	for i, l := range lines {
		if l.Severity != want[i].severity || l.Text != want[i].text || l.App != "dhcpfd" {
			t.Errorf("%+v, want %+v", l, want[i])
		}
	}
}

// stuck is a serial line that takes nothing until it is freed.
type stuck struct {
	free chan struct{}
	got  bytes.Buffer
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.free
	return s.got.Write(p)
}

func TestNobodyWaitsForTheConsole(t *testing.T) {
	out := &stuck{free: make(chan struct{})}
	c := newConsole(out)
	for range 2 * consoleQueue {
		c.Write([]byte("line\n")) // returns at once, or the test hangs
	}
	close(out.free)
	c.flush()
	c.Write([]byte("end\n"))
	c.flush()
	got := out.got.String()
	if !strings.Contains(got, "lines are left out here") || !strings.HasSuffix(got, "end\r\n") {
		t.Fatalf("%d octets, end %q", len(got), got[max(0, len(got)-80):])
	}
}
