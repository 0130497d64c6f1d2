// Package store keeps the server's records on disk: an append-only log and,
// from time to time, a snapshot, in one directory that one process owns.
//
// # Files
//
//	lock             taken with flock by the process that writes
//	log-N            changes, in order; N, the generation, is 1, 2, 3 ...
//	snapshot-N       the whole state as it was when log-N was begun
//	*.tmp            a file being made; removed at the next start
//	*.damaged        what Repair set aside; never read
//
// The state is snapshot-N, for the highest N there is, and every log from N on
// replayed over it. Records are whole (lease.Record), so the last one about a
// thing wins and replaying one twice does no harm; this is why a snapshot may
// be written while service goes on.
//
// # Format
//
// Every file begins with a header of 24 octets, numbers in network order:
//
//	 0       8 9 10 11 12              20      24
//	+---------+-+-+-+-+-----------------+-------+
//	|TANDEM\r\n|K|V|F|0|   generation    | CRC   |   K kind 'L' log, 'S' snapshot
//	+---------+-+-+-+-+-----------------+-------+   V version 1, F bit 0: made by Repair
//
// and goes on with frames:
//
//	+--------+------+----------------+-------+
//	| length | type | payload        | CRC   |
//	+--------+------+----------------+-------+
//	 uvarint  1      length octets    4
//
// The CRC (CRC-32C) runs over type and payload and goes on from the CRC that
// lies before the frame, that of its predecessor or of the header. So a frame
// is valid only behind the frame it was written behind: remains of an older
// write can not be taken for a continuation. Types:
//
//	1 lease   2 peer   3 boot   4 object       records, see codec.go
//	16 mark   all of this file before it was synced; payload one zero octet
//	17 seal   nothing follows, log-(N+1) goes on; payload one zero octet
//	18 end    end of a snapshot; payload uvarint: number of records
//
// A log is filled with zeros some way ahead of its end (Options.Chunk and
// Options.Reserve), so that a sync writes the records and no file system
// metadata, which is most of what a small sync costs on flash. A zero length
// followed by nothing but zeros is the end of the log.
//
// # Torn tail and damage
//
// The first Append after a Sync begins with a mark. If a frame of the newest
// log is bad and no mark lies behind it, then it is part of what the last crash
// caught in flight: nobody was promised anything by it. It is cleared, and the
// Report says so. This holds even if whole frames lie behind it, since a disk
// may write sectors in any order. Any other bad frame is damage: the store is
// refused with a CorruptError that names file, offset and remedy.
//
// What no mark vouches for is written and synced anew at the start, before
// anybody acts on it: after a failed sync the kernel may show data that
// never reached the disk.
//
// # Errors, disk full
//
// After a failed write or sync the Log is dead: every call gives the first
// error. Sync is never tried a second time; the process ends, and its next
// start recovers. The exception is a full disk. The log always holds
// Options.Reserve octets ahead of its end; when they can not be had any more,
// Full reports true while Append still works, so the batch in hand is kept.
// The server should then make no new promises (a client may be told again
// what is already on disk) until Room succeeds. Append gives ErrFull, and has
// written nothing, only when the reserve is used up as well; the Log lives on.
package store

import (
	"errors"
	"fmt"
	"io"
	"sync"
)

// Limits and defaults, in octets.
const (
	// MaxRecord is the largest payload of a frame.
	MaxRecord = 64 << 10
	// DefaultChunk is how much a log is lengthened at a time.
	DefaultChunk = 256 << 10
	// DefaultReserve is what is kept ready for the time when the disk is full:
	// more than the largest batch of the loop.
	DefaultReserve = 256 << 10
	// DefaultMinLog is the log size below which no snapshot is wanted.
	DefaultMinLog = 8 << 20
)

// Options are the sizes of a store; a zero field takes its default.
type Options struct {
	Chunk, Reserve, MinLog int64
	// Foreground makes snapshots on the caller's goroutine, for simulations
	// that must come out the same every time.
	Foreground bool
}

func (o Options) withDefaults() Options {
	if o.Chunk <= 0 {
		o.Chunk = DefaultChunk
	}
	if o.Reserve <= 0 {
		o.Reserve = DefaultReserve
	}
	if o.MinLog <= 0 {
		o.MinLog = DefaultMinLog
	}
	return o
}

// Errors that callers tell apart.
var (
	// ErrLocked: another process has the store open.
	ErrLocked = errors.New("the store is in use by another process")
	// ErrFull: the disk is full, nothing was written, the Log lives on.
	// An error that is ErrFull is ENOSPC or EDQUOT as well.
	ErrFull = errors.New("no space left for the lease log")
	// ErrTooLarge: a record is longer than MaxRecord; nothing was written.
	ErrTooLarge = errors.New("record too large for the store")
	// ErrClosed: the Log was closed.
	ErrClosed = errors.New("the store is closed")
)

// Origin says where the records of a store come from.
type Origin string

