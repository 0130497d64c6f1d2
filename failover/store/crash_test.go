package store_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"tandem/failover/lease"
	"tandem/failover/store"
	"tandem/failover/store/faultfs"
)

// tiny makes a few dozen records reach every branch.
var tiny = store.Options{Chunk: 700, Reserve: 600, MinLog: 900, Foreground: true}

// clients is the number of addresses that the scenarios work on.
const clients = 12

// history is what was asked of the store about each address: version v of a
// lease has CLTT v.
type history struct {
	version lease.Time
	tried   [clients][]lease.Time // given to Append, whatever became of it
	kept    [clients]lease.Time   // appended
	synced  [clients]lease.Time   // promised
}

func leaseOf(client int, v lease.Time) *lease.Lease {
	hw := string([]byte{1, 2, 0, 0, 0, 0, byte(client)})
	l := &lease.Lease{IP: lease.IP(10<<24 + client), State: lease.Active, Rewind: lease.Free, Starts: 7, CLTT: v, HW: hw, UID: hw}
	if v%5 == 0 {
		l.Extra = &lease.Extra{Hostname: fmt.Sprintf("client-%d", client), RelayAgent: string(make([]byte, v%90))}
	}
	return l
}

// server is a process that uses the store.
type server struct {
	log *store.Log
	now [clients]lease.Time
	h   *history
}

// start opens and replays; got is what it read.
func start(fs *faultfs.FS, h *history, opt store.Options) (s *server, err error) {
	log, err := store.Open(fs, opt)
	if err != nil {
		return nil, err
	}
	s = &server{log: log, h: h}
	_, err = log.Replay(func(rec lease.Record) error {
		l := rec.(*lease.Lease)
		s.now[l.IP&0xff] = l.CLTT
		return nil
	})
	return s, err
}

// batch appends n changes.
func (s *server) batch(rng *rand.Rand, n int) error {
	var recs []lease.Record
	var who []int
	for range n {
		c := rng.IntN(clients)
		s.h.version++
		s.h.tried[c] = append(s.h.tried[c], s.h.version)
		recs, who = append(recs, leaseOf(c, s.h.version)), append(who, c)
	}
	if err := s.log.Append(recs); err != nil {
		return err
	}
	for i, c := range who {
		s.now[c] = recs[i].(*lease.Lease).CLTT
		s.h.kept[c] = s.now[c]
	}
	return nil
}

func (s *server) sync() error {
	if err := s.log.Sync(); err != nil {
		return err
	}
	s.h.synced = s.now
	return nil
}

// snapshot writes one while changes go on.
func (s *server) snapshot(rng *rand.Rand) error {
	snap, err := s.log.BeginSnapshot()
	if err != nil {
		return err
	}
	for c, v := range s.now {
		if v == 0 {
			continue
		}
		if err := snap.Add(leaseOf(c, v)); err != nil {
			return err
		}
		if c%5 == 3 {
			if err := s.batch(rng, 1); err != nil {
				return err
			}
		}
	}
	return snap.Commit()
}

// scenario is the life of a store: runs of a server, each with batches, syncs
// and snapshots. It ends at the first error that is not a full disk.
func scenario(fs *faultfs.FS, h *history, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 2))
	for range 3 {
		s, err := start(fs, h, tiny)
		if err != nil {
			return err
		}
		for range 8 {
			err := s.batch(rng, 1+rng.IntN(5))
			if err == nil && rng.IntN(3) > 0 {
				err = s.sync()
			}
			if err == nil && s.log.WantSnapshot() {
				err = s.snapshot(rng)
			}
			if err != nil && (!errors.Is(err, syscall.ENOSPC) || s.log.Err() != nil) {
				return err
			}
		}
		if err := s.log.Close(); err != nil {
			return err
		}
		h.synced = s.now
	}
	return nil
}

// verify opens the store as the next process finds it: every promise is there,
// nothing that was never asked for, and nothing older than what was promised.
func verify(t *testing.T, fs *faultfs.FS, h *history, what string) *server {
	t.Helper()
	before := fs.String()
	s, err := start(fs, h, tiny)
	if err != nil {
		t.Fatalf("%s: %v\n%s", what, err, before)
	}
	for c, v := range s.now {
		if v < h.synced[c] {
			t.Fatalf("%s: client %d has version %d, promised was %d\n%s", what, c, v, h.synced[c], before)
		}
		if v != 0 && !contains(h.tried[c], v) {
			t.Fatalf("%s: client %d has version %d, which was never written\n%s", what, c, v, before)
		}
	}
	h.synced = s.now // what a server has read it acts upon
	return s
}

func contains(list []lease.Time, v lease.Time) bool {
	for _, x := range list {
		if x == v {
			return true
		}
	}
	return false
}

