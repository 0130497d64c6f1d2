package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"tandem/images/layout"
	"tandem/init/boot"
	"tandem/init/pair/version"
	"tandem/init/setup"
)

// visitDir is where foreign file systems are mounted for a moment.
const visitDir = "/run/visit"

// Kinds of file systems that a stick may have.
var visitKinds = []string{"vfat", "ext4"}

// Where a configuration may lie on a stick or on the boot partition, and what
// may belong to it.
var (
	configPlaces = []string{".", strings.TrimPrefix(layout.Provision, "/"), "etc/dhcp", "dhcp"}
	// partOf are the endings of files that may be included; a stick may hold
	// anything else.
	partOf = []string{".conf", ".hosts", ".inc", ".include"}
)

// backupEnding is how the name of a backup ends.
const backupEnding = ".tandem"

// visit mounts a partition, by the kernel's name of it, while fn runs.
func (m *machine) visit(device string, writable bool, fn func(dir string) error) error {
	m.visiting.Lock()
	defer m.visiting.Unlock()
	if err := os.MkdirAll(visitDir, 0o700); err != nil {
		return err
	}
	flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME)
	if !writable {
		flags |= unix.MS_RDONLY
	}
	err := errors.New("no file system")
	for _, kind := range visitKinds {
		if err = unix.Mount(filepath.Join("/dev", device), visitDir, kind, flags, ""); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("mount %s: %w", device, err)
	}
	err = fn(visitDir)
	if uerr := unix.Unmount(visitDir, 0); err == nil && uerr != nil {
		err = fmt.Errorf("unmount %s: %w", device, uerr)
	}
	return err
}

// place is a file system that is not the box's own.
type place struct {
	device, label string
	own           bool // the box's boot partition
}

// places lists the boot partition and whatever else is plugged in.
func places() []place {
	var list []place
	own := map[string]bool{}
	for _, p := range boot.Partitions(hostRoot) {
		if strings.HasPrefix(p.Name, layout.SlotPrefix) {
			own[p.Device], own[p.Disk] = true, true
		}
		if p.Name == layout.Boot {
			list = append(list, place{p.Device, "the box's boot partition", true})
		}
	}
	names, _ := fs.Glob(hostRoot, "sys/class/block/*")
	for _, n := range names {
		device := path.Base(n)
		if own[device] || strings.HasPrefix(device, "loop") || strings.HasPrefix(device, "ram") {
			continue
		}
		list = append(list, place{device, describeDisk(device), false})
	}
	return list
}

// describeDisk is what a person calls a disk or its partition.
func describeDisk(device string) string {
	read := func(name string) string {
		raw, _ := os.ReadFile(filepath.Join("/sys/class/block", device, name)) // not every disk tells
		return strings.TrimSpace(string(raw))
	}
	model := read("device/model")
	if model == "" {
		model = read("../device/model")
	}
	return strings.TrimSpace("disk " + device + " " + model)
}

// sourceSeparator stands between device and path in the ID of a source.
const sourceSeparator = ":"

// Sources implements setup.Machine.
func (m *machine) Sources(ctx context.Context) (list []setup.Source, err error) {
	defer guard(&err)
	return m.look(ctx, func(dir string) (found []string) {
		for _, p := range configPlaces {
			if _, err := os.Stat(filepath.Join(dir, p, setup.MainFile)); err == nil {
				found = append(found, filepath.Join(p, setup.MainFile))
			}
		}
		return found
	}), nil
}

// look visits every place and lists the files that find names there.
func (m *machine) look(ctx context.Context, find func(dir string) []string) (list []setup.Source) {
	for _, p := range places() {
		if ctx.Err() != nil {
			break
		}
		// What cannot be mounted holds nothing for us.
		_ = m.visit(p.device, false, func(dir string) error {
			for _, name := range find(dir) {
				size := ""
				if info, err := os.Stat(filepath.Join(dir, name)); err == nil {
					size = fmt.Sprintf(", %d octets", info.Size())
				}
				list = append(list, setup.Source{ID: p.device + sourceSeparator + name, Label: fmt.Sprintf("%s: %s%s", p.label, name, size)})
			}
			return nil
		})
	}
	return list
}

// Read implements setup.Machine.
func (m *machine) Read(_ context.Context, s setup.Source) (files []setup.File, err error) {
	defer guard(&err)
	device, name, ok := strings.Cut(s.ID, sourceSeparator)
	if !ok {
		return nil, fmt.Errorf("%q is no source", s.ID)
	}
	err = m.visit(device, false, func(dir string) (err error) {
		files, err = readConfiguration(filepath.Join(dir, filepath.Dir(name)))
		return err
	})
	return files, err
}

// readConfiguration reads dhcpd.conf and what it may include.
func readConfiguration(dir string) ([]setup.File, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []setup.File
	total := 0
	for _, e := range entries {
		name := e.Name()
		part := slices.ContainsFunc(partOf, func(end string) bool { return strings.HasSuffix(name, end) })
		if !part || !e.Type().IsRegular() || name == layout.BoxConfig || version.CheckName(name) != nil {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if total += len(raw); total > version.MaxTotal || len(files) >= version.MaxFiles {
			return nil, fmt.Errorf("there is more beside %s than a configuration may have (%d files, %d octets)", setup.MainFile, version.MaxFiles, version.MaxTotal)
		}
		files = append(files, setup.File{Name: name, Text: string(raw)})
	}
	slices.SortStableFunc(files, func(a, b setup.File) int {
		switch {
		case a.Name == b.Name:
			return 0
		case a.Name == setup.MainFile:
			return -1
		case b.Name == setup.MainFile:
			return 1
		}
		return 0
	})
	return files, nil
}
