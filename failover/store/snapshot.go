package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"tandem/failover/lease"
)

// Sizes of a snapshot's writing, in octets.
const (
	snapshotPiece = 256 << 10 // what is written at a time
	snapshotSync  = 4 << 20   // what may wait for the disk, so that the log's syncs stay short
	snapshotAhead = 2         // pieces between the loop and the writer
)

// errAborted is the result of a snapshot that was given up.
var errAborted = errors.New("the snapshot was given up")

// Snapshot is a snapshot being written. Add and Finish are called by the
// owner of the Log, between its batches, when every change that the records
// show has been appended; the writing and syncing happens beside it.
type Snapshot struct {
	log     *Log
	gen     uint64
	enc     encoder
	buf     []byte
	chain   uint32
	records uint64
	ended   bool
	failed  error // of Add: a record that has no format

	pieces chan []byte // to the writer; closed by Finish
	spare  chan []byte // back from it
	abort  chan struct{}
	done   chan struct{}
	err    error // set before done is closed

	w snapshotWriter
}

// BeginSnapshot seals the log, begins the next one, and opens a snapshot of
// the state in between; everything appended so far is synced by that. The
// caller adds the whole state, in as many slices as it likes, while it goes on
// appending changes. ErrFull means that there is no
// room and the old log goes on; after any other error look at Err.
func (l *Log) BeginSnapshot() (*Snapshot, error) {
	if err := l.usable(); err != nil {
		return nil, err
	}
	if l.busy() {
		return nil, errors.New("store: a snapshot is under way")
	}
	if l.canRetry() {
		// Its log holds all that changed since, so it does for another one.
		if err := l.Sync(); err != nil {
			return nil, err
		}
		return l.openSnapshot()
	}
	gen := l.gen + 1
	f, chain, err := l.newLog(gen)
	if err != nil {
		return nil, err
	}
	if err := l.seal(); err != nil {
		return nil, errors.Join(err, f.Close(), l.fs.Remove(logName(gen)+tmpSuffix))
	}
	if err := l.switchTo(f, gen, chain); err != nil {
		return nil, err
	}
	return l.openSnapshot()
}

// canRetry tells whether the current log was begun for a snapshot that failed,
// and is still short. A disk that can not take a snapshot should not be given
// a new log with every attempt.
func (l *Log) canRetry() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.again && l.end < l.opt.MinLog
}

// seal ends the current log for good.
func (l *Log) seal() error {
	buf, chain := appendSeal(l.enc.buf[:0], l.chain)
	if err := l.write(buf, chain); err != nil {
		return err
	}
	return l.Sync()
}

// openSnapshot begins the snapshot on which the current log builds.
func (l *Log) openSnapshot() (*Snapshot, error) {
	s, err := newSnapshot(l, l.gen, 0)
	l.mu.Lock()
	l.snapshot, l.again = s, err != nil
	l.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if !l.opt.Foreground {
		go s.run()
	}
	return s, nil
}

func newSnapshot(l *Log, gen uint64, flags byte) (*Snapshot, error) {
	name := snapshotName(gen) + tmpSuffix
	f, err := l.fs.Create(name)
	if err != nil {
		return nil, l.newFileError(name, err)
	}
	s := &Snapshot{log: l, gen: gen, done: make(chan struct{}), abort: make(chan struct{}),
		pieces: make(chan []byte, snapshotAhead), spare: make(chan []byte, snapshotAhead+2),
		w: snapshotWriter{fs: l.fs, gen: gen, file: f}}
	s.buf, s.chain = header{kind: kindSnap, flags: flags, gen: gen}.encode()
	return s, nil
}

// Ready tells whether Add will return at once. When it is false the disk is
// behind; the loop should come back after its next batch.
func (s *Snapshot) Ready() bool { return len(s.pieces) < snapshotAhead }

// Add adds records to the snapshot. It waits for the disk only when Ready is
// false. An error makes the snapshot fail, not the Log.
func (s *Snapshot) Add(recs ...lease.Record) error {
	for _, rec := range recs {
		var err error
		if s.buf, s.chain, err = s.enc.add(s.buf, s.chain, rec); err != nil {
			s.failed = errors.Join(s.failed, err)
			return err
		}
		s.records++
		if len(s.buf) >= snapshotPiece {
			s.push()
		}
	}
	return nil
}

