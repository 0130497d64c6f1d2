package history

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// disk is what the store needs of a file system. Names are paths.
type disk interface {
	makeDir(path string) error // with its parents
	list(dir string) ([]string, error)
	readFile(path string) ([]byte, error)
	readLink(path string) (string, error)
	writeFile(path string, data []byte) error // synced
	symlink(target, path string) error
	rename(from, to string) error
	// replaceDir puts the directory from in the place of to; what is there
	// comes to from.
	replaceDir(from, to string) error
	removeAll(path string) error
	syncDir(dir string) error
}

// Modes: the files may have keys in them, and belong to the service's user.
const (
	dirMode  = 0o750
	fileMode = 0o640
)

// osDisk is the machine's.
type osDisk struct{}

func (osDisk) makeDir(path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if err := os.MkdirAll(path, dirMode); err != nil {
		return err
	}
	return osDisk{}.syncDir(filepath.Dir(path))
}

func (osDisk) list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

func (osDisk) readFile(path string) ([]byte, error) { return os.ReadFile(path) }
func (osDisk) readLink(path string) (string, error) { return os.Readlink(path) }
func (osDisk) symlink(target, path string) error    { return os.Symlink(target, path) }
func (osDisk) rename(from, to string) error         { return os.Rename(from, to) }
func (osDisk) removeAll(path string) error          { return os.RemoveAll(path) }

func (osDisk) writeFile(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func (osDisk) replaceDir(from, to string) error {
	if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
		return os.Rename(from, to)
	}
	return unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_EXCHANGE)
}

func (osDisk) syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
