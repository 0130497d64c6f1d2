package boot

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// mount is one entry of the table of what PID 1 mounts first.
type mount struct {
	source, target, kind string
	flags                uintptr
	options              string
}

var kernelMounts = []mount{
	{"proc", "/proc", "proc", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	{"sysfs", "/sys", "sysfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
	{"devtmpfs", "/dev", "devtmpfs", unix.MS_NOSUID | unix.MS_NOEXEC, "mode=0755"},
	{"tmpfs", "/run", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "mode=0755,size=16m"},
	{"tmpfs", "/tmp", "tmpfs", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, "mode=1777,size=16m"},
	{"pstore", "/sys/fs/pstore", "pstore", unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, ""},
}

// optionalMounts need not be there.
var optionalMounts = map[string]bool{"/sys/fs/pstore": true}

// MountKernel mounts the file systems that the kernel provides.
func MountKernel() error {
	for _, m := range kernelMounts {
		if err := os.MkdirAll(m.target, 0o755); err != nil && !optionalMounts[m.target] {
			return err
		}
		err := unix.Mount(m.source, m.target, m.kind, m.flags, m.options)
		if err != nil && !errors.Is(err, unix.EBUSY) && !optionalMounts[m.target] {
			return fmt.Errorf("mount %s: %w", m.target, err)
		}
	}
	return nil
}

// SealRoot makes the root file system read-only. Everything that is written
// lies on /run, /tmp and the data partition.
func SealRoot() error {
	err := unix.Mount("", "/", "", unix.MS_REMOUNT|unix.MS_RDONLY, "")
	if err != nil {
		return fmt.Errorf("make / read-only: %w", err)
	}
	return nil
}
