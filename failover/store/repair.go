package store

import (
	"errors"
	"fmt"
	"slices"

	"tandem/failover/lease"
)

// Repair saves every record that can still be read from a damaged store into
// a new snapshot, and sets the damaged files aside under NAME.damaged. Until
// the new snapshot is on disk nothing old is touched, so it may be repeated.
// A store without damage is left as it is. Afterwards Origin is
// OriginRestored: the server must not rely on having all its promises.
func Repair(fs FS) (rep Report, err error) {
	lock, err := fs.Lock()
	if err != nil {
		return rep, fmt.Errorf("store %s: %w", fs.Name(), err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	rep, err = Check(fs)
	var corrupt *CorruptError
	if !errors.As(err, &corrupt) {
		return rep, err
	}
	lay, err := readLayout(fs)
	if err != nil {
		return rep, err
	}
	r := repair{fs: fs, lay: lay, log: &Log{fs: fs, opt: Options{Foreground: true}.withDefaults()}}
	return rep, r.run(&rep)
}

type repair struct {
	fs  FS
	lay layout
	log *Log
}

func (r *repair) run(rep *Report) error {
	gen := max(r.lay.newest(), r.lay.snapshot) + 1
	for _, name := range r.lay.stale {
		if err := r.fs.Remove(name); err != nil {
			return err
		}
	}
	f, _, err := r.log.newLog(gen)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	w, err := r.save(gen)
	if err != nil {
		return err
	}
	// The snapshot counts as soon as it has its name, and then its log must
	// be there.
	if err := r.fs.Rename(logName(gen)+tmpSuffix, logName(gen)); err != nil {
		return err
	}
	if err := w.publish(); err != nil {
		return err
	}
	return r.clear(rep)
}

// save writes the snapshot file with all that can be read.
func (r *repair) save(gen uint64) (*snapshotWriter, error) {
	s, err := newSnapshot(r.log, gen, flagRepair)
	if err != nil {
		return nil, err
	}
	w := walker{fs: r.fs, lay: r.lay, rep: &Report{},
		record: func(_ string, _ int64, rec lease.Record) error { return s.Add(rec) }}
	if _, err := w.all(); err != nil {
		return nil, errors.Join(err, s.w.discard())
	}
	s.end()
	s.push()
	return &s.w, nil
}

// clear sets the damaged files aside and removes the others.
func (r *repair) clear(rep *Report) error {
	var names []string
	if r.lay.snapshot != 0 {
		names = append(names, snapshotName(r.lay.snapshot))
	}
	for _, gen := range r.lay.logs {
		names = append(names, logName(gen))
	}
	for _, name := range names {
		hurt := slices.ContainsFunc(rep.Damage, func(d Damage) bool { return d.File == name })
		var err error
		if hurt {
			err = r.fs.Rename(name, name+damagedSuffix)
			rep.SetAside = append(rep.SetAside, name)
		} else {
			err = r.fs.Remove(name)
		}
		if err != nil {
			return err
		}
	}
	return r.fs.SyncDir()
}
