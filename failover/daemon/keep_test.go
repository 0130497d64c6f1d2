package daemon

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
	"tandem/failover/store"
	"tandem/failover/store/faultfs"
)

// newTestKeeper opens a small store on fs.
func newTestKeeper(t testing.TB, fs store.FS, log *Logger) *keeper {
	t.Helper()
	s, err := store.Open(fs, store.Options{Chunk: 4096, Reserve: 4096, MinLog: 16 << 10, Foreground: true})
	if err != nil {
		t.Fatal(err)
	}
	k := newKeeper(s, lease.NewTable(), log, new(counters))
	if _, err := s.Replay(func(r lease.Record) error {
		k.facts.note(r)
		if l, ok := r.(*lease.Lease); ok {
			k.table.Apply(*l)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return k
}

func quiet(t testing.TB) *Logger {
	l := NewLogger(io.Discard, LogPlain, 0)
	t.Cleanup(l.Close)
	return l
}

// bind makes a lease in the table and gives its record.
func (k *keeper) bind(ip lease.IP) []lease.Record {
	return []lease.Record{k.table.Apply(lease.Lease{IP: ip, State: lease.Active, Ends: lease.Never, HW: "\x01abcdef"})}
}

var second = lease.Now{Wall: int64(time.Hour), Mono: int64(time.Hour)}

func TestKeepSurvivesKill(t *testing.T) {
	fs := faultfs.New(1)
	k := newTestKeeper(t, fs, quiet(t))
	if ok, err := k.keep(second, k.bind(7), true); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if ok, err := k.keep(second, []lease.Record{&lease.Peer{Name: "p", Epoch: 3}}, true); !ok || err != nil {
		t.Fatal(ok, err)
	}
	again := newTestKeeper(t, fs.PowerCut(), quiet(t))
	if l := again.table.Get(7); l == nil || l.State != lease.Active {
		t.Errorf("the lease is gone: %+v", l)
	}
	if len(again.facts) != 1 || again.facts["peer p"].(*lease.Peer).Epoch != 3 {
		t.Errorf("the peer's record is gone: %+v", again.facts)
	}
}

func TestKeepSyncsOnlyWhatMust(t *testing.T) {
	k := newTestKeeper(t, faultfs.New(1), quiet(t))
	must0(t, k, k.bind(1), false)
	must0(t, k, nil, false)
	if n := k.count.get(syncs); n != 0 {
		t.Errorf("%d syncs for nothing that was promised", n)
	}
	must0(t, k, nil, true) // promises the earlier one
	must0(t, k, nil, true)
	if n := k.count.get(syncs); n != 1 {
		t.Errorf("%d syncs, want 1", n)
	}
}

func must0(t *testing.T, k *keeper, records []lease.Record, must bool) {
	t.Helper()
	if ok, err := k.keep(second, records, must); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

// A store that fails ends the server with a message that names the file.
func TestStoreErrorIsFinal(t *testing.T) {
	fs := faultfs.New(1)
	k := newTestKeeper(t, fs, quiet(t))
	fs.FailAt(fs.Ops()+2, errors.New("the disk is on fire")) // write, then sync
	_, err := k.keep(second, k.bind(1), true)
	var lost *StoreError
	if !errors.As(err, &lost) {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"log-", "on fire", "start it again"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q says nothing of %q", err, want)
		}
	}
}

// With a full disk nothing is promised; with room again, everything that
// happened in between is written.
func TestFullDisk(t *testing.T) {
	fs := faultfs.New(1)
	k := newTestKeeper(t, fs, quiet(t))
	fs.Limit(fs.Used())
	now, ip := second, lease.IP(1)
	for ; !k.full; ip++ {
		if ip > 10000 {
			t.Fatal("the disk is never full")
		}
		if _, err := k.keep(now, k.bind(ip), true); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := k.keep(now, k.bind(ip), true); ok || err != nil {
		t.Fatalf("kept %v, %v", ok, err)
	}
	if ok, err := k.keep(now, []lease.Record{&lease.Boot{ID: strings.Repeat("b", 500)}}, false); ok || err != nil {
		t.Fatalf("kept %v, %v", ok, err)
	}
	if ok, err := k.keep(now, nil, true); !ok || err != nil {
		t.Fatalf("a reply without a promise: %v, %v", ok, err)
	}
	now = now.Add(time.Minute)
	if err := k.catchUp(now); err != nil || !k.full {
		t.Fatalf("room was found where there is none: %v", err)
	}
	fs.Limit(1 << 30)
	if err := k.catchUp(now); err != nil || !k.full {
		t.Fatalf("it did not wait for its time: %v", err)
	}
	now = now.Add(time.Minute)
	if err := k.catchUp(now); err != nil || k.full {
		t.Fatalf("still full: %v", err)
	}
	again := newTestKeeper(t, fs.PowerCut(), quiet(t))
	for i := lease.IP(1); i <= ip; i++ {
		if again.table.Get(i) == nil {
			t.Errorf("lease %d of %d is not on disk", i, ip)
		}
	}
	if again.facts["boot"] == nil {
		t.Error("the boot record is not on disk")
	}
}

// Changes made while a snapshot is written are in the store afterwards.
func TestSnapshotWhileServing(t *testing.T) {
	fs := faultfs.New(1)
	k := newTestKeeper(t, fs, quiet(t))
	must0(t, k, []lease.Record{&lease.Object{Kind: "host", Name: "h", Text: "x"}}, true)
	now, pieces := second, 0
	for ip := lease.IP(1); k.count.get(snapshots) == 0; ip++ {
		if ip > 20000 {
			t.Fatal("no snapshot")
		}
		must0(t, k, k.bind(ip), ip%64 == 0)
		if _, err := k.snapshot(now); err != nil {
			t.Fatal(err)
		}
		if k.snap != nil {
			pieces++
			must0(t, k, k.bind(5000-ip), false)
		}
	}
	if pieces < 3 {
		t.Fatalf("the snapshot came in %d pieces; nothing was interleaved", pieces)
	}
	if err := k.close(); err != nil {
		t.Fatal(err)
	}
	again := newTestKeeper(t, fs.Kill(), quiet(t))
	if again.table.Len() != k.table.Len() || again.facts["object host h"] == nil {
		t.Errorf("%d leases of %d, facts %v", again.table.Len(), k.table.Len(), again.facts)
	}
}

// An object that is gone is in no snapshot, but a full disk must not lose the
// news.
func TestFactsOfObjects(t *testing.T) {
	there := &lease.Object{Kind: "host", Name: "h", Text: "x"}
	gone := &lease.Object{Kind: "host", Name: "h", Gone: true}
	f, backlog := facts{}, facts{}
	for _, r := range []lease.Record{there, gone} {
		f.note(r)
		backlog.hold(r)
	}
	if len(f.list()) != 0 {
		t.Errorf("kept %v", f.list())
	}
	if list := backlog.list(); len(list) != 1 || list[0] != lease.Record(gone) {
		t.Errorf("held %v", list)
	}
}
