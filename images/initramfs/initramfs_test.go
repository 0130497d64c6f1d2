package initramfs

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/u-root/u-root/pkg/cpio"
)

func TestPack(t *testing.T) {
	files := append(Standard(),
		File{Path: "/init", Mode: 0o755, Data: []byte("program")},
		File{Path: "/lib/modules/a.ko", Mode: 0o644, Data: nil},
		File{Path: "/bin/sh", Link: "/init"})
	packed, err := Pack(files)
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(files)
	again, err := Pack(files)
	if err != nil || !bytes.Equal(packed, again) {
		t.Error("the order of the files changes the archive")
	}
	z, err := zstd.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	records, err := cpio.ReadAllRecords(cpio.Newc.Reader(bytes.NewReader(plain)))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]cpio.Record{}
	for _, r := range records {
		dir := r.Name[:max(0, strings.LastIndex(r.Name, "/"))]
		if _, ok := seen[dir]; dir != "" && !ok {
			t.Errorf("%s comes before its directory", r.Name)
		}
		if r.MTime != 0 {
			t.Errorf("%s has a time", r.Name)
		}
		seen[r.Name] = r
	}
	for name, mode := range map[string]uint64{
		"init": cpio.S_IFREG | 0o755, "lib/modules": cpio.S_IFDIR | 0o755, "lib/modules/a.ko": cpio.S_IFREG | 0o644,
		"bin/sh": cpio.S_IFLNK | 0o777, "dev/console": cpio.S_IFCHR | 0o600, "proc": cpio.S_IFDIR | 0o755,
	} {
		if got := seen[name].Mode; got != mode {
			t.Errorf("%s: mode %o, want %o", name, got, mode)
		}
	}
	if r := seen["init"]; r.FileSize != 7 {
		t.Errorf("init: %+v", r)
	}
}

func TestPackRefuses(t *testing.T) {
	for says, files := range map[string][]File{
		"no clean absolute path":  {{Path: "init"}},
		"\"/a/../b\" is no clean": {{Path: "/a/../b"}},
		"twice":                   {{Path: "/a"}, {Path: "/a"}},
	} {
		if _, err := Pack(files); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
}
