// Package gpt reads, writes and grows GUID partition tables (UEFI 2.10 section
// 5) on disks with 512-byte sectors.
//
//	LBA 0            protective MBR (bytes 446..511; the boot code before is not touched)
//	LBA 1            primary header
//	LBA 2..33        primary entries, 128 of 128 bytes
//	LBA n-33..n-2    backup entries
//	LBA n-1          backup header
//
// Write goes backup first, so that a power cut leaves one whole table: until
// the primary header is replaced the old one holds, and while it is half
// written the backup does.
package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"
)

// Sector is the only sector size that is understood.
const Sector = 512

// Align is the boundary on which partitions begin and end, in sectors (1 MiB).
const Align = 1 << 20 / Sector

const (
	headerSize   = 92
	entrySize    = 128
	entries      = 128
	entrySectors = entries * entrySize / Sector
	firstUsable  = 2 + entrySectors
	nameLen      = 36 // UTF-16 units
)

// Table is one disk's partition table.
type Table struct {
	ID         GUID
	Sectors    uint64 // of the whole disk
	Partitions []Partition
}

// Partition is one entry. First and Last are sectors, both inclusive.
type Partition struct {
	Type  GUID
	ID    GUID
	Name  string
	First uint64
	Last  uint64
}

// Size returns the partition's length in bytes.
func (p Partition) Size() int64 { return int64(p.Last-p.First+1) * Sector }

// Offset returns the partition's beginning in bytes.
func (p Partition) Offset() int64 { return int64(p.First) * Sector }

// Find returns the first partition of a name.
func (t Table) Find(name string) (Partition, bool) {
	for _, p := range t.Partitions {
		if p.Name == name {
			return p, true
		}
	}
	return Partition{}, false
}

// check refuses tables that would destroy data when written.
func (t Table) check() error {
	if t.Sectors < firstUsable+entrySectors+2 {
		return fmt.Errorf("gpt: %d sectors are too few for a table", t.Sectors)
	}
	if len(t.Partitions) > entries {
		return fmt.Errorf("gpt: %d partitions, at most %d fit", len(t.Partitions), entries)
	}
	for i, p := range t.Partitions {
		if p.First < firstUsable || p.Last < p.First || p.Last > t.lastUsable() {
			return fmt.Errorf("gpt: partition %q (sectors %d to %d) lies outside %d to %d",
				p.Name, p.First, p.Last, firstUsable, t.lastUsable())
		}
		if len(utf16.Encode([]rune(p.Name))) > nameLen {
			return fmt.Errorf("gpt: partition name %q is longer than %d characters", p.Name, nameLen)
		}
		for _, q := range t.Partitions[:i] {
			if p.First <= q.Last && q.First <= p.Last {
				return fmt.Errorf("gpt: partitions %q and %q overlap", q.Name, p.Name)
			}
		}
	}
	return nil
}

func (t Table) lastUsable() uint64 { return t.Sectors - entrySectors - 2 }

// Write puts both copies of the table on a disk, backup first.
func (t Table) Write(w io.WriterAt) error {
	if err := t.check(); err != nil {
		return err
	}
	list := t.encodeEntries()
	backup := t.encodeHeader(t.Sectors-1, 1, t.Sectors-1-entrySectors, list)
	primary := t.encodeHeader(1, t.Sectors-1, 2, list)
	for _, part := range []struct {
		data []byte
		at   uint64
	}{
		{list, t.Sectors - 1 - entrySectors},
		{backup, t.Sectors - 1},
		{list, 2},
		{primary, 1},
	} {
		if _, err := w.WriteAt(part.data, int64(part.at)*Sector); err != nil {
			return fmt.Errorf("gpt: write at sector %d: %w", part.at, err)
		}
	}
	if _, err := w.WriteAt(t.protective(), 446); err != nil {
		return fmt.Errorf("gpt: write protective MBR: %w", err)
	}
	return nil
}

// protective is bytes 446 to 511 of sector 0: one partition of type EE over
// the whole disk, so that old tools see no free space. It is marked active
// because some BIOSes start no disk without an active partition.
func (t Table) protective() []byte {
	b := make([]byte, 66)
	b[0] = 0x80
	copy(b[1:], []byte{0x00, 0x02, 0x00, 0xee, 0xff, 0xff, 0xff})
	binary.LittleEndian.PutUint32(b[8:], 1)
	binary.LittleEndian.PutUint32(b[12:], uint32(min(t.Sectors-1, 0xffffffff)))
	b[64], b[65] = 0x55, 0xaa
	return b
}

func (t Table) encodeEntries() []byte {
	b := make([]byte, entries*entrySize)
	for i, p := range t.Partitions {
		e := b[i*entrySize:]
		copy(e[0:], p.Type[:])
		copy(e[16:], p.ID[:])
		binary.LittleEndian.PutUint64(e[32:], p.First)
		binary.LittleEndian.PutUint64(e[40:], p.Last)
		for j, u := range utf16.Encode([]rune(p.Name)) {
			binary.LittleEndian.PutUint16(e[56+2*j:], u)
		}
	}
	return b
}

