package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"tandem/images/layout"
)

// keptByReset belongs to the file system, not to the box.
const keptByReset = "lost+found"

// OrderReset leaves word that the box is to forget everything at its next
// start; data is the data directory. Until then nothing is lost.
func OrderReset(data string) error {
	return WriteFile(filepath.Join(data, layout.ResetMark), []byte("everything here goes at the next start\n"), 0o600)
}

// FinishReset carries an ordered reset out and tells whether there was one.
// The mark goes last: a power cut lets the next start go on with it.
func FinishReset(data string) (bool, error) {
	mark := filepath.Join(data, layout.ResetMark)
	if _, err := os.Stat(mark); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	entries, err := os.ReadDir(data)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.Name() == layout.ResetMark || e.Name() == keptByReset {
			continue
		}
		if err := os.RemoveAll(filepath.Join(data, e.Name())); err != nil {
			return false, fmt.Errorf("factory reset: %w", err)
		}
	}
	if err := syncDir(data); err != nil {
		return false, err
	}
	if err := os.Remove(mark); err != nil {
		return false, err
	}
	return true, syncDir(data)
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Wishes are what a person with a hand on the disk asks for by putting an
// empty file into the provisioning place: the proof that no password is
// needed for.
type Wishes struct {
	Reset      bool // forget everything
	NoPassword bool // forget the console's password
}

// ReadWishes reads the wishes on the boot partition, mounted at dir.
func ReadWishes(dir string) Wishes {
	there := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, layout.Provision, name))
		return err == nil
	}
	return Wishes{Reset: there(layout.WishReset), NoPassword: there(layout.WishNoPassword)}
}

// Granted removes the wishes from the boot partition, mounted at dir to be
// written, so that they are granted once.
func Granted(dir string) error {
	for _, name := range []string{layout.WishReset, layout.WishNoPassword} {
		if err := os.Remove(filepath.Join(dir, layout.Provision, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	unix.Sync()
	return nil
}
