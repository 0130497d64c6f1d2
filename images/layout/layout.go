// Package layout names what lies where on a box: partitions, files on them and
// files in the initial RAM disk. The image builder writes it, init and the
// updater rely on it.
//
// The disk (GPT, 512-byte sectors, every partition on a 1 MiB boundary):
//
//	1 tandem-bios    1 MiB  GRUB's core for a legacy BIOS, no file system
//	2 tandem-boot   64 MiB  FAT32: GRUB, its environment block, provisioning
//	3 tandem-a      64 MiB  FAT16: kernel and RAM disk of slot a
//	4 tandem-b      64 MiB  FAT16: the same of slot b
//	5 tandem-data   32 MiB  ext4: all that the box keeps; grown to the disk's end at boot
//
// A slot has a partition of its own, so that an update cut short by a power
// loss damages nothing but the slot that was not running. The boot partition is
// written in place only (the environment block never moves or grows).
//
// Everything before the data partition has a fixed size: copying an image's
// first DataStart bytes onto a disk renews the system and keeps the data.
package layout

// Partition names in the GPT (PARTNAME in /sys/class/block/*/uevent).
const (
	BIOS = "tandem-bios"
	Boot = "tandem-boot"
	Data = "tandem-data"
	// A slot's partition is SlotPrefix and its letter.
	SlotPrefix = "tandem-"
)

// Numbers of the partitions, from 1.
const (
	BIOSNumber = 1 + iota
	BootNumber
	SlotANumber
	SlotBNumber
	DataNumber
)

// Slots lists the letters of the slots.
var Slots = []string{"a", "b"}

// Sizes in bytes.
const (
	MiB = 1 << 20

	BIOSStart = 1 * MiB
	BIOSSize  = 1 * MiB
	BootStart = BIOSStart + BIOSSize
	BootSize  = 64 * MiB
	SlotSize  = 64 * MiB
	SlotStart = BootStart + BootSize // slot a; slot b follows
	DataStart = SlotStart + 2*SlotSize
	DataSize  = 32 * MiB // in the image; at least
	ImageSize = DataStart + DataSize + 1*MiB
)

// Files on the boot partition.
const (
	GrubConfig = "/grub/grub.cfg"
	GrubEnv    = "/grub/grubenv"
	// Provision is a directory where a person may put a box configuration
	// before the first start, with any computer that reads FAT.
	Provision = "/tandem"
	// BoxConfig is the box configuration in the directory Provision, and the
	// name that it has on the data partition.
	BoxConfig = "box.conf"
	// DHCPConfig is the pair's dhcpd.conf, in the same places.
	DHCPConfig = "dhcpd.conf"
	// DHCPLeases are the leases of the dhcpd whose place the box takes, in the
	// directory Provision; on the data partition only until they are taken.
	DHCPLeases = "dhcpd.leases"
	// WishReset and WishNoPassword are empty files in the directory Provision
	// by which a person who has the disk in hand makes the box forget
	// everything, or the password of its console.
	WishReset      = "factory-reset"
	WishNoPassword = "no-password"
)

// Directories on the data partition, by their path on the box.
const (
	DataDir   = "/data"
	LeasesDir = DataDir + "/leases"
	// KeysDir is this box's key and the pin of its partner's.
	KeysDir = DataDir + "/keys"
	// PairDir is what the pair service keeps: the versions of the pair's
	// configuration, and what it knows of the partner.
	PairDir = DataDir + "/pair"
	// PairConfigDir has a directory for each version and the link Active to the
	// one in force.
	PairConfigDir = PairDir + "/config"
	ActiveLink    = "active"
	// PasswordFile has the hash of the console's password.
	PasswordFile = DataDir + "/console.password"
	// ResetMark, in DataDir, tells that the next start is to forget everything.
	ResetMark = "factory-reset"
	// RestoredMark is there when the data came out of a backup and no run has
	// noted so in its boot ledger yet.
	RestoredMark = DataDir + "/restored"
)

// Directories and files that init and the services share while the box runs.
const (
	RunDir      = "/run/tandem"
	ControlDir  = RunDir + "/dhcpfd"
	Control     = ControlDir + "/control" // dhcpfd's control socket
	PairRunDir  = RunDir + "/pair"
	PairControl = PairRunDir + "/control"
	PairStatus  = PairRunDir + "/status.json"
)

// Ports that boxes use between each other.
const (
	PairPort  = 648 // TCP: the pair's session; UDP: heartbeats
	EnrolPort = 649 // TCP, open only while pairing is
	// Addresses for a box that joins; no pair uses them otherwise, so that the
	// two never meet an address of their own.
	EnrolHost  = "169.254.78.1/30"
	EnrolGuest = "169.254.78.2/30"
)

// Files on a slot partition.
const (
	SlotKernel   = "/vmlinuz"
	SlotRAMDisk  = "/initrd"
	SlotConfig   = "/slot.cfg" // GRUB commands that load the two
	SlotManifest = "/manifest.json"
)

// Files in the RAM disk, which is the box's root file system.
const (
	Init         = "/init"
	DHCPd        = "/bin/dhcpfd"
	FailCtl      = "/bin/failctl"
	Fsck         = "/sbin/e2fsck" // static; -p repairs what is safe to repair
	ModuleDir    = "/lib/modules" // NAME.ko.gz, flat; package modules reads them
	ModuleIndex  = "/lib/modules/index"
	ImageInfo    = "/etc/tandem/image.json"
	Manifest     = "/etc/tandem/manifest.json"
	EmptyData    = "/lib/tandem/data.ext4.gz" // fresh file system for a lost data partition
	Passwd       = "/etc/passwd"
	Group        = "/etc/group"
	Resolv       = "/etc/resolv.conf" // a link to what init writes
	ResolvTarget = "/run/tandem/resolv.conf"
	DebugMarker  = "/etc/tandem/debug" // there only in debug images
	ServiceUser  = "dhcpfd"
	ServiceUID   = 100
	ServiceGID   = 100
	ServiceShell = "/nonexistent"
)

// Words on the kernel's command line.
const (
	ParamBoard = "tandem.board" // board that the image was made for
	ParamSlot  = "tandem.slot"  // slot that was started: a or b
	ParamTries = "tandem.tries" // starts that the slot has left after this one; "none": last resort
)

// Image describes an image to the software in it; stored as JSON at ImageInfo.
type Image struct {
	Board   string `json:"board"`
	Version string `json:"version"`
	Arch    string `json:"arch"`
	Kernel  string `json:"kernel"` // release, as uname -r says
	Built   int64  `json:"built"`  // Unix seconds: time on the box is never before this
	Debug   bool   `json:"debug"`
}

// SlotPartition returns the partition name of a slot.
func SlotPartition(slot string) string { return SlotPrefix + slot }
