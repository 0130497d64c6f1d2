package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tandem/images/gpt"
)

// Partition is a partition as the kernel sees it.
type Partition struct {
	Name   string // PARTNAME of the GPT
	Device string // "sda5"
	Disk   string // "sda"
	Number int
}

// Partitions lists the partitions that have a name. root holds sys.
func Partitions(root fs.FS) []Partition {
	files, _ := fs.Glob(root, "sys/class/block/*/uevent")
	var list []Partition
	for _, f := range files {
		values := uevent(root, f)
		n, err := strconv.Atoi(values["PARTN"])
		if err != nil || values["PARTNAME"] == "" {
			continue
		}
		device := path.Base(path.Dir(f))
		list = append(list, Partition{
			Name: values["PARTNAME"], Device: device, Number: n,
			Disk: strings.TrimSuffix(strings.TrimSuffix(device, values["PARTN"]), partitionMark(device, values["PARTN"])),
		})
	}
	return list
}

// partitionMark is the "p" between a disk whose name ends in a digit and the
// number of its partition.
func partitionMark(device, number string) string {
	disk := strings.TrimSuffix(device, number)
	if before, ok := strings.CutSuffix(disk, "p"); ok && before != strings.TrimRight(before, "0123456789") {
		return "p"
	}
	return ""
}

func uevent(root fs.FS, name string) map[string]string {
	values := map[string]string{}
	raw, _ := fs.ReadFile(root, name)
	for _, l := range strings.Split(string(raw), "\n") {
		key, value, _ := strings.Cut(l, "=")
		values[key] = value
	}
	return values
}

// AwaitPartition waits until a partition of that name is there: disks on USB
// and SD take their time.
func AwaitPartition(ctx context.Context, root fs.FS, name string) (Partition, error) {
	for {
		for _, p := range Partitions(root) {
			if p.Name == name {
				return p, nil
			}
		}
		select {
		case <-time.After(100 * time.Millisecond):
		case <-ctx.Done():
			return Partition{}, fmt.Errorf("no partition named %q on any disk (%s); flash the image again", name, disks(root))
		}
	}
}

func disks(root fs.FS) string {
	names, _ := fs.Glob(root, "sys/class/block/*")
	var list []string
	for _, n := range names {
		if b := path.Base(n); !strings.HasPrefix(b, "loop") && !strings.HasPrefix(b, "ram") {
			list = append(list, b)
		}
	}
	if len(list) == 0 {
		return "there is no disk at all"
	}
	return "there are " + strings.Join(list, ", ")
}

// GrowPartition lets the partition reach to the end of its disk, in the table
// on the disk and in the kernel. It says whether anything changed.
func GrowPartition(p Partition) (bool, error) {
	disk, err := os.OpenFile(filepath.Join("/dev", p.Disk), os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	defer disk.Close()
	size, err := disk.Seek(0, 2)
	if err != nil {
		return false, err
	}
	table, err := gpt.Read(disk, uint64(size/gpt.Sector))
	if err != nil {
		return false, fmt.Errorf("%s: %w", p.Disk, err)
	}
	changed, err := table.Grow(p.Name, uint64(size/gpt.Sector))
	if err != nil || !changed {
		return false, err
	}
	if err := table.Write(disk); err != nil {
		return false, fmt.Errorf("%s: write the partition table: %w", p.Disk, err)
	}
	if err := disk.Sync(); err != nil {
		return false, err
	}
	grown, _ := table.Find(p.Name)
	return true, resizeInKernel(disk, p.Number, grown)
}

// blkpgPartition and blkpgArg are struct blkpg_partition and struct
// blkpg_ioctl_arg of linux/blkpg.h.
type blkpgPartition struct {
	start, length int64
	number        int32
	_             [2][64]byte
	_             int32
}

type blkpgArg struct {
	op, flags, dataLen int32
	_                  int32
	data               *blkpgPartition
}

const blkpgResize = 3

// resizeInKernel tells the kernel of a partition's new size while others of
// the disk are in use (BLKPG).
func resizeInKernel(disk *os.File, number int, p gpt.Partition) error {
	part := &blkpgPartition{start: p.Offset(), length: p.Size(), number: int32(number)}
	arg := &blkpgArg{op: blkpgResize, dataLen: int32(unsafe.Sizeof(*part)), data: part}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, disk.Fd(), unix.BLKPG, uintptr(unsafe.Pointer(arg)))
	if errno != 0 {
		return fmt.Errorf("tell the kernel of the new size: %w", errno)
	}
	return nil
}

// ext4Resize is EXT4_IOC_RESIZE_FS of the kernel's fs/ext4/ext4.h.
const ext4Resize = 0x40086610

// ext4Block is the block size with which images make the data file system.
const ext4Block = 4096

// GrowFileSystem lets the mounted ext4 file system fill its partition.
func GrowFileSystem(mountPoint, device string) error {
	dev, err := os.Open(filepath.Join("/dev", device))
	if err != nil {
		return err
	}
	defer dev.Close()
	size, err := dev.Seek(0, 2)
	if err != nil {
		return err
	}
	dir, err := os.Open(mountPoint)
	if err != nil {
		return err
	}
	defer dir.Close()
	blocks := uint64(size / ext4Block)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, dir.Fd(), ext4Resize, uintptr(unsafe.Pointer(&blocks)))
	if errno != 0 && errno != unix.EINVAL { // EINVAL: it fills the partition already
		return fmt.Errorf("grow the file system to %d MiB: %w", size>>20, errno)
	}
	return nil
}

// MountData mounts the data partition. An error of the disk makes it
// read-only, which the monitor reports.
func MountData(device, target string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return err
	}
	err := unix.Mount(filepath.Join("/dev", device), target, "ext4",
		unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_NOATIME, "errors=remount-ro")
	if err != nil && !errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("mount %s: %w", device, err)
	}
	return nil
}
