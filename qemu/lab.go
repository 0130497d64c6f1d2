package qemu

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Lab owns boxes, switches and stations, and ends them all.
type Lab struct {
	// Dir holds sockets and disks; it goes with the lab. Its path is short, as
	// the names of Unix sockets must be.
	Dir string

	mu     sync.Mutex
	ends   []func() // in the order of making
	boxes  int
	closed bool
}

// NewLab makes an empty lab.
func NewLab() (*Lab, error) {
	dir, err := os.MkdirTemp("", "lab-")
	if err != nil {
		return nil, err
	}
	return &Lab{Dir: dir}, nil
}

// Close ends all that the lab has, the newest first, and removes its directory.
func (l *Lab) Close() {
	l.mu.Lock()
	ends := l.ends
	l.ends, l.closed = nil, true
	l.mu.Unlock()
	for i := len(ends) - 1; i >= 0; i-- {
		ends[i]()
	}
	os.RemoveAll(l.Dir)
}

// own adds an end. A lab that is closed ends the thing at once.
func (l *Lab) own(end func()) error {
	l.mu.Lock()
	if !l.closed {
		l.ends = append(l.ends, end)
		l.mu.Unlock()
		return nil
	}
	l.mu.Unlock()
	end()
	return errors.New("the lab is closed")
}

// Switch makes a switch.
func (l *Lab) Switch(name string) (*Switch, error) {
	s := NewSwitch(name)
	return s, l.own(s.Close)
}

// Box makes a box, switched off.
func (l *Lab) Box(m Machine) (*Box, error) {
	l.mu.Lock()
	l.boxes++
	dir := filepath.Join(l.Dir, strconv.Itoa(l.boxes))
	l.mu.Unlock()
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("box %s: %w", m.Name, err)
	}
	b, err := newBox(m, dir)
	if err != nil {
		return nil, err
	}
	return b, l.own(b.close)
}

// Station makes a station on a switch.
func (l *Lab) Station(s *Switch, name string, mac MAC) (*Station, error) {
	t, err := NewStation(s, name, mac)
	if err != nil {
		return nil, err
	}
	return t, l.own(t.Close)
}

// CopySparse copies a file without filling its holes. The copy is made at least
// size bytes long.
func CopySparse(from, to string, size int64) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if err = copyData(in, out, size); err != nil {
		err = fmt.Errorf("copy %s: %w", from, err)
	}
	return errors.Join(err, out.Close())
}

func copyData(in, out *os.File, size int64) error {
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if err := out.Truncate(max(size, info.Size())); err != nil {
		return err
	}
	for at := int64(0); at < info.Size(); {
		data, err := unix.Seek(int(in.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // only a hole is left
		}
		if err != nil {
			return err
		}
		hole, err := unix.Seek(int(in.Fd()), data, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.NewOffsetWriter(out, data), io.NewSectionReader(in, data, hole-data)); err != nil {
			return err
		}
		at = hole
	}
	return nil
}
