package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/init/pair/version"
)

func make1(n uint64, parent version.ID, text string) *version.Version {
	return &version.Version{
		Meta:  version.Meta{Number: n, Parent: parent, Who: "anna", When: time.Unix(1790000000, 0).UTC(), Comment: "test"},
		Files: version.Files{version.Main: []byte(text), "hosts.conf": []byte("# hosts\n")},
	}
}

func TestVersionsOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	v := make1(1, version.ID{}, "# one\n")
	if id, err := s.Active(); err != nil || id != (version.ID{}) {
		t.Fatalf("a new history has %v in force, %v", id, err)
	}
	for _, err := range []error{s.Put(v), s.Activate(v.ID()), s.Note(v.ID(), "committed", ""), s.SaveMemory([]byte("{}\n"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	again, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := again.Get(v.ID())
	if err != nil || !got.Files.Equal(v.Files) || got.ID() != v.ID() || got.Who != "anna" {
		t.Fatalf("%+v, %v", got, err)
	}
	if id, err := again.Active(); err != nil || id != v.ID() {
		t.Fatalf("in force: %v, %v", id, err)
	}
	if e, err := again.Find("1"); err != nil || e.Outcome != "committed" || len(e.Files) != 2 {
		t.Fatalf("%+v, %v", e, err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, ActiveLink, version.Main))
	if err != nil || string(raw) != "# one\n" {
		t.Fatalf("%q, %v", raw, err)
	}
	if m, err := again.Memory(); err != nil || string(m) != "{}\n" {
		t.Fatalf("%q, %v", m, err)
	}
}

func TestTheEmptyConfigurationComesFirst(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Activate(version.ID{}); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(filepath.Join(dir, ActiveLink, version.Main)); err != nil || raw[0] != '#' {
		t.Fatalf("%q, %v", raw, err)
	}
	if m, err := s.Memory(); m != nil || err != nil {
		t.Fatalf("%q, %v", m, err)
	}
}

func TestFilesChangedOnDiskAreFound(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	v := make1(1, version.ID{}, "# one\n")
	if err := s.Put(v); err != nil {
		t.Fatal(err)
	}
	at, err := s.Path(v.ID())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		harm func() error
		want string
	}{
		{"edited", func() error { return os.WriteFile(filepath.Join(at, version.Main), []byte("# two\n"), 0o640) }, "dhcpd.conf is not as it was written"},
		{"removed", func() error { return os.Remove(filepath.Join(at, "hosts.conf")) }, "no such file"},
		{"added", func() error { return os.WriteFile(filepath.Join(at, "more.conf"), nil, 0o640) }, "more.conf does not belong"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := s.Verify(v.ID()); err != nil {
				t.Fatalf("whole, and yet %v", err)
			}
			if err := c.harm(); err != nil {
				t.Fatal(err)
			}
			if err := s.Verify(v.ID()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if err := s.Put(v); err != nil { // repairs
				t.Fatal(err)
			}
		})
	}
}

func TestFind(t *testing.T) {
	s, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a, b := make1(7, version.ID{}, "# a\n"), make1(7, version.ID{}, "# b\n")
	for _, v := range []*version.Version{a, b} {
		if err := s.Put(v); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Find("7"); err == nil || !strings.Contains(err.Error(), a.ID().Short()) {
		t.Errorf("a number that two have: %v", err)
	}
	if e, err := s.Find(strings.ToUpper(b.ID().Short())); err != nil || e.ID != b.ID() {
		t.Errorf("%v, %v", e, err)
	}
	for _, word := range []string{"8", "", "zzzz", "../7"} {
		if _, err := s.Find(word); !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %v", word, err)
		}
	}
}

// The number of versions is bounded; what is in force, what is protected and
// what was just written stay.
func TestOldVersionsGo(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var ids []version.ID
	for n := range uint64(MaxVersions + 5) {
		v := make1(n+1, version.ID{}, fmt.Sprintf("# %d\n", n))
		ids = append(ids, v.ID())
		if err := s.Put(v); err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			if err := s.Activate(v.ID()); err != nil {
				t.Fatal(err)
			}
		}
		s.Protect(ids[min(n, 2)])
	}
	if n := len(s.List()); n != MaxVersions {
		t.Errorf("%d versions are kept", n)
	}
	for i, want := range []bool{true, false, true, false} {
		if _, err := s.Entry(ids[i]); (err == nil) != want {
			t.Errorf("version %d: %v, want kept %v", i+1, err, want)
		}
	}
	names, err := os.ReadDir(dir)
	if err != nil || len(names) != 2*MaxVersions+1 {
		t.Errorf("%d names in the directory, %v", len(names), err)
	}
}

func TestForeignAndDamagedNotes(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	v := make1(1, version.ID{}, "# one\n")
	if err := s.Put(v); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"v0001-00000000.json": "{}", "v0009-12345678.json": "rubbish", "readme.txt": "mine", "vlan.conf": "?"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	s, err = Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.List()) != 1 || len(s.Left) != 2 {
		t.Errorf("%d versions, left out %q", len(s.List()), s.Left)
	}
	for _, name := range []string{"readme.txt", "vlan.conf"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Errorf("a file that is not ours: %v", err)
		}
	}
}
