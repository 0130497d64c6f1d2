package store_test

import (
	"errors"
	"io"
	"runtime"
	"testing"

	"tandem/failover/lease"
	"tandem/failover/store"
	"tandem/failover/store/faultfs"
)

// FuzzReplay gives the store files with any contents: it reads or refuses
// them, without much memory, and what it refuses as damaged can be repaired.
func FuzzReplay(f *testing.F) {
	m, _ := recorded(f, 12)
	f.Add(m["log-2"][:600], m["snapshot-2"], true)
	f.Add(m["log-2"][:300], m["snapshot-2"][:90], false)
	f.Add(m["log-2"][24:], []byte{}, true)
	f.Add([]byte("\xff\xff\x03\x01"), m["snapshot-2"], true)
	f.Fuzz(func(t *testing.T, log, snapshot []byte, resealed bool) {
		fs := faultfs.New(1)
		if resealed {
			log, snapshot = store.Reseal(log, 'L', 2), store.Reseal(snapshot, 'S', 2)
		}
		fs.Put("log-2", log)
		fs.Put("snapshot-2", snapshot)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := store.Check(fs)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+500*(len(log)+len(snapshot))); got > most {
			t.Fatalf("%d octets allocated for %d", got, len(log)+len(snapshot))
		}
		dumped := store.Dump(fs, io.Discard)
		if (err == nil) != (dumped == nil) {
			t.Fatalf("Check says %v, Dump says %v", err, dumped)
		}
		_, _, _, replayed := read(fs.Kill())
		if (err == nil) != (replayed == nil) {
			t.Fatalf("Check says %v, Replay says %v", err, replayed)
		}
		var corrupt *store.CorruptError
		if !errors.As(err, &corrupt) {
			return
		}
		fs = fs.Kill()
		if _, err := store.Repair(fs); err != nil {
			t.Fatalf("repair: %v", err)
		}
		opened, err := store.Open(fs, tiny)
		check(t, err)
		if _, err := opened.Replay(func(lease.Record) error { return nil }); err != nil {
			t.Fatalf("after repair: %v", err)
		}
	})
}
