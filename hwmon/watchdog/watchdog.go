// Package watchdog chooses and feeds the watchdog device: hardware before
// software, known by its identity, never left to a goroutine that proves
// nothing.
package watchdog

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/u-root/u-root/pkg/watchdog"
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
	dev     *watchdog.Watchdog
}

// ErrNone is returned by Open when the box has no watchdog at all.
var ErrNone = errors.New("this box has no watchdog: a box that hangs must be reset by hand")

// Open opens the first watchdog of the list that works and sets its timeout;
// the hardware may round it, Timeout tells.
func Open(list []Found, timeout time.Duration) (*Dog, error) {
	if len(list) == 0 {
		return nil, ErrNone
	}
	var errs []error
	for _, f := range list {
		dev, err := watchdog.Open("/dev/" + f.Device)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s (%s): %w", f.Device, f.Identity, err))
			continue
		}
		d := &Dog{Found: f, dev: dev}
		if err := dev.SetTimeout(timeout); err != nil {
			errs = append(errs, fmt.Errorf("%s (%s): timeout %s: %w", f.Device, f.Identity, timeout, err))
		}
		if d.Timeout, err = dev.Timeout(); err != nil {
			d.Timeout = timeout
		}
		return d, errors.Join(errs...)
	}
	return nil, errors.Join(errs...)
}

// Feed puts the reset off by Timeout.
func (d *Dog) Feed() error { return d.dev.KeepAlive() }

// Disarm stops the watchdog, for a commanded power-off.
func (d *Dog) Disarm() error { return d.dev.MagicClose() }
