package faultfs

import (
	"bytes"
	"errors"
	"strings"
	"syscall"
	"testing"

	"tandem/failover/store"
)

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// written makes a file with synced contents and more that is not.
func written(t *testing.T, f *FS) store.File {
	t.Helper()
	h, err := f.Create("a")
	check(t, err)
	_, err = h.WriteAt(bytes.Repeat([]byte("s"), 1000), 0)
	check(t, err)
	check(t, h.Sync())
	check(t, f.SyncDir())
	_, err = h.WriteAt(bytes.Repeat([]byte("u"), 2000), 900)
	check(t, err)
	return h
}

// Whatever a power cut leaves, what was synced and not written again is there,
// and over many seeds every fate of the rest occurs.
func TestPowerCut(t *testing.T) {
	var none, all, torn, gap int
	for seed := range uint64(200) {
		f := New(seed)
		written(t, f)
		got := f.PowerCut().Bytes("a")
		if len(got) < 1000 || strings.Trim(string(got[:900]), "s") != "" {
			t.Fatalf("seed %d: synced contents are gone: %d octets", seed, len(got))
		}
		rest := string(got[900:])
		switch {
		case rest == strings.Repeat("s", 100):
			none++
		case rest == strings.Repeat("u", 2000):
			all++
		case strings.Contains(strings.TrimLeft(rest, "u"), "u"):
			gap++ // a later sector is there, an earlier one is not
		default:
			torn++
		}
	}
	if none == 0 || all == 0 || torn == 0 || gap == 0 {
		t.Errorf("lost %d, whole %d, torn %d, with gaps %d", none, all, torn, gap)
	}
}

func TestNamesNeedSyncDir(t *testing.T) {
	var lost, kept int
	for seed := range uint64(100) {
		f := New(seed)
		h, err := f.Create("a.tmp")
		check(t, err)
		_, err = h.WriteAt([]byte("x"), 0)
		check(t, err)
		check(t, h.Sync())
		check(t, f.SyncDir())
		check(t, f.Rename("a.tmp", "a"))
		after := f.PowerCut()
		old, renamed := after.Bytes("a.tmp"), after.Bytes("a")
		switch {
		case string(old) == "x" && renamed == nil:
			lost++
		case old == nil && string(renamed) == "x":
			kept++
		default:
			t.Fatalf("seed %d: %q and %q: a rename is one step", seed, old, renamed)
		}
	}
	if lost == 0 || kept == 0 {
		t.Errorf("lost %d, kept %d", lost, kept)
	}
}

// After a failed sync the contents look fine, and a later sync does not bring
// them to the disk.
func TestFailedSync(t *testing.T) {
	lost := 0
	for seed := range uint64(50) {
		f := New(seed)
		h := written(t, f)
		f.FailAt(f.Ops()+1, syscall.EIO)
		if err := h.Sync(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("got %v", err)
		}
		check(t, h.Sync())
		if len(f.Bytes("a")) != 2900 {
			t.Fatalf("seed %d: reads back %d octets", seed, len(f.Bytes("a")))
		}
		if got := f.PowerCut().Bytes("a"); !bytes.Equal(got, f.Bytes("a")) {
			lost++
		}
	}
	if lost < 40 {
		t.Errorf("something was lost in %d of 50 runs only", lost)
	}
}

func TestKillKeepsWhatWasWritten(t *testing.T) {
	f := New(1)
	h := written(t, f)
	_, err := f.Lock()
	check(t, err)
	if _, err := f.Lock(); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second lock: %v", err)
	}
	next := f.Kill()
	if len(next.Bytes("a")) != 2900 {
		t.Error("a kill lost data")
	}
	_, err = next.Lock()
	check(t, err)
	if _, err := h.WriteAt([]byte("x"), 0); !errors.Is(err, ErrKilled) {
		t.Errorf("a dead process wrote: %v", err)
	}
	if next.Bytes("a")[0] != 's' {
		t.Error("what a dead process wrote is there")
	}
}

func TestCutAtEndsEverything(t *testing.T) {
	f := New(1)
	h := written(t, f)
	f.CutAt(f.Ops() + 1)
	for _, err := range []error{h.Sync(), h.Truncate(0), f.SyncDir(), f.Rename("a", "b"), f.Remove("a")} {
		if !errors.Is(err, ErrPowerCut) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := h.ReadAt(make([]byte, 1), 0); !errors.Is(err, ErrPowerCut) {
		t.Errorf("read: %v", err)
	}
	if f.PowerCut().Bytes("a") == nil {
		t.Error("the file is gone")
	}
}

func TestLimit(t *testing.T) {
	f := New(1)
	h := written(t, f)
	f.Limit(3000)
	if n, err := h.WriteAt(make([]byte, 200), 2900); n != 100 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%d octets, %v", n, err)
	}
	if n, err := h.WriteAt(make([]byte, 500), 100); n != 500 || err != nil {
		t.Errorf("in place: %d octets, %v", n, err)
	}
	check(t, h.Truncate(1000))
	if n, err := h.WriteAt(make([]byte, 200), 1000); n != 200 || err != nil {
		t.Errorf("after a truncation: %d octets, %v", n, err)
	}
}

// A disk that lies reads as written until the power goes, also across Kill,
// and has nothing then of what came after the lie began.
func TestLie(t *testing.T) {
	for seed := range uint64(20) {
		f := New(seed)
		h := written(t, f)
		check(t, h.Sync())
		before := f.Bytes("a")
		f.Lie()
		_, err := h.WriteAt([]byte("later"), 0)
		check(t, err)
		check(t, h.Sync())
		check(t, f.Rename("a", "b"))
		check(t, f.SyncDir())
		f = f.Kill()
		if got := f.Bytes("b"); !bytes.HasPrefix(got, []byte("later")) || !f.Lies() {
			t.Fatalf("seed %d: reads %.10q, lies %v", seed, got, f.Lies())
		}
		f = f.PowerCut()
		if !bytes.Equal(f.Bytes("a"), before) || f.Bytes("b") != nil || !f.Lies() {
			t.Errorf("seed %d: after the cut %v, lies %v", seed, f, f.Lies())
		}
	}
}

func TestSameSeedSameContents(t *testing.T) {
	for seed := range uint64(20) {
		a, b := New(seed), New(seed)
		written(t, a)
		written(t, b)
		if !bytes.Equal(a.PowerCut().Bytes("a"), b.PowerCut().Bytes("a")) {
			t.Errorf("seed %d differs", seed)
		}
	}
}

func TestFilesOpenedForReading(t *testing.T) {
	f := New(1)
	written(t, f)
	h, err := f.Open("a")
	check(t, err)
	if _, err := h.WriteAt([]byte("x"), 0); err == nil {
		t.Error("written")
	}
	if h.Truncate(0) == nil {
		t.Error("truncated")
	}
	if _, err := f.Edit("b"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("missing file: %v", err)
	}
}
