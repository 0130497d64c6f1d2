package boot

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"tandem/images/grubenv"
	"tandem/images/layout"
)

func TestPartitions(t *testing.T) {
	root := fstest.MapFS{
		"sys/class/block/sda/uevent":       file("DEVNAME=sda\nDEVTYPE=disk\n"),
		"sys/class/block/sda5/uevent":      file("DEVNAME=sda5\nDEVTYPE=partition\nPARTN=5\nPARTNAME=tandem-data\n"),
		"sys/class/block/mmcblk0p2/uevent": file("PARTN=2\nPARTNAME=tandem-boot\n"),
		"sys/class/block/nvme0n1p5/uevent": file("PARTN=5\nPARTNAME=other\n"),
		"sys/class/block/sdb1/uevent":      file("PARTN=1\n"),
	}
	want := []Partition{{"tandem-boot", "mmcblk0p2", "mmcblk0", 2}, {"other", "nvme0n1p5", "nvme0n1", 5}, {"tandem-data", "sda5", "sda", 5}}
	if got := Partitions(root); !slices.Equal(got, want) {
		t.Fatalf("%+v", got)
	}
	p, err := AwaitPartition(t.Context(), root, "tandem-data")
	if err != nil || p.Device != "sda5" {
		t.Fatal(p, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := AwaitPartition(ctx, root, "no"); err == nil || !strings.Contains(err.Error(), `no partition named "no" on any disk (there are mmcblk0p2`) {
		t.Fatal(err)
	}
}

func TestLedgerFindsTheReason(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		last  Ledger
		ok    bool
		signs Signs
		want  Reason
	}{
		{Ledger{}, false, Signs{Watchdog: true}, First},
		{Ledger{}, true, Signs{}, ByPower},
		{Ledger{}, true, Signs{Watchdog: true}, ByWatchdog},
		{Ledger{}, true, Signs{Panic: true}, ByPanic},
		{Ledger{Announced: ByUpdate}, true, Signs{Watchdog: true}, ByUpdate},
	} {
		l := Next(c.last, c.ok, c.signs, now)
		if l.Reason != c.want || l.ID == "" || (len(l.Resets) == 1) == c.want.Commanded() {
			t.Errorf("%+v %v %+v: %+v", c.last, c.ok, c.signs, l)
		}
	}
	var l Ledger
	for range 20 {
		l = Next(l, true, Signs{}, now)
	}
	if len(l.Resets) != keptResets {
		t.Fatalf("%d resets are kept", len(l.Resets))
	}
	path := filepath.Join(t.TempDir(), "boot.json")
	if err := l.Write(path); err != nil {
		t.Fatal(err)
	}
	if again, ok, err := ReadLedger(path); !ok || err != nil || again.ID != l.ID {
		t.Fatal(again, ok, err)
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := ReadLedger(path); ok || err == nil {
		t.Fatal("a torn ledger was read")
	}
}

func TestPanicRecordIsTakenOnce(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dmesg-efi-1"), []byte("Panic#1 Part1\nOops"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, found := PanicRecord(dir); !found || !strings.Contains(text, "Oops") {
		t.Fatal(text, found)
	}
	if _, found := PanicRecord(dir); found {
		t.Fatal("found again")
	}
}

func TestSlotIsWellWritesOnlyWhatChanges(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, layout.GrubEnv)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	put := func(b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name    string
		before  []byte
		changed bool
	}{
		{"fresh", grubenv.Fresh().Encode(), false},
		{"used up", grubenv.Fresh().Try("a", 0).Encode(), true},
		{"other slot first", grubenv.Fresh().Well("b").Encode(), true},
		{"zeroed", make([]byte, grubenv.Size), true},
	} {
		put(c.before)
		changed, err := SlotIsWell(dir, "a")
		if err != nil || changed != c.changed {
			t.Errorf("%s: changed %v, %v", c.name, changed, err)
		}
		raw, _ := os.ReadFile(path)
		s, err := grubenv.Parse(raw)
		if err != nil || s.Order != "a" || s.Tries["a"] != grubenv.Full {
			t.Errorf("%s: %+v %v", c.name, s, err)
		}
	}
}

func TestProvisionOverwritesOnlyWhatIsBad(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, layout.Provision), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{layout.BoxConfig, layout.DHCPConfig} {
		if err := os.WriteFile(filepath.Join(dir, layout.Provision, n), []byte("new"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, layout.BoxConfig), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	good := func(_ string, raw []byte) bool { return string(raw) != "bad" }
	taken, err := Provision(dir, data, good)
	if err != nil || !slices.Equal(taken, []string{layout.DHCPConfig}) {
		t.Fatal(taken, err)
	}
	if raw, _ := os.ReadFile(filepath.Join(data, layout.BoxConfig)); string(raw) != "mine" {
		t.Fatalf("box configuration is now %q", raw)
	}
	if taken, err := Provision(t.TempDir(), data, good); err != nil || len(taken) != 0 {
		t.Fatal(taken, err)
	}
	if err := os.WriteFile(filepath.Join(data, layout.BoxConfig), []byte("bad"), 0o600); err != nil {
		t.Fatal(err)
	}
	if taken, err := Provision(dir, data, good); err != nil || !slices.Equal(taken, []string{layout.BoxConfig}) {
		t.Fatal(taken, err)
	}
}
