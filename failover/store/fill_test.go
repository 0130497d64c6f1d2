package store_test

import (
	"errors"
	"testing"

	"tandem/failover/lease"
	"tandem/failover/store"
	"tandem/failover/store/faultfs"
)

// leases hands on n leases.
func leases(n int) func(func(lease.Record) error) error {
	return func(add func(lease.Record) error) error {
		for i := range n {
			if err := add(&lease.Lease{IP: lease.IP(i + 1), State: lease.Active}); err != nil {
				return err
			}
		}
		return nil
	}
}

// A store is filled as a whole or not at all, wherever the power goes.
func TestFillIsAllOrNothing(t *testing.T) {
	const n = 100
	for cut := 1; ; cut++ {
		fs := faultfs.New(uint64(cut))
		fs.CutAt(cut)
		log, err := store.Open(fs, store.Options{Foreground: true})
		if err == nil {
			if _, err = log.Replay(func(lease.Record) error { return nil }); err == nil {
				err = log.Fill(leases(n))
			}
		}
		after, operr := store.Open(fs.PowerCut(), store.Options{Foreground: true})
		if operr != nil {
			t.Fatalf("cut at operation %d: %v", cut, operr)
		}
		found, wasNew := 0, after.New()
		if _, rerr := after.Replay(func(lease.Record) error { found++; return nil }); rerr != nil {
			t.Fatalf("cut at operation %d: %v", cut, rerr)
		}
		if found != 0 && found != n || wasNew != (found == 0) || err == nil && found != n {
			t.Fatalf("cut at operation %d: %d of %d records, new %v, error %v", cut, found, n, wasNew, err)
		}
		if err == nil {
			return // the cut lay behind the last operation
		}
	}
}

func TestFillGivesUp(t *testing.T) {
	log, err := store.Open(faultfs.New(1), store.Options{Foreground: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Replay(func(lease.Record) error { return nil }); err != nil {
		t.Fatal(err)
	}
	want := errors.New("no more")
	err = log.Fill(func(add func(lease.Record) error) error { return errors.Join(leases(5)(add), want) })
	if !errors.Is(err, want) {
		t.Fatalf("%v", err)
	}
	if err := log.Append([]lease.Record{&lease.Lease{IP: 1, State: lease.Free}}); err != nil {
		t.Errorf("the log does not live on: %v", err)
	}
}
