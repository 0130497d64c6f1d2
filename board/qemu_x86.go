package board

// qemuX86 is a virtual Q35 machine as the lab makes it: network devices in the
// PCI slots 2 to 4, in the order of the case.
var qemuX86 = Board{
	Name:     "qemu-x86",
	Title:    "QEMU x86-64 machine",
	Arch:     "amd64",
	Firmware: []Firmware{BIOS, UEFI},
	Rules:    []Rule{{Vendor: "QEMU", Product: "Standard PC"}},
	Consoles: []Console{{Device: "ttyS0", Baud: 115200}},
	// A busy host lets the emulated timer miss the moment at which the kernel
	// checks it, and the kernel then stops without a word.
	Params: []string{"no_timer_check"},
	Ports:  qemuPorts,
	Prefix: "LAN",
	Disks: []Disk{
		{Kind: "virtual disk", Pattern: "vd[a-z]"},
		{Kind: "SATA", Pattern: "sd[a-z]"},
	},
	Modules: Modules{
		First: fileSystems,
		Carry: list(always, virtio, []string{"ahci", "sd_mod", "e1000e", "i6300esb",
			"iTCO_wdt", "lpc_ich", "i2c_i801", "efivarfs", "efi_pstore", "coretemp"}),
		Fallback: softwareWatchdog,
	},
	Watchdogs: []string{"i6300ESB timer", "iTCO_wdt", "Software Watchdog"},
}

// qemuPorts are the lab's sockets, the same on both architectures.
var qemuPorts = []Port{
	{Label: "LAN1", Bus: "0000:00:02.0"},
	{Label: "LAN2", Bus: "0000:00:03.0"},
	{Label: "LAN3", Bus: "0000:00:04.0"},
}
