package qemu

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestArguments(t *testing.T) {
	t.Setenv(AccelVariable, "tcg")
	s := sockets{monitor: "/l/qmp", console: "/l/con", ports: []string{"/l/p0", "/l/p1"}, vars: "/l/vars"}
	m := Machine{Name: "box1", Arch: "amd64", Start: StartDirect, Direct: Direct{"k", "i", "c d"}, Disk: "/d,1",
		Ports: []Cable{{MAC: mac(1)}, {MAC: mac(2), Model: "e1000e"}}}
	args, err := m.arguments(s, time.Date(2031, 6, 1, 2, 3, 4, 0, time.FixedZone("", 3600)))
	if err != nil {
		t.Fatal(err)
	}
	line := strings.Join(args, " ")
	for _, want := range []string{
		"-accel tcg", "-rtc base=2031-06-01T01:03:04", "-m 256", "file=/d,,1",
		"virtio-net-pci,id=nic-p0,netdev=p0,mac=52:54:00:00:00:01,addr=0x2",
		"e1000e,id=nic-p1,netdev=p1,mac=52:54:00:00:00:02,addr=0x3",
		"stream,id=p1,server=off,addr.type=unix,addr.path=/l/p1", "-device i6300esb", "-kernel k -initrd i -append c d",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("no %q in %s", want, line)
		}
	}
	m = Machine{Arch: "arm64", Start: StartBIOS, Watchdog: "none"}
	args, err = m.arguments(s, time.Time{})
	if err != nil || !slices.Contains(args, "cortex-a53") || slices.Contains(args, "i6300esb,addr=0xa") {
		t.Errorf("%q %v", args, err)
	}
}

func TestAccelerator(t *testing.T) {
	for _, forced := range []string{"kvm", "tcg"} {
		t.Setenv(AccelVariable, forced)
		if got := Accelerator("amd64"); got != forced {
			t.Errorf("%s was asked for, got %s", forced, got)
		}
	}
	t.Setenv(AccelVariable, "")
	if got := Accelerator("sparc"); got != "tcg" {
		t.Errorf("foreign architecture: %s", got)
	}
	for info, want := range map[string]bool{
		"flags\t\t: fpu vmx sse\n": true, "flags : fpu svm\n": true, "flags : fpu vmxish\n": false, "model : vmx\n": false, "": false,
	} {
		if virtualises("amd64", info) != want {
			t.Errorf("%q: not %v", info, want)
		}
	}
	if !virtualises("arm64", "") {
		t.Error("arm64 cannot be told from cpuinfo")
	}
}

func TestCopySparse(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	f, err := os.Create(from)
	if err != nil {
		t.Fatal(err)
	}
	for at, text := range map[int64]string{0: "first", 8 << 20: "second"} {
		if _, err := f.WriteAt([]byte(text), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Truncate(64 << 20); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := CopySparse(from, to, 100<<20); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(to)
	if err != nil || len(data) != 100<<20 || string(data[:5]) != "first" || string(data[8<<20:8<<20+6]) != "second" {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	var st unix.Stat_t
	if err := unix.Stat(to, &st); err != nil || st.Blocks*512 > 4<<20 {
		t.Errorf("%d bytes on disk: the holes are filled (%v)", st.Blocks*512, err)
	}
	if err := CopySparse(filepath.Join(dir, "none"), to, 0); err == nil {
		t.Error("copied nothing")
	}
}

func TestLabCloses(t *testing.T) {
	l, err := NewLab()
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.Switch("lan")
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Box(Machine{Name: "box", Arch: "amd64", Ports: []Cable{{To: s, MAC: mac(1)}}, Console: filepath.Join(l.Dir, "log")})
	if err != nil {
		t.Fatal(err)
	}
	ctx := soon(t)
	if b.On() || b.Reset(ctx) == nil || b.Freeze(ctx) == nil {
		t.Error("a box that is off obeys")
	}
	if b.SetCarrier(ctx, 7, true) == nil {
		t.Error("a cable in a port that is not there")
	}
	if err := b.SetCarrier(ctx, 0, false); err != nil || !b.Cable(0).Faults().Cut {
		t.Errorf("a cable cannot be pulled while the box is off: %v", err)
	}
	if err := b.WaitOff(ctx); err != nil {
		t.Error(err)
	}
	l.Close()
	if _, err := os.Stat(l.Dir); err == nil {
		t.Error("the lab's directory is still there")
	}
	if _, err := l.Switch("late"); err == nil {
		t.Error("a closed lab makes switches")
	}
}
