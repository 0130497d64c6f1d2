package store_test

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"tandem/failover/lease"
	"tandem/failover/store"
	"tandem/failover/store/faultfs"
)

// files copies what is in fs.
func files(fs *faultfs.FS) map[string][]byte {
	names, err := fs.List()
	if err != nil {
		panic(err)
	}
	m := map[string][]byte{}
	for _, name := range names {
		m[name] = fs.Bytes(name)
	}
	return m
}

func diskOf(m map[string][]byte) *faultfs.FS {
	fs := faultfs.New(1)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fs.Put(name, m[name])
	}
	return fs
}

// recorded makes a store with a snapshot and a log of n batches behind it, all
// synced, and gives its files with the versions that they hold.
func recorded(t testing.TB, n int) (map[string][]byte, map[lease.IP]lease.Time) {
	t.Helper()
	fs := faultfs.New(1)
	log, err := store.Open(fs, tiny)
	check(t, err)
	_, err = log.Replay(func(lease.Record) error { return nil })
	check(t, err)
	want := map[lease.IP]lease.Time{}
	snap, err := log.BeginSnapshot()
	check(t, err)
	for c := range 5 {
		l := leaseOf(c, lease.Time(c+1))
		want[l.IP] = l.CLTT
		check(t, snap.Add(l))
	}
	check(t, snap.Commit())
	for i := range n {
		l := leaseOf(i%clients, lease.Time(100+i))
		want[l.IP] = l.CLTT
		check(t, log.Append([]lease.Record{l}))
		check(t, log.Sync())
	}
	check(t, log.Close())
	return files(fs), want
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// read opens the store and gives the versions in it.
func read(fs *faultfs.FS) (map[lease.IP]lease.Time, *store.Log, store.Report, error) {
	got := map[lease.IP]lease.Time{}
	log, err := store.Open(fs, tiny)
	if err != nil {
		return nil, nil, store.Report{}, err
	}
	rep, err := log.Replay(func(rec lease.Record) error {
		l := rec.(*lease.Lease)
		got[l.IP] = l.CLTT
		return nil
	})
	return got, log, rep, err
}

// Every octet that was synced, of the log and of the snapshot, is guarded.
func TestFlippedOctetIsRefused(t *testing.T) {
	m, _ := recorded(t, 20)
	for _, name := range []string{"log-2", "snapshot-2"} {
		data := m[name]
		end := len(bytes.TrimRight(data, "\x00"))
		if name == "log-2" {
			end -= 7 // the last mark vouches for all before it, not for itself
		}
		for off := range end {
			hurt := maps.Clone(m)
			hurt[name] = slices.Clone(data)
			hurt[name][off] ^= 1 << (off % 8)
			fs := diskOf(hurt)
			_, _, _, err := read(fs)
			var corrupt *store.CorruptError
			if !errors.As(err, &corrupt) {
				t.Fatalf("%s, octet %d of %d flipped: %v", name, off, end, err)
			}
			if corrupt.File != name || corrupt.Offset > int64(off) || corrupt.Offset < int64(off)-120 {
				t.Errorf("%s, octet %d flipped: blamed %s offset %d", name, off, corrupt.File, corrupt.Offset)
			}
			if !strings.Contains(err.Error(), "failctl log repair faultfs") {
				t.Errorf("no remedy: %v", err)
			}
			if _, err := store.Check(fs.Kill()); !errors.As(err, &corrupt) {
				t.Errorf("%s, octet %d flipped: Check says %v", name, off, err)
			}
		}
	}
}

func TestRepairSavesTheRest(t *testing.T) {
	m, want := recorded(t, 20)
	for _, name := range []string{"log-2", "snapshot-2"} {
		end := len(bytes.TrimRight(m[name], "\x00")) - 7
		for off := 0; off < end; off += 3 {
			hurt := maps.Clone(m)
			hurt[name] = slices.Clone(m[name])
			hurt[name][off] ^= 0x40
			fs := diskOf(hurt)
			rep, err := store.Repair(fs)
			if err != nil || len(rep.Damage) == 0 || !slices.Equal(rep.SetAside, []string{name}) {
				t.Fatalf("%s, octet %d: %v, %+v", name, off, err, rep)
			}
			got, log, _, err := read(fs)
			if err != nil {
				t.Fatalf("%s, octet %d, after repair: %v", name, off, err)
			}
			if log.Origin() != store.OriginRestored {
				t.Errorf("origin %q", log.Origin())
			}
			missing := 0
			for ip, v := range want {
				if got[ip] != v {
					missing++
				}
			}
			if missing > 2 {
				t.Errorf("%s, octet %d: %d of %d leases are not as they were", name, off, missing, len(want))
			}
			if fs.Bytes(name+".damaged") == nil {
				t.Errorf("%s is not kept", name)
			}
		}
	}
}

func TestRepairLeavesAWholeStoreAlone(t *testing.T) {
	m, _ := recorded(t, 5)
	fs := diskOf(m)
	if rep, err := store.Repair(fs); err != nil || len(rep.SetAside) > 0 {
		t.Errorf("%v %+v", err, rep)
	}
	delete(m, "lock")
	if !maps.EqualFunc(m, files(fs), bytes.Equal) {
		t.Error("repair changed a whole store")
	}
}

func TestOrdinarySnapshotEndsRestored(t *testing.T) {
	m, _ := recorded(t, 5)
	m["log-2"][30] ^= 1
	fs := diskOf(m)
	_, err := store.Repair(fs)
	check(t, err)
	_, log, _, err := read(fs)
	check(t, err)
	snap, err := log.BeginSnapshot()
	check(t, err)
	check(t, snap.Add(leaseOf(1, 1)))
	check(t, snap.Commit())
	check(t, log.Close())
	_, log, _, err = read(fs)
	check(t, err)
	if log.Origin() != store.OriginWhole {
		t.Errorf("origin %q", log.Origin())
	}
}

// A power cut in the middle of a repair leaves a store that can be repaired.
func TestRepairIsCutOff(t *testing.T) {
	m, want := recorded(t, 20)
	m["log-2"][60] ^= 1
	for n := 1; ; n++ {
		fs := diskOf(m)
		fs.CutAt(n)
		if _, err := store.Repair(fs); err == nil {
			break
		}
		fs = fs.PowerCut()
		if _, err := store.Repair(fs); err != nil {
			t.Fatalf("cut in operation %d: %v\n%s", n, err, fs)
		}
		got, log, _, err := read(fs)
		if err != nil {
			t.Fatalf("cut in operation %d: %v", n, err)
		}
		if log.Origin() != store.OriginRestored {
			t.Errorf("cut in operation %d: origin %q", n, log.Origin())
		}
		if len(got) != len(want) {
			t.Errorf("cut in operation %d: %d leases, want %d", n, len(got), len(want))
		}
	}
}

func TestRepairIsDurable(t *testing.T) {
	m, want := recorded(t, 20)
	m["log-2"][60] ^= 1
	for range 20 {
		fs := diskOf(m)
		_, err := store.Repair(fs)
		check(t, err)
		got, _, _, err := read(fs.PowerCut())
		check(t, err)
		if len(got) != len(want) {
			t.Errorf("%d leases, want %d", len(got), len(want))
		}
	}
}

func TestMissingFile(t *testing.T) {
	fs := faultfs.New(1)
	opt := tiny
	opt.MinLog = 1 // a new log with every attempt at a snapshot
	s, err := start(fs, &history{}, opt)
	check(t, err)
	for v := range 3 {
		check(t, s.log.Append([]lease.Record{leaseOf(v, lease.Time(v+1))}))
		snap, err := s.log.BeginSnapshot()
		check(t, err)
		snap.Abort()
	}
	check(t, s.log.Close())
	whole := files(fs)
	for _, name := range []string{"log-1", "log-2", "log-3"} {
		m := maps.Clone(whole)
		delete(m, name)
		fs := diskOf(m)
		_, _, _, err := read(fs)
		var corrupt *store.CorruptError
		if !errors.As(err, &corrupt) || corrupt.File != name {
			t.Errorf("without %s: %v", name, err)
		}
		fs = fs.Kill()
		_, err = store.Repair(fs)
		check(t, err)
		if got, _, _, err := read(fs); err != nil || len(got) != 2 {
			t.Errorf("without %s, after repair: %d leases, %v", name, len(got), err)
		}
	}
}

// The last log cut off at any octet behind what a mark vouches for loses its
// tail and nothing else.
func TestTornTail(t *testing.T) {
	fs := faultfs.New(1)
	s, err := start(fs, &history{}, tiny)
	check(t, err)
	check(t, s.log.Append([]lease.Record{leaseOf(0, 1)}))
	check(t, s.log.Sync())
	begin, _ := s.log.Size()
	check(t, s.log.Append([]lease.Record{leaseOf(1, 2), leaseOf(2, 3), leaseOf(3, 4)}))
	end, _ := s.log.Size()
	m := files(fs)
	last := 0
	for off := begin; off <= end; off++ {
		m["log-1"] = fs.Bytes("log-1")[:off]
		got, _, rep, err := read(diskOf(m))
		if err != nil {
			t.Fatalf("cut at %d: %v", off, err)
		}
		if len(got) < max(last, 1) || len(got) > last+1 {
			t.Errorf("cut at %d: %d leases after %d", off, len(got), last)
		}
		last = len(got)
		if rep.Torn != nil && (rep.Torn.File != "log-1" || !strings.Contains(strings.Join(rep.Lines(), "\n"), "dropped")) {
			t.Errorf("cut at %d: %+v", off, rep.Torn)
		}
	}
	if last != 4 {
		t.Errorf("uncut: %d leases", last)
	}
}

// A store is new until a record is in it, whatever files there are.
func TestNewUntilARecordIsThere(t *testing.T) {
	fs := faultfs.New(1)
	for run, step := range []func(*store.Log){
		func(*store.Log) {},
		func(l *store.Log) { // an import that was cut off
			snap, err := l.BeginSnapshot()
			check(t, err)
			check(t, snap.Add(leaseOf(1, 1)))
			fs = fs.Kill()
		},
		func(l *store.Log) { // the first batch was torn
			check(t, l.Append([]lease.Record{leaseOf(1, 1)}))
			data := fs.Bytes("log-2")
			data[40] ^= 1
			fs = fs.Kill()
			fs.Put("log-2", data)
		},
		func(l *store.Log) {
			check(t, l.Append([]lease.Record{leaseOf(1, 1)}))
			check(t, l.Sync())
			fs = fs.Kill()
		},
		nil,
	} {
		log, err := store.Open(fs, tiny)
		check(t, err)
		if log.New() != (step != nil) {
			t.Errorf("run %d: origin %q", run, log.Origin())
		}
		_, err = log.Replay(func(lease.Record) error { return nil })
		check(t, err)
		if step != nil {
			step(log)
		}
		if run == 0 {
			check(t, log.Close())
		}
	}
}

// A torn tail is gone after the start that found it.
func TestTornTailIsCleared(t *testing.T) {
	m, want := recorded(t, 3)
	tail := len(bytes.TrimRight(m["log-2"], "\x00"))
	copy(m["log-2"][tail:], strings.Repeat("garbage ", 30))
	fs := diskOf(m)
	for run := range 2 {
		got, log, rep, err := read(fs)
		check(t, err)
		if !maps.Equal(got, want) || (rep.Torn != nil) != (run == 0) {
			t.Errorf("run %d: %v, torn %+v", run, got, rep.Torn)
		}
		l := leaseOf(1, lease.Time(500+run))
		want[l.IP] = l.CLTT
		check(t, log.Append([]lease.Record{l}))
		check(t, log.Close())
	}
}

// Only the newest log may end without a seal.
func TestOlderLogLosesItsEnd(t *testing.T) {
	fs := faultfs.New(1)
	s, err := start(fs, &history{}, tiny)
	check(t, err)
	check(t, s.log.Append([]lease.Record{leaseOf(0, 1)}))
	end, _ := s.log.Size()
	snap, err := s.log.BeginSnapshot()
	check(t, err)
	snap.Abort()
	check(t, s.log.Close())
	for _, cut := range []int64{24, end} {
		m := files(fs)
		clear(m["log-1"][cut:])
		_, _, _, err := read(diskOf(m))
		var corrupt *store.CorruptError
		if !errors.As(err, &corrupt) || corrupt.File != "log-1" || corrupt.Offset != cut {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

func TestNewerFormatIsNotDamage(t *testing.T) {
	m, _ := recorded(t, 3)
	for name := range m {
		if name != "lock" {
			m[name] = store.SetVersion(m[name], 9)
		}
	}
	_, _, _, err := read(diskOf(m))
	var corrupt *store.CorruptError
	if err == nil || errors.As(err, &corrupt) || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("got %v", err)
	}
	if _, err := store.Repair(diskOf(m)); err == nil {
		t.Error("repaired what it does not understand")
	}
}

func TestDumpShowsRecordsAndDamage(t *testing.T) {
	m, _ := recorded(t, 6)
	m["log-2"][40] ^= 1
	var out bytes.Buffer
	err := store.Dump(diskOf(m), &out)
	var corrupt *store.CorruptError
	if !errors.As(err, &corrupt) {
		t.Errorf("error %v", err)
	}
	for _, want := range []string{"snapshot-2 24 lease 10.0.0.0 active rewind free", "log-2 ", "10.0.0.5",
		"# log-2: damaged at offset 24 ("} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestDescribe(t *testing.T) {
	l := leaseOf(3, 85)
	l.Flags, l.Epoch = lease.FlagReserved, 2
	l.Extra.Vars = []lease.Var{{Name: "seen", Value: "\x01"}}
	for _, c := range []struct {
		rec  lease.Record
		want string
	}{
		{l, `epoch 2 hw 01020000000003 uid 01020000000003 hostname "client-3" relay-agent`},
		{l, `set seen="\x01"`},
		{&lease.Peer{Name: "dhcp", State: lease.Normal}, `peer "dhcp" normal since -`},
		{&lease.Boot{ID: "x", Reason: "power"}, `boot "x" power`},
		{&lease.Object{Kind: "host", Name: "a", Deleted: true}, `host "a" deleted`},
		{&lease.Object{Kind: "group", Name: "g", Text: "x;"}, `group "g" "x;"`},
		{&lease.Object{Kind: "group", Name: "g", Deleted: true, Gone: true, Epoch: 2}, `group "g" gone changed - epoch 2`},
	} {
		if got := store.Describe(c.rec); !strings.Contains(got, c.want) {
			t.Errorf("%s\nlacks %s", got, c.want)
		}
	}
}
