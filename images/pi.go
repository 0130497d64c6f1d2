package images

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// piConfig makes the Raspberry Pi's firmware start U-Boot, which starts GRUB by
// UEFI, so that slots work as on every other board.
const piConfig = `arm_64bit=1
enable_uart=1
upstream_kernel=1
kernel=u-boot.bin
`

// addPi adds what the Pi's firmware reads from the boot partition.
func addPi(p parts, files map[string][]byte) error {
	firmware := filepath.Join(p.debs[debPi].dir, "usr/lib/raspi-firmware")
	from := map[string]string{
		"/start4.elf": filepath.Join(firmware, "start4.elf"),
		"/fixup4.dat": filepath.Join(firmware, "fixup4.dat"),
		"/u-boot.bin": filepath.Join(p.debs[debUBoot].dir, "usr/lib/u-boot/rpi_4/u-boot.bin"),
	}
	for _, name := range p.kernel.DeviceTrees() {
		if strings.HasPrefix(name, "bcm2711-") {
			path, err := p.kernel.File(name)
			if err != nil {
				return err
			}
			from["/"+name] = path
		}
	}
	for to, path := range from {
		data, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("files of the Raspberry Pi: %w", err)
		}
		files[to] = data
	}
	files["/config.txt"] = []byte(piConfig)
	return nil
}
