package board

// arm64UEFI is any arm64 machine that starts by UEFI and describes itself by
// ACPI or a device tree of its firmware.
var arm64UEFI = Board{
	Name:     "arm64-uefi",
	Title:    "generic arm64 machine with UEFI",
	Arch:     "arm64",
	Generic:  true,
	Firmware: []Firmware{UEFI},
	// Server-class machines have an SBSA UART, which the kernel calls ttyAMA0;
	// one that the firmware's tables name (SPCR) is added by the kernel itself.
	Consoles: []Console{{Device: "tty0"}, {Device: "ttyAMA0", Baud: 115200}},
	Prefix:   "LAN",
	Disks: []Disk{
		{Kind: "NVMe", Pattern: "nvme[0-9]n[0-9]"},
		{Kind: "SATA or USB", Pattern: "sd[a-z]"},
		{Kind: "eMMC or SD card", Pattern: "mmcblk[0-9]"},
		{Kind: "virtual disk", Pattern: "vd[a-z]"},
	},
	Modules: Modules{
		First: fileSystems,
		Carry: list(always, virtio, usbHost, usbNet, keyboard,
			[]string{"ahci", "ahci_platform", "nvme", "sdhci_acpi", "sdhci_pci", "sdhci_iproc",
				"e1000e", "igb", "igc", "ixgbe", "r8169", "realtek", "mvneta", "mvpp2", "macb",
				"stmmac_platform", "dwmac_generic", "dwmac_rk", "xgene_enet", "ena", "genet", "mdio_bcm_unimac", "broadcom",
				"sbsa_gwdt", "dw_wdt", "sp805_wdt", "i6300esb", "bcm2835_wdt",
				"drivetemp", "efivarfs", "efi_pstore"}),
		Fallback: softwareWatchdog,
	},
	Watchdogs: []string{
		"SBSA Generic Watchdog",
		"Synopsys DesignWare Watchdog",
		"sp805-wdt",
		"Broadcom BCM2835 Watchdog timer",
		"i6300ESB timer",
		"Software Watchdog",
	},
	Sensors: []Sensor{
		{Chip: "nvme", Input: "temp1", Label: "NVMe", High: 70, Critical: 80},
		{Chip: "drivetemp", Input: "temp1", Label: "disk", High: 60, Critical: 70},
	},
}
