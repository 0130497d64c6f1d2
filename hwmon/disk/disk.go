// Package disk reads the state of the data partition and of memory.
package disk

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tandem/hwmon"
)

// Read gives space (percent free), errors and read-only of the file system
// mounted at mount on device (without /dev/), and the wear of the flash below
// where it tells. root is the file system that holds sys and proc.
func Read(root fs.FS, mount, device string) []hwmon.Reading {
	var readings []hwmon.Reading
	count, known := number(root, path.Join("sys/fs/ext4", device, "errors_count"))
	if known {
		readings = append(readings, hwmon.Reading{Name: "disk errors", Value: count, Unit: "errors"})
	}
	var st unix.Statfs_t
	if unix.Statfs(mount, &st) == nil && st.Blocks > 0 {
		sealed := st.Flags&unix.ST_RDONLY != 0 || count > 0 && refuses(mount)
		readings = append(readings,
			hwmon.Reading{Name: "disk space", Value: 100 * float64(st.Bavail) / float64(st.Blocks), Unit: "% free"},
			hwmon.Reading{Name: ReadOnly, Value: flag(sealed)})
	}
	return append(readings, wear(root, device)...)
}

// ReadOnly is the name of the reading that tells that nothing can be written.
const ReadOnly = "disk read-only"

// refuses tries to write: ext4 after an error does not call itself read-only
// any more (Linux 6.12, and the older ones that took that over).
func refuses(mount string) bool {
	name := path.Join(mount, ".probe")
	f, err := os.Create(name)
	if err != nil {
		return errors.Is(err, unix.EROFS) || errors.Is(err, unix.EIO)
	}
	defer os.Remove(name)
	return f.Close() != nil
}

// wear reads the life time estimate of eMMC (JEDEC 84-B51 section 7.4.30): two
// numbers of tenths used, in hexadecimal.
func wear(root fs.FS, device string) []hwmon.Reading {
	raw, err := fs.ReadFile(root, path.Join("sys/class/block", whole(device), "device/life_time"))
	if err != nil {
		return nil
	}
	worst := 0.0
	for _, f := range strings.Fields(string(raw)) {
		if n, err := strconv.ParseUint(strings.TrimPrefix(f, "0x"), 16, 8); err == nil {
			worst = max(worst, float64(n)*10)
		}
	}
	return []hwmon.Reading{{Name: "disk wear", Value: worst, Unit: "%"}}
}

// whole gives the disk that a partition is on: "mmcblk0p3" is on "mmcblk0",
// "sda3" on "sda".
func whole(partition string) string {
	disk := strings.TrimRight(partition, "0123456789")
	if before, ok := strings.CutSuffix(disk, "p"); ok && before != strings.TrimRight(before, "0123456789") {
		return before
	}
	return disk
}

// Memory gives the memory that is available, in percent.
func Memory(root fs.FS) []hwmon.Reading {
	f, err := root.Open("proc/meminfo")
	if err != nil {
		return nil
	}
	defer f.Close()
	values := map[string]float64{}
	for s := bufio.NewScanner(f); s.Scan(); {
		if fields := strings.Fields(s.Text()); len(fields) >= 2 {
			values[fields[0]], _ = strconv.ParseFloat(fields[1], 64)
		}
	}
	total := values["MemTotal:"]
	if total == 0 {
		return nil
	}
	return []hwmon.Reading{{Name: "memory", Value: 100 * values["MemAvailable:"] / total, Unit: "% free"}}
}

func number(root fs.FS, name string) (float64, bool) {
	raw, err := fs.ReadFile(root, name)
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(strings.TrimSpace(string(raw)), 64)
	return n, err == nil
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
