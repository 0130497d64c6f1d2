// Package watchdog chooses and feeds the watchdog device: hardware before
// software, known by its identity, never left to a goroutine that proves
// nothing.
package watchdog

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Found is one watchdog that the kernel offers.
type Found struct {
	Device   string // "watchdog0", under /dev
	Identity string // "i6300ESB timer"
	// Reset is set if this watchdog caused the last restart.
	Reset bool
}

// cardReset is WDIOF_CARDRESET of linux/watchdog.h.
const cardReset = 0x20

// List gives the watchdogs of sysfs (root is /sys), the preferred ones of the
// board first, then other hardware, then software.
func List(sys fs.FS, preferred []string) []Found {
	names, _ := fs.Glob(sys, "class/watchdog/watchdog*/identity")
	var found []Found
	for _, n := range names {
		raw, err := fs.ReadFile(sys, n)
		if err != nil {
			continue
		}
		f := Found{Device: path.Base(path.Dir(n)), Identity: strings.TrimSpace(string(raw))}
		if raw, err := fs.ReadFile(sys, path.Join(path.Dir(n), "bootstatus")); err == nil {
			var status int
			if _, err := fmt.Sscan(string(raw), &status); err == nil {
				f.Reset = status&cardReset != 0
			}
		}
		found = append(found, f)
	}
	rank := func(f Found) int {
		if i := slices.Index(preferred, f.Identity); i >= 0 {
			return i
		}
		if strings.Contains(f.Identity, "Software") {
			return len(preferred) + 1
		}
		return len(preferred)
	}
	slices.SortStableFunc(found, func(a, b Found) int { return cmp.Compare(rank(a), rank(b)) })
	return found
}

// Dog is an open watchdog: unless it is fed, the box resets after Timeout.
type Dog struct {
	Found
	Timeout time.Duration
	dev     *os.File
}

// ErrNone is returned by Open when the box has no watchdog at all.
var ErrNone = errors.New("this box has no watchdog: a box that hangs must be reset by hand")

// Open opens the first watchdog of the list that works and sets its timeout,
// in whole seconds; the hardware may round it, Timeout tells. A Dog whose
// timeout could not be set comes together with the error.
func Open(list []Found, timeout time.Duration) (*Dog, error) {
	if len(list) == 0 {
		return nil, ErrNone
	}
	var errs []error
	for _, f := range list {
		dev, err := os.OpenFile("/dev/"+f.Device, os.O_RDWR, 0)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s (%s): %w", f.Device, f.Identity, err))
			continue
		}
		d := &Dog{Found: f, dev: dev}
		if err := d.set(timeout); err != nil {
			errs = append(errs, fmt.Errorf("%s (%s): timeout %s: %w", f.Device, f.Identity, timeout, err))
		}
		return d, errors.Join(errs...)
	}
	return nil, errors.Join(errs...)
}

// set sets the timeout and reads what the hardware made of it. The driver
// writes the timeout that it took back into the number it is given.
func (d *Dog) set(timeout time.Duration) error {
	fd := int(d.dev.Fd())
	err := unix.IoctlSetPointerInt(fd, unix.WDIOC_SETTIMEOUT, int(timeout/time.Second))
	seconds, gerr := unix.IoctlGetInt(fd, unix.WDIOC_GETTIMEOUT)
	if d.Timeout = time.Duration(seconds) * time.Second; gerr != nil {
		d.Timeout = timeout
	}
	if err == nil && d.Timeout > timeout {
		return fmt.Errorf("the hardware takes %s instead", d.Timeout)
	}
	return err
}

// Feed puts the reset off by Timeout.
func (d *Dog) Feed() error {
	_, err := d.dev.Write([]byte{0})
	return err
}

// Disarm stops the watchdog, for a commanded power-off.
func (d *Dog) Disarm() error {
	_, err := d.dev.Write([]byte("V")) // the magic close of Linux's watchdog interface
	return errors.Join(err, d.dev.Close())
}
