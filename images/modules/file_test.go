package modules

import (
	"os"
	"path/filepath"
	"testing"

	"tandem/images/gz"
)

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	packed, err := gz.Pack([]byte("code"))
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"good": packed, "plain": []byte("code")} {
		if err := os.WriteFile(filepath.Join(dir, name+Tail), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := ReadFile(dir, "good"); err != nil || string(got) != "code" {
		t.Errorf("%q, %v", got, err)
	}
	for _, bad := range []string{"plain", "absent"} {
		if _, err := ReadFile(dir, bad); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}
