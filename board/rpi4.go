package board

// rpi4 is the Raspberry Pi 4 and 400: one Ethernet socket (the direct cable
// goes to a USB adapter), no clock chip, serial console on pins 8 and 10.
var rpi4 = Board{
	Name:     "rpi4",
	Title:    "Raspberry Pi 4",
	Arch:     "arm64",
	Firmware: []Firmware{Pi},
	Rules: []Rule{
		{Compatible: "raspberrypi,4-model-b"},
		{Compatible: "raspberrypi,400"},
		{Compatible: "raspberrypi,4-compute-module"},
	},
	Consoles: []Console{{Device: "tty0"}, {Device: "ttyS1", Baud: 115200}},
	Ports:    []Port{{Label: "LAN1", Bus: "fd580000.ethernet"}},
	Prefix:   "USB",
	Disks: []Disk{
		{Kind: "SD card", Pattern: "mmcblk[0-9]"},
		{Kind: "USB", Pattern: "sd[a-z]"},
	},
	Modules: Modules{
		First: fileSystems,
		Carry: list(always, usbNet, keyboard,
			[]string{"genet", "mdio_bcm_unimac", "broadcom", "bcm_phy_lib",
				"sdhci_iproc", "mmc_block", "pcie_brcmstb", "reset_raspberrypi", "xhci_pci", "usb_storage", "uas", "sd_mod",
				"bcm2835_wdt", "bcm2711_thermal", "raspberrypi_cpufreq", "i2c_bcm2835", "ledtrig_timer", "leds_gpio"}),
		Fallback: softwareWatchdog,
	},
	Watchdogs: []string{"Broadcom BCM2835 Watchdog timer", "Software Watchdog"},
	Sensors:   []Sensor{{Chip: "cpu_thermal", Input: "temp1", Label: "CPU", High: 75, Critical: 83}},
	LEDs:      LEDs{Alive: "ACT"},
	NoRTC:     true,
}
