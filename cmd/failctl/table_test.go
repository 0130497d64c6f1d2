package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
	"tandem/failover/node"
)

// widest is the length of the longest line.
func widest(text string) int {
	most := 0
	for line := range strings.Lines(text) {
		most = max(most, len([]rune(strings.TrimSuffix(line, "\n"))))
	}
	return most
}

func TestStatusFits80Columns(t *testing.T) {
	long := strings.Repeat("long-name-", 9)
	s := &node.Status{
		Version: "1.2.3", Uptime: 93784, Sentence: "Serving alone.", Records: 1234567,
		Interfaces: []node.InterfaceInfo{
			{Name: "eth0", Addrs: []string{"10.0.0.1"}, Network: "lan"},
			{Name: "enp0s31f6u1u4i2", Addrs: []string{"100.100.100.100", "200.200.200.200", "10.0.0.1"}, Network: long},
			{Name: "eth1", Addrs: []string{}},
		},
		Pools: []node.PoolInfo{
			{Network: "lan", Ranges: []string{"10.0.0.10 10.0.0.20"}, Size: 11, Free: 4, Active: 5, Ended: 1, Abandoned: 1},
			{Network: long, Ranges: []string{"10.0.0.0 10.255.255.255", long}, Size: 16777216, Active: 16777216, Abandoned: 99999},
		},
	}
	got := statusText(&output{}, s)
	if w := widest(got); w > 80 {
		t.Errorf("%d columns wide:\n%s", w, got)
	}
	for _, want := range []string{"Serving alone.", "up 1 d 2 h", "1,234,567 leases", "network lan", "45 %", "100 %", "no network of the configuration"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "\x1b") {
		t.Error("colours where there is no terminal")
	}
	if got := statusText(&output{colour: true}, s); !strings.Contains(got, "\x1b[1m") {
		t.Error("no colours on a terminal")
	}
}

func TestLeaseLine(t *testing.T) {
	l := &node.LeaseInfo{IP: "192.168.100.200", State: "abandoned", HW: "00:11:22:33:44:55", Ends: 1000 + 3*3600 + 12*60,
		Hostname: "evil\x1b[31m-host-with-a-long-name"}
	got := leaseLine(&output{}, l, 1000)
	want := "192.168.100.200  abandoned  in 3 h 12 min    00:11:22:33:44:55  evil.[31m-host-~\n"
	if got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if w := widest(got); w > 80 {
		t.Errorf("%d columns", w)
	}
	if got := leaseLine(&output{colour: true}, l, 1000); !strings.Contains(got, "\x1b[31mabandoned\x1b[0m") {
		t.Errorf("%q", got)
	}
}

func TestEnd(t *testing.T) {
	for _, tt := range []struct {
		at   lease.Time
		want string
	}{{0, "-"}, {lease.Never, "never"}, {1000060, "in 1 min"}, {1000000, "0 s ago"}, {1000000 - 86400*2 + 1, "1 d 23 h ago"}} {
		if got := end(tt.at, 1000000); got != tt.want {
			t.Errorf("%d: %q, want %q", tt.at, got, tt.want)
		}
	}
	if got := span(49*time.Hour + 3*time.Second); got != "2 d 1 h" {
		t.Errorf("%q", got)
	}
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct {
		args string
		code int
		said string
	}{
		{"help", exitOK, "exit codes"},
		{"--help", exitOK, "exit codes"},
		{"", exitUsage, "what do you want"},
		{"foo", exitUsage, `no command "foo"`},
		{"conf", exitUsage, `no command "conf"`},
		{"conf check", exitUsage, "takes one file"},
		{"conf check nosuch.conf", exitFailed, "nosuch.conf"},
		{"log check nosuch", exitFailed, "no such file"},
		{"log check main.go", exitFailed, "is no directory"},
		{"why a b", exitUsage, "takes one address"},
		{"why 10.0.0.1 --control nosuch", exitFailed, "start dhcpfd"},
		{"status now", exitUsage, "no arguments"},
		{"status --colour", exitUsage, "not defined"},
	} {
		var said bytes.Buffer
		out := &output{Writer: &said, errors: &said}
		if code := run(strings.Fields(tt.args), out); code != tt.code || !strings.Contains(said.String(), tt.said) {
			t.Errorf("%q: exit %d, said %q", tt.args, code, said.String())
		}
	}
	if w := widest(help); w > 80 {
		t.Errorf("the help is %d columns wide", w)
	}
}

func TestWrap(t *testing.T) {
	if got, want := wrap("one two three four", 9), "one two\n  three\n  four\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := wrap("averyveryverylongword", 9); got != "averyveryverylongword\n" {
		t.Errorf("%q", got)
	}
}
