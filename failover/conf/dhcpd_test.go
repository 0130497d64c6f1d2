package conf

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// TestTablesAgainstDhcpd asks the dhcpd of this machine, where there is one,
// about some rows of the tables, so that they do not drift from it.
func TestTablesAgainstDhcpd(t *testing.T) {
	dhcpd, err := exec.LookPath("dhcpd")
	if err != nil {
		t.Skip("no dhcpd here")
	}
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const every = 50
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/include")); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"testdata/verdicts.tsv", "testdata/mutants.tsv"} {
		for i, row := range rows(t, table) {
			if i%every != 0 {
				continue
			}
			if err := os.WriteFile(filepath.Join(dir, "t.conf"), []byte(expand(row[1])), 0o644); err != nil {
				t.Fatal(err)
			}
			if got := verdictOf(t, dhcpd, dir); got != row[0] {
				t.Errorf("%s: dhcpd exits with %s, the table has %s", row[1], got, row[0])
			}
		}
	}
}

// verdictOf runs dhcpd -t and gives its exit code as the tables have it.
func verdictOf(t *testing.T, dhcpd, dir string) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, dhcpd, "-t", "-cf", "t.conf")
	cmd.Dir = dir
	_ = cmd.Run() // the exit code tells
	code := cmd.ProcessState.ExitCode()
	if ctx.Err() != nil {
		t.Fatal("dhcpd hangs")
	}
	if code == -1 {
		code = 139 // ended by a signal
	}
	return strconv.Itoa(code)
}
