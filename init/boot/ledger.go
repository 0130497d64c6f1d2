package boot

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Reason is why the box restarted last.
type Reason string

// Reasons, as the restart rules name them.
const (
	ByPower    Reason = "power"    // nothing was said before: power, or the reset button
	ByWatchdog Reason = "watchdog" // the watchdog reset the box
	ByPanic    Reason = "panic"    // the kernel or PID 1 gave up
	ByCommand  Reason = "command"  // an operator asked for it
	ByUpdate   Reason = "update"   // into another image
	First      Reason = "first"    // there is no earlier run
)

// Commanded tells whether somebody wanted the restart.
func (r Reason) Commanded() bool { return r == ByCommand || r == ByUpdate || r == First }

// Ledger is the boot ledger on the data partition.
type Ledger struct {
	// ID is unique for each run of the box.
	ID      string    `json:"id"`
	Started time.Time `json:"started"`
	// Reason is why this run began.
	Reason Reason `json:"reason"`
	Detail string `json:"detail,omitempty"`
	// Announced is set before a restart that is known to come.
	Announced Reason `json:"announced,omitempty"`
	// Resets are the moments of the latest restarts that nobody commanded,
	// this run's begin included, the latest last.
	Resets []time.Time `json:"resets"`
	// DataLost is set once the data file system had to be made anew.
	DataLost bool `json:"dataLost,omitempty"`
	// Restored is set once the data came out of a backup (R4).
	Restored bool `json:"restored,omitempty"`
}

// keptResets is enough for rule R10.
const keptResets = 8

// Signs is what the hardware knows of the last restart.
type Signs struct {
	Watchdog bool // its boot status says that it caused the reset
	Panic    bool // the kernel left a record of a panic
}

// Next makes the ledger of a new run from the one that the last run left; ok
// is false if there is none.
func Next(last Ledger, ok bool, signs Signs, now time.Time) Ledger {
	var id [8]byte
	_, _ = rand.Read(id[:]) // never fails on Linux
	l := Ledger{ID: hex.EncodeToString(id[:]), Started: now, Resets: last.Resets}
	switch {
	case !ok:
		l.Reason = First
	case last.Announced != "":
		l.Reason = last.Announced
	case signs.Watchdog:
		l.Reason = ByWatchdog
	case signs.Panic:
		l.Reason = ByPanic
	default:
		l.Reason = ByPower
	}
	if !l.Reason.Commanded() {
		l.Resets = append(l.Resets, now)
		if n := len(l.Resets); n > keptResets {
			l.Resets = l.Resets[n-keptResets:]
		}
	}
	return l
}

// ReadLedger reads what the last run left; ok is false if there was none, or
// if it cannot be read, which err then says.
func ReadLedger(path string) (l Ledger, ok bool, err error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Ledger{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &l)
	}
	if err != nil {
		return Ledger{}, false, fmt.Errorf("boot ledger: %w", err)
	}
	return l, true, nil
}

// WriteFile puts a small file in place, whole and durable.
func WriteFile(path string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Write keeps the ledger at path.
func (l Ledger) Write(path string) error {
	raw, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return WriteFile(path, append(raw, '\n'), 0o644)
}

// PanicRecord takes the records of a kernel panic out of pstore, so that the
// next run does not find them again; text is the begin of the newest.
func PanicRecord(dir string) (text string, found bool) {
	files, _ := filepath.Glob(filepath.Join(dir, "dmesg-*"))
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		found = true
		if len(raw) > 400 {
			raw = raw[:400]
		}
		text = string(raw)
		_ = os.Remove(f)
	}
	return text, found
}
