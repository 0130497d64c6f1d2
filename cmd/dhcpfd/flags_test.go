package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestFlags(t *testing.T) {
	f, err := parseFlags([]string{"-4", "eth0", "-f", "-d", "-q", "-cf", "a.conf", "eth1", "-lf", "dir", "-p", "6767", "-pf", "x.pid", "--no-pid", "--control=s"})
	if err != nil {
		t.Fatal(err)
	}
	if !f.foreground || !f.stderr || !f.quiet || f.conf != "a.conf" || f.leases != "dir" || f.port != 6767 || f.pidFile != "" || f.control != "s" {
		t.Errorf("%+v", f)
	}
	if !slices.Equal(f.interfaces, []string{"eth0", "eth1"}) {
		t.Errorf("interfaces %q", f.interfaces)
	}
	for args, want := range map[string]string{
		"-6":               "DHCPv6 is not served",
		"-p 0":             "from 1 to 65534",
		"-p 65535":         "from 1 to 65534",
		"-p x":             "--help lists",
		"--client-rate -1": "a number of packets",
		"--colour":         "--help lists",
		"-cf":              "--help lists",
	} {
		if _, err := parseFlags(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
	for _, args := range []string{"--help", "-h", "eth0 -help"} {
		if _, err := parseFlags(strings.Fields(args)); !errors.Is(err, errHelp) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

func TestHelpFits80Columns(t *testing.T) {
	for line := range strings.Lines(help) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}

// -lf names a directory as a rule, and dhcpd's file for those who come from it.
func TestStorePath(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "dhcpd.leases")
	for _, tt := range []struct{ leases, dir, file string }{
		{filepath.Join(dir, "none"), filepath.Join(dir, "none"), ""},
		{dir, dir, ""},
		{file, file + ".tandem", file},
		{dir, dir, file},
	} {
		if tt.file != "" {
			put(t, file, "")
		}
		if gotDir, gotFile := (&flags{leases: tt.leases}).store(); gotDir != tt.dir || gotFile != tt.file {
			t.Errorf("-lf %s: store %s, import %q; want %s, %q", tt.leases, gotDir, gotFile, tt.dir, tt.file)
		}
	}
}

func put(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const (
	goodConf = "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.20; }\n"
	badConf  = "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.10 10.0.0.20 }\n"
	leases   = "lease 10.0.0.12 {\n  starts 6 2026/11/21 00:00:00;\n  ends 6 2036/11/21 00:00:00;\n  binding state active;\n" +
		"  hardware ethernet 02:00:00:00:00:01;\n}\nlease nonsense {\n}\n"
)

func TestCheckOnly(t *testing.T) {
	dir := t.TempDir()
	good, bad := put(t, filepath.Join(dir, "good.conf"), goodConf), put(t, filepath.Join(dir, "bad.conf"), badConf)
	isc := put(t, filepath.Join(dir, "dhcpd.leases"), leases)
	broken := filepath.Join(dir, "broken")
	if err := os.Mkdir(broken, 0o700); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(broken, "log-1"), "this is no log at all, and longer than a header")
	for _, tt := range []struct {
		args []string
		code int
		said string
	}{
		{[]string{"-t", "-cf", good}, exitOK, "good"},
		{[]string{"-t", "-cf", bad}, exitFailed, "bad.conf:1:"},
		{[]string{"-t", "-cf", filepath.Join(dir, "none.conf")}, exitFailed, "none.conf"},
		{[]string{"-T", "-cf", bad}, exitFailed, "bad.conf:1:"},
		{[]string{"-T", "-cf", good, "-lf", filepath.Join(dir, "none")}, exitOK, ""},
		{[]string{"-T", "-cf", good, "-lf", isc}, exitOK, "1 leases"},
		{[]string{"-T", "-cf", good, "-lf", broken}, exitFailed, "log-1"},
		{[]string{"--version"}, exitOK, "dhcpfd"},
		{[]string{"--help"}, exitOK, "usage:"},
		{[]string{"--nonsense"}, exitFailed, "not defined"},
	} {
		var said bytes.Buffer
		if code := run(tt.args, &said, &said); code != tt.code || !strings.Contains(said.String(), tt.said) {
			t.Errorf("dhcpfd %s: exit %d, said\n%s", strings.Join(tt.args, " "), code, said.String())
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 4 {
		t.Errorf("something was written: %v, %v", entries, err)
	}
}
