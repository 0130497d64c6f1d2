package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tandem/failover/daemon/keyring"
)

// Directories below the data partition while a backup is put in place.
const (
	unpacking = "restore.new" // not whole yet
	replaced  = "restore.old" // what was there before
)

// Stage unpacks a backup, which signer must have signed, to the directory
// Staged: whole and verified, or not at all. The box goes on as it is until
// Finish, which is called at the next start.
func Stage(r io.Reader, dir string, signer keyring.Pin) (Manifest, error) {
	fresh := filepath.Join(dir, unpacking)
	if err := os.RemoveAll(fresh); err != nil {
		return Manifest{}, err
	}
	defer os.RemoveAll(fresh) // nothing there any more once it has its place
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return Manifest{}, err
	}
	m, pin, err := check(r, unpacker(fresh))
	if err == nil && pin != signer {
		err = fmt.Errorf("the backup is signed by the key %v, not by %v", pin, signer)
	}
	if err != nil {
		return m, err
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return m, err
	}
	if err := writeSynced(filepath.Join(fresh, manifestName), raw); err != nil {
		return m, err
	}
	if err := syncTree(fresh); err != nil {
		return m, err
	}
	if err := os.RemoveAll(filepath.Join(dir, Staged)); err != nil {
		return m, err
	}
	if err := os.Rename(fresh, filepath.Join(dir, Staged)); err != nil {
		return m, err
	}
	return m, syncDir(dir)
}

// unpacker writes below a directory. Names were checked by whoever calls.
type unpacker string

func (u unpacker) place(name string) (string, error) {
	p := filepath.Join(string(u), filepath.FromSlash(name))
	return p, os.MkdirAll(filepath.Dir(p), 0o750)
}

func (u unpacker) file(name string, r io.Reader) error {
	p, err := u.place(name)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o640)
	if strings.HasPrefix(name, "keys/") {
		mode = 0o600
	}
	// O_EXCL: a name that comes twice, or a link in its place, is refused.
	f, err := os.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (u unpacker) link(name, target string) error {
	p, err := u.place(name)
	if err != nil {
		return err
	}
	return os.Symlink(target, p)
}

func writeSynced(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncTree makes the names in all directories durable.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return syncDir(p)
	})
}

// Finish puts a staged backup in place, if there is one: done is false if
// there is none. It is called at boot, before anything reads the data. A power
// cut at any moment is made good by the next call; until it has ended, the
// data are those of two times, and nothing may read them.
func Finish(dir string) (m Manifest, done bool, err error) {
	return finish(dir, realDisk{})
}

// disk is what Finish does to the file system; tests let it fail.
type disk interface {
	write(path string, data []byte) error // synced
	rename(from, to string) error
	removeAll(path string) error
	mkdir(path string) error
	syncDir(dir string) error
}

type realDisk struct{}

func (realDisk) write(path string, data []byte) error { return writeSynced(path, data) }
func (realDisk) rename(from, to string) error         { return os.Rename(from, to) }
func (realDisk) removeAll(path string) error          { return os.RemoveAll(path) }
func (realDisk) syncDir(dir string) error             { return syncDir(dir) }
func (realDisk) mkdir(path string) error {
	if err := os.Mkdir(path, 0o700); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// marked is what Mark holds, for people.
type marked struct {
	Box      string    `json:"box"`
	Made     time.Time `json:"made"`
	Meaning  string    `json:"meaning"`
	Octets   int64     `json:"octets"`
	Contents int       `json:"files"`
}

func finish(dir string, d disk) (m Manifest, done bool, err error) {
	staged, old := filepath.Join(dir, Staged), filepath.Join(dir, replaced)
	raw, err := os.ReadFile(filepath.Join(staged, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		// Nothing is staged, or all is in place and the rest is to be swept.
		return m, false, errors.Join(d.removeAll(staged), d.removeAll(old), d.removeAll(filepath.Join(dir, unpacking)))
	}
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		return m, false, fmt.Errorf("the staged backup: %w", err)
	}
	note, err := json.MarshalIndent(marked{m.Box, m.Made, "these data came out of a backup: the box must RECOVER", m.Octets(), len(m.Files)}, "", "  ")
	if err != nil {
		return m, false, err
	}
	// The mark comes first: whatever happens then, nobody serves by old leases.
	if err := d.write(filepath.Join(dir, Mark), append(note, '\n')); err != nil {
		return m, false, err
	}
	if err := errors.Join(d.syncDir(dir), d.mkdir(old)); err != nil {
		return m, false, err
	}
	for _, name := range Contents {
		if err := swap(d, filepath.Join(dir, name), filepath.Join(staged, name), filepath.Join(old, name), m.Has(name)); err != nil {
			return m, false, fmt.Errorf("%s: %w", name, err)
		}
	}
	// Without its manifest the staged directory counts no more.
	if err := errors.Join(d.syncDir(staged), d.syncDir(old), d.syncDir(dir)); err != nil {
		return m, false, err
	}
	if err := d.removeAll(filepath.Join(staged, manifestName)); err != nil {
		return m, false, err
	}
	if err := d.syncDir(staged); err != nil {
		return m, false, err
	}
	return m, true, errors.Join(d.removeAll(staged), d.removeAll(old))
}

// swap puts one name of the backup in place, and what is there out of the way.
// has tells whether the backup has it; if it is staged no more, it is in place
// already.
func swap(d disk, place, staged, old string, has bool) error {
	_, err := os.Lstat(staged)
	waits := err == nil
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if has && !waits {
		return nil
	}
	if _, err := os.Lstat(place); err == nil {
		if err := d.removeAll(old); err != nil {
			return err
		}
		if err := d.rename(place, old); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !waits {
		return nil
	}
	return d.rename(staged, place)
}
