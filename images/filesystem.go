package images

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/images/gpt"
	"tandem/images/layout"
)

// tool runs a program of the host with every clock and time zone fixed, and
// gives back what it says if it fails.
func tool(ctx context.Context, at time.Time, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	epoch := strconv.FormatInt(at.Unix(), 10)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC", "SOURCE_DATE_EPOCH="+epoch, "E2FSPROGS_FAKE_TIME="+epoch,
		"MTOOLSRC=/dev/null", "MKE2FS_CONFIG=/dev/null", "PATH="+os.Getenv("PATH")+":/usr/sbin:/sbin")
	if cmd.Err != nil { // not in PATH: the programs of a superuser often are not
		for _, dir := range []string{"/usr/sbin", "/sbin"} {
			if p, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
				cmd.Path, cmd.Err = p, nil
			}
		}
	}
	out, err := cmd.CombinedOutput()
	if cmd.Err != nil {
		return fmt.Errorf("%s is missing on this host; install the Debian package %s", name, packageOf[name])
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(append([]string{name}, args...), " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// packageOf names the Debian package of each program that is used.
var packageOf = map[string]string{
	"mformat": "mtools", "mmd": "mtools", "mdir": "mtools", "mcopy": "mtools",
	"mke2fs": "e2fsprogs", "grub-mkimage": "grub-common",
}

// dataFeatures of the data file system: those of e2fsprogs 1.47 that GRUB never
// has to read, named one by one so that the host's mke2fs.conf does not matter.
const dataFeatures = "none,has_journal,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg," +
	"sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum"

// emptyData makes the file system of a fresh data partition in a file of its own.
func emptyData(ctx context.Context, at time.Time, name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	err = f.Truncate(layout.DataSize)
	if end := f.Close(); err == nil {
		err = end
	}
	if err != nil {
		return err
	}
	id := strings.ToLower(gpt.Derive("file system " + layout.Data).String())
	return tool(ctx, at, "mke2fs", "-q", "-F", "-t", "ext4", "-O", dataFeatures, "-b", "4096", "-I", "256", "-m", "1",
		"-e", "remount-ro", "-L", layout.Data, "-U", id,
		"-E", "hash_seed="+id+",lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0", name)
}

// fat is a FAT file system inside a disk image.
type fat struct {
	disk   string
	offset int64
	at     time.Time
}

func (f fat) address() string { return f.disk + "@@" + strconv.FormatInt(f.offset, 10) }

// format makes an empty file system of size bytes. One of 32 bits has clusters
// of a sector, to reach the number of clusters that makes it FAT32.
func (f fat) format(ctx context.Context, size int64, label string, wide bool) error {
	id := gpt.Derive("FAT " + label)
	args := []string{"-i", f.address(), "-T", strconv.FormatInt(size/gpt.Sector, 10), "-h", "64", "-s", "32",
		"-H", strconv.FormatInt(f.offset/gpt.Sector, 10), "-N", fmt.Sprintf("%x", id[:4]), "-v", label}
	if wide {
		args = append(args, "-F", "-c", "1")
	} else {
		args = append(args, "-c", "4")
	}
	return tool(ctx, f.at, "mformat", append(args, "::")...)
}

// add writes files by their absolute path in the file system, making
// directories on the way. Existing files are replaced.
func (f fat) add(ctx context.Context, files map[string][]byte) error {
	work, err := os.MkdirTemp("", "fat-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	made := map[string]bool{"/": true}
	for i, name := range slices.Sorted(maps.Keys(files)) {
		if err := f.mkdir(ctx, path.Dir(name), made); err != nil {
			return err
		}
		host := filepath.Join(work, strconv.Itoa(i))
		if err := os.WriteFile(host, files[name], 0o644); err != nil {
			return err
		}
		if err := os.Chtimes(host, f.at, f.at); err != nil {
			return err
		}
		if err := tool(ctx, f.at, "mcopy", "-o", "-m", "-i", f.address(), host, "::"+name); err != nil {
			return err
		}
	}
	return nil
}

// mkdir makes a directory and those above it; one that is there is no error.
func (f fat) mkdir(ctx context.Context, dir string, made map[string]bool) error {
	if made[dir] {
		return nil
	}
	if err := f.mkdir(ctx, path.Dir(dir), made); err != nil {
		return err
	}
	made[dir] = true
	if tool(ctx, f.at, "mdir", "-b", "-i", f.address(), "::"+dir) == nil {
		return nil
	}
	return tool(ctx, f.at, "mmd", "-i", f.address(), "::"+dir)
}

// Provision puts files into the directory of a disk image (or a disk) where the
// box looks for its configuration at the first start.
func Provision(ctx context.Context, disk string, files map[string][]byte) error {
	f, err := os.Open(disk)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		var t gpt.Table
		if t, err = gpt.Read(f, uint64(info.Size())/gpt.Sector); err == nil {
			if _, ok := t.Find(layout.Boot); !ok {
				err = fmt.Errorf("no partition %s", layout.Boot)
			}
		}
	}
	if end := f.Close(); err == nil {
		err = end
	}
	if err != nil {
		return fmt.Errorf("%s is no image of ours: %w", disk, err)
	}
	return fat{disk, layout.BootStart, info.ModTime()}.add(ctx, provisioned(files))
}

func provisioned(files map[string][]byte) map[string][]byte {
	placed := map[string][]byte{}
	for name, data := range files {
		placed[path.Join(layout.Provision, name)] = data
	}
	return placed
}
