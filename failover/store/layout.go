package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	logPrefix      = "log-"
	snapshotPrefix = "snapshot-"
	tmpSuffix      = ".tmp"
	damagedSuffix  = ".damaged"
)

func logName(gen uint64) string      { return logPrefix + strconv.FormatUint(gen, 10) }
func snapshotName(gen uint64) string { return snapshotPrefix + strconv.FormatUint(gen, 10) }

// layout is what the directory holds.
type layout struct {
	snapshot uint64   // the newest; 0 = none
	logs     []uint64 // generations that count, ascending
	stale    []string // half-made and superseded files
}

// readLayout sorts the names of the directory; foreign ones are left alone.
func readLayout(fs FS) (layout, error) {
	names, err := fs.List()
	if err != nil {
		return layout{}, fmt.Errorf("store %s: %w", fs.Name(), err)
	}
	var lay layout
	var logs, snapshots []uint64
	for _, name := range names {
		if base, ok := strings.CutSuffix(name, tmpSuffix); ok {
			if generation(base, logPrefix) != 0 || generation(base, snapshotPrefix) != 0 {
				lay.stale = append(lay.stale, name)
			}
		} else if gen := generation(name, logPrefix); gen != 0 {
			logs = append(logs, gen)
		} else if gen := generation(name, snapshotPrefix); gen != 0 {
			snapshots = append(snapshots, gen)
		}
	}
	slices.Sort(logs)
	slices.Sort(snapshots)
	if n := len(snapshots); n > 0 {
		lay.snapshot = snapshots[n-1]
		for _, gen := range snapshots[:n-1] {
			lay.stale = append(lay.stale, snapshotName(gen))
		}
	}
	for _, gen := range logs {
		if gen < lay.snapshot {
			lay.stale = append(lay.stale, logName(gen))
		} else {
			lay.logs = append(lay.logs, gen)
		}
	}
	return lay, nil
}

// generation gives N of PREFIX-N, or 0.
func generation(name, prefix string) uint64 {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0
	}
	gen, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || strconv.FormatUint(gen, 10) != digits {
		return 0
	}
	return gen
}

// newest is the generation of the log that is written to.
func (lay layout) newest() uint64 {
	if n := len(lay.logs); n > 0 {
		return lay.logs[n-1]
	}
	return 0
}

// empty tells whether there is no file of the store.
func (lay layout) empty() bool { return lay.snapshot == 0 && len(lay.logs) == 0 }

// missing gives the first log that should be there and is not, or 0.
func (lay layout) missing() uint64 {
	if lay.empty() {
		return 0
	}
	want := max(lay.snapshot, 1)
	for _, gen := range lay.logs {
		if gen != want {
			return want
		}
		want++
	}
	if len(lay.logs) == 0 {
		return want
	}
	return 0
}

// findOrigin looks at how the files begin. What is damaged there counts as
// whole: Replay will say what is wrong.
func findOrigin(fs FS, lay layout) (Origin, error) {
	if lay.snapshot != 0 {
		h, _, err := beginning(fs, snapshotName(lay.snapshot), kindSnap, lay.snapshot)
		if h.flags&flagRepair != 0 {
			return OriginRestored, err
		}
		return OriginWhole, err
	}
	for _, gen := range lay.logs {
		_, first, err := beginning(fs, logName(gen), kindLog, gen)
		if err != nil || first.typ >= typeLease && first.typ <= typeObject {
			return OriginWhole, err
		}
	}
	return OriginNew, nil
}

// beginning gives the header and the first frame of a file, as far as they are
// valid.
func beginning(fs FS, name string, kind byte, gen uint64) (h header, first frame, err error) {
	f, err := fs.Open(name)
	if err != nil {
		return h, first, fmt.Errorf("store %s: %w", fs.Name(), err)
	}
	defer f.Close()
	s, err := newScanner(f, nil)
	if err != nil {
		return h, first, fmt.Errorf("store %s: %s: %w", fs.Name(), name, err)
	}
	if h, err = s.header(kind, gen); err != nil {
		return header{}, first, nil
	}
	if fr, err := s.next(); err == nil {
		first = fr
	}
	return h, first, nil
}