// push hands the buffer to the writer and takes a spare one.
func (s *Snapshot) push() {
	if s.log.opt.Foreground {
		s.w.write(s.buf)
		s.buf = s.buf[:0]
		return
	}
	select {
	case s.pieces <- s.buf:
	case <-s.done: // failed already; what is added is of no use
	}
	select {
	case b := <-s.spare:
		s.buf = b[:0]
	default:
		s.buf = make([]byte, 0, snapshotPiece+snapshotPiece/4)
	}
}

// Finish says that the whole state was added; the rest happens in the
// background, until Done.
func (s *Snapshot) Finish() {
	if s.ended {
		return
	}
	s.ended = true
	if s.failed != nil {
		s.Abort()
		return
	}
	s.end()
	s.push()
	close(s.pieces)
	if s.log.opt.Foreground {
		s.settle(s.w.commit())
	}
}

func (s *Snapshot) end() {
	s.buf, s.chain = appendFrame(s.buf, s.chain, typeEnd, binary.AppendUvarint(nil, s.records))
}

// Done is closed when the snapshot counts, or failed (Err).
func (s *Snapshot) Done() <-chan struct{} { return s.done }

// Err is the result after Done: nil when the snapshot replaced the logs before
// it. If not, nothing is lost: what is still there counts.
func (s *Snapshot) Err() error {
	select {
	case <-s.done:
		return errors.Join(s.failed, s.err)
	default:
		return nil
	}
}

// Commit is Finish, and waits for the result.
func (s *Snapshot) Commit() error {
	s.Finish()
	<-s.done
	return s.Err()
}

// Abort gives the snapshot up, and waits until its file is gone.
func (s *Snapshot) Abort() {
	s.ended = true
	select {
	case <-s.done:
		return
	default:
	}
	if s.log.opt.Foreground {
		s.settle(errors.Join(errAborted, s.w.discard()))
		return
	}
	close(s.abort)
	<-s.done
}

// run is the background writer.
func (s *Snapshot) run() {
	for {
		select {
		case <-s.abort:
			s.settle(errors.Join(errAborted, s.w.discard()))
			return
		case b, more := <-s.pieces:
			if more {
				s.w.write(b)
				s.spare <- b
				continue
			}
			s.settle(s.w.commit())
			return
		}
	}
}

// settle makes the result known.
func (s *Snapshot) settle(err error) {
	l := s.log
	l.mu.Lock()
	l.snapshot, l.again = nil, !s.w.counts
	if s.w.counts {
		l.sizes.snapshot = s.w.off
		l.sizes.forget(s.gen)
	}
	l.mu.Unlock()
	s.err = err
	close(s.done)
}

// snapshotWriter writes the file of a snapshot; the first error stays.
type snapshotWriter struct {
	fs       FS
	gen      uint64
	file     File
	off      int64
	unsynced int64
	counts   bool // the next start will read it
	err      error
}

func (w *snapshotWriter) write(b []byte) {
	if w.err != nil {
		return
	}
	_, w.err = w.file.WriteAt(b, w.off)
	w.off += int64(len(b))
	w.unsynced += int64(len(b))
	if w.err == nil && w.unsynced >= snapshotSync {
		w.unsynced, w.err = 0, w.file.Sync()
	}
}

// commit makes the snapshot count, and removes what it replaces.
func (w *snapshotWriter) commit() error {
	if err := w.publish(); err != nil {
		return err
	}
	w.err = w.removeOlder()
	return w.explain()
}

// publish gives the snapshot its name once it is on disk.
func (w *snapshotWriter) publish() error {
	if w.err == nil {
		w.err = w.file.Sync()
	}
	if w.err != nil {
		return errors.Join(w.explain(), w.discard())
	}
	name := snapshotName(w.gen)
	w.err = w.file.Close()
	if w.err == nil {
		w.err = w.fs.Rename(name+tmpSuffix, name)
	}
	if w.err == nil {
		w.err = w.fs.SyncDir()
	}
	w.counts = w.err == nil
	return w.explain()
}

// removeOlder removes what the next start would ignore.
func (w *snapshotWriter) removeOlder() error {
	lay, err := readLayout(w.fs)
	if err != nil {
		return err
	}
	for _, name := range lay.stale {
		if generation(name, logPrefix) == 0 && generation(name, snapshotPrefix) == 0 {
			continue // .tmp: a log being made
		}
		if err := w.fs.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

func (w *snapshotWriter) discard() error {
	return errors.Join(w.file.Close(), w.fs.Remove(snapshotName(w.gen)+tmpSuffix))
}

func (w *snapshotWriter) explain() error {
	if w.err == nil {
		return nil
	}
	return fmt.Errorf("store %s: write %s: %w", w.fs.Name(), snapshotName(w.gen), w.err)
}
