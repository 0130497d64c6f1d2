package gpt

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// memory is a disk in memory that refuses writes behind its end.
type memory []byte

func (m memory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m).ReadAt(p, off)
}

func (m memory) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > int64(len(m)) {
		return 0, errors.New("outside the disk")
	}
	return copy(m[off:], p), nil
}

func sample(sectors uint64) Table {
	return Table{ID: Derive("disk"), Sectors: sectors, Partitions: []Partition{
		{Type: EFISystem, ID: Derive("1"), Name: "boot", First: 2048, Last: 4095},
		{Type: LinuxData, ID: Derive("2"), Name: "data", First: 4096, Last: 6143},
	}}
}

func TestWriteThenRead(t *testing.T) {
	disk := make(memory, 8192*Sector)
	copy(disk, "boot code stays")
	want := sample(8192)
	if err := want.Write(disk); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasPrefix(disk, []byte("boot code stays")) {
		t.Error("the boot code was overwritten")
	}
	got, err := Read(disk, 8192)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if p, ok := got.Find("data"); !ok || p.Offset() != 4096*Sector || p.Size() != 1<<20 {
		t.Errorf("data: %+v %v", p, ok)
	}
	if _, ok := got.Find("none"); ok {
		t.Error("found a partition that is not there")
	}
}

func TestEitherCopyIsEnough(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage []int64
		whole  bool
	}{
		{"primary header", []int64{1 * Sector}, true},
		{"primary entries", []int64{2 * Sector}, true},
		{"backup header", []int64{8191 * Sector}, true},
		{"backup entries", []int64{8191*Sector - 1}, true},
		{"both headers", []int64{1*Sector + 60, 8191*Sector + 60}, false},
		{"both entry lists", []int64{3 * Sector, 8190 * Sector}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			disk := make(memory, 8192*Sector)
			if err := sample(8192).Write(disk); err != nil {
				t.Fatal(err)
			}
			for _, at := range tt.damage {
				disk[at] ^= 0xff
			}
			got, err := Read(disk, 8192)
			if tt.whole && (err != nil || !reflect.DeepEqual(got, sample(8192))) {
				t.Errorf("not read: %+v %v", got, err)
			}
			if !tt.whole && !errors.Is(err, ErrNoTable) {
				t.Errorf("err = %v, want ErrNoTable", err)
			}
		})
	}
}

// A power cut after any number of written bytes must leave a table: the old or
// the new one.
func TestPowerCutDuringGrow(t *testing.T) {
	const small, big = 8192, 16384
	old, grown := sample(small), sample(small)
	if changed, err := grown.Grow("data", big); err != nil || !changed {
		t.Fatal(changed, err)
	}
	for limit := 0; ; limit += 97 {
		disk := make(memory, big*Sector)
		if err := old.Write(disk[:small*Sector]); err != nil {
			t.Fatal(err)
		}
		cut := &cutter{memory: disk, left: limit}
		err := grown.Write(cut)
		got, readErr := Read(disk, big)
		if readErr != nil || !reflect.DeepEqual(got, old) && !reflect.DeepEqual(got, grown) {
			t.Fatalf("after %d bytes: %+v %v", limit, got, readErr)
		}
		if err == nil {
			break
		}
	}
}

type cutter struct {
	memory
	left int
}

func (c *cutter) WriteAt(p []byte, off int64) (int, error) {
	n := min(len(p), c.left)
	c.left -= n
	if _, err := c.memory.WriteAt(p[:n], off); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, errors.New("power cut")
	}
	return n, nil
}

func TestGrow(t *testing.T) {
	tab := sample(8192)
	if changed, err := tab.Grow("data", 1<<20); err != nil || !changed {
		t.Fatal(changed, err)
	}
	if last := tab.Partitions[1].Last; (last+1)%Align != 0 || last > tab.lastUsable() || last < 1<<20-2*Align {
		t.Errorf("data ends at sector %d of %d", last, 1<<20)
	}
	if changed, err := tab.Grow("data", 1<<20); err != nil || changed {
		t.Errorf("a second time: changed %v, %v", changed, err)
	}
	if _, err := tab.Grow("boot", 1<<21); err == nil {
		t.Error("grew a partition with another behind it")
	}
	if _, err := tab.Grow("data", 8192); err == nil {
		t.Error("shrank")
	}
}

func TestRefused(t *testing.T) {
	edit := func(f func(*Table)) Table { tab := sample(8192); f(&tab); return tab }
	for _, tt := range []struct {
		name, says string
		tab        Table
	}{
		{"tiny disk", "too few", edit(func(t *Table) { t.Sectors = 40 })},
		{"overlap", "overlap", edit(func(t *Table) { t.Partitions[1].First = 4095 })},
		{"behind the end", "outside", edit(func(t *Table) { t.Partitions[1].Last = 8190 })},
		{"before the beginning", "outside", edit(func(t *Table) { t.Partitions[0].First = 20 })},
		{"backwards", "outside", edit(func(t *Table) { t.Partitions[0].Last = 2000 })},
		{"long name", "longer", edit(func(t *Table) { t.Partitions[0].Name = strings.Repeat("x", 37) })},
		{"too many", "at most", edit(func(t *Table) { t.Partitions = make([]Partition, 129) })},
	} {
		if err := tt.tab.Write(make(memory, 8192*Sector)); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
	}
}

func FuzzRead(f *testing.F) {
	disk := make(memory, 128*Sector)
	tab := Table{ID: Derive("x"), Sectors: 128, Partitions: []Partition{{Type: LinuxData, Name: "d", First: 40, Last: 60}}}
	if err := tab.Write(disk); err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(disk))
	f.Fuzz(func(t *testing.T, b []byte) {
		if tab, err := Read(memory(b), uint64(len(b)/Sector)); err == nil && tab.check() != nil {
			t.Errorf("read a table that cannot be written: %+v", tab)
		}
	})
}

func TestGUID(t *testing.T) {
	const text = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
	if EFISystem.String() != text || EFISystem[0] != 0x28 {
		t.Errorf("%s % x", EFISystem, EFISystem[:])
	}
	for _, bad := range []string{"", "C12A7328", text + "0", strings.ReplaceAll(text, "C", "X"), strings.ReplaceAll(text, "-", "")} {
		if _, err := ParseGUID(bad); err == nil {
			t.Errorf("ParseGUID(%q) accepted", bad)
		}
	}
	first, again, other := Derive("a"), Derive("a"), Derive("b")
	if first != again || first == other {
		t.Error("Derive must depend on the text alone")
	}
	if s := Derive("a").String(); s[14] != '8' {
		t.Errorf("version of %s", s)
	}
}

// The table must please a tool that others wrote.
func TestSgdiskFindsNoFault(t *testing.T) {
	sgdisk, err := exec.LookPath("sgdisk")
	if err != nil {
		t.Skip("sgdisk is not installed (Debian package gdisk)")
	}
	name := filepath.Join(t.TempDir(), "disk")
	disk := make(memory, 8192*Sector)
	if err := sample(8192).Write(disk); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(sgdisk, "-v", name).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "No problems found") {
		t.Errorf("sgdisk: %v\n%s", err, out)
	}
}
