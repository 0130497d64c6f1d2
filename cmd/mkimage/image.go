package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"tandem/board"
	"tandem/images"
	"tandem/images/apt"
	"tandem/images/layout"
)

// debugModule is where the Go module with the debug image's tools lies.
const debugModule = "images/debug"

// image builds the disk image and what goes beside it.
func (c *config) image(ctx context.Context) error {
	b, ok := board.ByName(c.board)
	if !ok {
		return fmt.Errorf("no board %q; -board takes one of %q", c.board, board.Names())
	}
	if c.out == "" {
		c.out = filepath.Join("out", "tandem-"+b.Name+".img")
		if c.debug {
			c.out = filepath.Join("out", "tandem-"+b.Name+"-DEBUG.img")
		}
	}
	if err := os.MkdirAll(filepath.Dir(c.out), 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "mkimage-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	o, err := c.options(ctx, b, work)
	if err != nil {
		return err
	}
	built, err := images.Build(ctx, o, c.out)
	if err != nil {
		return err
	}
	return c.beside(ctx, o, built)
}

// options gathers everything that an image depends on.
func (c *config) options(ctx context.Context, b board.Board, work string) (images.Options, error) {
	o := images.Options{Board: b, Cache: c.cache, Log: progress()}
	var err error
	if o.Lock, err = apt.ReadLock(c.lock); err != nil {
		return o, err
	}
	if o.Sources, err = c.sources(o.Lock.Suite); err != nil {
		return o, err
	}
	if o.Version, o.Time, err = sourceVersion(ctx, c.version); err != nil {
		return o, err
	}
	if o.Provision, err = readDir(c.provision); err != nil {
		return o, err
	}
	if c.debug {
		o.Log("building the shell and tools of the debug image")
		if o.Debug, err = images.DebugTools(ctx, debugModule, b.Arch, work); err != nil {
			return o, err
		}
	}
	o.Binaries = map[string]string{}
	for _, name := range programs {
		path := map[string]string{"init": layout.Init, "dhcpfd": layout.DHCPd, "failctl": layout.FailCtl}[name]
		if o.Binaries[path] = c.programs[name]; o.Binaries[path] != "" {
			continue
		}
		o.Log("building %s for %s", name, b.Arch)
		o.Binaries[path] = filepath.Join(work, name)
		if err := images.Compile(ctx, b.Arch, "./cmd/"+name, o.Binaries[path]); err != nil {
			return o, err
		}
	}
	return o, nil
}

// beside writes the files that accompany an image and tells what was made.
func (c *config) beside(ctx context.Context, o images.Options, b images.Built) error {
	if err := os.WriteFile(c.out+".manifest.json", b.Manifest, 0o644); err != nil {
		return err
	}
	sums := []string{c.out}
	if c.packed {
		o.Log("compressing")
		packed, err := images.Compress(ctx, c.out)
		if err != nil {
			return err
		}
		sums = append(sums, packed)
	}
	for _, name := range sums {
		if _, err := images.Sum(name); err != nil {
			return err
		}
	}
	if c.direct {
		if err := c.writeDirect(ctx, o); err != nil {
			return err
		}
	}
	o.Log("%s: %s %s, kernel %s, %d modules, slot %.1f MB (RAM disk %.1f MB, %.1f MB unpacked)", c.out, b.Board, b.Version,
		b.Kernel, b.Modules, float64(b.Slot)/1e6, float64(b.RAMDisk)/1e6, float64(b.Unpacked)/1e6)
	o.Log("write it to a disk:            dd if=%s of=/dev/DISK bs=1M conv=fsync", c.out)
	o.Log("renew a disk, keep its data:   dd if=%s of=/dev/DISK bs=1M count=%d conv=fsync", c.out, layout.DataStart/layout.MiB)
	return nil
}

func (c *config) writeDirect(ctx context.Context, o images.Options) error {
	k, err := images.Direct(ctx, o)
	if err != nil {
		return err
	}
	kernel, err := os.ReadFile(k.Kernel)
	if err != nil {
		return err
	}
	for tail, data := range map[string][]byte{"kernel": kernel, "initrd": k.RAMDisk, "cmdline": []byte(k.CommandLine + "\n")} {
		if err := os.WriteFile(c.out+"."+tail, data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// readDir takes the files of a directory; none is named "".
func readDir(dir string) (map[string][]byte, error) {
	files := map[string][]byte{}
	if dir == "" {
		return files, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// boards prints what can be built for.
func boards() error {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, b := range board.All() {
		note := ""
		if b.Generic {
			note = "also takes unknown hardware"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%v\t%s\n", b.Name, b.Title, b.Arch, b.Firmware, note)
	}
	return w.Flush()
}
