package store

import (
	"errors"
	"fmt"
	"syscall"

	"tandem/failover/lease"
)

// Append writes recs behind the log, in one write, without waiting for the
// disk; Sync does that. ErrFull and ErrTooLarge mean that nothing of recs is
// in the log and that it lives on; after any other error it is dead.
func (l *Log) Append(recs []lease.Record) error {
	if err := l.usable(); err != nil || len(recs) == 0 {
		return err
	}
	buf, chain := l.enc.buf[:0], l.chain
	if l.owed {
		buf, chain = appendMark(buf, chain)
	}
	var err error
	for _, rec := range recs {
		if buf, chain, err = l.enc.add(buf, chain, rec); err != nil {
			return err
		}
	}
	l.enc.buf = buf
	return l.write(buf, chain)
}

// write puts frames, the last of which has the CRC chain, at the end.
func (l *Log) write(frames []byte, chain uint32) error {
	if err := l.grow(int64(len(frames))); err != nil {
		return err
	}
	if _, err := l.file.WriteAt(frames, l.end); err != nil {
		if !isFull(err) {
			return l.die("write", err)
		}
		return l.retract(err)
	}
	l.mu.Lock()
	l.end += int64(len(frames))
	l.mu.Unlock()
	l.owed, l.chain = false, chain
	return nil
}

// retract takes back a write that found the disk full although its room was
// prepared, as happens on file systems that never write in place.
func (l *Log) retract(err error) error {
	if cut := l.file.Truncate(l.end); cut != nil {
		return l.die("truncate", errors.Join(err, cut))
	}
	l.alloc, l.full = l.end, true
	return l.fullError(err)
}

// grow sees to it that need octets, and the reserve behind them, are ready at
// the end of the log.
func (l *Log) grow(need int64) error {
	if l.alloc-l.end >= need+l.opt.Reserve {
		return nil
	}
	err := l.zero(l.alloc, l.end+need+l.opt.Reserve+l.opt.Chunk-l.alloc)
	if err == nil {
		l.full = false
		return nil
	}
	if !isFull(err) {
		return l.die("extend", err)
	}
	l.full = true
	if l.alloc-l.end >= need {
		return nil
	}
	return l.fullError(err)
}

func (l *Log) fullError(err error) error {
	return fmt.Errorf("store %s: %w: %w", l.fs.Name(), ErrFull, err)
}

var zeros [64 << 10]byte

// zero writes n zeros at off and counts as ready what lies there afterwards.
func (l *Log) zero(off, n int64) error {
	for n > 0 {
		k, err := l.file.WriteAt(zeros[:min(n, int64(len(zeros)))], off)
		off += int64(k)
		n -= int64(k)
		l.alloc = max(l.alloc, off)
		if err != nil {
			return err
		}
	}
	return nil
}

// isFull tells a full disk or an exhausted quota from a broken disk.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// Full tells whether the disk is so full that the reserve is being used. The
// server should then promise nothing that needs a new record, and ask Room
// from time to time.
func (l *Log) Full() bool { return l.full }

// Room tries to get the reserve back: nil if the log can go on as usual,
// ErrFull if the disk is still full; after any other error the Log is dead.
func (l *Log) Room() error {
	if err := l.usable(); err != nil {
		return err
	}
	err := l.grow(0)
	if err == nil && l.full {
		return l.fullError(syscall.ENOSPC)
	}
	return err
}

// prepare is Room at the start, when a full disk is no reason not to serve.
func (l *Log) prepare() error {
	if err := l.Room(); err != nil && !errors.Is(err, ErrFull) {
		return err
	}
	return nil
}

// Sync returns when everything appended is on disk. An error is final.
func (l *Log) Sync() error {
	if err := l.usable(); err != nil || l.synced == l.end {
		return err
	}
	if err := l.file.Sync(); err != nil {
		return l.die("sync", err)
	}
	l.synced, l.owed = l.end, true
	return nil
}

// begin makes log-gen and goes on in it. The log must not have one open, or
// one that is sealed and synced.
func (l *Log) begin(gen uint64) error {
	f, chain, err := l.newLog(gen)
	if err != nil {
		l.dead = err
		return err
	}
	return l.switchTo(f, gen, chain)
}

// newLog makes the file log-gen.tmp with its header and its room, synced.
func (l *Log) newLog(gen uint64) (File, uint32, error) {
	name := logName(gen) + tmpSuffix
	f, err := l.fs.Create(name)
	if err != nil {
		return nil, 0, l.newFileError(name, err)
	}
	buf, chain := header{kind: kindLog, gen: gen}.encode()
	// The room behind the header is asked for in one write together with it,
	// so a full disk shows before the old log is sealed.
	buf = append(buf, make([]byte, l.opt.Reserve+l.opt.Chunk)...)
	_, err = f.WriteAt(buf, 0)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		err = errors.Join(err, f.Close(), l.fs.Remove(name))
		return nil, 0, l.newFileError(name, err)
	}
	return f, chain, nil
}

func (l *Log) newFileError(name string, err error) error {
	if isFull(err) {
		return l.fullError(err)
	}
	return fmt.Errorf("store %s: create %s: %w", l.fs.Name(), name, err)
}

// switchTo gives the new log its name and appends to it from now on.
func (l *Log) switchTo(f File, gen uint64, chain uint32) error {
	err := l.fs.Rename(logName(gen)+tmpSuffix, logName(gen))
	if err == nil {
		err = l.fs.SyncDir()
	}
	if err == nil {
		err = l.leave()
	}
	if err != nil {
		return l.die("begin", errors.Join(err, f.Close()))
	}
	l.mu.Lock()
	l.gen, l.end, l.again = gen, headerSize, false
	l.mu.Unlock()
	l.file, l.chain = f, chain
	l.alloc = headerSize + l.opt.Reserve + l.opt.Chunk
	l.synced, l.owed, l.full = headerSize, false, false
	return nil
}

// leave closes the log that was sealed, and gives back the room behind its end.
func (l *Log) leave() error {
	if l.file == nil {
		return nil
	}
	l.mu.Lock()
	l.sizes.seal(l.gen, l.end)
	l.mu.Unlock()
	old := l.file
	l.file = nil
	return errors.Join(old.Truncate(l.end), old.Close())
}
