package daemon

import (
	"errors"
	"fmt"
	"time"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/store"
)

// keeper puts the node's records on disk and knows which are not there yet.
type keeper struct {
	store *store.Log
	table *lease.Table
	log   *Logger
	count *counters
	facts facts

	unsynced bool
	reserve  bool // the store uses what it kept for a full disk
	// While the disk is full, full is set and backlog holds what could not be
	// written: the node has it, the disk has not.
	full      bool
	backlog   map[lease.IP]struct{}
	backFacts facts
	retry     int64 // monotonic moment to look for room again

	snap    *store.Snapshot
	next    int // record of the table that the snapshot needs next
	slice   []lease.Record
	resting int64 // monotonic moment before which no snapshot is begun
}

// Pace of the keeper.
const (
	snapshotSlice = 512 // leases added to a snapshot between two batches
	roomEvery     = int64(time.Second)
	snapshotRest  = int64(10 * time.Second) // after a snapshot that failed
)

func newKeeper(s *store.Log, table *lease.Table, log *Logger, count *counters) *keeper {
	return &keeper{store: s, table: table, log: log, count: count, facts: facts{},
		backlog: map[lease.IP]struct{}{}, backFacts: facts{}}
}

// keep makes records durable if must is set, else at the next occasion. It is
// false if the disk is full: then nothing that promises the records may leave.
// An error means that the store is lost to this process.
func (k *keeper) keep(now lease.Now, records []lease.Record, must bool) (bool, error) {
	for _, r := range records {
		k.facts.note(r)
	}
	if len(records) > 0 {
		err := k.store.Append(records)
		if errors.Is(err, store.ErrFull) {
			k.postpone(now, records, err)
			return false, nil
		}
		if err != nil {
			return false, lost(err)
		}
		k.unsynced = true
		k.watchRoom()
	}
	if !must {
		return true, nil
	}
	return true, k.sync()
}

// watchRoom says so when the store begins to use its reserve.
func (k *keeper) watchRoom() {
	if full := k.store.Full(); full != k.reserve {
		k.reserve = full
		if full {
			k.log.Sayf(dhcp.LevelError, "the disk is full: the lease store uses its reserve; make room before it is used up")
		}
	}
}

// sync makes everything appended durable.
func (k *keeper) sync() error {
	if !k.unsynced {
		return nil
	}
	if err := k.store.Sync(); err != nil {
		return lost(err)
	}
	k.unsynced = false
	k.count.add(syncs, 1)
	return nil
}

// lost adds what to do about a store that failed.
func lost(err error) error {
	return &StoreError{fmt.Errorf("%w; the server ends, since it can promise nothing any more: check the disk, "+
		"then start it again, which recovers everything that was promised", err)}
}

// StoreError is why the process ended: the lease store failed.
type StoreError struct{ Err error }

func (e *StoreError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *StoreError) Unwrap() error { return e.Err }

// postpone notes what the full disk did not take.
func (k *keeper) postpone(now lease.Now, records []lease.Record, why error) {
	if !k.full {
		k.log.Sayf(dhcp.LevelError, "%v: only clients whose lease need not change are answered; make room on the disk", why)
		k.full = true
		k.retry = now.Mono + roomEvery
	}
	for _, r := range records {
		if l, ok := r.(*lease.Lease); ok {
			k.backlog[l.IP] = struct{}{}
		} else {
			k.backFacts.hold(r)
		}
	}
}

// catchUp tries, once a second, to write what a full disk did not take.
func (k *keeper) catchUp(now lease.Now) error {
	if !k.full || now.Mono < k.retry {
		return nil
	}
	k.retry = now.Mono + roomEvery
	err := k.store.Room()
	if err == nil {
		err = k.writeBacklog()
	}
	if errors.Is(err, store.ErrFull) {
		return nil
	}
	if err != nil {
		return lost(err)
	}
	k.full, k.unsynced = false, true
	k.log.Sayf(dhcp.LevelInfo, "there is room on the disk again: all clients are answered")
	return k.sync()
}

func (k *keeper) writeBacklog() error {
	if err := k.store.Append(k.backFacts.list()); err != nil {
		return err
	}
	clear(k.backFacts)
	for len(k.backlog) > 0 {
		piece := make([]lease.Record, 0, batchSize)
		for ip := range k.backlog {
			l := k.table.Look(ip)
			if piece = append(piece, &l); len(piece) == batchSize {
				break
			}
		}
		if err := k.store.Append(piece); err != nil {
			return err
		}
		for _, r := range piece {
			delete(k.backlog, r.(*lease.Lease).IP)
		}
	}
	return nil
}

// snapshot goes on with a snapshot, or begins one if the log has grown enough.
// It gives how long the loop may wait before it comes back, negative for as
// long as it likes.
func (k *keeper) snapshot(now lease.Now) (time.Duration, error) {
	if k.snap == nil {
		if k.full || now.Mono < k.resting || !k.store.WantSnapshot() {
			return -1, nil
		}
		return 0, k.beginSnapshot(now)
	}
	select {
	case <-k.snap.Done():
		return -1, k.endSnapshot(now)
	default:
	}
	if k.next < 0 { // everything was added; the disk is at work
		return 50 * time.Millisecond, nil
	}
	if !k.snap.Ready() {
		return 2 * time.Millisecond, nil
	}
	return 0, k.addSlice()
}

func (k *keeper) beginSnapshot(now lease.Now) error {
	snap, err := k.store.BeginSnapshot()
	if err != nil {
		return k.snapshotFailed(now, err)
	}
	k.snap, k.next, k.unsynced = snap, 0, false // the old log was sealed and synced
	if err := snap.Add(k.facts.list()...); err != nil {
		k.log.Sayf(dhcp.LevelError, "snapshot: %v", err)
	}
	return nil
}

// addSlice adds some leases. The pointers are the table's own, so what
// changes after this is in the log that the snapshot began.
func (k *keeper) addSlice() error {
	k.slice = k.slice[:0]
	for ; k.next < k.table.Len() && len(k.slice) < snapshotSlice; k.next++ {
		k.slice = append(k.slice, k.table.At(k.next))
	}
	if len(k.slice) == 0 {
		k.snap.Finish()
		k.next = -1
		return nil
	}
	if err := k.snap.Add(k.slice...); err != nil {
		k.log.Sayf(dhcp.LevelError, "snapshot: %v", err)
	}
	return nil
}

func (k *keeper) endSnapshot(now lease.Now) error {
	err := k.snap.Err()
	k.snap = nil
	if err != nil {
		return k.snapshotFailed(now, err)
	}
	k.count.add(snapshots, 1)
	logBytes, snapBytes := k.store.Size()
	k.log.Sayf(dhcp.LevelDebug, "snapshot of %d leases written: %d octets, log %d octets", k.table.Len(), snapBytes, logBytes)
	return nil
}

// snapshotFailed tells a snapshot that failed, which costs nothing but disk
// space, from a store that did.
func (k *keeper) snapshotFailed(now lease.Now, err error) error {
	if k.store.Err() != nil {
		return lost(err)
	}
	k.resting = now.Mono + snapshotRest
	k.log.Line(dhcp.Line{Level: dhcp.LevelWarning, Class: "snapshot",
		Text: fmt.Sprintf("snapshot: %v; service goes on, the log grows until one succeeds", err)})
	return nil
}

// close leaves the store so that the next start finds nothing to recover.
func (k *keeper) close() error {
	if k.snap != nil {
		k.snap.Abort()
	}
	if err := k.store.Close(); err != nil {
		return lost(err)
	}
	return nil
}
