package images

import (
	"bytes"
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tandem/board"
	"tandem/images/gpt"
	"tandem/images/layout"
)

func TestGrubScripts(t *testing.T) {
	check, _ := exec.LookPath("grub-script-check")
	for _, b := range board.All() {
		for name, script := range map[string]string{"grub.cfg": grubConfig(b), "slot.cfg": slotConfig(Options{Board: b})} {
			if check != "" {
				cmd := exec.Command(check)
				cmd.Stdin = strings.NewReader(script)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s of %s: %v: %s", name, b.Name, err, out)
				}
			}
		}
		script := grubConfig(b)
		if !strings.HasSuffix(script, "reboot\n") {
			t.Errorf("%s: the script may end at a prompt", b.Name)
		}
		// Starts must be taken before anything of the slot is read.
		if strings.Index(script, "save_env") > strings.Index(script, "source "+layout.SlotConfig) {
			t.Errorf("%s: the slot is read before its start is counted", b.Name)
		}
		if serial := strings.Contains(script, "serial --unit=0 --speed=115200"); serial != b.Has(board.BIOS) {
			t.Errorf("%s: serial line in the script: %v", b.Name, serial)
		}
	}
}

func TestInstallBIOS(t *testing.T) {
	disk, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	boot := bytes.Repeat([]byte{0xaa}, gpt.Sector)
	core := bytes.Repeat([]byte{0xbb}, 3*gpt.Sector+1)
	if err := installBIOS(disk, boot, core); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(disk.Name())
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	start := uint64(layout.BIOSStart / gpt.Sector)
	if le.Uint64(got[0x5c:]) != start || got[0x66] != 0x90 || got[0x67] != 0x90 || got[439] != 0xaa || got[440] != 0 {
		t.Errorf("MBR % x", got[:446])
	}
	c := got[layout.BIOSStart:]
	if le.Uint64(c[0x1f4:]) != start+1 || le.Uint16(c[0x1fc:]) != 3 || len(c) != len(core) {
		t.Errorf("core begins % x", c[0x1f0:0x200])
	}
	for name, bad := range map[string][]byte{"tiny": core[:100], "huge": make([]byte, layout.BIOSSize+1)} {
		if err := installBIOS(disk, boot, bad); err == nil {
			t.Errorf("%s core accepted", name)
		}
	}
}

func TestLicences(t *testing.T) {
	for want, text := range map[string]string{
		"Apache-2.0":   "Apache License\n   Version 2.0, January 2004",
		"MIT":          "Permission is hereby granted, free of\ncharge, to any person",
		"BSD-3-Clause": "Redistribution and use in source and binary forms ... Neither the name of",
		"BSD-2-Clause": "Redistribution and use in source and binary forms, with or without",
		"MPL-2.0":      "Mozilla Public License Version 2.0",
		"NOASSERTION":  "All rights reserved",
	} {
		if got := licenceOf(text); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	b, _ := board.ByName("pc")
	tab := table(Options{Board: b})
	disk, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	if err := tab.Write(disk); err != nil {
		t.Fatal(err)
	}
	names := []string{layout.BIOS, layout.Boot, layout.SlotPartition("a"), layout.SlotPartition("b"), layout.Data}
	for i, n := range names {
		if p := tab.Partitions[i]; p.Name != n || p.First%gpt.Align != 0 || (p.Last+1)%gpt.Align != 0 {
			t.Errorf("partition %d: %+v, want %s on whole MiB", i+1, p, n)
		}
	}
	if p := tab.Partitions[layout.DataNumber-1]; p.Offset() != layout.DataStart {
		t.Errorf("data begins at %d", p.Offset())
	}
}
