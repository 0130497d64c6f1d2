package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tandem/failover/daemon/keyring"
	"tandem/init/pair/backup"
)

// boxData makes the data of a box.
func boxData(t *testing.T) (dir string, pin keyring.Pin) {
	t.Helper()
	dir = t.TempDir()
	ring, err := keyring.Open(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	if _, pin, err = ring.Own(); err != nil {
		t.Fatal(err)
	}
	conf := "name dhcp-a\nrole single\nlan lan1 10.0.0.2/24\nntp 10.0.0.9\nntp-single yes\n"
	if err := os.WriteFile(filepath.Join(dir, "box.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, pin
}

func TestBackupAndRestore(t *testing.T) {
	data, pin := boxData(t)
	other, otherPin := boxData(t)
	blank := t.TempDir()
	file := filepath.Join(t.TempDir(), "a.backup")
	damaged := filepath.Join(t.TempDir(), "damaged")
	for _, c := range []struct {
		args      []string
		code      int
		want, say string
	}{
		{[]string{"backup", file, "--data", data}, 0, pin.String(), "keep it like a password"},
		{[]string{"backup", file, "--data", data}, 1, "", "is there already"},
		{[]string{"backup", file, "--data", data, "--yes"}, 0, "files", ""},
		{[]string{"backup", filepath.Join(blank, "x"), "--data", blank}, 1, "", "on a Tandem box that was set up"},
		{[]string{"backup", "/nowhere/x", "--data", data}, 1, "", "no backup was made"},
		{[]string{"backup"}, 2, "", "takes one file"},
		{[]string{"backup", "verify", file, "--data", data}, 0, "box      dhcp-a, single", ""},
		{[]string{"backup", "verify", file, "--data", data}, 0, "this box's own key", ""},
		{[]string{"backup", "verify", file, "--data", other}, 0, "a key that this box does not have", ""},
		{[]string{"backup", "verify", file, "--json"}, 0, `"signer":"` + pin.String(), ""},
		{[]string{"backup", "verify", damaged}, 1, "", "cut short"},
		{[]string{"restore", damaged, "--data", data}, 1, "", "cut short"},
		{[]string{"restore", file, "--data", filepath.Join(blank, "none")}, 1, "", "on a Tandem box"},
		{[]string{"restore", file, "--data", other}, 1, "", "repeat with --pin PIN"},
		{[]string{"restore", file, "--data", other, "--pin", otherPin.String()}, 1, "", "signed by another key"},
		{[]string{"restore", file, "--data", other, "--pin", "12"}, 2, "", "is not a pin"},
		{[]string{"restore", file, "--data", data}, 0, "restart this box", ""},
		{[]string{"restore", file, "--data", blank, "--pin", pin.String()}, 0, "restart this box", ""},
	} {
		if raw, err := os.ReadFile(file); err == nil {
			if err := os.WriteFile(damaged, raw[:len(raw)-40], 0o600); err != nil {
				t.Fatal(err)
			}
		}
		code, out, said := types(c.args...)
		if code != c.code || !strings.Contains(out, c.want) || !strings.Contains(said, c.say) {
			t.Errorf("%q: exit code %d\n%s%s\nwant %d, %q, %q", c.args, code, out, said, c.code, c.want, c.say)
		}
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if names, _ := filepath.Glob(file + "*"); len(names) != 1 {
		t.Errorf("left over: %q", names)
	}
	if _, done, err := backup.Finish(blank); !done || err != nil {
		t.Fatal(done, err)
	}
	if got, ok := ownPin(blank); !ok || got != pin {
		t.Errorf("the restored box has the key %v", got)
	}
}