// afterwards lets the store be used again, and takes the power once more.
func afterwards(t *testing.T, fs *faultfs.FS, h *history, what string) {
	t.Helper()
	verify(t, fs, h, what)
	fs = fs.PowerCut()
	s := verify(t, fs, h, what+", power cut after the start")
	rng := rand.New(rand.NewPCG(3, 3))
	if err := s.batch(rng, 4); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := s.sync(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := s.snapshot(rng); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	if err := s.sync(); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	verify(t, fs.PowerCut(), h, what+", power cut after going on")
}

func seeds(t *testing.T) uint64 {
	if testing.Short() {
		return 2
	}
	return 60
}

// operations is how many a scenario has when nothing goes wrong.
func operations(t *testing.T, seed uint64) int {
	t.Helper()
	fs, h := faultfs.New(seed), &history{}
	if err := scenario(fs, h, seed); err != nil {
		t.Fatal(err)
	}
	n := fs.Ops()
	verify(t, fs, h, "without faults")
	return n
}

func TestPowerCutAtEveryOperation(t *testing.T) {
	for seed := range seeds(t) {
		for n, last := 1, operations(t, seed); n <= last; n++ {
			fs, h := faultfs.New(seed), &history{}
			fs.CutAt(n)
			if err := scenario(fs, h, seed); !errors.Is(err, faultfs.ErrPowerCut) {
				t.Fatalf("seed %d, operation %d: %v", seed, n, err)
			}
			afterwards(t, fs.PowerCut(), h, fmt.Sprintf("seed %d, power cut in operation %d", seed, n))
		}
	}
}

func TestEveryOperationFails(t *testing.T) {
	for seed := range seeds(t) {
		for n, last := 1, operations(t, seed); n <= last; n++ {
			for _, failure := range []error{syscall.EIO, syscall.ENOSPC} {
				what := fmt.Sprintf("seed %d, %v in operation %d", seed, failure, n)
				fs, h := faultfs.New(seed), &history{}
				fs.FailAt(n, failure)
				err := scenario(fs, h, seed)
				if err != nil && !errors.Is(err, failure) {
					t.Fatalf("%s: %v", what, err)
				}
				afterwards(t, fs.Kill(), h, what)
			}
		}
	}
}

func TestPowerCutWhileRecovering(t *testing.T) {
	for seed := range seeds(t) {
		last := operations(t, seed)
		for n := 1; n <= last; n += 3 {
			for again := 1; ; again++ {
				fs, h := faultfs.New(seed), &history{}
				fs.CutAt(n)
				_ = scenario(fs, h, seed)
				fs = fs.PowerCut()
				fs.CutAt(again)
				if _, err := start(fs, h, tiny); err == nil {
					break
				}
				verify(t, fs.PowerCut(), h, fmt.Sprintf("seed %d, cuts in operation %d and in %d of the recovery", seed, n, again))
			}
		}
	}
}

func TestADeadLogStaysDead(t *testing.T) {
	for _, failure := range []string{"write", "sync"} {
		fs, h := faultfs.New(1), &history{}
		s, err := start(fs, h, tiny)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		if failure == "sync" {
			if err := s.batch(rng, 1); err != nil {
				t.Fatal(err)
			}
		}
		fs.FailAt(fs.Ops()+1, syscall.EIO)
		first := s.batch(rng, 1)
		if failure == "sync" {
			fs.FailAt(fs.Ops()+1, syscall.EIO)
			first = s.sync()
		}
		if !errors.Is(first, syscall.EIO) || s.log.Err() == nil {
			t.Fatalf("%s: %v", failure, first)
		}
		before := fs.Ops()
		_, begin := s.log.BeginSnapshot()
		for _, err := range []error{s.batch(rng, 1), s.sync(), s.log.Room(), begin} {
			if err != first {
				t.Errorf("after a failed %s: %v, want the first error %v", failure, err, first)
			}
		}
		if fs.Ops() != before {
			t.Errorf("a dead log touched the disk after a failed %s", failure)
		}
		if err := s.log.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}
}

// A file system that never writes in place can be full although the room was
// prepared.
func TestFullDiskInPreparedRoom(t *testing.T) {
	fs, h := faultfs.New(5), &history{}
	s, err := start(fs, h, tiny)
	if err != nil {
		t.Fatal(err)
	}
	fs.FailAt(fs.Ops()+1, syscall.ENOSPC)
	rng := rand.New(rand.NewPCG(1, 1))
	if err := s.batch(rng, 5); !errors.Is(err, store.ErrFull) || !s.log.Full() || s.log.Err() != nil {
		t.Fatalf("full %v, dead %v, %v", s.log.Full(), s.log.Err(), err)
	}
	if err := s.batch(rng, 1); err != nil || s.log.Full() {
		t.Fatalf("full %v, %v", s.log.Full(), err)
	}
	if err := s.sync(); err != nil {
		t.Fatal(err)
	}
	kept := s.now
	if got := verify(t, fs.PowerCut(), h, "after a full disk").now; got != kept {
		t.Errorf("got %v, want %v", got, kept)
	}
}

// A disk that fills up: the log says so while the batch in hand still goes in,
// refuses later, and goes on when there is room again.
func TestFullDisk(t *testing.T) {
	for seed := range uint64(20) {
		fs, h := faultfs.New(seed), &history{}
		s, err := start(fs, h, tiny)
		if err != nil {
			t.Fatal(err)
		}
		fs.Limit(fs.Used() + 2000)
		rng := rand.New(rand.NewPCG(seed, 1))
		warned := 0
		for {
			err := s.batch(rng, 1)
			if errors.Is(err, store.ErrFull) && errors.Is(err, syscall.ENOSPC) {
				break
			}
			if err == nil {
				err = s.sync()
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.log.Full() {
				warned++
			}
		}
		if warned < 3 {
			t.Errorf("seed %d: only %d changes went in after the warning", seed, warned)
		}
		if err := s.log.Room(); !errors.Is(err, store.ErrFull) {
			t.Errorf("seed %d: room on a full disk: %v", seed, err)
		}
		if _, err := s.log.BeginSnapshot(); !errors.Is(err, store.ErrFull) {
			t.Errorf("seed %d: snapshot on a full disk: %v", seed, err)
		}
		if seed%2 == 0 { // a restart on a full disk serves as well
			fs = fs.Kill()
			s = verify(t, fs, h, "restart on a full disk")
			if !s.log.Full() {
				t.Errorf("seed %d: not full after the restart", seed)
			}
		}
		fs.Limit(-1)
		if err := s.log.Room(); err != nil || s.log.Full() {
			t.Errorf("seed %d: with room again: %v, full %v", seed, err, s.log.Full())
		}
		if err := s.batch(rng, 3); err != nil {
			t.Fatal(err)
		}
		if err := s.sync(); err != nil {
			t.Fatal(err)
		}
		verify(t, fs.PowerCut(), h, fmt.Sprintf("seed %d, after a full disk", seed))
	}
}

// Attempts at a snapshot on a disk that can not take one do not fill it.
func TestFailingSnapshotsLeaveOneLog(t *testing.T) {
	fs, h := faultfs.New(3), &history{}
	s, err := start(fs, h, tiny)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range 10 {
		if err := s.batch(rng, 1); err != nil {
			t.Fatal(err)
		}
		snap, err := s.log.BeginSnapshot()
		if err != nil {
			t.Fatal(err)
		}
		h.synced = s.now // that is what BeginSnapshot promises
		snap.Abort()
		if i%3 == 0 { // the other way to fail
			fs.FailAt(fs.Ops()+1, syscall.EIO)
			if _, err := s.log.BeginSnapshot(); !errors.Is(err, syscall.EIO) || s.log.Err() != nil {
				t.Fatalf("%v, dead %v", err, s.log.Err())
			}
		}
	}
	names, err := fs.List()
	if err != nil || strings.Join(names, " ") != "log-1 log-2" {
		t.Errorf("files %q, %v", names, err)
	}
	if most := int64(24 + 40*20 + 2*int(tiny.Chunk+tiny.Reserve)); fs.Used() > most {
		t.Errorf("%d octets are used, more than %d", fs.Used(), most)
	}
	verify(t, fs.PowerCut(), h, "after ten failed snapshots")
	if err := s.snapshot(rng); err == nil {
		t.Error("the old process still writes")
	}
}

// A snapshot that fails takes nothing with it: the log goes on, and the next
// snapshot counts.
func TestSnapshotFails(t *testing.T) {
	for after := 1; ; after++ {
		fs, h := faultfs.New(3), &history{}
		s, err := start(fs, h, tiny)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 1))
		if err := s.batch(rng, 20); err != nil {
			t.Fatal(err)
		}
		snap, err := s.log.BeginSnapshot()
		if err != nil {
			t.Fatal(err)
		}
		h.synced = s.now // the old log was sealed
		fs.FailAt(fs.Ops()+after, syscall.EIO)
		for c, v := range s.now {
			if err := snap.Add(leaseOf(c, v)); err != nil {
				t.Fatal(err)
			}
		}
		if err := snap.Commit(); err == nil {
			return // it has no more operations
		} else if !errors.Is(err, syscall.EIO) || s.log.Err() != nil {
			t.Fatalf("operation %d: %v, dead %v", after, err, s.log.Err())
		}
		fs.FailAt(0, nil)
		if err := s.batch(rng, 3); err != nil {
			t.Fatal(err)
		}
		if err := s.sync(); err != nil {
			t.Fatal(err)
		}
		if after%2 == 0 {
			if err := s.snapshot(rng); err != nil {
				t.Fatalf("operation %d: the next snapshot: %v", after, err)
			}
			if err := s.sync(); err != nil {
				t.Fatal(err)
			}
		}
		verify(t, fs.PowerCut(), h, fmt.Sprintf("operation %d of a snapshot failed", after))
	}
}
