package store

import (
	"errors"

	"tandem/failover/lease"
)

// Replay hands every record to fn, oldest first, and makes the Log ready for
// Append. It must be called once, before anything else. A *lease.Lease that fn
// gets is valid during the call only; its strings and its Extra stay. Damage
// gives a *CorruptError; an error of fn ends the replay.
func (l *Log) Replay(fn func(lease.Record) error) (Report, error) {
	rep := Report{Dir: l.fs.Name()}
	if l.dead != nil || l.file != nil {
		return rep, errors.Join(l.dead, errors.New("store: Replay was called twice"))
	}
	if l.layout.empty() {
		return rep, l.begin(1)
	}
	w := walker{fs: l.fs, lay: l.layout, rep: &rep, strict: true,
		record: func(_ string, _ int64, rec lease.Record) error { return fn(rec) },
		sealed: l.sizes.seal}
	t, err := w.all()
	if err != nil {
		l.dead = err
		return rep, err
	}
	l.sizes.snapshot = rep.SnapshotBytes
	return rep, l.resume(t, rep.Torn)
}

// resume opens the newest log for writing behind its last valid frame. What
// no mark vouches for is written again: after a failed sync the page cache
// may show data that the disk never got. A torn tail becomes zeros.
func (l *Log) resume(t tail, torn *Torn) error {
	gen := l.layout.newest()
	f, err := l.fs.Edit(logName(gen))
	if err != nil {
		return l.die("open", err)
	}
	l.file, l.gen, l.end, l.chain = f, gen, t.end, t.chain
	if err := l.heal(t.vouched, torn); err != nil {
		return l.die("recover", err)
	}
	l.synced, l.owed = t.end, t.end > headerSize
	if t.sealed { // the last run died between sealing it and beginning the next
		return l.begin(gen + 1)
	}
	return l.prepare()
}

// heal rewrites what lies between from and the end, clears what is torn, and
// syncs.
func (l *Log) heal(from int64, torn *Torn) error {
	size, err := l.file.Size()
	if err != nil {
		return err
	}
	l.alloc = max(size, l.end)
	from = max(from, headerSize)
	for buf := make([]byte, min(windowSize, max(l.end-from, 0))); from < l.end; {
		n, err := l.file.ReadAt(buf[:min(int64(len(buf)), l.end-from)], from)
		if n == 0 {
			return err
		}
		if _, err := l.file.WriteAt(buf[:n], from); err != nil {
			return err
		}
		from += int64(n)
	}
	if torn != nil {
		if err := l.zero(torn.Offset, torn.Bytes); err != nil {
			return err
		}
	}
	return l.file.Sync()
}
