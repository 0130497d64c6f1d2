package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"

	"tandem/board"
	"tandem/images/gpt"
	"tandem/images/grubenv"
	"tandem/images/gz"
	"tandem/images/layout"
)

// SlotLimit bounds the content of a slot on x86, in bytes.
const SlotLimit = 40_000_000

// Kernel is what a machine needs to start without a disk's boot loader.
type Kernel struct {
	Kernel      string // path on the host: vmlinux on x86, vmlinuz elsewhere
	RAMDisk     []byte
	CommandLine string
}

// Built says what came out of Build.
type Built struct {
	Board    string
	Version  string
	Kernel   string // release
	Modules  int
	Slot     int64 // bytes of files in a slot
	RAMDisk  int   // bytes, packed
	Unpacked int   // bytes of memory that its files take on the box
	Manifest []byte
}

// content is everything that goes onto a disk.
type content struct {
	parts    parts
	ram      RAMDisk
	manifest []byte
	data     []byte // the data partition's file system
}

// prepare does all that does not need a disk.
func prepare(ctx context.Context, o Options, work string) (content, error) {
	if err := o.check(); err != nil {
		return content{}, err
	}
	p, err := collect(ctx, o)
	if err != nil {
		return content{}, err
	}
	m, err := manifest(ctx, o, p)
	if err != nil {
		return content{}, err
	}
	c := content{parts: p}
	if c.manifest, err = m.JSON(); err != nil {
		return content{}, err
	}
	empty := filepath.Join(work, "data")
	if err := emptyData(ctx, o.Time, empty); err != nil {
		return content{}, fmt.Errorf("data partition: %w", err)
	}
	if c.data, err = os.ReadFile(empty); err != nil {
		return content{}, err
	}
	packed, err := gz.Pack(c.data)
	if err != nil {
		return content{}, err
	}
	o.logf("packing the root file system")
	c.ram, err = ramDisk(ctx, o, p, c.manifest, packed)
	return c, err
}

// Direct prepares a start without a boot loader, for the lab.
func Direct(ctx context.Context, o Options) (Kernel, error) {
	work, err := os.MkdirTemp("", "image-")
	if err != nil {
		return Kernel{}, err
	}
	defer os.RemoveAll(work)
	c, err := prepare(ctx, o, work)
	if err != nil {
		return Kernel{}, err
	}
	k := Kernel{RAMDisk: c.ram.Packed, CommandLine: CommandLine(o)}
	if o.Board.Arch == "amd64" {
		k.Kernel, err = c.parts.kernel.Vmlinux(ctx)
	} else {
		k.Kernel, err = c.parts.kernel.File("vmlinuz")
	}
	return k, err
}

// Build writes a disk image to the file out, sparse. It appears there only when
// it is whole.
func Build(ctx context.Context, o Options, out string) (Built, error) {
	work, err := os.MkdirTemp(filepath.Dir(out), ".image-")
	if err != nil {
		return Built{}, fmt.Errorf("image: %w", err)
	}
	defer os.RemoveAll(work)
	c, err := prepare(ctx, o, work)
	if err != nil {
		return Built{}, err
	}
	disk := filepath.Join(work, "disk")
	b := Built{Board: o.Board.Name, Version: o.Version, Kernel: c.parts.kernel.Release, Modules: c.ram.Modules,
		RAMDisk: len(c.ram.Packed), Unpacked: c.ram.Unpacked, Manifest: c.manifest}
	if b.Slot, err = writeDisk(ctx, o, c, work, disk); err != nil {
		return Built{}, fmt.Errorf("image for %s: %w", o.Board.Name, err)
	}
	if o.Board.Arch == "amd64" && b.Slot > SlotLimit && o.Debug == nil {
		return Built{}, fmt.Errorf("image for %s: %d bytes in a slot, at most %d are allowed", o.Board.Name, b.Slot, SlotLimit)
	}
	if err := os.Rename(disk, out); err != nil {
		return Built{}, fmt.Errorf("image: %w", err)
	}
	return b, nil
}

// table is the disk's partition table.
func table(o Options) gpt.Table {
	part := func(kind gpt.GUID, name string, start, size int64) gpt.Partition {
		return gpt.Partition{Type: kind, ID: gpt.Derive("partition " + name), Name: name,
			First: uint64(start) / gpt.Sector, Last: uint64(start+size)/gpt.Sector - 1}
	}
	t := gpt.Table{ID: gpt.Derive("disk " + o.Board.Name), Sectors: layout.ImageSize / gpt.Sector}
	t.Partitions = append(t.Partitions,
		part(gpt.BIOSBoot, layout.BIOS, layout.BIOSStart, layout.BIOSSize),
		part(gpt.EFISystem, layout.Boot, layout.BootStart, layout.BootSize))
	for i, slot := range layout.Slots {
		t.Partitions = append(t.Partitions, part(gpt.LinuxData, layout.SlotPartition(slot), layout.SlotStart+int64(i)*layout.SlotSize, layout.SlotSize))
	}
	t.Partitions = append(t.Partitions, part(gpt.LinuxData, layout.Data, layout.DataStart, layout.DataSize))
	return t
}

