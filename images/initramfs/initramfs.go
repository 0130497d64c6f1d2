// Package initramfs writes the archive that the kernel unpacks as its root
// file system: a cpio archive by u-root's cpio package, packed with zstd. The
// same files give the same bytes.
package initramfs

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/u-root/u-root/pkg/cpio"
)

// window is zstd's, in bytes. The kernel needs this much memory beside the
// archive and what it unpacks, on a box that may have 128 MiB.
const window = 1 << 20

// File is one entry. Directories on the way to it are made by Write.
type File struct {
	Path string // absolute on the box
	Mode uint64 // permission bits; the kind is told by what is set below
	Data []byte
	Link string // target, if the entry is a symbolic link
	Dir  bool
	Dev  *Device // character device
}

// Device numbers a character device.
type Device struct{ Major, Minor uint64 }

// Standard is what every archive begins with: mount points, and the console
// that the kernel opens for init before anything is mounted.
func Standard() []File {
	files := []File{{Path: "/dev/console", Mode: 0o600, Dev: &Device{5, 1}}, {Path: "/dev/null", Mode: 0o666, Dev: &Device{1, 3}}}
	for _, d := range []string{"/boot", "/data", "/dev", "/etc", "/proc", "/run", "/sys", "/tmp"} {
		files = append(files, File{Path: d, Mode: 0o755, Dir: true})
	}
	return files
}

// Write packs the files into w. Paths must be clean, absolute and different.
func Write(w io.Writer, files []File) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	if err != nil {
		return fmt.Errorf("initramfs: %w", err)
	}
	if err := Archive(z, files); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("initramfs: %w", err)
	}
	return nil
}

// Archive writes the files into w without packing them.
func Archive(w io.Writer, files []File) error {
	files, err := complete(files)
	if err != nil {
		return err
	}
	out := cpio.Newc.Writer(w)
	for i, f := range files {
		r := record(f)
		r.Ino = uint64(i + 1)
		r.MTime = 0
		if err := out.WriteRecord(r); err != nil {
			return fmt.Errorf("initramfs: %s: %w", f.Path, err)
		}
	}
	if err := cpio.WriteTrailer(out); err != nil {
		return fmt.Errorf("initramfs: %w", err)
	}
	return nil
}

func record(f File) cpio.Record {
	name := strings.TrimPrefix(f.Path, "/")
	switch {
	case f.Dir:
		return cpio.Directory(name, f.Mode)
	case f.Link != "":
		return cpio.Symlink(name, f.Link)
	case f.Dev != nil:
		return cpio.CharDev(name, f.Mode, f.Dev.Major, f.Dev.Minor)
	default:
		return cpio.StaticRecord(f.Data, cpio.Info{Name: name, Mode: cpio.S_IFREG | f.Mode, FileSize: uint64(len(f.Data)), NLink: 1})
	}
}

// complete adds missing directories and sorts, so that a directory comes
// before what is in it.
func complete(files []File) ([]File, error) {
	have := map[string]bool{"/": true}
	for _, f := range files {
		if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path {
			return nil, fmt.Errorf("initramfs: %q is no clean absolute path", f.Path)
		}
		if have[f.Path] {
			return nil, fmt.Errorf("initramfs: %s is there twice", f.Path)
		}
		have[f.Path] = true
	}
	all := slices.Clone(files)
	for _, f := range files {
		for d := path.Dir(f.Path); !have[d]; d = path.Dir(d) {
			have[d] = true
			all = append(all, File{Path: d, Mode: 0o755, Dir: true})
		}
	}
	slices.SortFunc(all, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return all, nil
}

// Pack returns the archive as bytes.
func Pack(files []File) ([]byte, error) {
	var b bytes.Buffer
	if err := Write(&b, files); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
