package clock

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Facts are what must survive a restart: the last time known, so that a box
// without a hardware clock does not start in 1970, and the measured drift.
type Facts struct {
	Time  time.Time `json:"time"`
	Drift float64   `json:"drift"`
}

// ReadFacts reads the facts kept at path; a missing or unreadable file gives
// empty facts, and the error if it was there.
func ReadFacts(path string) (Facts, error) {
	raw, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return Facts{}, nil
	}
	if err != nil {
		return Facts{}, err
	}
	var f Facts
	if err := json.Unmarshal(raw, &f); err != nil {
		return Facts{}, fmt.Errorf("%s: %w; it will be written anew", path, err)
	}
	return f, nil
}

// WriteFacts keeps f at path, whole or not at all.
func WriteFacts(path string, f Facts) error { return writeJSON(path, f, true) }

// Publish writes the status to path for dhcpfd and the console to read,
// whole or not at all. It is meant for /run: nothing is synced.
func Publish(path string, s Published) error { return writeJSON(path, s, false) }

// Published is the status as others see it: with the moment at which it was
// made, so that a status that nobody renews is not believed.
type Published struct {
	Status
	// SinceBoot is the monotonic moment in nanoseconds (CLOCK_BOOTTIME).
	SinceBoot time.Duration `json:"sinceBoot"`
}

func writeJSON(path string, v any, sync bool) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".clock-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(append(raw, '\n'))
	if err == nil {
		err = tmp.Chmod(0o644)
	}
	if err == nil && sync {
		err = tmp.Sync()
	}
	if cerr := tmp.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.Rename(tmp.Name(), path)
}