// writeDisk puts everything into the file disk and returns the size of a slot's
// content.
func writeDisk(ctx context.Context, o Options, c content, work, disk string) (int64, error) {
	f, err := os.Create(disk)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	if err := f.Truncate(layout.ImageSize); err != nil {
		return 0, err
	}
	if err := table(o).Write(f); err != nil {
		return 0, err
	}
	o.logf("writing the boot partition")
	if err := writeBoot(ctx, o, c, work, f); err != nil {
		return 0, fmt.Errorf("boot partition: %w", err)
	}
	size, err := writeSlots(ctx, o, c, disk)
	if err != nil {
		return 0, err
	}
	if err := writeSparse(f, c.data, layout.DataStart); err != nil {
		return 0, fmt.Errorf("data partition: %w", err)
	}
	return size, f.Sync()
}

func writeBoot(ctx context.Context, o Options, c content, work string, disk *os.File) error {
	files := map[string][]byte{
		layout.GrubConfig: []byte(grubConfig(o.Board)),
		layout.GrubEnv:    grubenv.Fresh().Encode(),
	}
	for name, data := range provisioned(o.Provision) {
		files[name] = data
	}
	files[path.Join(layout.Provision, "README.TXT")] = []byte(provisionReadme)
	for _, t := range grubTargets(o.Board) {
		program, err := t.build(ctx, o, c.parts, work)
		if err != nil {
			return err
		}
		if t.file != "" {
			files[t.file] = program
			continue
		}
		boot, err := os.ReadFile(filepath.Join(c.parts.debs[t.deb].dir, "usr/lib/grub", t.format, "boot.img"))
		if err != nil {
			return err
		}
		if err := installBIOS(disk, boot, program); err != nil {
			return err
		}
	}
	if o.Board.Has(board.Pi) {
		if err := addPi(c.parts, files); err != nil {
			return err
		}
	}
	boot := fat{disk.Name(), layout.BootStart, o.Time}
	if err := boot.format(ctx, layout.BootSize, "TANDEM", true); err != nil {
		return err
	}
	return boot.add(ctx, files)
}

// provisionReadme lies where a person looks who put the disk into a computer.
const provisionReadme = "Put box.conf and dhcpd.conf here before the first start and the box takes them over.\r\n" +
	"Afterwards the box keeps its own copies; these files are not read again.\r\n"

// writeSlots fills both slots with the same system, so that a slot that goes
// bad before the first update has another to fall back on.
func writeSlots(ctx context.Context, o Options, c content, disk string) (int64, error) {
	name, err := c.parts.kernel.File("vmlinuz")
	if err != nil {
		return 0, err
	}
	kernel, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	files := map[string][]byte{
		layout.SlotKernel:   kernel,
		layout.SlotRAMDisk:  c.ram.Packed,
		layout.SlotConfig:   []byte(slotConfig(o)),
		layout.SlotManifest: c.manifest,
	}
	var size int64
	for _, data := range files {
		size += int64(len(data))
	}
	for i, slot := range layout.Slots {
		o.logf("writing slot %s (%.1f MB)", slot, float64(size)/1e6)
		f := fat{disk, layout.SlotStart + int64(i)*layout.SlotSize, o.Time}
		if err := f.format(ctx, layout.SlotSize, "TANDEM-"+strings.ToUpper(slot), false); err != nil {
			return 0, fmt.Errorf("slot %s: %w", slot, err)
		}
		if err := f.add(ctx, files); err != nil {
			return 0, fmt.Errorf("slot %s: %w", slot, err)
		}
	}
	return size, nil
}

// writeSparse writes data, leaving holes where it is zero.
func writeSparse(f *os.File, data []byte, at int64) error {
	const block = 4096
	zero := make([]byte, block)
	for off := 0; off < len(data); off += block {
		part := data[off:min(off+block, len(data))]
		if bytes.Equal(part, zero[:len(part)]) {
			continue
		}
		if _, err := f.WriteAt(part, at+int64(off)); err != nil {
			return err
		}
	}
	return nil
}

// Compress writes image to image.zst. Its window is as large as the way from
// one slot to the other, so that the second slot costs next to nothing.
func Compress(ctx context.Context, image string) (string, error) {
	in, err := os.Open(image)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.Create(image + ".zst")
	if err != nil {
		return "", err
	}
	defer out.Close()
	z, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(128<<20))
	if err != nil {
		return "", err
	}
	if _, err := io.Copy(z, reader{ctx, in}); err != nil {
		return "", fmt.Errorf("compress %s: %w", image, err)
	}
	if err := z.Close(); err != nil {
		return "", fmt.Errorf("compress %s: %w", image, err)
	}
	return out.Name(), out.Close()
}

// reader stops when the context does.
type reader struct {
	ctx context.Context
	r   io.Reader
}

func (r reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// Sum writes name.sha256 in the format of sha256sum and returns the sum.
func Sum(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	sum := hex.EncodeToString(h.Sum(nil))
	line := sum + "  " + filepath.Base(name) + "\n"
	return sum, os.WriteFile(name+".sha256", []byte(line), 0o644)
}
