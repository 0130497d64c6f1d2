package images

import (
	"os"
	"path/filepath"
	"testing"

	"tandem/images/initramfs"
	"tandem/images/layout"
)

func TestToolsFiles(t *testing.T) {
	dir := t.TempDir()
	tools := &Tools{archive: filepath.Join(dir, "cpio"), shell: filepath.Join(dir, "shell")}
	if _, err := tools.files(); err == nil {
		t.Error("tools that are not there")
	}
	f, err := os.Create(tools.archive)
	if err != nil {
		t.Fatal(err)
	}
	if err := initramfs.Archive(f, []initramfs.File{
		{Path: "/bbin/bb", Mode: 0o755, Data: []byte("program")}, {Path: "/bbin/ls", Link: "bb"},
		{Path: "/init", Mode: 0o755, Data: []byte("not this one")},
	}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(tools.shell, []byte("shell"), 0o700); err != nil {
		t.Fatal(err)
	}
	list, err := tools.files()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range list {
		got[e.Path] = string(e.Data) + e.Link
	}
	for path, want := range map[string]string{"/bbin/bb": "program", "/bbin/ls": "bb", layout.Init: "shell"} {
		if got[path] != want {
			t.Errorf("%s: %q, want %q", path, got[path], want)
		}
	}
	if len(got) != 4 || got[layout.DebugMarker] == "" {
		t.Errorf("files %q", got)
	}
	// The manifest and the RAM disk take the same programs: the real init moves.
	real := filepath.Join(dir, "init")
	if err := os.WriteFile(real, []byte("real"), 0o700); err != nil {
		t.Fatal(err)
	}
	programs, err := Options{Binaries: map[string]string{layout.Init: real}, Debug: tools}.programs()
	if err != nil || string(programs[layout.Init]) != "shell" || string(programs[realInit]) != "real" || programs[layout.DebugMarker] != nil {
		t.Errorf("programs %q, %v", programs, err)
	}
}
