package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const isc = `lease 10.0.0.5 {
  starts 2 2026/11/17 10:00:00;
  ends 2 2036/11/18 10:00:00;
  cltt 2 2026/11/17 10:00:00;
  binding state active;
  next binding state free;
  rewind binding state free;
  hardware ethernet 00:11:22:33:44:55;
  client-hostname "printer";
}
lease 10.0.0.6 {
  starts 2 2026/11/17 10:00:00;
  ends 2 2026/11/17 11:00:00;
  binding state backup;
}
lease 10.0.0.7 { what is this }
`

const standalone = "subnet 10.0.0.0 netmask 255.255.255.0 { range 10.0.0.5 10.0.0.9; }\n"

// ctl runs failctl.
func ctl(t *testing.T, want int, args ...string) string {
	t.Helper()
	var said bytes.Buffer
	if code := run(args, &output{Writer: &said, errors: &said}); code != want {
		t.Fatalf("failctl %s: exit %d, said\n%s", strings.Join(args, " "), code, said.String())
	}
	return said.String()
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestImportExport(t *testing.T) {
	dir := t.TempDir()
	file := write(t, filepath.Join(dir, "dhcpd.leases"), isc)
	cfg := write(t, filepath.Join(dir, "dhcpd.conf"), standalone)
	store := filepath.Join(dir, "store")
	said := ctl(t, exitOK, "leases", "import", file, store, "-cf", cfg)
	if !strings.Contains(said, "2 leases") || !strings.Contains(said, "line 16") {
		t.Errorf("said\n%s", said)
	}
	if said := ctl(t, exitFailed, "leases", "import", file, store); !strings.Contains(said, "not empty") {
		t.Errorf("said\n%s", said)
	}
	if said := ctl(t, exitOK, "log", "check", store); !strings.Contains(said, "2 leases") || !strings.Contains(said, "good") {
		t.Errorf("said\n%s", said)
	}
	if said := ctl(t, exitOK, "log", "dump", store); !strings.Contains(said, "lease 10.0.0.6 free") {
		t.Errorf("a backup address of a server without a partner is not free:\n%s", said)
	}
	again := filepath.Join(dir, "again.leases")
	ctl(t, exitOK, "leases", "export", store, again)
	text, err := os.ReadFile(again)
	if err != nil {
		t.Fatal(err)
	}
	if got := ctl(t, exitOK, "leases", "export", store); got != string(text) {
		t.Error("the file is not what goes to the terminal")
	}
	for _, want := range []string{"lease 10.0.0.5 {", "ends 2 2036/11/18 10:00:00;", "binding state active;",
		"hardware ethernet 00:11:22:33:44:55;", `client-hostname "printer";`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestConf(t *testing.T) {
	dir := t.TempDir()
	good := write(t, filepath.Join(dir, "good.conf"), standalone)
	bad := write(t, filepath.Join(dir, "bad.conf"), "subnet 10.0.0.0 netmask 255.255.255.0 { rnage 10.0.0.5; }\n")
	if said := ctl(t, exitOK, "conf", "check", good); !strings.Contains(said, "good.conf: good") {
		t.Errorf("said %q", said)
	}
	if said := ctl(t, exitFailed, "conf", "check", bad); !strings.Contains(said, "bad.conf:1:41:") {
		t.Errorf("said %q", said)
	}
	if said := ctl(t, exitFailed, "--json", "conf", "check", bad); !strings.Contains(said, `"line": 1`) {
		t.Errorf("said %q", said)
	}
	if said := ctl(t, exitOK, "conf", "print", good); !strings.Contains(said, "range 10.0.0.5 10.0.0.9;") {
		t.Errorf("said %q", said)
	}
	if said := ctl(t, exitFailed, "conf", "print", bad); !strings.Contains(said, "bad.conf:1:41:") {
		t.Errorf("said %q", said)
	}
}
