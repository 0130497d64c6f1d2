package images

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tandem/images/gz"
	"tandem/images/initramfs"
	"tandem/images/layout"
	"tandem/images/modules"
)

// RAMDisk is a packed root file system and what is in it.
type RAMDisk struct {
	Packed   []byte
	Unpacked int // bytes of file content
	Modules  int // kernel modules
}

// ramDisk packs the box's root file system.
func ramDisk(ctx context.Context, o Options, p parts, manifest []byte, emptyData []byte) (RAMDisk, error) {
	files := initramfs.Standard()
	add := func(path string, mode uint64, data []byte) {
		files = append(files, initramfs.File{Path: path, Mode: mode, Data: data})
	}
	programs, err := o.programs()
	if err != nil {
		return RAMDisk{}, err
	}
	for _, path := range slices.Sorted(maps.Keys(programs)) {
		add(path, 0o755, programs[path])
	}
	if o.Debug != nil {
		tools, err := o.Debug.files()
		if err != nil {
			return RAMDisk{}, err
		}
		for _, f := range tools {
			if programs[f.Path] == nil {
				files = append(files, f)
			}
		}
	}
	fsck, err := os.ReadFile(filepath.Join(p.debs[debFsck].dir, "sbin/e2fsck.static"))
	if err != nil {
		return RAMDisk{}, fmt.Errorf("file system check: %w", err)
	}
	add(layout.Fsck, 0o755, fsck)
	n, err := addModules(ctx, o, p, add)
	if err != nil {
		return RAMDisk{}, err
	}
	info, err := json.MarshalIndent(o.image(p), "", "\t")
	if err != nil {
		return RAMDisk{}, err
	}
	add(layout.ImageInfo, 0o644, append(info, '\n'))
	add(layout.Manifest, 0o644, manifest)
	add(layout.EmptyData, 0o644, emptyData)
	add(layout.Passwd, 0o644, []byte(passwd))
	add(layout.Group, 0o644, []byte(group))
	files = append(files, initramfs.File{Path: layout.Resolv, Mode: 0o777, Link: layout.ResolvTarget})
	for _, path := range slices.Sorted(maps.Keys(o.Extra)) {
		add(path, 0o755, o.Extra[path])
	}
	packed, err := initramfs.Pack(files)
	r := RAMDisk{Packed: packed, Modules: n}
	for _, f := range files {
		r.Unpacked += len(f.Data)
	}
	return r, err
}

// addModules adds the board's kernel modules and their index.
func addModules(ctx context.Context, o Options, p parts, add func(string, uint64, []byte)) (int, error) {
	list, paths, err := p.kernel.Select(ctx, o.Board.Modules.All())
	if err != nil {
		return 0, fmt.Errorf("board %s: %w", o.Board.Name, err)
	}
	for _, m := range list {
		code, err := os.ReadFile(paths[m.Name])
		if err == nil {
			code, err = gz.Pack(code)
		}
		if err != nil {
			return 0, fmt.Errorf("kernel module: %w", err)
		}
		add(layout.ModuleDir+"/"+m.Name+modules.Tail, 0o644, code)
	}
	var index bytes.Buffer
	if err := modules.New(list).Write(&index); err != nil {
		return 0, err
	}
	add(layout.ModuleIndex, 0o644, index.Bytes())
	return len(list), nil
}

// image is the description that the box reads about itself.
func (o Options) image(p parts) layout.Image {
	return layout.Image{
		Board: o.Board.Name, Version: o.Version, Arch: o.Board.Arch,
		Kernel: p.kernel.Release, Built: o.Time.Unix(), Debug: o.Debug != nil,
	}
}

// The box's users: nobody can log in, the names are for reading logs.
var (
	passwd = fmt.Sprintf("root:x:0:0::/:%[4]s\n%[1]s:x:%[2]d:%[3]d::/:%[4]s\n",
		layout.ServiceUser, layout.ServiceUID, layout.ServiceGID, layout.ServiceShell)
	group = fmt.Sprintf("root:x:0:\n%s:x:%d:\n", layout.ServiceUser, layout.ServiceGID)
)

// CommandLine returns the kernel's parameters for a board, without those that
// name the slot.
func CommandLine(o Options) string {
	var words []string
	for _, c := range o.Board.Consoles {
		word := "console=" + c.Device
		if c.Serial() {
			word += fmt.Sprintf(",%d", c.Baud)
		}
		words = append(words, word)
	}
	// A kernel that has gone wrong starts anew instead of limping on: the other
	// box serves meanwhile.
	words = append(words, "panic=5", "oops=panic", "loglevel=4", layout.ParamBoard+"="+o.Board.Name)
	words = append(words, o.Board.Params...)
	return strings.Join(words, " ")
}
