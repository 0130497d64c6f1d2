package daemon

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReadConfTakesRegularFilesOnly(t *testing.T) {
	name := filepath.Join(t.TempDir(), "dhcpd.conf")
	if err := os.WriteFile(name, []byte("authoritative;"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := ReadConf(name); err != nil || string(text) != "authoritative;" {
		t.Fatalf("%q, %v", text, err)
	}
	for _, bad := range []string{"/dev/zero", t.TempDir(), name + ".missing"} {
		if _, err := ReadConf(bad); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
