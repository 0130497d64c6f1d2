package history

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"tandem/init/pair/version"
)

// Watch looks again and again whether the version in force is on disk as it
// was written. Contents are read only when a file's inode, size or times have
// changed, which every write does.
type Watch struct {
	store *Store
	good  string // signature of what was found whole
}

// Watch begins to look.
func (s *Store) Watch() *Watch { return &Watch{store: s} }

// Look says what differs from version id being in force; nil if nothing does.
func (w *Watch) Look(id version.ID) error {
	active, err := w.store.Active()
	if err != nil {
		return err
	}
	if active != id {
		return fmt.Errorf("the link %s does not lead to it", ActiveLink)
	}
	if id == (version.ID{}) {
		return nil
	}
	dir, err := w.store.Path(id)
	if err != nil {
		return err
	}
	sign, err := signature(dir)
	if err != nil {
		return err
	}
	if sign == w.good {
		return nil
	}
	if err := w.store.Verify(id); err != nil {
		return err
	}
	w.good = sign
	return nil
}

// signature tells two states of a directory's files apart.
func signature(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var sign strings.Builder
	sign.WriteString(dir)
	for _, e := range entries {
		var st unix.Stat_t
		if err := unix.Lstat(dir+"/"+e.Name(), &st); err != nil {
			return "", &os.PathError{Op: "stat", Path: dir + "/" + e.Name(), Err: err}
		}
		fmt.Fprintf(&sign, "|%s %d %d %v %v", e.Name(), st.Ino, st.Size, st.Mtim, st.Ctim)
	}
	return sign.String(), nil
}
