package network

import (
	"os"
	"path/filepath"
	"testing"
)

func TestMakeRoom(t *testing.T) {
	dir := t.TempDir()
	if err := makeRoom(dir); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "gc_thresh3"))
	if err != nil || string(got) != "65536" {
		t.Fatalf("%q, %v", got, err)
	}
	if err := makeRoom(filepath.Join(dir, "none")); err == nil {
		t.Fatal("a kernel without limits is no error")
	}
}
