package boxes

import (
	"path/filepath"
	"testing"
	"time"

	"tandem/qemu"
)

// stick makes an empty USB stick of 64 MiB.
func stick(t *testing.T, s *Stage) string {
	t.Helper()
	name := filepath.Join(s.dir, "stick")
	if _, err := tool("mformat", "-C", "-T", "131072", "-i", name, "::"); err != nil {
		t.Fatal(err)
	}
	return name
}

// menu goes through the menu of a console.
func menu(t *testing.T, b *qemu.Box, answers ...answer) {
	t.Helper()
	if err := b.Console.Type("menu"); err != nil {
		t.Fatal(err)
	}
	types(t, b, answers...)
}

// TestBackupAndRestore writes a backup of one box of a pair, lets the world go
// on, and restores it: the box knows that it forgot something (R4), and gets it
// from its partner.
func TestBackupAndRestore(t *testing.T) {
	onlyLong(t)
	opt := options()
	opt.Start = qemu.StartDirect
	s := stage(t, opt)
	b := s.Boxes[1]
	b.Machine.Stick = stick(t, s)
	start(t, s)
	awaitNormal(t, s)
	serves(t, s)
	menu(t, b, choose("Menu", "b"), choose("Backup and restore", "Write"), choose("Write a backup", "disk"))
	expect(t, b, servePatience, `box-b-\d{8}-\d{6}\.tandem: \d+ files, \d+ octets, read back and good`)
	home(t, b)
	before := settle(t, s)
	<-time.After(2 * time.Second) // what one knows the other must know
	menu(t, b, choose("Menu", "b"), choose("Backup and restore", "Restore"), choose("Restore a backup", "disk"), fill("Type RESTORE", "restore"))
	stop := keepAsking(t, s)
	expect(t, b, bootPatience, `the backup of box-b from .* was put in place: this box must RECOVER`)
	expect(t, b, bootPatience, `I move from .* to recover`)
	awaitNormal(t, s)
	stop()
	if err := s.Power(t.Context(), 0, false); err != nil {
		t.Fatal(err)
	}
	awaitAlone(t, s, 1)
	serves(t, s)
	if err := unchanged(before, s.addresses()); err != nil {
		t.Fatal(err)
	}
	if n := len(s.Crowd.Conflicts); n > 0 {
		t.Fatalf("%d addresses had two clients: %v", n, s.Crowd.Conflicts[0])
	}
}

// TestFactoryReset lets a box forget everything: it is blank afterwards.
func TestFactoryReset(t *testing.T) {
	onlyLong(t)
	opt := options()
	opt.Blank, opt.Alone, opt.Start = true, true, qemu.StartDirect
	s := stage(t, opt)
	b := s.Boxes[0]
	start(t, s)
	types(t, b, firstAnswers...)
	expect(t, b, bootPatience, `pairing +code `)
	menu(t, b, choose("Menu", "s"), choose("System", "f"), fill("Type FORGET", "FORGET"))
	expect(t, b, bootPatience, `factory reset: everything was forgotten`)
	expect(t, b, bootPatience, `== Set up this box`)
}
