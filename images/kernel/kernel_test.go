package kernel

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tandem/images/modules"
)

// pack makes a Debian package of files: path inside to file of testdata, or to
// text if it begins with "=".
func pack(t *testing.T, files map[string]string) string {
	t.Helper()
	for _, p := range []string{"dpkg-deb", "xz"} {
		if _, err := exec.LookPath(p); err != nil {
			t.Skipf("%s is not installed", p)
		}
	}
	root := filepath.Join(t.TempDir(), "root")
	files["DEBIAN/control"] = "=Package: linux-image-x\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\nDescription: test\n"
	for name, from := range files {
		data := []byte(strings.TrimPrefix(from, "="))
		if !strings.HasPrefix(from, "=") {
			var err error
			if data, err = os.ReadFile(filepath.Join("testdata", from)); err != nil {
				t.Fatal(err)
			}
		}
		to := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	deb := filepath.Join(t.TempDir(), "k.deb")
	if out, err := exec.Command("dpkg-deb", "--root-owner-group", "-b", root, deb).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return deb
}

func kernelDeb(t *testing.T) string {
	return pack(t, map[string]string{
		"boot/vmlinuz-9.9":                                   "=the kernel",
		"lib/modules/9.9/kernel/a/alpha.ko":                  "alpha.ko",
		"lib/modules/9.9/kernel/b/beta-two.ko.xz":            "beta-two.ko.xz",
		"lib/modules/9.9/kernel/b/gamma.ko.zst":              "gamma.ko.zst",
		"lib/modules/9.9/modules.builtin":                    "=kernel/fs/built-in.ko\n",
		"usr/lib/linux-image-9.9/broadcom/bcm2711-rpi-4.dtb": "=tree",
		"usr/lib/linux-image-9.9/other/board.dtb":            "=tree",
	})
}

func TestOpenAndSelect(t *testing.T) {
	deb, cache := kernelDeb(t), t.TempDir()
	ctx := context.Background()
	for _, how := range []string{"from the package", "from the cache"} {
		k, err := Open(ctx, deb, "sum", cache)
		if err != nil {
			t.Fatal(how, err)
		}
		if k.Release != "9.9" || len(k.Modules) != 3 || !k.Builtin["built_in"] {
			t.Errorf("%s: %+v", how, k)
		}
		if trees := k.DeviceTrees(); len(trees) != 1 || trees[0] != "bcm2711-rpi-4.dtb" {
			t.Errorf("%s: device trees %q", how, trees)
		}
		list, files, err := k.Select(ctx, []string{"gamma", "built_in"})
		if err != nil || len(list) != 3 || list[0].Name != "alpha" || list[1].Name != "beta_two" {
			t.Fatalf("%s: %+v %v", how, list, err)
		}
		// Whatever compression the package has, the box gets plain modules.
		for name, file := range files {
			data, err := os.ReadFile(file)
			if err != nil || !bytes.HasPrefix(data, []byte("\x7fELF")) {
				t.Errorf("%s: module %s: %.20q %v", how, name, data, err)
			}
		}
		if _, _, err := k.Select(ctx, []string{"absent"}); !errors.Is(err, modules.ErrMissing) {
			t.Errorf("%s: %v", how, err)
		}
		path, err := k.File("vmlinuz")
		if data, _ := os.ReadFile(path); err != nil || string(data) != "the kernel" {
			t.Errorf("%s: %q %v", how, data, err)
		}
		if _, err := k.File("none.dtb"); err == nil {
			t.Errorf("%s: a file that is not there", how)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	ctx := context.Background()
	if _, err := Open(ctx, "absent.deb", "sum", t.TempDir()); err == nil {
		t.Error("opened nothing")
	}
	if _, err := Open(ctx, pack(t, map[string]string{"etc/x": "=x"}), "sum", t.TempDir()); err == nil || !strings.Contains(err.Error(), "no kernel") {
		t.Errorf("a package without a kernel: %v", err)
	}
	broken := pack(t, map[string]string{"boot/vmlinuz-1": "=x", "lib/modules/1/kernel/a.ko": "=no ELF"})
	if _, err := Open(ctx, broken, "sum", t.TempDir()); err == nil || !strings.Contains(err.Error(), "a.ko") {
		t.Errorf("a broken module: %v", err)
	}
}

func TestExtract(t *testing.T) {
	deb, to := pack(t, map[string]string{"usr/a": "=one", "usr/b": "=two"}), t.TempDir()
	n, err := Extract(context.Background(), deb, func(name string) string {
		if filepath.Base(name) == "a" {
			return filepath.Join(to, "deep/a")
		}
		return ""
	})
	data, _ := os.ReadFile(filepath.Join(to, "deep/a"))
	if err != nil || n != 1 || string(data) != "one" {
		t.Errorf("%d %v %q", n, err, data)
	}
}
