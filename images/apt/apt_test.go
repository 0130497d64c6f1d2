package apt

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// mirror is a root whose apt programs are small scripts, so that no network is
// needed. The scripts write what they were called with to the file "calls".
func mirror(t *testing.T, script string) (*Root, string) {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	head := "#!/bin/sh\necho \"$(basename $0) $*\" >> " + filepath.Join(dir, "calls") + "\n"
	for name, body := range map[string]string{
		"apt-config": "echo 'Acquire::http::Proxy \"http://proxy:3142\";'\necho 'APT::Update::Post-Invoke:: \"rm everything\";'\necho 'Acquire::Retries \"3\";'\n",
		"apt-get":    script,
		"apt-cache":  script,
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(head+body), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sources := []Source{{URI: "http://mirror.test/debian", Suites: []string{"x", "x-updates"}, Components: []string{"main"}}}
	r := &Root{Arch: "arm64", Sources: sources, dir: filepath.Join(dir, "root"), bin: bin, keyring: "/keys.gpg"}
	return r, dir
}

func calls(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestUpdateWritesAPrivateRoot(t *testing.T) {
	r, dir := mirror(t, "exit 0")
	for range 2 { // the second time is free
		if err := r.Update(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(calls(t, dir), "update"); n != 1 {
		t.Errorf("%d updates", n)
	}
	conf, err := os.ReadFile(filepath.Join(dir, "root/apt.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`APT::Architecture "arm64"`, `Acquire::http::Proxy "http://proxy:3142"`, `Acquire::Retries "3"`, `Dir "` + r.dir} {
		if !strings.Contains(string(conf), want) {
			t.Errorf("apt.conf lacks %s:\n%s", want, conf)
		}
	}
	if strings.Contains(string(conf), "Post-Invoke") {
		t.Error("a hook of the host got in")
	}
	list, err := os.ReadFile(filepath.Join(dir, "root/etc/apt/sources.list"))
	want := "deb [signed-by=/keys.gpg] http://mirror.test/debian x main\ndeb [signed-by=/keys.gpg] http://mirror.test/debian x-updates main\n"
	if err != nil || string(list) != want {
		t.Errorf("sources.list: %v\n%s", err, list)
	}
}

func TestUpdateFailureIsQuoted(t *testing.T) {
	r, _ := mirror(t, "echo 'E: no route to mirror' >&2; exit 100")
	if err := r.Update(context.Background()); err == nil || !strings.Contains(err.Error(), "no route to mirror") {
		t.Errorf("err = %v", err)
	}
}

func TestLatestAndBehind(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	r, _ := mirror(t, `case "$*" in
*linux-image-arm64) printf 'Package: linux-image-arm64\nDepends: foo, linux-image-9.9-arm64 (= 9.9-1)\nSize: 1\n' ;;
*linux-image-9.9-arm64) printf 'Package: linux-image-9.9-arm64\nVersion: 9.9-1\nDescription: a\n more: text\nSize: 42\nSHA256: `+sum+`\n\nPackage: other\nSize: 1\n' ;;
*nothing) printf 'Package: nothing\n' ;;
esac`)
	name, err := r.Behind(context.Background(), "linux-image-arm64", "linux-image-")
	if err != nil || name != "linux-image-9.9-arm64" {
		t.Fatalf("%q %v", name, err)
	}
	got, err := r.Latest(context.Background(), name)
	if want := (Package{"arm64", name, "9.9-1", sum, 42}); err != nil || got != want {
		t.Errorf("got %+v %v", got, err)
	}
	if _, err := r.Latest(context.Background(), "nothing"); err == nil {
		t.Error("a package without a sum is accepted")
	}
	if _, err := r.Behind(context.Background(), "nothing", "linux-image-"); err == nil {
		t.Error("a meta package that leads nowhere is accepted")
	}
}

func TestFetch(t *testing.T) {
	const content = "a package"
	sum := sha256.Sum256([]byte(content))
	good := Package{Arch: "arm64", Name: "p", Version: "1", SHA256: hex.EncodeToString(sum[:]), Size: 9}
	bad := good
	bad.SHA256 = strings.Repeat("00", 32)
	const download = "case \"$*\" in *download*) printf '" + content + "' > p_1_arm64.deb ;; esac"

	r, dir := mirror(t, download)
	cache := filepath.Join(dir, "cache")
	for range 2 { // the second time comes from the cache
		path, err := r.Fetch(context.Background(), good, cache)
		if data, _ := os.ReadFile(path); err != nil || string(data) != content {
			t.Fatalf("%s: %q %v", path, data, err)
		}
	}
	if n := strings.Count(calls(t, dir), "download p=1"); n != 1 {
		t.Errorf("%d downloads", n)
	}
	if err := os.WriteFile(filepath.Join(cache, good.SHA256+".deb"), []byte("rotten"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Fetch(context.Background(), good, cache); err != nil {
		t.Errorf("a damaged cache is not mended: %v", err)
	}
	if _, err := r.Fetch(context.Background(), bad, cache); err == nil || !strings.Contains(err.Error(), "tampered") {
		t.Errorf("wrong sum: %v", err)
	}

	gone, dir := mirror(t, "case \"$*\" in *download*) echo \"E: Version '1' for 'p' was not found\" >&2; exit 100 ;; esac")
	_, err := gone.Fetch(context.Background(), good, filepath.Join(dir, "cache"))
	if !errors.Is(err, ErrGone) || !strings.Contains(err.Error(), "mkimage kernel-update") {
		t.Errorf("gone: %v", err)
	}
}

func TestLock(t *testing.T) {
	want := Lock{Suite: "bookworm", Packages: []Package{
		{"amd64", "b", "1:2-3", strings.Repeat("0a", 32), 7},
		{"arm64", "a", "1", strings.Repeat("0b", 32), 8},
	}}
	name := filepath.Join(t.TempDir(), "lock")
	if err := os.WriteFile(name, []byte(want.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	got, err := ReadLock(name)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v %v", got, err)
	}
	if p, err := got.Find("arm64", "a"); err != nil || p.Size != 8 {
		t.Errorf("%+v %v", p, err)
	}
	if _, err := got.Find("amd64", "a"); err == nil || !strings.Contains(err.Error(), "kernel-update") {
		t.Errorf("a missing package: %v", err)
	}
	for _, bad := range []string{"", "suite\n", "suite x\namd64 p 1 short 5\n", "suite x\namd64 p 1 " + strings.Repeat("0", 64) + " many\n"} {
		if err := os.WriteFile(name, []byte(bad), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadLock(name); err == nil || !strings.Contains(err.Error(), "kernel-update") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := ReadLock(name + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no lock file: %v", err)
	}
}
