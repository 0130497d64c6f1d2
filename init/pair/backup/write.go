package backup

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"tandem/failover/daemon/keyring"
)

// Source is what a backup is made of.
type Source struct {
	Dir     string // the data partition
	Key     ed25519.PrivateKey
	Box     string // the box's name
	Role    string
	Release string
	Now     time.Time
}

// pinOf is the pin of a public key.
func pinOf(key ed25519.PublicKey) (keyring.Pin, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return keyring.Pin{}, err
	}
	return sha256.Sum256(der), nil
}

// logPrefix is how the logs of the lease store are called; a number follows.
// logSlack is more than the zeros with which a record can end.
const (
	logPrefix = "leases/log-"
	logSlack  = 8
)

// settleTries bounds how often the files are listed until they hold still.
const settleTries = 20

// Write makes a backup. The box may go on working: what is written to the lease
// store meanwhile is in it or not, but never half.
func Write(w io.Writer, s Source) (Manifest, error) {
	items, err := collect(s.Dir)
	if err != nil {
		return Manifest{}, err
	}
	defer closeAll(items)
	m := Manifest{Format: 1, Box: s.Box, Role: s.Role, Release: s.Release, Made: s.Now.UTC().Truncate(time.Second)}
	if len(items) > MaxFiles {
		return m, fmt.Errorf("%d files; a backup has %d at most", len(items), MaxFiles)
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return m, err
	}
	t := tar.NewWriter(z)
	for i := range items {
		f, err := items[i].write(t, m.Made)
		if err != nil {
			return m, fmt.Errorf("%s: %w", items[i].name, err)
		}
		m.Files = append(m.Files, f)
	}
	if err := writeManifest(t, &m, s.Key); err != nil {
		return m, err
	}
	return m, errors.Join(t.Close(), z.Close())
}

// item is one file, open, or one link.
type item struct {
	name string
	file *os.File
	size int64
	link string
}

func closeAll(items []item) {
	for _, it := range items {
		if it.file != nil {
			it.file.Close()
		}
	}
}

// collect opens all files. The lease store begins new files and removes old
// ones now and then: what is open stays readable, and the files fit together
// if their names were the same before and after they were opened.
func collect(dir string) ([]item, error) {
	before, err := names(dir)
	if err != nil {
		return nil, err
	}
	for range settleTries {
		items, err := openAll(dir, before)
		after, nerr := names(dir)
		if nerr != nil {
			closeAll(items)
			return nil, nerr
		}
		if slices.Equal(before, after) {
			if err != nil {
				closeAll(items)
			}
			return items, err
		}
		closeAll(items)
		before = after
	}
	return nil, errors.New("the files change all the time: nothing was saved; try again")
}

// names lists what belongs into a backup, in order.
func names(dir string) ([]string, error) {
	var found []string
	for _, top := range Contents {
		err := filepath.WalkDir(filepath.Join(dir, top), func(p string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // went away, or never was
			}
			if err != nil {
				return err
			}
			regular, link := d.Type().IsRegular(), d.Type()&fs.ModeSymlink != 0
			if passing(d.Name()) {
				if d.IsDir() {
					return filepath.SkipDir
				}
				return nil
			}
			if !regular && !link {
				return nil
			}
			rel, err := filepath.Rel(dir, p)
			found = append(found, filepath.ToSlash(rel))
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if !slices.Contains(found, "box.conf") {
		return nil, fmt.Errorf("%s holds no box.conf: it is not the data partition of a box that was set up", dir)
	}
	return found, nil
}

// passing tells whether a name is that of a file that is just being written,
// or of a lock.
func passing(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".tmp") || strings.HasSuffix(name, ".new") || name == "lock"
}

func openAll(dir string, names []string) ([]item, error) {
	var items []item
	for _, name := range names {
		it := item{name: name}
		p := filepath.Join(dir, filepath.FromSlash(name))
		info, err := os.Lstat(p)
		if err != nil {
			return items, err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			if it.link, err = os.Readlink(p); err == nil {
				err = checkLink(name, it.link)
			}
		} else if it.file, err = os.Open(p); err == nil {
			info, err = it.file.Stat()
		}
		if err != nil {
			if it.file != nil {
				it.file.Close()
			}
			return items, err
		}
		if it.file != nil {
			it.size = info.Size()
		}
		items = append(items, it)
	}
	return items, cutLog(items)
}

// cutLog cuts the newest log of the lease store where its records end now. The
// file is longer than they are, by zeros; a record that is written into them
// while they are read could come without the one before it.
func cutLog(items []item) error {
	var newest *item
	var latest uint64
	for i := range items {
		digits, ok := strings.CutPrefix(items[i].name, logPrefix)
		if n, err := strconv.ParseUint(digits, 10, 64); ok && err == nil && n >= latest {
			newest, latest = &items[i], n
		}
	}
	if newest == nil || newest.file == nil {
		return nil
	}
	buf := make([]byte, 64<<10)
	for end := newest.size; end > 0; {
		at := max(0, end-int64(len(buf)))
		n, err := newest.file.ReadAt(buf[:end-at], at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if used := len(bytes.TrimRight(buf[:n], "\x00")); used > 0 {
			newest.size = min(newest.size, at+int64(used)+logSlack)
			return nil
		}
		end = at
	}
	newest.size = 0
	return nil
}

// write puts the item into the archive: as much of it as there was when it was
// opened. A log that grows meanwhile is cut there, which costs no whole record.
func (it *item) write(t *tar.Writer, made time.Time) (File, error) {
	head := &tar.Header{Name: it.name, Mode: 0o600, ModTime: made, Format: tar.FormatPAX}
	if it.link != "" {
		head.Typeflag, head.Linkname = tar.TypeSymlink, it.link
		return File{Name: it.name, Link: it.link}, t.WriteHeader(head)
	}
	head.Typeflag, head.Size = tar.TypeReg, it.size
	if err := t.WriteHeader(head); err != nil {
		return File{}, err
	}
	h := sha256.New()
	if _, err := io.CopyN(io.MultiWriter(t, h), it.file, it.size); err != nil {
		return File{}, err
	}
	return File{Name: it.name, Size: it.size, SHA256: hex.EncodeToString(h.Sum(nil))}, nil
}

func writeManifest(t *tar.Writer, m *Manifest, key ed25519.PrivateKey) error {
	raw, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	if len(raw) > maxManifest {
		return fmt.Errorf("the manifest has %d octets; %d are allowed", len(raw), maxManifest)
	}
	public, _ := key.Public().(ed25519.PublicKey) // always is one
	sig, err := json.Marshal(signature{public, ed25519.Sign(key, signed(raw))})
	if err != nil {
		return err
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{manifestName, raw}, {signatureName, sig}} {
		head := &tar.Header{Name: path.Clean(f.name), Mode: 0o600, Size: int64(len(f.data)), ModTime: m.Made, Typeflag: tar.TypeReg, Format: tar.FormatPAX}
		if err := t.WriteHeader(head); err != nil {
			return err
		}
		if _, err := t.Write(f.data); err != nil {
			return err
		}
	}
	return nil
}
