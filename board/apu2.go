package board

// apu2 is the PC Engines APU2 and its sisters APU3 and APU4: AMD GX-412TC,
// serial console only, Intel i210/i211 ports numbered from the serial socket on.
var apu2 = Board{
	Name:     "apu2",
	Title:    "PC Engines APU2",
	Arch:     "amd64",
	Firmware: []Firmware{BIOS},
	Rules: []Rule{
		{Vendor: "PC Engines", Product: "apu2"},
		{Vendor: "PC Engines", Product: "PC Engines apu2"},
		{Vendor: "PC Engines", Product: "apu3"},
		{Vendor: "PC Engines", Product: "PC Engines apu3"},
		{Vendor: "PC Engines", Product: "apu4"},
		{Vendor: "PC Engines", Product: "PC Engines apu4"},
	},
	Consoles: []Console{{Device: "ttyS0", Baud: 115200}},
	Ports: []Port{
		// The maker gives the ports consecutive addresses in the order of the
		// case; bus numbers move when a mini-PCIe card is put in.
		{Label: "LAN1", Driver: "igb", Nth: 1},
		{Label: "LAN2", Driver: "igb", Nth: 2},
		{Label: "LAN3", Driver: "igb", Nth: 3},
	},
	Prefix: "LAN",
	Disks: []Disk{
		{Kind: "mSATA or SATA", Pattern: "sd[a-z]"},
		{Kind: "SD card", Pattern: "mmcblk[0-9]"},
	},
	Modules: Modules{
		First: fileSystems,
		Carry: list(always, x86USB, usbNet, keyboard,
			[]string{"ahci", "sdhci_pci", "sdhci_acpi", "mmc_block", "igb",
				"sp5100_tco", "i2c_piix4", "k10temp", "drivetemp",
				"pcengines_apuv2", "leds_gpio", "gpio_amd_fch", "ledtrig_timer"}),
		Fallback: softwareWatchdog,
	},
	Watchdogs: []string{"SP5100 TCO timer", "Software Watchdog"},
	Sensors: []Sensor{
		{Chip: "k10temp", Input: "temp1", Label: "CPU", High: 85, Critical: 100},
		{Chip: "drivetemp", Input: "temp1", Label: "disk", High: 60, Critical: 70},
	},
	LEDs: LEDs{Alive: "apu:green:1", Serve: "apu:green:2", Alarms: "apu:green:3"},
}
