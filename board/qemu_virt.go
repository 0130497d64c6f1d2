package board

// qemuARM64 is QEMU's "virt" machine as the lab makes it.
var qemuARM64 = Board{
	Name:     "qemu-arm64",
	Title:    "QEMU arm64 machine",
	Arch:     "arm64",
	Firmware: []Firmware{UEFI},
	Rules: []Rule{
		{Compatible: "linux,dummy-virt"},
		{Vendor: "QEMU", Product: "QEMU Virtual Machine"},
		{Vendor: "QEMU", Product: "KVM Virtual Machine"},
	},
	Consoles: []Console{{Device: "ttyAMA0", Baud: 115200}},
	Ports:    qemuPorts,
	Prefix:   "LAN",
	Disks:    []Disk{{Kind: "virtual disk", Pattern: "vd[a-z]"}},
	Modules: Modules{
		First:    fileSystems,
		Carry:    list(always, virtio, []string{"i6300esb", "e1000e", "efivarfs", "efi_pstore"}),
		Fallback: softwareWatchdog,
	},
	Watchdogs: []string{"i6300ESB timer", "Software Watchdog"},
}
