package board

// pc is any 64-bit PC, with a legacy BIOS or with UEFI, from one image.
var pc = Board{
	Name:     "pc",
	Title:    "generic PC",
	Arch:     "amd64",
	Generic:  true,
	Firmware: []Firmware{BIOS, UEFI},
	Consoles: []Console{{Device: "tty0"}, {Device: "ttyS0", Baud: 115200}},
	Prefix:   "LAN",
	Disks: []Disk{
		{Kind: "NVMe", Pattern: "nvme[0-9]n[0-9]"},
		{Kind: "SATA or USB", Pattern: "sd[a-z]"},
		{Kind: "eMMC or SD card", Pattern: "mmcblk[0-9]"},
		{Kind: "virtual disk", Pattern: "vd[a-z]"},
	},
	Modules: Modules{
		First: fileSystems,
		Carry: list(always, virtio, x86Storage, x86USB, usbNet, keyboard, x86Firmware,
			intelNet, otherNet, virtualDisk, x86Watchdog, x86Sensors,
			[]string{"pcengines_apuv2", "leds_gpio", "gpio_amd_fch", "ledtrig_timer"}),
		Fallback: softwareWatchdog,
	},
	Watchdogs: x86Identities,
	Sensors: []Sensor{
		{Chip: "coretemp", Input: "temp1", Label: "CPU", High: 85, Critical: 97},
		{Chip: "k10temp", Input: "temp1", Label: "CPU", High: 80, Critical: 92},
		{Chip: "nvme", Input: "temp1", Label: "NVMe", High: 70, Critical: 80},
		{Chip: "drivetemp", Input: "temp1", Label: "disk", High: 60, Critical: 70},
	},
}

// x86Identities puts the chipset's own timers before the one that the
// firmware describes (ACPI WDAT drives the same hardware by way of tables that
// are often wrong), and the kernel's software timer last.
var x86Identities = []string{
	"iTCO_wdt",
	"SP5100 TCO timer",
	"HPE iLO2+ HW Watchdog Timer",
	"i6300ESB timer",
	"wdat_wdt",
	"Software Watchdog",
}
