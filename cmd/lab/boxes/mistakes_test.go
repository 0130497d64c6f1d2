package boxes

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/images"
	"tandem/images/layout"
)

// TestBothPrimary is a pair whose boxes were both told to be the primary: they
// refuse each other and say why.
func TestBothPrimary(t *testing.T) {
	opt := options()
	opt.Start = "direct"
	opt.Box = func(i int, text string) string {
		if i == 1 {
			return strings.NewReplacer("role secondary", "role primary", "peer tandem clear", "peer tandem clear mclt 30 split 128").Replace(text)
		}
		return text
	}
	s := stage(t, opt)
	start(t, s)
	for _, b := range s.Boxes {
		expect(t, b, bootPatience, `(?i)both .*primary|same role|is a primary as well|also .*primary`)
	}
}

// TestMisspeltConfiguration: the console tells each mistake with place and
// remedy, and the box takes a better file from the provisioning place.
func TestMisspeltConfiguration(t *testing.T) {
	opt := options()
	opt.Only, opt.Start = true, "direct"
	opt.Box = func(_ int, text string) string {
		return strings.NewReplacer("role single", "role boss", "10.77.0.2/24", "10.77.0.2").Replace(text)
	}
	s := stage(t, opt)
	start(t, s)
	b := s.Boxes[0]
	expect(t, b, bootPatience, `box\.conf:2: unknown role "boss" \(primary, secondary or single\)`)
	expect(t, b, servePatience, `box\.conf:3: 10\.77\.0\.2 has no prefix length \(example: 10\.77\.0\.2/24\)`)
	expect(t, b, servePatience, `FAIL box configuration`)
	expect(t, b, servePatience, `There is a configuration that is wrong: .*unknown role`)
	b.PullPower()
	opt.Box = nil
	if err := images.Provision(t.Context(), b.Machine.Disk, map[string][]byte{layout.BoxConfig: []byte(boxConf(0, opt))}); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	expect(t, b, bootPatience, `Serving alone`)
	serves(t, s)
}

// TestDataFull fills the data partition: the box boots, says so, and serves
// who already has a lease.
func TestDataFull(t *testing.T) {
	opt := options()
	opt.Only, opt.Start, opt.Disk = true, "direct", 1 // as small as the image
	s := stage(t, opt)
	b := s.Boxes[0]
	start(t, s)
	expect(t, b, bootPatience, `Serving alone`)
	serves(t, s)
	if err := b.Console.Type("poweroff"); err != nil {
		t.Fatal(err)
	}
	if err := b.WaitOff(within(t, servePatience)); err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(t.TempDir(), "filler")
	left := 40 // blocks
	if err := os.WriteFile(filler, bytes.Repeat([]byte{1}, 4096*(freeBlocks(t, b.Machine.Disk)-left)), 0o600); err != nil {
		t.Fatal(err)
	}
	debugfs(t, b.Machine.Disk, "write "+filler+" filler")
	start(t, s)
	expect(t, b, bootPatience, `ALARM: disk space \(critical\) .*almost full`)
	serves(t, s)
}

// TestDataMissing deletes the data partition from the table.
func TestDataMissing(t *testing.T) {
	opt := options()
	opt.Only, opt.Start = true, "direct"
	s := stage(t, opt)
	if _, err := tool("sgdisk", "-d", "5", s.Boxes[0].Machine.Disk); err != nil {
		t.Fatal(err)
	}
	start(t, s)
	expect(t, s.Boxes[0], bootPatience, `FAIL data partition .*no partition named "tandem-data".*flash the image again`)
	expect(t, s.Boxes[0], servePatience, `FAIL box configuration .*no data partition`)
}

// TestDataWriteProtected starts from a disk that refuses to be written.
func TestDataWriteProtected(t *testing.T) {
	opt := options()
	opt.Only, opt.Start = true, "direct"
	s := stage(t, opt)
	s.Boxes[0].Machine.DiskReadOnly = true
	start(t, s)
	expect(t, s.Boxes[0], bootPatience, `FAIL data partition .*write-protected`)
}

