package bench

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// disk is a directory on a real file system, so that syncing costs what it
// costs.
type disk struct{ dir, kind string }

// kinds are the file systems that have a name in the report; those in memory
// have an empty one.
var kinds = map[int64]string{
	unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
	unix.OVERLAYFS_SUPER_MAGIC: "overlayfs", unix.F2FS_SUPER_MAGIC: "f2fs",
	unix.TMPFS_MAGIC: "", unix.RAMFS_MAGIC: "",
}

// pickDisk takes the wanted directory, or the first of some that is on a disk.
func pickDisk(wanted string) (disk, error) {
	candidates := []string{"/var/tmp", ".", os.TempDir()}
	if wanted != "" {
		candidates = []string{wanted}
	}
	for _, dir := range candidates {
		var s unix.Statfs_t
		if err := unix.Statfs(dir, &s); err != nil {
			if wanted != "" {
				return disk{}, fmt.Errorf("%s: %w", dir, err)
			}
			continue
		}
		kind, known := kinds[int64(s.Type)]
		if !known {
			kind = fmt.Sprintf("file system %#x", s.Type)
		}
		if kind != "" {
			return disk{dir, kind}, nil
		}
	}
	return disk{}, fmt.Errorf("%v is in memory, where syncing costs nothing; name a directory on a disk with -store", candidates)
}