func (t Table) encodeHeader(self, other, list uint64, entryBytes []byte) []byte {
	b := make([]byte, Sector)
	copy(b, "EFI PART")
	binary.LittleEndian.PutUint32(b[8:], 0x00010000)
	binary.LittleEndian.PutUint32(b[12:], headerSize)
	binary.LittleEndian.PutUint64(b[24:], self)
	binary.LittleEndian.PutUint64(b[32:], other)
	binary.LittleEndian.PutUint64(b[40:], firstUsable)
	binary.LittleEndian.PutUint64(b[48:], t.lastUsable())
	copy(b[56:], t.ID[:])
	binary.LittleEndian.PutUint64(b[72:], list)
	binary.LittleEndian.PutUint32(b[80:], entries)
	binary.LittleEndian.PutUint32(b[84:], entrySize)
	binary.LittleEndian.PutUint32(b[88:], crc32.ChecksumIEEE(entryBytes))
	binary.LittleEndian.PutUint32(b[16:], crc32.ChecksumIEEE(b[:headerSize]))
	return b
}

// ErrNoTable is returned by Read when neither copy of the table is whole.
var ErrNoTable = errors.New("gpt: no whole partition table on this disk")

// Read takes the table from a disk of the given number of sectors: the primary
// one, or the backup where the primary is damaged. A disk that was copied from
// a smaller image has its backup in the middle; only the primary is found then.
func Read(r io.ReaderAt, sectors uint64) (Table, error) {
	if sectors < firstUsable {
		return Table{}, ErrNoTable
	}
	t, err := readAt(r, 1, sectors)
	if err != nil {
		var backup error
		if t, backup = readAt(r, sectors-1, sectors); backup != nil {
			return Table{}, fmt.Errorf("%w (primary: %v; backup: %v)", ErrNoTable, err, backup)
		}
	}
	return t, nil
}

func readAt(r io.ReaderAt, lba, sectors uint64) (Table, error) {
	h := make([]byte, Sector)
	if _, err := r.ReadAt(h, int64(lba)*Sector); err != nil {
		return Table{}, err
	}
	if !bytes.HasPrefix(h, []byte("EFI PART")) {
		return Table{}, errors.New("no signature")
	}
	sum := binary.LittleEndian.Uint32(h[16:])
	clear(h[16:20])
	if crc32.ChecksumIEEE(h[:headerSize]) != sum {
		return Table{}, errors.New("header checksum")
	}
	if n, size := binary.LittleEndian.Uint32(h[80:]), binary.LittleEndian.Uint32(h[84:]); n != entries || size != entrySize {
		return Table{}, fmt.Errorf("%d entries of %d bytes are not understood", n, size)
	}
	list := make([]byte, entries*entrySize)
	at := binary.LittleEndian.Uint64(h[72:])
	if at >= sectors {
		return Table{}, errors.New("entries lie behind the disk's end")
	}
	if _, err := r.ReadAt(list, int64(at)*Sector); err != nil {
		return Table{}, err
	}
	if crc32.ChecksumIEEE(list) != binary.LittleEndian.Uint32(h[88:]) {
		return Table{}, errors.New("entries checksum")
	}
	t := Table{Sectors: max(binary.LittleEndian.Uint64(h[24:]), binary.LittleEndian.Uint64(h[32:])) + 1}
	copy(t.ID[:], h[56:])
	t.Partitions = decodeEntries(list)
	return t, t.check()
}

func decodeEntries(list []byte) []Partition {
	var parts []Partition
	for e := list; len(e) > 0; e = e[entrySize:] {
		var p Partition
		copy(p.Type[:], e[0:])
		if p.Type == (GUID{}) {
			continue
		}
		copy(p.ID[:], e[16:])
		p.First = binary.LittleEndian.Uint64(e[32:])
		p.Last = binary.LittleEndian.Uint64(e[40:])
		var name []uint16
		for i := range nameLen {
			u := binary.LittleEndian.Uint16(e[56+2*i:])
			if u == 0 {
				break
			}
			name = append(name, u)
		}
		p.Name = string(utf16.Decode(name))
		parts = append(parts, p)
	}
	return parts
}

// Grow fits the table to a disk of the given number of sectors and lets the
// named partition, which must be the last on disk, take all that was gained.
// It reports whether anything changed; nothing is written. A table never
// shrinks.
func (t *Table) Grow(name string, sectors uint64) (bool, error) {
	last := -1
	for i, p := range t.Partitions {
		if last < 0 || p.First > t.Partitions[last].First {
			last = i
		}
	}
	if last < 0 || t.Partitions[last].Name != name {
		return false, fmt.Errorf("gpt: %q is not the last partition of the disk", name)
	}
	if sectors < t.Sectors {
		return false, fmt.Errorf("gpt: the disk has %d sectors, its table needs %d", sectors, t.Sectors)
	}
	moved := sectors != t.Sectors
	t.Sectors = sectors
	end := (t.lastUsable()+1)/Align*Align - 1
	p := &t.Partitions[last]
	if end > p.Last {
		p.Last, moved = end, true
	}
	return moved, nil
}