// TestDataGoesReadOnly lets the file system find an error while the box
// serves: the alarm says so, and the box restarts to repair it.
func TestDataGoesReadOnly(t *testing.T) {
	opt := options()
	opt.Only, opt.Workbench = true, true
	s := stage(t, opt)
	b := s.Boxes[0]
	start(t, s)
	expect(t, b, bootPatience, `Serving alone`)
	serves(t, s)
	if err := b.Console.Type("spoil disk"); err != nil {
		t.Fatal(err)
	}
	expect(t, b, servePatience, `ALARM: disk read-only \(critical\)`)
	expect(t, b, servePatience, `restarting, because the data partition can not be written`)
	expect(t, b, bootPatience, `ok +data partition .*repaired`)
	expect(t, b, bootPatience, `Serving alone`)
	serves(t, s)
}

// TestDataDestroyed overwrites the data partition of one box of a pair: it
// begins anew, takes its configuration from the boot partition again, and gets
// every lease from its partner.
func TestDataDestroyed(t *testing.T) {
	onlyLong(t)
	opt := options()
	opt.Start = "direct"
	s := stage(t, opt)
	start(t, s)
	awaitNormal(t, s)
	before := settle(t, s)
	stop := keepAsking(t, s)
	defer stop()
	b := s.Boxes[1]
	if err := s.Power(t.Context(), 1, false); err != nil {
		t.Fatal(err)
	}
	disk, err := os.OpenFile(b.Machine.Disk, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	junk := bytes.Repeat([]byte("junk"), layout.MiB/4)
	for i := range int64(180) { // copies of the superblock as well
		if _, err := disk.WriteAt(junk, layout.DataStart+i*layout.MiB); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Power(t.Context(), 1, true); err != nil {
		t.Fatal(err)
	}
	expect(t, b, bootPatience, `data partition .*DAMAGED BEYOND REPAIR: begun anew`)
	expect(t, b, bootPatience, `taken from the boot partition: box\.conf, dhcpd\.conf`)
	expect(t, b, bootPatience, `I move from .* to recover`)
	awaitNormal(t, s)
	if err := s.Power(t.Context(), 0, false); err != nil {
		t.Fatal(err)
	}
	awaitAlone(t, s, 1)
	stop()
	serves(t, s)
	if err := unchanged(before, s.addresses()); err != nil {
		t.Fatal(err)
	}
}

// TestSwappedRoles is a pair whose boxes were given each other's role while
// they were off.
func TestSwappedRoles(t *testing.T) {
	onlyLong(t)
	opt := options()
	opt.Start = "direct"
	s := stage(t, opt)
	start(t, s)
	awaitNormal(t, s)
	before := settle(t, s)
	// What one knows the other must know before both end.
	<-time.After(2 * time.Second)
	for i, b := range s.Boxes {
		if err := b.Console.Type("poweroff"); err != nil {
			t.Fatal(err)
		}
		if err := b.WaitOff(within(t, servePatience)); err != nil {
			t.Fatal(err)
		}
		s.Eyes[i].Mark(false, false)
	}
	for i, role := range []string{"secondary", "primary"} {
		text := strings.Replace(boxConf(i, opt), "role "+roles[i], "role "+role, 1)
		text = strings.Replace(text, "peer tandem clear mclt 30 split 128", "peer tandem clear", 1)
		if role == "primary" {
			text = strings.Replace(text, "peer tandem clear", "peer tandem clear mclt 30 split 128", 1)
		}
		putData(t, s.Boxes[i].Machine.Disk, layout.BoxConfig, text)
	}
	start(t, s)
	awaitNormal(t, s)
	serves(t, s)
	if err := unchanged(before, s.addresses()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Crowd.Conflicts); n > 0 {
		t.Fatalf("%d addresses had two clients: %v", n, s.Crowd.Conflicts[0])
	}
}

// putData puts a file onto the data partition of a box without power.
func putData(t *testing.T, disk, name, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	debugfs(t, disk, "rm "+name, "write "+file+" "+name)
}
