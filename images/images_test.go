package images

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/board"
	"tandem/images/apt"
	"tandem/images/gpt"
	"tandem/images/layout"
)

// options are those of a small image with the test program as init. Its
// packages come from the user's cache or a mirror.
func options(t *testing.T, name string) Options {
	t.Helper()
	if testing.Short() {
		t.Skip("builds images out of Debian's packages; not with -short")
	}
	b, ok := board.ByName(name)
	if !ok {
		t.Fatalf("no board %s", name)
	}
	o := Options{Board: b, Version: "test", Time: time.Unix(1_700_000_000, 0), Log: t.Logf,
		Binaries: map[string]string{layout.Init: filepath.Join(t.TempDir(), "init")}}
	if err := Compile(t.Context(), b.Arch, "./testdata/testinit", o.Binaries[layout.Init]); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.Lock, err = apt.ReadLock("kernel.lock"); err != nil {
		t.Fatal(err)
	}
	if o.Sources, err = apt.Host(o.Lock.Suite); err != nil {
		t.Fatal(err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	o.Cache = filepath.Join(cache, "tandem")
	return o
}

// build makes an image as another user on another day would.
func build(t *testing.T, zone string) (string, Built) {
	t.Helper()
	t.Setenv("TZ", zone)
	o := options(t, "qemu-x86")
	o.Provision = map[string][]byte{layout.BoxConfig: []byte("hostname box1\n")}
	out := filepath.Join(t.TempDir(), "box.img")
	b, err := Build(t.Context(), o, out)
	if err != nil {
		t.Fatal(err)
	}
	return out, b
}

func TestBuildTwice(t *testing.T) {
	first, b := build(t, "Pacific/Auckland")
	second, _ := build(t, "America/Lima")
	if sum(t, first) != sum(t, second) {
		out, _ := exec.Command("cmp", "-l", first, second).Output()
		t.Errorf("two builds differ in %d bytes", bytes.Count(out, []byte("\n")))
	}
	if b.Slot > SlotLimit || b.Modules < 20 {
		t.Errorf("built %+v", b)
	}
	checkManifest(t, b.Manifest)
	checkDisk(t, first)
	info, err := os.Stat(first)
	if err != nil || info.Size() != layout.ImageSize {
		t.Errorf("image of %d bytes, %v", info.Size(), err)
	}
	packed, err := Compress(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(packed); err != nil || info.Size() > b.Slot*3/2 {
		t.Errorf("compressed to %d bytes with slots of %d: the second slot should cost nothing (%v)", info.Size(), b.Slot, err)
	}
	if s, err := Sum(first); err != nil || s != sum(t, first) {
		t.Errorf("%s %v", s, err)
	}
}

func sum(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

func checkManifest(t *testing.T, data []byte) {
	t.Helper()
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]int{}
	for _, c := range m.Components {
		kinds[c.Kind]++
		if c.Name == "" || c.Version == "" || c.Licence == "" || c.Hash == "" {
			t.Errorf("incomplete: %+v", c)
		}
		if c.Kind != "program" && strings.Contains(c.Licence, "NOASSERTION") {
			t.Errorf("the licence of %s is not known", c.Name)
		}
	}
	if kinds["debian-package"] != 4 || kinds["program"] != 1 || kinds["go-module"] == 0 || kinds["go-toolchain"] != 1 {
		t.Errorf("components by kind: %v", kinds)
	}
	if m.Built != "2023-11-14T22:13:20Z" || m.Image != "qemu-x86" {
		t.Errorf("manifest of %s, %s", m.Image, m.Built)
	}
}

// checkDisk lets the tools of others look at the image.
func checkDisk(t *testing.T, image string) {
	t.Helper()
	look := func(program string, args ...string) string {
		if _, err := exec.LookPath(program); err != nil {
			t.Logf("%s is not installed", program)
			return ""
		}
		out, err := exec.Command(program, args...).CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", program, err, out)
		}
		return string(out)
	}
	if said := look("sgdisk", "-v", image); said != "" && !strings.Contains(said, "No problems found") {
		t.Errorf("sgdisk: %s", said)
	}
	data, err := os.ReadFile(image)
	if err != nil {
		t.Fatal(err)
	}
	table, err := gpt.Read(bytes.NewReader(data), layout.ImageSize/gpt.Sector)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range table.Partitions {
		part := filepath.Join(t.TempDir(), p.Name)
		if err := os.WriteFile(part, data[p.Offset():p.Offset()+p.Size()], 0o600); err != nil {
			t.Fatal(err)
		}
		switch p.Name {
		case layout.BIOS:
		case layout.Data:
			look("e2fsck", "-fn", part)
		default:
			look("fsck.vfat", "-n", part)
		}
		if p.Name == layout.Boot {
			if got := look("mtype", "-i", part, "::"+layout.Provision+"/"+layout.BoxConfig); got != "hostname box1\n" {
				t.Errorf("provisioned file: %q", got)
			}
		}
	}
}

// Every module that a board names must be in its kernel.
func TestBoardsAndKernelsFit(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		t.Run(arch, func(t *testing.T) {
			name := map[string]string{"amd64": "pc", "arm64": "rpi4"}[arch]
			o := options(t, name)
			p, err := collect(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range board.All() {
				if b.Arch != arch {
					continue
				}
				list, _, err := p.kernel.Select(t.Context(), b.Modules.All())
				if err != nil {
					t.Errorf("board %s: %v", b.Name, err)
				}
				t.Logf("%s: %d modules", b.Name, len(list))
			}
			if arch == "arm64" {
				files := map[string][]byte{}
				if err := addPi(p, files); err != nil || files["/bcm2711-rpi-4-b.dtb"] == nil || files["/u-boot.bin"] == nil {
					t.Errorf("the Pi's files: %v", err)
				}
			}
		})
	}
}

func TestProvision(t *testing.T) {
	o := options(t, "apu2")
	out := filepath.Join(t.TempDir(), "box.img")
	if _, err := Build(t.Context(), o, out); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"first", "second"} {
		if err := Provision(t.Context(), out, map[string][]byte{"box.conf": []byte(text), "dhcpd.conf": []byte("x")}); err != nil {
			t.Fatal(err)
		}
		got, err := exec.Command("mtype", "-i", fat{disk: out, offset: layout.BootStart}.address(), "::/tandem/box.conf").Output()
		if err != nil || string(got) != text {
			t.Errorf("%q %v", got, err)
		}
	}
}

func TestProvisionRefusesOtherDisks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(name, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Provision(context.Background(), name, nil); err == nil || !strings.Contains(err.Error(), "no image of ours") {
		t.Errorf("err = %v", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	good := Options{Binaries: map[string]string{layout.Init: "x"}, Time: time.Unix(1_700_000_000, 0), Cache: "x"}
	for says, edit := range map[string]func(*Options){
		"no program for /init": func(o *Options) { o.Binaries = nil },
		"SOURCE_DATE_EPOCH":    func(o *Options) { o.Time = time.Unix(0, 0) },
		"no cache":             func(o *Options) { o.Cache = "" },
	} {
		o := good
		edit(&o)
		if _, err := Direct(context.Background(), o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", says, err)
		}
	}
}

func TestPackages(t *testing.T) {
	all := Packages()
	for arch, want := range map[string][]string{
		"amd64": {"linux-image-amd64", "e2fsck-static", "grub-pc-bin", "grub-efi-amd64-bin"},
		"arm64": {"linux-image-arm64", "e2fsck-static", "grub-efi-arm64-bin", "raspi-firmware", "u-boot-rpi"},
	} {
		for _, name := range want {
			if !slices.Contains(all[arch], name) {
				t.Errorf("%s lacks %s: %q", arch, name, all[arch])
			}
		}
		if len(all[arch]) != len(want) {
			t.Errorf("%s: %q", arch, all[arch])
		}
	}
	if !IsKernel("linux-image-amd64") || IsKernel("grub-pc-bin") {
		t.Error("IsKernel is wrong")
	}
}

func TestCommandLine(t *testing.T) {
	pc, _ := board.ByName("pc")
	got := CommandLine(Options{Board: pc})
	want := "console=tty0 console=ttyS0,115200 panic=5 oops=panic loglevel=4 tandem.board=pc"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
