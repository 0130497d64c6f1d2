package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"tandem/init/pair/version"
)

// faulty is a disk on which the n-th operation that changes something fails,
// and with gone set every one after it as well: the power is away. A write that
// fails leaves half of the data, a removal half of the files.
type faulty struct {
	osDisk
	n, failAt int
	gone      bool
}

var errFault = errors.New("fault")

func (f *faulty) fails() bool {
	f.n++
	return f.n == f.failAt || f.gone && f.failAt != 0 && f.n > f.failAt
}

func (f *faulty) makeDir(path string) error {
	if f.fails() {
		return errFault
	}
	return f.osDisk.makeDir(path)
}

func (f *faulty) writeFile(path string, data []byte) error {
	if f.fails() {
		if f.n == f.failAt {
			_ = os.WriteFile(path, data[:len(data)/2], fileMode)
		}
		return errFault
	}
	return f.osDisk.writeFile(path, data)
}

func (f *faulty) symlink(target, path string) error {
	if f.fails() {
		return errFault
	}
	return f.osDisk.symlink(target, path)
}

func (f *faulty) rename(from, to string) error {
	if f.fails() {
		return errFault
	}
	return f.osDisk.rename(from, to)
}

func (f *faulty) replaceDir(from, to string) error {
	if f.fails() {
		return errFault
	}
	return f.osDisk.replaceDir(from, to)
}

func (f *faulty) removeAll(path string) error {
	if f.fails() {
		if names, _ := os.ReadDir(path); f.n == f.failAt && len(names) > 0 {
			_ = os.Remove(path + "/" + names[0].Name())
		}
		return errFault
	}
	return f.osDisk.removeAll(path)
}

func (f *faulty) syncDir(dir string) error {
	if f.fails() {
		return errFault
	}
	return f.osDisk.syncDir(dir)
}

// full is a disk with room for so many files of versions.
type full struct {
	osDisk
	dir  string
	room int
}

func (f *full) writeFile(path string, data []byte) error {
	found, err := filepath.Glob(filepath.Join(f.dir, "*", version.Main))
	if err != nil {
		return err
	}
	hidden, err := filepath.Glob(filepath.Join(f.dir, ".new-*", version.Main))
	if err != nil {
		return err
	}
	if filepath.Base(path) == version.Main && len(found)+len(hidden) >= f.room {
		return &os.PathError{Op: "write", Path: path, Err: syscall.ENOSPC}
	}
	return f.osDisk.writeFile(path, data)
}

// On a full disk old versions make room for the new one; where nothing may go,
// the version is refused and leaves nothing behind.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	s, err := open(dir, &full{dir: dir, room: 4}) // a name in force counts twice, by its link
	if err != nil {
		t.Fatal(err)
	}
	var ids []version.ID
	for n := range uint64(6) {
		v := make1(n+1, version.ID{}, fmt.Sprint("# ", n))
		if err := s.Put(v); err != nil {
			t.Fatalf("version %d: %v", n+1, err)
		}
		if ids = append(ids, v.ID()); n == 0 {
			if err := s.Activate(v.ID()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.Entry(ids[0]); err != nil {
		t.Errorf("the version in force: %v", err)
	}
	if err := s.Put(make1(99, version.ID{}, "# last")); err != nil {
		t.Fatal(err)
	}
	var all []version.ID
	for _, e := range s.List() {
		all = append(all, e.ID)
	}
	s.Protect(all...)
	before, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Put(make1(100, version.ID{}, "# too much"))
	if !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("without room: %v", err)
	}
	if after, _ := os.ReadDir(dir); len(after) != len(before) {
		t.Errorf("left over: %v, before %v", after, before)
	}
}

// TestEveryFault lets each operation of a history's life fail, once alone and
// once with everything after it. Whatever was reported as done is there when
// the directory is opened again, and what is in force is always whole.
func TestEveryFault(t *testing.T) {
	for _, gone := range []bool{false, true} {
		points := 0
		for at := 1; ; at++ {
			d := &faulty{failAt: at, gone: gone}
			if !faultyLife(t, t.TempDir(), d) {
				break
			}
			points++
		}
		t.Logf("everything after it too: %v; %d operations", gone, points)
		if points < 30 {
			t.Errorf("only %d operations: the life is too short", points)
		}
	}
}

// faultyLife is a history of some versions; false if no operation failed.
func faultyLife(t *testing.T, dir string, d *faulty) bool {
	t.Helper()
	kept := map[version.ID]string{} // outcome of what was reported as kept
	var active version.ID
	memory := ""
	s, err := open(dir, d)
	for n := uint64(1); err == nil && n <= 3; n++ {
		v := make1(n, active, fmt.Sprintf("# %d\n", n))
		if e := s.Put(v); e != nil {
			continue
		}
		kept[v.ID()] = ""
		if s.Note(v.ID(), "committed", "why") == nil {
			kept[v.ID()] = "committed"
		}
		text := fmt.Sprint("memory ", n)
		if s.SaveMemory([]byte(text)) == nil {
			memory = text
		}
		switch s.Activate(v.ID()) {
		case nil:
			active = v.ID()
		default: // it may be the one or the other
			if now, _ := s.Active(); now == v.ID() {
				active = now
			}
		}
	}
	failed := d.n >= d.failAt
	checkLife(t, dir, d, kept, active, memory)
	return failed
}

func checkLife(t *testing.T, dir string, d *faulty, kept map[version.ID]string, active version.ID, memory string) {
	t.Helper()
	again, err := Open(dir)
	if err != nil {
		t.Fatalf("operation %d: %v", d.failAt, err)
	}
	for id, outcome := range kept {
		e, err := again.Entry(id)
		if err == nil {
			err = again.Verify(id)
		}
		if err != nil || outcome != "" && e.Outcome != outcome {
			t.Fatalf("operation %d (and all after: %v): %v has %q, want %q; %v", d.failAt, d.gone, id.Short(), e.Outcome, outcome, err)
		}
	}
	if now, err := again.Active(); err != nil || now != active {
		t.Fatalf("operation %d: %v is in force instead of %v, %v", d.failAt, now.Short(), active.Short(), err)
	}
	if active != (version.ID{}) {
		if err := again.Verify(active); err != nil {
			t.Fatalf("operation %d: in force is %v", d.failAt, err)
		}
	}
	raw, err := again.Memory()
	if err != nil || memory != "" && string(raw) < memory {
		t.Fatalf("operation %d: memory %q instead of %q, %v", d.failAt, raw, memory, err)
	}
	for _, e := range again.List() {
		if err := again.Verify(e.ID); err != nil {
			t.Fatalf("operation %d: listed, and yet %v", d.failAt, err)
		}
	}
}
