package qemu

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Machine describes a virtual box before it is switched on.
type Machine struct {
	Name   string // in file names and messages
	Arch   string // "amd64", "arm64"
	Memory int    // MiB; 0: 256

	// Start is how it finds its software.
	Start  Start
	Direct Direct // for Start == StartDirect

	Disk    string // raw disk image, written to; "" for none
	DiskBus string // "virtio" (or ""), "ahci"
	// DiskReadOnly lets the disk refuse to be written.
	DiskReadOnly bool
	Stick        string // another raw disk image, as if plugged in; "" for none

	Ports []Cable // in the order of the case, at most 4

	Clock    time.Time // what the clock chip shows at the first start; zero: true time
	Watchdog string    // "i6300esb" (or ""), "none"
	Console  string    // file that keeps all console output; "" for none
}

// Start is a way to start a machine.
type Start string

// The ways to start.
const (
	StartBIOS   Start = "bios"
	StartUEFI   Start = "uefi"
	StartDirect Start = "direct" // QEMU loads the kernel itself
)

// Direct is a kernel that QEMU loads.
type Direct struct {
	Kernel      string // path
	RAMDisk     string // path
	CommandLine string
}

// Cable leads from a port of a box into a switch.
type Cable struct {
	To    *Switch
	MAC   MAC
	Model string // "virtio-net-pci" (or ""), "e1000e", "igb" where QEMU has it
}

// firmware files by architecture, the first that is there.
var firmware = map[string][]struct{ code, vars string }{
	"amd64": {
		{"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},
		{"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},
	},
	"arm64": {{"/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"}},
}

// findFirmware returns UEFI's program and its empty variables.
func findFirmware(arch string) (code, vars string, err error) {
	for _, f := range firmware[arch] {
		if _, err := os.Stat(f.code); err == nil {
			return f.code, f.vars, nil
		}
	}
	return "", "", fmt.Errorf("no UEFI firmware for %s; install the Debian package %s", arch,
		map[string]string{"amd64": "ovmf", "arm64": "qemu-efi-aarch64"}[arch])
}

// program returns the emulator of an architecture.
func program(arch string) string {
	if arch == "arm64" {
		return "qemu-system-aarch64"
	}
	return "qemu-system-x86_64"
}

// firstSlot is the PCI slot of the first network port; package board says the
// same to the box.
const firstSlot = 2

// sockets are the paths on which a machine finds its lab.
type sockets struct {
	monitor, console string
	ports            []string
	vars             string // UEFI variables of this box
}

// arguments returns QEMU's command line.
func (m Machine) arguments(s sockets, clock time.Time) ([]string, error) {
	memory := m.Memory
	if memory == 0 {
		memory = 256
	}
	args := []string{"-name", m.Name, "-nodefaults", "-no-user-config", "-display", "none",
		"-m", strconv.Itoa(memory), "-smp", "1", "-action", "watchdog=reset",
		"-chardev", "socket,id=qmp,path=" + s.monitor, "-mon", "chardev=qmp,mode=control",
		"-chardev", "socket,id=con,path=" + s.console, "-serial", "chardev:con",
		"-rtc", "base=" + clock.UTC().Format("2006-01-02T15:04:05"),
		"-device", "virtio-rng-pci,addr=0x9"}
	args = append(args, m.board()...)
	if m.Watchdog != "none" {
		args = append(args, "-device", "i6300esb,addr=0xa")
	}
	args = append(args, m.disk()...)
	if m.Stick != "" {
		args = append(args, "-drive", "if=none,id=stick,format=raw,file="+strings.ReplaceAll(m.Stick, ",", ",,"),
			"-device", "virtio-blk-pci,drive=stick,addr=0xb")
	}
	for i, p := range m.Ports {
		model := p.Model
		if model == "" {
			model = "virtio-net-pci"
		}
		id := portID(i)
		args = append(args, "-netdev", "stream,id="+id+",server=off,addr.type=unix,addr.path="+s.ports[i],
			"-device", fmt.Sprintf("%s,id=nic-%s,netdev=%s,mac=%s,addr=%#x,romfile=", model, id, id, p.MAC, firstSlot+i))
	}
	switch m.Start {
	case StartDirect:
		args = append(args, "-kernel", m.Direct.Kernel, "-initrd", m.Direct.RAMDisk, "-append", m.Direct.CommandLine)
	case StartUEFI:
		code, _, err := findFirmware(m.Arch)
		if err != nil {
			return nil, err
		}
		args = append(args, "-drive", "if=pflash,format=raw,unit=0,readonly=on,file="+code,
			"-drive", "if=pflash,format=raw,unit=1,file="+s.vars)
	}
	return args, nil
}

// board returns what makes the machine one of its architecture.
func (m Machine) board() []string {
	accel := Accelerator(m.Arch)
	if m.Arch == "arm64" {
		args := []string{"-M", "virt", "-accel", accel}
		if accel == "tcg" {
			// "max" is five times slower under emulation (pointer authentication).
			return append(args, "-cpu", "cortex-a53")
		}
		return append(args, "-cpu", "host")
	}
	return []string{"-M", "q35", "-accel", accel}
}

func (m Machine) disk() []string {
	if m.Disk == "" {
		return nil
	}
	drive := "if=none,id=disk,format=raw,file=" + strings.ReplaceAll(m.Disk, ",", ",,")
	if m.DiskReadOnly {
		drive += ",readonly=on"
	}
	if m.DiskBus == "ahci" {
		return []string{"-drive", drive, "-device", "ide-hd,drive=disk,bus=ide.0"}
	}
	return []string{"-drive", drive, "-device", "virtio-blk-pci,drive=disk,addr=0x8,bootindex=1"}
}

func portID(i int) string { return "p" + strconv.Itoa(i) }
