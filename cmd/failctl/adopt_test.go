package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// half is what a dhcpd with a failover partner keeps.
const half = `failover peer "old" state {
  my state normal at 2 2026/11/17 10:00:00;
  partner state normal at 2 2026/11/17 10:00:00;
  mclt 1800;
}
lease 10.0.0.5 {
  starts 2 2026/11/17 10:00:00;
  ends 2 2036/11/18 10:00:00;
  cltt 2 2026/11/17 10:00:00;
  binding state active;
  hardware ethernet 00:11:22:33:44:55;
}
lease 10.0.0.6 {
  starts 2 2026/11/17 10:00:00;
  ends 2 2026/11/17 11:00:00;
  binding state backup;
}
`

// asked is the answer of leases check or adopt as JSON.
func asked(t *testing.T, want int, words ...string) (got takeover) {
	t.Helper()
	said := ctl(t, want, append([]string{"leases", "--json"}, words...)...)
	if err := json.Unmarshal([]byte(said), &got); err != nil {
		t.Fatalf("%v in %s", err, said)
	}
	return got
}

func TestAdoptOnce(t *testing.T) {
	dir := t.TempDir()
	file, store := write(t, filepath.Join(dir, "dhcpd.leases"), half), filepath.Join(dir, "store")
	if got := asked(t, exitOK, "check", file); got.Leases != 2 || got.Bound != 1 || got.Newest.Format("2006-01-02 15:04") != "2026-11-17 10:00" || len(got.Notes) != 1 {
		t.Errorf("%+v", got)
	}
	if _, err := os.Stat(store); err == nil {
		t.Fatal("a check writes")
	}
	if got := asked(t, exitOK, "adopt", file, store); got.Leases != 2 || got.Store != 0 {
		t.Errorf("%+v", got)
	}
	// The old relationship is over: its half of the free addresses is, too.
	text := ctl(t, exitOK, "leases", "export", store)
	if strings.Contains(text, "failover peer") || strings.Contains(text, "backup") || !strings.Contains(text, "00:11:22:33:44:55") {
		t.Errorf("the store has\n%s", text)
	}
	write(t, file, "lease 10.0.0.9 { binding state free; }\n")
	if got := asked(t, exitOK, "adopt", file, store); got.Store != 1 {
		t.Errorf("adopted twice: %+v", got)
	}
	if again := ctl(t, exitOK, "leases", "export", store); again != text {
		t.Errorf("the store has changed to\n%s", again)
	}
}

func TestAdoptBesideAPartner(t *testing.T) {
	dir := t.TempDir()
	file, store := write(t, filepath.Join(dir, "dhcpd.leases"), half), filepath.Join(dir, "store")
	if got := asked(t, exitOK, "adopt", "--partner-stays", file, store); len(got.Notes) != 0 {
		t.Errorf("%+v", got)
	}
	if text := ctl(t, exitOK, "leases", "export", store); !strings.Contains(text, `failover peer "old"`) || !strings.Contains(text, "backup") {
		t.Errorf("the store has\n%s", text)
	}
}

// A file that says less than its server promised is refused as a whole.
func TestAdoptRefuses(t *testing.T) {
	for _, c := range []struct{ text, want, remedy string }{
		{isc, "line 16: lease 10.0.0.7: dropped", "mend these records"},
		{half[:len(half)-30], "ends within its last record", "copy the file again"},
		{strings.Replace(half, "my state normal", "my state recover", 1), "its partner knew leases", "take the dhcpd.leases of its partner"},
		{"\x7fELF\x02\x01\x01 nonsense;\n", "line 1: text that is no record", "copy the file again"},
		{strings.Repeat("lease 10.0.0.7 { what }\n", 30), "... and 20 more", "mend"},
	} {
		dir := t.TempDir()
		file, store := write(t, filepath.Join(dir, "dhcpd.leases"), c.text), filepath.Join(dir, "store")
		for _, words := range [][]string{{"check", file}, {"adopt", file, store}} {
			got := asked(t, exitFailed, words...)
			if !strings.Contains(strings.Join(got.Bad, "\n"), c.want) || !strings.Contains(got.Remedy, c.remedy) {
				t.Errorf("%s: %+v", words[0], got)
			}
		}
		if _, err := os.Stat(store); err == nil {
			t.Errorf("%s: there is a store", c.want)
		}
	}
	file := write(t, filepath.Join(t.TempDir(), "dhcpd.leases"), isc)
	if said := ctl(t, exitFailed, "leases", "check", file); !strings.Contains(said, "refused: stop dhcpd") || !strings.Contains(said, "line 16") {
		t.Errorf("said\n%s", said)
	}
	ctl(t, exitUsage, "leases", "check")
	ctl(t, exitUsage, "leases", "adopt", file)
	ctl(t, exitFailed, "leases", "check", file+".none")
}
