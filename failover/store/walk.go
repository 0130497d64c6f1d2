package store

import (
	"errors"
	"fmt"
	"io"

	"tandem/failover/lease"
)

// walker reads a store from the snapshot to the end of the newest log. Replay,
// Check, Dump and Repair differ in what they do with a record, and in whether
// they go on behind damage.
type walker struct {
	fs     FS
	lay    layout
	rep    *Report
	strict bool // the first damage ends the walk with a CorruptError
	record func(name string, off int64, rec lease.Record) error
	sealed func(gen uint64, size int64) // optional: a log that is complete
	dec    decoder
	buf    []byte // for the windows, one after the other
}

// tail is how a file ends.
type tail struct {
	end     int64 // behind the last valid frame
	vouched int64 // the last mark says that all before it was synced
	chain   uint32
	sealed  bool
}

// all walks every file and gives the tail of the newest log.
func (w *walker) all() (t tail, err error) {
	w.rep.Dir, w.rep.Snapshot, w.rep.Logs = w.fs.Name(), w.lay.snapshot, len(w.lay.logs)
	if gen := w.lay.missing(); gen != 0 {
		if err := w.damage(Damage{File: logName(gen), Reason: "the file is missing"}); err != nil {
			return t, err
		}
	}
	if gen := w.lay.snapshot; gen != 0 {
		if t, err = w.file(snapshotName(gen), kindSnap, gen); err != nil {
			return t, err
		}
		w.rep.SnapshotRecords, w.rep.SnapshotBytes = w.rep.Records, t.end
	}
	for _, gen := range w.lay.logs {
		if t, err = w.file(logName(gen), kindLog, gen); err != nil {
			return t, err
		}
		if t.sealed && w.sealed != nil {
			w.sealed(gen, t.end)
		}
	}
	return t, nil
}

// damage notes d, or ends the walk.
func (w *walker) damage(d Damage) error {
	if w.strict {
		return &CorruptError{w.fs.Name(), d.File, d.Offset, d.Reason}
	}
	w.rep.Damaged++
	if len(w.rep.Damage) < maxDamage {
		w.rep.Damage = append(w.rep.Damage, d)
	}
	return nil
}

func (w *walker) wrap(name string, err error) error {
	return fmt.Errorf("store %s: %s: %w", w.fs.Name(), name, err)
}

// fileWalk is the walk through one file.
type fileWalk struct {
	*walker
	name    string
	kind    byte
	newest  bool // the log that may end without a seal
	s       *scanner
	tail    tail
	records int
	hurt    bool
}

func (w *walker) file(name string, kind byte, gen uint64) (tail, error) {
	f, err := w.fs.Open(name)
	if err != nil {
		return tail{}, fmt.Errorf("store %s: %w", w.fs.Name(), err)
	}
	defer f.Close()
	fw := fileWalk{walker: w, name: name, kind: kind, newest: kind == kindLog && gen == w.lay.newest()}
	if fw.s, err = newScanner(f, w.buf); err != nil {
		return tail{}, w.wrap(name, err)
	}
	defer func() { w.buf = fw.s.w.buf }()
	if _, err := fw.s.header(kind, gen); err != nil {
		if errors.Is(err, errNewerFormat) {
			return tail{}, w.wrap(name, err)
		}
		if err := fw.hurtAt(0, headerSize, err.Error()); err != nil {
			return tail{}, err
		}
	}
	err = fw.frames()
	w.rep.Bytes += fw.tail.end
	return fw.tail, err
}

func (fw *fileWalk) hurtAt(off, next int64, reason string) error {
	fw.hurt = true
	return fw.damage(Damage{File: fw.name, Offset: off, Bytes: next - off, Reason: reason})
}

// frames walks up to the seal, the end, or the torn tail.
func (fw *fileWalk) frames() error {
	var bad *badFrame
	for !fw.tail.sealed {
		fw.tail.end, fw.tail.chain = fw.s.off, fw.s.chain
		fr, err := fw.s.next()
		switch {
		case errors.Is(err, io.EOF):
			if fw.newest {
				return nil
			}
			return fw.hurtAt(fw.s.off, fw.s.off, "the file ends too early")
		case errors.As(err, &bad):
			if over, err := fw.broken(bad); over || err != nil {
				return err
			}
		case err != nil:
			return fw.wrap(fw.name, err)
		default:
			if err := fw.frame(fr); err != nil {
				return err
			}
		}
	}
	fw.tail.end, fw.tail.chain = fw.s.off, fw.s.chain
	return nil
}

// frame deals with one valid frame.
func (fw *fileWalk) frame(fr frame) (err error) {
	switch fr.typ {
	case typeMark:
		fw.tail.vouched = fr.off
	case typeSeal, typeEnd:
		fw.tail.sealed = true
		if err = checkEnd(fr, fw.kind, fw.records); fw.hurt {
			err = nil // its count can not be right any more
		}
	default:
		var rec lease.Record
		if rec, err = fw.dec.record(fr.typ, fr.payload); err == nil {
			fw.records++
			fw.rep.count(fr.typ)
			if err := fw.record(fw.name, fr.off, rec); err != nil {
				return fmt.Errorf("store %s: %s, offset %d: %w", fw.fs.Name(), fw.name, fr.off, err)
			}
		}
	}
	if err != nil {
		return fw.hurtAt(fr.off, fr.next, err.Error())
	}
	return nil
}

// broken decides what a bad frame is: the torn tail, with which the file is
// over, or damage.
func (fw *fileWalk) broken(bad *badFrame) (over bool, err error) {
	if fw.newest {
		ahead := *fw.s
		synced, err := ahead.laterMark()
		if err != nil {
			return true, fw.wrap(fw.name, err)
		}
		if !synced {
			return true, fw.torn(bad)
		}
	}
	if err := fw.s.resync(); err != nil && !errors.Is(err, io.EOF) {
		return true, fw.wrap(fw.name, err)
	}
	return false, fw.hurtAt(bad.off, fw.s.off, bad.reason)
}

func (fw *fileWalk) torn(bad *badFrame) error {
	end, err := fw.s.w.lastNonZero(bad.off)
	if err != nil {
		return fw.wrap(fw.name, err)
	}
	fw.rep.Torn = &Torn{File: fw.name, Offset: bad.off, Bytes: end - bad.off, Reason: bad.reason}
	return nil
}

// laterMark tells whether a valid mark lies behind the scanner's place. It
// moves the scanner.
func (s *scanner) laterMark() (bool, error) {
	for {
		if err := s.resync(); err != nil {
			return false, ignoreEOF(err)
		}
		for {
			fr, err := s.next()
			if err != nil {
				break // resync tells a bad frame from the end and from the disk's errors
			}
			if fr.typ == typeMark {
				return true, nil
			}
		}
	}
}
