package images

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tandem/board"
	"tandem/images/gpt"
	"tandem/images/grubenv"
	"tandem/images/layout"
)

// Modules that are linked into GRUB. Nothing is loaded from disk but the
// configuration, so the boot partition cannot hold a half-fitting set.
var (
	grubCommon = []string{"part_gpt", "fat", "normal", "configfile", "loadenv", "test", "echo", "regexp", "sleep", "reboot", "linux"}
	grubBIOS   = []string{"biosdisk", "serial", "terminal"}
	grubUEFI   = []string{"all_video", "efi_gop"}
)

// grubTarget is one build of GRUB.
type grubTarget struct {
	format  string // as grub-mkimage names it; also its directory in the package
	deb     string
	modules []string
	file    string // place on the boot partition; "" for the BIOS core
}

func grubTargets(b board.Board) []grubTarget {
	var list []grubTarget
	if b.Has(board.BIOS) {
		list = append(list, grubTarget{"i386-pc", debGrubBIOS, grubBIOS, ""})
	}
	switch {
	case b.Arch == "arm64":
		list = append(list, grubTarget{"arm64-efi", debGrubARM64, grubUEFI, "/EFI/BOOT/BOOTAA64.EFI"})
	case b.Has(board.UEFI):
		list = append(list, grubTarget{"x86_64-efi", debGrubAMD64, grubUEFI, "/EFI/BOOT/BOOTX64.EFI"})
	}
	return list
}

// build links one GRUB and returns it. The BIOS core looks for its files on
// the boot partition of the disk that it came from; an EFI program knows its
// partition from the firmware.
func (t grubTarget) build(ctx context.Context, o Options, p parts, work string) ([]byte, error) {
	prefix := filepath.Dir(layout.GrubConfig)
	if t.file == "" {
		prefix = fmt.Sprintf("(,gpt%d)%s", layout.BootNumber, prefix)
	}
	out := filepath.Join(work, "grub-"+t.format)
	args := []string{"-O", t.format, "-d", filepath.Join(p.debs[t.deb].dir, "usr/lib/grub", t.format), "-p", prefix, "-o", out}
	if err := tool(ctx, o.Time, "grub-mkimage", append(args, append(grubCommon, t.modules...)...)...); err != nil {
		return nil, err
	}
	return os.ReadFile(out)
}

// Places inside GRUB's first stages (grub-core/boot/i386/pc/boot.S, diskboot.S
// of GRUB 2.06) that its own installer fills in on a running system.
const (
	bootCodeSize    = 440  // of the MBR, before the disk signature
	bootCoreSector  = 0x5c // u64: where the core begins
	bootDriveCheck  = 0x66 // two bytes: jump that is taken out so that any drive boots
	coreNextSector  = 0x1f4
	coreNextSectors = 0x1fc
)

// installBIOS writes GRUB's boot code into the MBR and its core into the BIOS
// boot partition.
func installBIOS(disk *os.File, boot, core []byte) error {
	const start = layout.BIOSStart / gpt.Sector
	sectors := (len(core) + gpt.Sector - 1) / gpt.Sector
	if len(boot) < gpt.Sector || sectors < 2 || len(core) > layout.BIOSSize {
		return fmt.Errorf("GRUB for BIOS: boot code of %d bytes, core of %d bytes", len(boot), len(core))
	}
	mbr := append([]byte{}, boot[:bootCodeSize]...)
	binary.LittleEndian.PutUint64(mbr[bootCoreSector:], start)
	mbr[bootDriveCheck], mbr[bootDriveCheck+1] = 0x90, 0x90
	patched := append([]byte{}, core...)
	binary.LittleEndian.PutUint64(patched[coreNextSector:], start+1)
	binary.LittleEndian.PutUint16(patched[coreNextSectors:], uint16(sectors-1))
	if _, err := disk.WriteAt(mbr, 0); err != nil {
		return err
	}
	_, err := disk.WriteAt(patched, layout.BIOSStart)
	return err
}

// grubConfig is the script that picks a slot. It takes one start from the slot
// before anything of it is read, so that whatever goes wrong later counts; with
// no start left anywhere the slots take turns (see package grubenv, whose Next
// is the same in Go). It always ends in a reboot, never at a prompt.
func grubConfig(b board.Board) string {
	var s strings.Builder
	s.WriteString("# Picks the slot to start. Made by mkimage; init only changes grubenv.\n")
	if c := b.Console(); b.Has(board.BIOS) && strings.HasPrefix(c.Device, "ttyS") {
		// UEFI brings its own console, which is on the serial line if it should be.
		fmt.Fprintf(&s, "if [ \"$grub_platform\" = pc ]; then\n  if serial --unit=%s --speed=%d; then\n"+
			"    terminal_input console serial\n    terminal_output console serial\n  fi\nfi\n",
			strings.TrimPrefix(c.Device, "ttyS"), c.Baud)
	}
	s.WriteString(`set order=a
load_env order a_tries b_tries
if [ "$order" = b ]; then
  set other=a
else
  set order=a
  set other=b
fi
set slot=
for try in $order $other; do
  if [ "$slot" = "" ]; then
    if [ "$try" = a ]; then set tries="$a_tries"; else set tries="$b_tries"; fi
    set left=
`)
	for n := grubenv.Full; n > 0; n-- {
		fmt.Fprintf(&s, "    if [ \"$tries\" = %d ]; then set left=%d; fi\n", n, n-1)
	}
	fmt.Fprintf(&s, `    if [ "$left" != "" ]; then
      set slot=$try
      if [ "$try" = a ]; then set a_tries=$left; else set b_tries=$left; fi
    fi
  fi
done
if [ "$slot" = "" ]; then
  echo "No slot is known to be good: they take turns."
  set slot=$order
  set left=none
  set order=$other
fi
save_env order a_tries b_tries
regexp --set=1:disk '^(.*),gpt%d$' "$root"
if [ "$slot" = a ]; then set root="$disk,gpt%d"; else set root="$disk,gpt%d"; fi
echo "Starting slot $slot ($left starts left after this one)."
source %s
echo "Slot $slot cannot be started."
sleep 5
reboot
`, layout.BootNumber, layout.SlotANumber, layout.SlotBNumber, layout.SlotConfig)
	return s.String()
}

// slotConfig is the script of a slot: it belongs to the slot, so that an update
// can change the kernel's parameters with the kernel.
func slotConfig(o Options) string {
	return fmt.Sprintf("linux %s %s %s=$slot %s=$left\ninitrd %s\nboot\n",
		layout.SlotKernel, CommandLine(o), layout.ParamSlot, layout.ParamTries, layout.SlotRAMDisk)
}
