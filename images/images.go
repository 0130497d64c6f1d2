// Package images makes the disk image of a box: Debian's kernel and modules,
// our own static binaries as the only userland, GRUB for every firmware of the
// board, two slots and a data partition (package layout says what lies where).
//
// An image depends on nothing but the lock file, the binaries, the board and
// the time it is given: built twice it is the same bytes.
package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tandem/board"
	"tandem/images/apt"
	"tandem/images/kernel"
	"tandem/images/layout"
)

// Options says what to build.
type Options struct {
	Board   board.Board
	Version string    // shown on the box and in the manifest
	Time    time.Time // every time stamp in the image; the box never believes an earlier clock
	Debug   *Tools    // shell and tools of a debug image; nil for any other

	// Binaries are the static programs of the box: path in the RAM disk (see
	// package layout) to path on the host. layout.Init must be there.
	Binaries map[string]string

	// Extra are further files of the RAM disk, by path.
	Extra map[string][]byte

	Provision map[string][]byte // files for the boot partition's directory layout.Provision

	Lock    apt.Lock
	Sources []apt.Source
	Cache   string // directory for packages and what was taken out of them

	Log func(format string, args ...any) // progress; may be nil
}

func (o Options) logf(format string, args ...any) {
	if o.Log != nil {
		o.Log(format, args...)
	}
}

// check refuses options that cannot give an image, before any work is done.
func (o Options) check() error {
	if o.Binaries[layout.Init] == "" {
		return fmt.Errorf("image for %s: no program for %s", o.Board.Name, layout.Init)
	}
	if o.Time.IsZero() || o.Time.Year() < 1980 {
		return errors.New("image: its time must be 1980 or later (FAT knows no earlier one); set SOURCE_DATE_EPOCH")
	}
	if o.Cache == "" {
		return errors.New("image: no cache directory")
	}
	return nil
}

// What is taken from Debian, by the beginning of the package's name.
const (
	debKernel    = "linux-image-"
	debFsck      = "e2fsck-static"
	debGrubBIOS  = "grub-pc-bin"
	debGrubAMD64 = "grub-efi-amd64-bin"
	debGrubARM64 = "grub-efi-arm64-bin"
	debPi        = "raspi-firmware"
	debUBoot     = "u-boot-rpi"
)

// wanted lists the packages of a board.
func wanted(b board.Board) []string {
	names := []string{debKernel, debFsck}
	if b.Has(board.BIOS) {
		names = append(names, debGrubBIOS)
	}
	switch {
	case b.Arch == "arm64":
		names = append(names, debGrubARM64)
	case b.Has(board.UEFI):
		names = append(names, debGrubAMD64)
	}
	if b.Has(board.Pi) {
		names = append(names, debPi, debUBoot)
	}
	return names
}

// Packages returns what a lock file must name, by Debian architecture. The
// kernel is named by its meta package.
func Packages() map[string][]string {
	all := map[string][]string{}
	for _, b := range board.All() {
		for _, name := range wanted(b) {
			if name == debKernel {
				name += b.Arch
			}
			if !slices.Contains(all[b.Arch], name) {
				all[b.Arch] = append(all[b.Arch], name)
			}
		}
	}
	return all
}

// IsKernel reports whether a name of Packages is the kernel's meta package.
func IsKernel(name string) bool { return strings.HasPrefix(name, debKernel) }

// parts is what the packages gave.
type parts struct {
	kernel *kernel.Kernel
	debs   map[string]deb // by the beginning of the name, as in wanted
}

type deb struct {
	apt.Package
	path string // the .deb
	dir  string // its files, for all but the kernel
}

// collect fetches the board's packages and opens them.
func collect(ctx context.Context, o Options) (parts, error) {
	got := parts{debs: map[string]deb{}}
	root, err := apt.NewRoot(filepath.Join(o.Cache, "apt", o.Board.Arch), o.Board.Arch, o.Sources)
	if err != nil {
		return parts{}, err
	}
	root.Log = o.Log
	for _, name := range wanted(o.Board) {
		p, err := o.Lock.Find(o.Board.Arch, name)
		if err != nil {
			return parts{}, err
		}
		d := deb{Package: p}
		if d.path, err = root.Fetch(ctx, p, filepath.Join(o.Cache, "debs")); err != nil {
			return parts{}, err
		}
		if name == debKernel {
			o.logf("kernel %s %s", p.Name, p.Version)
			got.kernel, err = kernel.Open(ctx, d.path, p.SHA256, filepath.Join(o.Cache, "kernels"))
		} else {
			d.dir, err = unpack(ctx, d, filepath.Join(o.Cache, "files"))
		}
		if err != nil {
			return parts{}, err
		}
		got.debs[name] = d
	}
	return got, nil
}

// unpack puts a package's files below cache/<sum>, once.
func unpack(ctx context.Context, d deb, cache string) (string, error) {
	dir := filepath.Join(cache, d.SHA256)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("package cache: %w", err)
	}
	work, err := os.MkdirTemp(cache, "unpack-")
	if err != nil {
		return "", fmt.Errorf("package cache: %w", err)
	}
	defer os.RemoveAll(work)
	if _, err := kernel.Extract(ctx, d.path, func(name string) string { return filepath.Join(work, filepath.Clean("/"+name)) }); err != nil {
		return "", fmt.Errorf("%s: %w", d.Name, err)
	}
	if err := os.Rename(work, dir); err != nil && !errors.Is(err, os.ErrExist) {
		return "", fmt.Errorf("package cache: %w", err)
	}
	return dir, nil
}
