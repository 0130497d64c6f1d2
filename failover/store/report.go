package store

import (
	"errors"
	"fmt"
	"io"
)

// maxDamage bounds the list in a Report; Damaged counts on.
const maxDamage = 1000

// Report says what was found in a store.
type Report struct {
	Dir                           string
	Snapshot                      uint64 // generation of the snapshot, 0 = none
	SnapshotRecords               int
	SnapshotBytes                 int64
	Logs                          int
	Bytes                         int64 // of valid frames, all files
	Records                       int
	Leases, Peers, Boots, Objects int
	Torn                          *Torn    // what the last crash cut off, if anything
	Damage                        []Damage // only from Check and Repair; Replay stops at the first
	Damaged                       int      // how many there are
	SetAside                      []string // files that Repair renamed
}

// Torn is the end of the newest log that was never synced and not whole.
type Torn struct {
	File   string
	Offset int64
	Bytes  int64 // from Offset to the last octet that is not zero
	Reason string
}

// Damage is a place that can not be read.
type Damage struct {
	File   string
	Offset int64
	Bytes  int64 // up to the next valid record
	Reason string
}

func (d Damage) String() string {
	return fmt.Sprintf("%s: damaged at offset %d (%d octets): %s", d.File, d.Offset, d.Bytes, d.Reason)
}

// Lines gives the report as text, for logs and terminals.
func (r *Report) Lines() []string {
	base := "no snapshot"
	if r.Snapshot != 0 {
		base = fmt.Sprintf("%s with %d records", snapshotName(r.Snapshot), r.SnapshotRecords)
	}
	lines := []string{fmt.Sprintf("%s: %s and %d log(s): %d records (%d leases, %d peers, %d boots, %d objects), %d octets",
		r.Dir, base, r.Logs, r.Records, r.Leases, r.Peers, r.Boots, r.Objects, r.Bytes)}
	if t := r.Torn; t != nil {
		lines = append(lines, fmt.Sprintf("%s: %d octets from offset %d on were being written when the box stopped and are dropped; "+
			"nothing was promised by them (%s)", t.File, t.Bytes, t.Offset, t.Reason))
	}
	for _, d := range r.Damage {
		lines = append(lines, d.String())
	}
	if more := r.Damaged - len(r.Damage); more > 0 {
		lines = append(lines, fmt.Sprintf("... and %d more damaged places", more))
	}
	for _, name := range r.SetAside {
		lines = append(lines, name+": set aside as "+name+damagedSuffix)
	}
	return lines
}

// CorruptError refuses a store that lost something it had synced.
type CorruptError struct {
	Dir, File string
	Offset    int64
	Reason    string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("store %s: %s: damaged at offset %d: %s; see what is left with `failctl log check %s`, "+
		"save what can be saved with `failctl log repair %s`", e.Dir, e.File, e.Offset, e.Reason, e.Dir, e.Dir)
}

func (r *Report) count(typ byte) {
	r.Records++
	switch typ {
	case typeLease:
		r.Leases++
	case typePeer:
		r.Peers++
	case typeBoot:
		r.Boots++
	case typeObject:
		r.Objects++
	}
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
