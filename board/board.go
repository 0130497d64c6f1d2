// Package board describes the boxes that a Tandem image runs on, as data: where
// the operator's console is, what the network ports are called on the case,
// which kernel modules the hardware wants, which watchdog to trust first, and
// how the hardware tells what it is.
//
// One file is one board. A new box is a new file with one Board value and one
// line in the list below; nothing else in the tree names a board. Hardware that
// no board recognises runs as the generic board of its architecture, and the
// answer of Recognise says so.
//
// The package reads no files: the caller gathers Facts and NICs.
package board

import "slices"

// Firmware is a way in which the machine starts what is on its disk.
type Firmware string

// The three ways that images are made for. One image may serve several.
const (
	BIOS Firmware = "bios" // legacy PC BIOS: boot sector, GRUB i386-pc
	UEFI Firmware = "uefi" // UEFI: \EFI\BOOT\BOOTX64.EFI or BOOTAA64.EFI
	Pi   Firmware = "pi"   // Raspberry Pi: config.txt, U-Boot, then as UEFI
)

// Board is everything that is known of one kind of box before it is powered.
type Board struct {
	Name    string // as on the command line: "apu2"
	Title   string // as people say it: "PC Engines APU2"
	Arch    string // as Go spells it: "amd64", "arm64"
	Generic bool   // takes unknown hardware of its architecture

	Firmware []Firmware
	Rules    []Rule // the hardware is this board if one of these holds

	// Consoles in the order of the kernel's command line: the kernel speaks on
	// all of them, /dev/console and the setup dialogue are the last one.
	Consoles []Console

	// Params are words for the kernel's command line that this hardware wants.
	Params []string

	// Ports that are soldered in, in the order of the case. Network devices
	// that match none of them get names of Prefix and a number, from
	// len(Ports)+1 on, by bus address.
	Ports  []Port
	Prefix string

	Disks     []Disk // where the system may live, best first
	Modules   Modules
	Watchdogs []string // identities as in /sys/class/watchdog/*/identity, best first
	Sensors   []Sensor
	LEDs      LEDs
	NoRTC     bool // no clock survives a power cut: time comes from the network only
}

// Console is a terminal as the kernel names it.
type Console struct {
	Device string // "ttyS0", "tty0" (screen and keyboard)
	Baud   int    // 8N1; 0 if the device has no speed
}

// Serial reports whether a cable with a speed belongs to the console.
func (c Console) Serial() bool { return c.Baud != 0 }

// Port is one network socket of the case. Every field that is not empty must fit.
type Port struct {
	Label  string // as printed on the case, or as the maker's manual calls it
	Bus    string // name of the bus device: "0000:01:00.0", "fd580000.ethernet"
	Driver string // kernel driver: "igb"
	Nth    int    // 1-based place among the devices that fit so far, by MAC; 0: the only one
}

// Disk is a kind of block device by its kernel name.
type Disk struct {
	Kind    string // "NVMe", "SATA", "SD card"
	Pattern string // of the kernel's name, as path.Match takes it: "sd[a-z]"
}

// Modules lists kernel modules by name; '-' and '_' are the same.
type Modules struct {
	First    []string // loaded by name before anything else, in this order
	Carry    []string // in the image, loaded when a device asks for them
	Fallback []string // loaded by name only when no hardware watchdog was found
}

// All returns every module named, in order, without repetition.
func (m Modules) All() []string {
	var all []string
	for _, name := range slices.Concat(m.First, m.Carry, m.Fallback) {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// Sensor is one temperature of the box. High and Critical are in degrees
// Celsius: an alarm is raised at High and is urgent at Critical.
type Sensor struct {
	Chip     string // name as in /sys/class/hwmon/*/name
	Input    string // "temp1"
	Label    string // "CPU"
	High     int
	Critical int
}

// LEDs names lights as in /sys/class/leds; empty where the box has none.
type LEDs struct {
	Alive  string // steady: init runs; blinking: booting
	Serve  string // lit while clients are served
	Alarms string // lit while an alarm stands
}

// boards in the order in which they are asked: special ones before generic ones.
var boards = []Board{apu2, rpi4, qemuX86, qemuARM64, pc, arm64UEFI}

// All returns every board.
func All() []Board { return slices.Clone(boards) }

// Names returns the name of every board, sorted.
func Names() []string {
	var names []string
	for _, b := range boards {
		names = append(names, b.Name)
	}
	slices.Sort(names)
	return names
}

// ByName finds a board by its exact name.
func ByName(name string) (Board, bool) {
	i := slices.IndexFunc(boards, func(b Board) bool { return b.Name == name })
	if i < 0 {
		return Board{}, false
	}
	return boards[i], true
}

// Has reports whether the board starts through the given firmware.
func (b Board) Has(f Firmware) bool { return slices.Contains(b.Firmware, f) }

// Console returns the console that the operator talks to.
func (b Board) Console() Console { return b.Consoles[len(b.Consoles)-1] }
