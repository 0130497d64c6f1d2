package board

import "slices"

// Groups of kernel modules that several boards share. A module that a kernel
// has built in may stand here too; one that it does not have at all makes the
// image builder fail, so a typing error does not go unnoticed.
var (
	// Without these no disk of ours can be mounted: ext4 for the data, vfat and
	// its code pages for the boot partition.
	fileSystems = []string{"crc32c_generic", "ext4", "nls_cp437", "nls_ascii", "vfat"}

	// VLANs on the service network.
	always = []string{"8021q"}

	virtio = []string{"virtio_pci", "virtio_mmio", "virtio_net", "virtio_blk", "virtio_scsi", "virtio_rng", "virtio_console"}

	usbHost = []string{"xhci_pci", "ehci_pci", "ohci_pci", "usb_storage", "uas", "sd_mod"}

	// USB Ethernet is how a box with one port gets its direct cable.
	usbNet = []string{"r8152", "ax88179_178a", "asix", "cdc_ether", "cdc_ncm", "smsc95xx", "lan78xx"}

	keyboard = []string{"hid_generic", "usbhid"}

	softwareWatchdog = []string{"softdog"}
)

// x86 hardware that more than one PC board has.
var (
	x86Storage  = []string{"ahci", "ata_piix", "ata_generic", "nvme", "sd_mod", "sdhci_pci", "sdhci_acpi", "mmc_block"}
	x86USB      = append([]string{"uhci_hcd"}, usbHost...)
	x86Firmware = []string{"efivarfs", "efi_pstore"}
	intelNet    = []string{"e1000", "e1000e", "igb", "igc", "ixgbe", "i40e"}
	otherNet    = []string{"r8169", "realtek", "tg3", "bnx2", "atlantic", "alx", "atl1c", "sky2", "forcedeth", "8139too", "pcnet32", "vmxnet3", "hv_netvsc", "ena"}
	virtualDisk = []string{"vmw_pvscsi", "hv_storvsc", "mptspi", "sym53c8xx"}
	x86Watchdog = []string{"iTCO_wdt", "lpc_ich", "i2c_i801", "i2c_smbus", "sp5100_tco", "wdat_wdt", "i6300esb", "hpwdt"}
	x86Sensors  = []string{"coretemp", "k10temp", "drivetemp", "i2c_piix4"}
)

// list joins groups.
func list(groups ...[]string) []string { return slices.Concat(groups...) }
