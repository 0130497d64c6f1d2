package journal

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func say(text string) Line {
	return Line{At: noon, Trusted: true, SinceBoot: 90 * time.Second, Severity: Info, App: "dhcpfd", Text: text}
}

func TestMemoryIsBounded(t *testing.T) {
	var j Journal
	for i := range 3*keptLines + 1 {
		j.Add(say(fmt.Sprint("line ", i)))
	}
	if n := len(j.Tail(1 << 30)); n > keptLines || n < keptLines/2 {
		t.Fatalf("%d lines are kept", n)
	}
	last := j.Tail(2)
	if len(last) != 2 || last[1].Text != fmt.Sprint("line ", 3*keptLines) {
		t.Fatalf("%+v", last)
	}
}

func TestLinesSayWhetherTheTimeIsKnown(t *testing.T) {
	l := say("one\ntwo")
	var j Journal
	j.Add(l)
	if got := j.Tail(1)[0].String(); got != "2026-11-21 12:00:00 dhcpfd: one two" {
		t.Errorf("%q", got)
	}
	l.Trusted, l.App = false, "init"
	if got := l.String(); got != "(no time)    90.000 one\ntwo" {
		t.Errorf("%q", got)
	}
}

func TestFormat(t *testing.T) {
	l := say("all is well")
	want := `<30>1 2026-11-21T12:00:00.000000Z box-a dhcpfd - - [timeQuality tzKnown="1" isSynced="1"][meta sequenceId="7" sysUpTime="9000"] all is well`
	if got := Format(l, "box-a", 7); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	l.Trusted, l.Severity = false, Critical
	want = `<26>1 - - dhcpfd - - [timeQuality tzKnown="1" isSynced="0"][meta sequenceId="1" sysUpTime="9000"] all is well`
	if got := Format(l, "", 1<<31); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFilesAreBounded(t *testing.T) {
	f := &Files{Dir: filepath.Join(t.TempDir(), "log"), Size: 1000, Count: 3}
	for i := range 200 {
		f.Write(say(fmt.Sprint("line ", i)), noon)
	}
	names, err := os.ReadDir(f.Dir)
	if err != nil || len(names) != 3 {
		t.Fatalf("%v, %v", names, err)
	}
	var all strings.Builder
	for _, name := range []string{"log.2", "log.1", "log"} {
		raw, err := os.ReadFile(filepath.Join(f.Dir, name))
		if err != nil || len(raw) > 1000 {
			t.Fatalf("%s has %d octets, %v", name, len(raw), err)
		}
		all.Write(raw)
	}
	lines := strings.Split(strings.TrimSpace(all.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasSuffix(last, "line 199") || len(lines) < 50 {
		t.Fatalf("%d lines, the last %q", len(lines), last)
	}
	// A new start goes on where the old one ended.
	g := &Files{Dir: f.Dir, Size: 1000, Count: 3}
	g.Write(say("again"), noon)
	if raw, err := os.ReadFile(filepath.Join(f.Dir, "log")); err != nil || !strings.Contains(string(raw), "line 199\n") && len(raw) > 100 {
		t.Fatalf("%q, %v", raw, err)
	}
}

func TestBrokenDiskIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	f := &Files{Dir: filepath.Join(dir, "file"), Size: 1000, Count: 3}
	if err := os.WriteFile(f.Dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f.Write(say("lost"), noon)
	if err := os.Remove(f.Dir); err != nil {
		t.Fatal(err)
	}
	f.Write(say("too early"), noon.Add(retryDisk/2))
	f.Write(say("kept"), noon.Add(retryDisk))
	raw, err := os.ReadFile(f.name(0))
	if err != nil || string(raw) != say("kept").String()+"\n" {
		t.Fatalf("%q, %v", raw, err)
	}
}

func TestSyslogGetsWhatWasSaidBefore(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var j Journal
	j.Add(say("before"))
	j.ToSyslog(server.LocalAddr().String(), "box-a")
	j.Add(say("after"))
	buf := make([]byte, 2000)
	for i, want := range []string{"before", "after"} {
		if err := server.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := server.ReadFrom(buf)
		if err != nil || !strings.HasSuffix(string(buf[:n]), want) || !strings.Contains(string(buf[:n]), fmt.Sprintf(`sequenceId="%d"`, i+1)) {
			t.Fatalf("%q, %v", buf[:n], err)
		}
	}
}

func TestSlowSinkDropsAndCounts(t *testing.T) {
	var j Journal
	blocked := make(chan struct{})
	defer close(blocked)
	j.attach(func(Line) { <-blocked }, func() {})
	for range queued + 10 {
		j.Add(say("x"))
	}
	if n := j.Dropped(); n < 9 || n > 10 {
		t.Fatalf("%d lines dropped", n)
	}
}

func TestCloseLeavesNoFileOpen(t *testing.T) {
	dir := t.TempDir()
	var j Journal
	j.ToFiles(dir)
	j.Add(say("one"))
	j.Close()
	j.Add(say("two"))
	raw, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil || string(raw) != say("one").String()+"\n" || len(j.Tail(5)) != 2 {
		t.Fatalf("%q, %v", raw, err)
	}
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range open {
		if to, _ := os.Readlink(fd); strings.HasPrefix(to, dir) {
			t.Errorf("%s is still open", to)
		}
	}
}
