package backup

import (
	"archive/tar"
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"tandem/failover/daemon/keyring"
)

// tree is what a directory holds: contents by name, links with an arrow.
type tree map[string]string

func (f tree) make(t *testing.T, dir string) {
	t.Helper()
	for name, text := range f {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		target, link := strings.CutPrefix(text, "-> ")
		err := os.WriteFile
		if link {
			if err := os.Symlink(target, p); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := err(p, []byte(text), 0o640); err != nil {
			t.Fatal(err)
		}
	}
}

func treeOf(t *testing.T, dir string) tree {
	t.Helper()
	f := tree{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, p)
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(p)
			f[name] = "-> " + target
			return err
		}
		raw, err := os.ReadFile(p)
		f[name] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// before is what the box had, after what the backup has of it.
var boxTree = tree{
	"box.conf": "name a\n", "keys/own.key": "secret\n", "keys/partner-x": "pin\n",
	"pair/config/v0001-aa/dhcpd.conf": "# one\n", "pair/config/active": "-> v0001-aa", "pair/config/memory.json": "{}",
	"leases/snapshot-2": "snap", "leases/log-2": "log\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "leases/log-10": strings.Repeat("more", 9) + strings.Repeat("\x00", 4000),
	// what stays out
	"leases/lock": "1", "leases/snapshot-3.tmp": "x", "pair/config/.new-1/x": "y", "log/messages": "z", "boot.json": "{}",
}

var saved = []string{"box.conf", "keys/own.key", "keys/partner-x", "leases/log-10", "leases/log-2", "leases/snapshot-2",
	"pair/config/active", "pair/config/memory.json", "pair/config/v0001-aa/dhcpd.conf"}

func source(t *testing.T, dir string) (Source, keyring.Pin) {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	pin, err := pinOf(public)
	if err != nil {
		t.Fatal(err)
	}
	return Source{Dir: dir, Key: key, Box: "dhcp-a", Role: "primary", Release: "9", Now: time.Unix(1790000000, 0)}, pin
}

func write(t *testing.T, s Source) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := Write(&out, s); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func demand(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestThereAndBack(t *testing.T) {
	dir := t.TempDir()
	boxTree.make(t, dir)
	src, pin := source(t, dir)
	raw := write(t, src)
	m, signer, err := Verify(bytes.NewReader(raw))
	if err != nil || signer != pin || m.Box != "dhcp-a" || !m.Has("leases") || m.Has("console.password") {
		t.Fatalf("%+v, %v, %v", m, signer, err)
	}
	var names []string
	for _, f := range m.Files {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, saved) {
		t.Errorf("saved %q", names)
	}

	blank := t.TempDir()
	old := tree{"box.conf": "name other\n", "console.password": "hash", "leases/log-77": "newer", "boot.json": "stays"}
	old.make(t, blank)
	if _, err := Stage(bytes.NewReader(raw), blank, pin); err != nil {
		t.Fatal(err)
	}
	if now := treeOf(t, blank); now["box.conf"] != "name other\n" || now["leases/log-77"] != "newer" {
		t.Errorf("staging changed the box: %q", now)
	}
	if _, done, err := Finish(blank); !done || err != nil {
		t.Fatal(done, err)
	}
	checkRestored(t, blank)
	if _, done, err := Finish(blank); done || err != nil {
		t.Errorf("a second time: %v, %v", done, err)
	}
	info, err := os.Stat(filepath.Join(blank, "keys/own.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key has mode %v, %v", info.Mode(), err)
	}
}

// checkRestored: all of the backup is there, and nothing of what was.
func checkRestored(t *testing.T, dir string) {
	t.Helper()
	now := treeOf(t, dir)
	var mark marked
	if err := json.Unmarshal([]byte(now[Mark]), &mark); err != nil || mark.Box != "dhcp-a" {
		t.Errorf("the mark says %q, %v", now[Mark], err)
	}
	delete(now, Mark)
	if now["boot.json"] != "stays" {
		t.Errorf("what is not in a backup changed: %q", now["boot.json"])
	}
	delete(now, "boot.json")
	for _, name := range saved {
		want := boxTree[name]
		if name == "leases/log-10" {
			want = strings.Repeat("more", 9) + strings.Repeat("\x00", logSlack)
		}
		if now[name] != want {
			t.Errorf("%s has %q, want %q", name, now[name], want)
		}
		delete(now, name)
	}
	if len(now) != 0 {
		t.Errorf("left over: %q", now)
	}
}

// Finish is cut at each operation, and called again: the backup is in place.
// Before that the mark is there as soon as anything has changed.
func TestFinishIsMadeGood(t *testing.T) {
	dir := t.TempDir()
	boxTree.make(t, dir)
	src, pin := source(t, dir)
	raw := write(t, src)
	for at := 1; ; at++ {
		box := t.TempDir()
		old := tree{"box.conf": "name other\n", "console.password": "hash", "leases/log-77": "newer", "boot.json": "stays"}
		old.make(t, box)
		if _, err := Stage(bytes.NewReader(raw), box, pin); err != nil {
			t.Fatal(err)
		}
		d := &failing{failAt: at}
		_, done, err := finish(box, d)
		if d.n < at {
			if at < 15 {
				t.Errorf("only %d operations", at)
			}
			break
		}
		now := treeOf(t, box)
		if now[Mark] == "" && (now["box.conf"] != old["box.conf"] || now["leases/log-77"] != "newer") {
			t.Fatalf("operation %d: changed without a mark (%v, %v)", at, done, err)
		}
		if !done && err == nil {
			t.Fatalf("operation %d failed and nothing was said", at)
		}
		if _, _, err := Finish(box); err != nil {
			t.Fatalf("operation %d: %v", at, err)
		}
		checkRestored(t, box)
	}
}

// failing is a disk that is gone from operation failAt on.
type failing struct {
	realDisk
	n, failAt int
}

func (f *failing) ok() error {
	if f.n++; f.n >= f.failAt {
		return errors.New("gone")
	}
	return nil
}

func (f *failing) write(path string, data []byte) error {
	if err := f.ok(); err != nil {
		return err
	}
	return f.realDisk.write(path, data)
}

func (f *failing) rename(from, to string) error {
	if err := f.ok(); err != nil {
		return err
	}
	return f.realDisk.rename(from, to)
}

func (f *failing) removeAll(path string) error {
	if err := f.ok(); err != nil {
		return err
	}
	return f.realDisk.removeAll(path)
}

func (f *failing) mkdir(path string) error {
	if err := f.ok(); err != nil {
		return err
	}
	return f.realDisk.mkdir(path)
}

func (f *failing) syncDir(dir string) error {
	if err := f.ok(); err != nil {
		return err
	}
	return f.realDisk.syncDir(dir)
}

// A backup that was changed or cut short at any place is refused, or reads as
// it was made.
func TestDamageIsRefused(t *testing.T) {
	dir := t.TempDir()
	boxTree.make(t, dir)
	src, pin := source(t, dir)
	raw := write(t, src)
	good, _, err := Verify(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for n := range raw {
		if _, _, err := Verify(bytes.NewReader(raw[:n])); err == nil {
			t.Fatalf("cut after %d of %d octets, and verified", n, len(raw))
		}
		bad := slices.Clone(raw)
		bad[n] ^= 1 << (n % 8)
		m, signer, err := Verify(bytes.NewReader(bad))
		if err == nil && (signer != pin || fmt.Sprint(m) != fmt.Sprint(good)) {
			t.Fatalf("octet %d changed, and verified as %+v", n, m)
		}
	}
}

// forge makes an archive entry by entry.
func forge(t *testing.T, heads ...*tar.Header) []byte {
	t.Helper()
	var out bytes.Buffer
	z, err := zstd.NewWriter(&out)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	for _, h := range heads {
		text := h.Linkname
		if h.Typeflag == 0 {
			h.Typeflag, h.Size, h.Linkname = tar.TypeReg, int64(len(text)), ""
		} else {
			text = ""
		}
		h.Format = tar.FormatPAX
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestForgedBackups(t *testing.T) {
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	manifest := func(m Manifest) string {
		m.Format = max(m.Format, 1)
		raw, _ := json.Marshal(m)
		return string(raw)
	}
	sign := func(text string) string {
		raw, _ := json.Marshal(signature{public, ed25519.Sign(key, signed([]byte(text)))})
		return string(raw)
	}
	empty := manifest(Manifest{})
	file := func(name, text string) *tar.Header { return &tar.Header{Name: name, Linkname: text} }
	for _, c := range []struct {
		name, want string
		heads      []*tar.Header
	}{
		{"outside", "does not belong into a backup", []*tar.Header{file("keys/../../etc/passwd", "x")}},
		{"absolute", "does not belong into a backup", []*tar.Header{file("/etc/passwd", "x")}},
		{"foreign", "does not belong into a backup", []*tar.Header{file("boot.json", "x")}},
		{"a link that leads away", "outside of its directory", []*tar.Header{{Name: "pair/config/active", Linkname: "../../../etc", Typeflag: tar.TypeSymlink}}},
		{"a device", "neither a file nor a link", []*tar.Header{{Name: "keys/x", Typeflag: tar.TypeChar}}},
		{"no manifest", "cut short", []*tar.Header{file("box.conf", "x")}},
		{"no signature", "cut short", []*tar.Header{file(manifestName, empty)}},
		{"rubbish as signature", "is not understood", []*tar.Header{file(manifestName, empty), file(signatureName, "{}")}},
		{"another manifest", "changed after it was made", []*tar.Header{file(manifestName, empty+" "), file(signatureName, sign(empty))}},
		{"a later format", "format 2", []*tar.Header{file(manifestName, manifest(Manifest{Format: 2})), file(signatureName, sign(manifest(Manifest{Format: 2})))}},
		{"a file too many", "keys/x does not belong to it", []*tar.Header{file("keys/x", "x"), file(manifestName, empty), file(signatureName, sign(empty))}},
		{"a file too few", "box.conf is missing", []*tar.Header{file(manifestName, manifest(Manifest{Files: []File{{Name: "box.conf"}}})), file(signatureName, sign(manifest(Manifest{Files: []File{{Name: "box.conf"}}})))}},
		{"another content", "box.conf is not as it was", []*tar.Header{file("box.conf", "x"), file(manifestName, manifest(Manifest{Files: []File{{Name: "box.conf"}}})), file(signatureName, sign(manifest(Manifest{Files: []File{{Name: "box.conf"}}})))}},
		{"after the manifest", "comes after the manifest", []*tar.Header{file(manifestName, empty), file("box.conf", "x")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw := forge(t, c.heads...)
			_, _, err := Verify(bytes.NewReader(raw))
			demand(t, err, c.want)
			dir := t.TempDir()
			if _, err := Stage(bytes.NewReader(raw), dir, keyring.Pin{}); err == nil {
				t.Error("it was staged")
			}
			if now := treeOf(t, dir); len(now) != 0 {
				t.Errorf("left over: %q", now)
			}
		})
	}
	_, _, err = Verify(strings.NewReader("name dhcp-a\nrole primary\n"))
	demand(t, err, "not a backup of a Tandem box")
}

func TestStageWantsTheRightSigner(t *testing.T) {
	dir := t.TempDir()
	boxTree.make(t, dir)
	src, _ := source(t, dir)
	box := t.TempDir()
	_, err := Stage(bytes.NewReader(write(t, src)), box, keyring.Pin{1})
	demand(t, err, "is signed by the key")
	if now := treeOf(t, box); len(now) != 0 {
		t.Errorf("left over: %q", now)
	}
	if _, done, err := Finish(box); done || err != nil {
		t.Errorf("%v, %v", done, err)
	}
	src.Dir = t.TempDir()
	_, err = Write(new(bytes.Buffer), src)
	demand(t, err, "holds no box.conf")
}
