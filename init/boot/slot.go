package boot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"tandem/images/grubenv"
	"tandem/images/layout"
)

// OnBootPartition mounts the boot partition at a place under /run while fn
// runs: it is a FAT, and a power cut must find it mounted as rarely as can be.
func OnBootPartition(p Partition, writable bool, fn func(dir string) error) error {
	dir := "/run/boot"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME)
	if !writable {
		flags |= unix.MS_RDONLY
	}
	if err := unix.Mount(filepath.Join("/dev", p.Device), dir, "vfat", flags, ""); err != nil {
		return fmt.Errorf("mount the boot partition %s: %w", p.Device, err)
	}
	err := fn(dir)
	if uerr := unix.Unmount(dir, 0); err == nil && uerr != nil {
		err = fmt.Errorf("unmount the boot partition: %w", uerr)
	}
	return err
}

// StartSlot makes the boot loader start a slot first, and gives it as many
// starts as a fresh update has to prove itself.
func StartSlot(dir, slot string) error {
	f, err := os.OpenFile(filepath.Join(dir, layout.GrubEnv), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	block := make([]byte, grubenv.Size)
	if n, err := f.ReadAt(block, 0); err != nil && n == 0 {
		return err
	}
	state, err := grubenv.Parse(block)
	if err != nil {
		state = grubenv.Fresh()
	}
	if _, err := f.WriteAt(state.Try(slot, grubenv.Full).Encode(), 0); err != nil {
		return err
	}
	return f.Sync()
}

// SlotIsWell gives the running slot all its starts back, if it does not have
// them already: nothing is written at an ordinary boot.
func SlotIsWell(dir, slot string) (changed bool, err error) {
	f, err := os.OpenFile(filepath.Join(dir, layout.GrubEnv), os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	defer f.Close()
	block := make([]byte, grubenv.Size)
	n, err := f.ReadAt(block, 0)
	if err != nil && n == 0 {
		return false, err
	}
	state, err := grubenv.Parse(block)
	damaged := err != nil
	if damaged {
		state = grubenv.Fresh()
	}
	well := state.Well(slot)
	if !damaged && well.Order == state.Order && well.Tries[slot] == state.Tries[slot] {
		return false, nil
	}
	if _, err := f.WriteAt(well.Encode(), 0); err != nil {
		return false, err
	}
	return true, f.Sync()
}

// Provision takes a box configuration and a dhcpd.conf from the boot
// partition, mounted at dir, to the data directory: what is not there yet, and
// what is there but no good, if the other is. It gives the names of what it
// took.
func Provision(dir, data string, good func(name string, raw []byte) bool) (taken []string, err error) {
	for _, name := range []string{layout.BoxConfig, layout.DHCPConfig} {
		to := filepath.Join(data, name)
		have, err := os.ReadFile(to)
		there := err == nil
		if there && good(name, have) {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, layout.Provision, name))
		if errors.Is(err, os.ErrNotExist) || err == nil && there && !good(name, raw) {
			continue
		}
		if err != nil {
			return taken, err
		}
		if err := WriteFile(to, raw, 0o644); err != nil {
			return taken, err
		}
		taken = append(taken, name)
	}
	return taken, nil
}