// Origins (lease.Boot.StoreOrigin).
const (
	OriginNew      Origin = "new"      // there was no record
	OriginWhole    Origin = "whole"    // everything synced is there
	OriginRestored Origin = "restored" // Repair made it: promises may be missing
)

// Log is an open store. Its methods are for one goroutine; a Snapshot works
// beside it.
type Log struct {
	fs     FS
	opt    Options
	lock   io.Closer
	layout layout
	origin Origin

	file   File
	gen    uint64
	end    int64  // offset behind the last frame
	alloc  int64  // file size: end to alloc is zeros
	synced int64  // all before it is on disk
	owed   bool   // the next write begins with a mark
	chain  uint32 // CRC of the last frame
	enc    encoder
	full   bool
	dead   error

	mu       sync.Mutex // guards what a finishing Snapshot changes
	again    bool       // the current log was begun for a snapshot that failed
	snapshot *Snapshot  // the one under way
	sizes    sizes
}

// sizes are octets of data per file, for Size.
type sizes struct {
	older    map[uint64]int64 // sealed logs
	sealed   int64            // their sum
	snapshot int64
}

// seal notes the size of a log that is complete.
func (s *sizes) seal(gen uint64, size int64) {
	if s.older == nil {
		s.older = make(map[uint64]int64)
	}
	s.sealed += size - s.older[gen]
	s.older[gen] = size
}

// forget drops the logs before gen.
func (s *sizes) forget(gen uint64) {
	for old, size := range s.older {
		if old < gen {
			s.sealed -= size
			delete(s.older, old)
		}
	}
}

// Open takes the lock and looks at what is there; an empty directory becomes
// a new store. Replay must follow before anything else is done.
func Open(fs FS, opt Options) (*Log, error) {
	lock, err := fs.Lock()
	if err != nil {
		return nil, fmt.Errorf("store %s: %w", fs.Name(), err)
	}
	l := &Log{fs: fs, opt: opt.withDefaults(), lock: lock}
	if err := l.look(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return l, nil
}

func (l *Log) look() error {
	lay, err := readLayout(l.fs)
	if err != nil {
		return err
	}
	// The last run may have died between a rename and its sync: what is about
	// to be removed may still be needed until the names are durable.
	if err := l.fs.SyncDir(); err != nil {
		return fmt.Errorf("store %s: sync the directory: %w", l.fs.Name(), err)
	}
	for _, name := range lay.stale {
		if err := l.fs.Remove(name); err != nil {
			return fmt.Errorf("store %s: remove %s: %w", l.fs.Name(), name, err)
		}
	}
	l.layout = lay
	l.origin, err = findOrigin(l.fs, lay)
	return err
}

// New tells whether the store held no record when it was opened.
func (l *Log) New() bool { return l.origin == OriginNew }

// Origin tells where the records come from.
func (l *Log) Origin() Origin { return l.origin }

// Size gives the octets that the logs since the last snapshot hold, and those
// of the snapshot.
func (l *Log) Size() (logBytes, snapshotBytes int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.logBytes(), l.sizes.snapshot
}

func (l *Log) logBytes() int64 { return l.end + l.sizes.sealed }

// WantSnapshot tells whether the log has outgrown the snapshot so far that a
// new one is worth its writing: the log is larger than Options.MinLog and
// than the snapshot, and none is under way.
func (l *Log) WantSnapshot() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.snapshot == nil && l.logBytes() > max(l.opt.MinLog, l.sizes.snapshot)
}

func (l *Log) busy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.snapshot != nil
}

// Close syncs, notes that all is synced, and gives the lock back. A snapshot
// under way is given up. A dead Log only lets go of what it holds.
func (l *Log) Close() error {
	if errors.Is(l.dead, ErrClosed) {
		return nil
	}
	l.mu.Lock()
	s := l.snapshot
	l.mu.Unlock()
	var errs []error
	if s != nil {
		s.Abort()
	}
	if l.file != nil {
		if l.dead == nil {
			errs = append(errs, l.finish())
		}
		errs = append(errs, l.file.Close())
	}
	l.dead = ErrClosed
	return errors.Join(append(errs, l.lock.Close())...)
}

// finish leaves a log that a mark vouches for as a whole.
func (l *Log) finish() error {
	if err := l.Sync(); err != nil {
		return err
	}
	if !l.owed {
		return nil
	}
	buf, chain := appendMark(l.enc.buf[:0], l.chain)
	if err := l.write(buf, chain); err != nil {
		if errors.Is(err, ErrFull) {
			return nil // the mark is a convenience
		}
		return err
	}
	return l.Sync()
}

// usable gives the error that every call must return, if any.
func (l *Log) usable() error {
	if l.dead != nil {
		return l.dead
	}
	if l.file == nil {
		return errors.New("store: Replay was not called")
	}
	return nil
}

// die makes err the answer to every later call.
func (l *Log) die(doing string, err error) error {
	l.dead = fmt.Errorf("store %s: %s %s: %w", l.fs.Name(), doing, logName(l.gen), err)
	return l.dead
}

// Err is the error the Log died of, or nil.
func (l *Log) Err() error { return l.dead }
