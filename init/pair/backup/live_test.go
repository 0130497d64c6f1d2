package backup

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"tandem/failover/lease"
	"tandem/failover/store"
)

// Backups of a lease store that is being written to, with new logs and
// snapshots all the time, are whole: every record that was synced before is in
// them.
func TestLeaseStoreAtWork(t *testing.T) {
	dir := t.TempDir()
	tree{"box.conf": "name a\n"}.make(t, dir)
	src, pin := source(t, dir)
	var synced atomic.Int64
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- writeLeases(filepath.Join(dir, "leases"), &synced, stop) }()
	for synced.Load() == 0 {
		select {
		case err := <-ended:
			t.Fatal(err)
		default:
		}
	}
	for range 60 {
		before := synced.Load()
		raw := write(t, src)
		box := t.TempDir()
		if _, err := Stage(bytes.NewReader(raw), box, pin); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Finish(box); err != nil {
			t.Fatal(err)
		}
		seen := int64(0)
		_, err := store.Read(store.OSDir(filepath.Join(box, "leases")), func(r lease.Record) error {
			if l, ok := r.(*lease.Lease); ok {
				seen = max(seen, int64(l.IP)-10<<24)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if seen < before {
			t.Fatalf("%d leases were synced before, the backup ends with %d", before, seen)
		}
		if err := os.RemoveAll(box); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	t.Logf("%d leases were written meanwhile", synced.Load())
}

// writeLeases writes leases with growing addresses, and snapshots.
func writeLeases(dir string, synced *atomic.Int64, stop chan struct{}) error {
	log, err := store.Open(store.OSDir(dir), store.Options{Chunk: 4096, Reserve: 4096, MinLog: 64 << 10, Foreground: true})
	if err != nil {
		return err
	}
	defer log.Close()
	if _, err := log.Replay(func(lease.Record) error { return nil }); err != nil {
		return err
	}
	for n := int64(1); ; n++ {
		select {
		case <-stop:
			return log.Sync()
		default:
		}
		l := &lease.Lease{IP: lease.IP(10<<24 + n), State: lease.Active, Rewind: lease.Active, Ends: lease.Time(n), HW: "\x01abcdef", UID: fmt.Sprint(n)}
		if err := log.Append([]lease.Record{l}); err != nil {
			return err
		}
		if err := log.Sync(); err != nil {
			return err
		}
		synced.Store(n)
		if !log.WantSnapshot() {
			continue
		}
		s, err := log.BeginSnapshot()
		if err != nil {
			return err
		}
		if err := s.Add(l); err != nil {
			return err
		}
		if err := s.Commit(); err != nil {
			return err
		}
	}
}
