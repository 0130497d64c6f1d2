package qemu

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/board"
	"tandem/images"
	"tandem/images/apt"
	"tandem/images/grubenv"
	"tandem/images/layout"
)

// bootTime bounds one start of a box, generously: the machine is emulated and
// the host has other work.
const bootTime = 4 * time.Minute

// benches are what the boot tests share: an image of each board that they
// start, with the test program as init.
var benches struct {
	sync.Mutex
	dir   string
	ready map[string]bench
}

type bench struct {
	image  string // disk
	direct Direct
}

func TestMain(m *testing.M) {
	code := m.Run()
	if benches.dir != "" {
		os.RemoveAll(benches.dir)
	}
	os.Exit(code)
}

// imageOf builds a board's image once, or skips the test where no machines
// shall be started.
func imageOf(t *testing.T, name string) bench {
	t.Helper()
	if testing.Short() {
		t.Skip("starts virtual machines; not with -short")
	}
	benches.Lock()
	defer benches.Unlock()
	if b, ok := benches.ready[name]; ok {
		return b
	}
	if benches.dir == "" {
		var err error
		if benches.dir, err = os.MkdirTemp("", "bench-"); err != nil {
			t.Fatal(err)
		}
		benches.ready = map[string]bench{}
	}
	b, err := makeBench(name, filepath.Join(benches.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	benches.ready[name] = b
	return b
}

func makeBench(name, path string) (bench, error) {
	ctx, stop := context.WithTimeout(context.Background(), bootTime)
	defer stop()
	o := images.Options{Version: "test", Time: time.Unix(1_700_000_000, 0), Binaries: map[string]string{layout.Init: path + ".init"}}
	o.Board, _ = board.ByName(name)
	if err := images.Compile(ctx, o.Board.Arch, "tandem/images/testdata/testinit", o.Binaries[layout.Init]); err != nil {
		return bench{}, err
	}
	var err error
	if o.Lock, err = apt.ReadLock("../images/kernel.lock"); err != nil {
		return bench{}, err
	}
	if o.Sources, err = apt.Host(o.Lock.Suite); err != nil {
		return bench{}, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return bench{}, err
	}
	o.Cache = filepath.Join(cache, "tandem")
	b := bench{image: path + ".img"}
	if _, err := images.Build(ctx, o, b.image); err != nil {
		return bench{}, err
	}
	k, err := images.Direct(ctx, o)
	if err != nil {
		return bench{}, err
	}
	b.direct = Direct{Kernel: k.Kernel, RAMDisk: path + ".initrd", CommandLine: k.CommandLine}
	return b, os.WriteFile(b.direct.RAMDisk, k.RAMDisk, 0o600)
}

// place sets a box with a board's image up on a lab of its own and switches it
// on. prepare may change the disk before.
func place(t *testing.T, name string, m Machine, prepare func(disk string)) (*Box, context.Context) {
	t.Helper()
	bench := imageOf(t, name)
	m.Direct = bench.direct
	lab, err := NewLab()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(lab.Close)
	lan, err := lab.Switch("lan")
	if err != nil {
		t.Fatal(err)
	}
	if b, ok := board.ByName(name); ok {
		m.Name, m.Arch = t.Name(), b.Arch
	}
	m.Disk = filepath.Join(lab.Dir, "disk")
	if err := CopySparse(bench.image, m.Disk, 1<<30); err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(m.Disk)
	}
	m.Ports = []Cable{{To: lan, MAC: mac(1)}, {To: lan, MAC: mac(2)}}
	b, err := lab.Box(m)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), bootTime)
	t.Cleanup(stop)
	if err := b.PowerOn(ctx); err != nil {
		t.Fatal(err)
	}
	return b, ctx
}

// expect waits for a line of the console.
func expect(t *testing.T, ctx context.Context, b *Box, pattern string) []string {
	t.Helper()
	groups, err := b.Console.Expect(ctx, pattern)
	if err != nil {
		t.Fatal(err)
	}
	return groups
}

func typed(t *testing.T, b *Box, line string) {
	t.Helper()
	if err := b.Console.Type(line); err != nil {
		t.Fatal(err)
	}
}

// One start without a boot loader shows most of what a lab can do.
func TestBoxOnTheBench(t *testing.T) {
	b, ctx := place(t, "pc", Machine{Start: StartDirect, Clock: time.Date(2031, 6, 1, 0, 0, 0, 0, time.UTC)}, nil)
	watch, stop := b.Console.Watch()
	defer stop()
	expect(t, ctx, b, `testinit: image=pc slot=none`)
	expect(t, ctx, b, `board=qemu-x86 known=true`)
	expect(t, ctx, b, `watchdog="i6300ESB timer" status=0`)
	expect(t, ctx, b, `port=LAN1 device=\S+ mac=52:54:00:00:00:01 bus=0000:00:02.0`)
	expect(t, ctx, b, `port=LAN2 device=\S+ mac=52:54:00:00:00:02 bus=0000:00:03.0`)
	expect(t, ctx, b, `grow=true err=<nil>`)
	expect(t, ctx, b, `count=1 err=<nil>`)
	expect(t, ctx, b, `clock=2031-06-01T00:`)
	expect(t, ctx, b, `testinit: ready`)
	if len(watch) == 0 {
		t.Error("a watcher of the console saw nothing")
	}
	// Frames go both ways.
	typed(t, b, "mirror")
	expect(t, ctx, b, `mirror on `)
	client := plug(t, b.Machine.Ports[0].To, "client")
	client.port.Send(frame(mac(1), mac(9), 42))
	for back := client.take(t); MAC(back[:6]) != mac(9) || back[14] != 42; back = client.take(t) {
	}
	// A cable is pulled and plugged in.
	for _, up := range []bool{false, true, false} {
		if err := b.SetCarrier(ctx, 1, up); err != nil {
			t.Fatal(err)
		}
		awaitLink(t, ctx, b, up)
	}
	// A frozen box says nothing; a thawed one goes on.
	if err := b.Freeze(ctx); err != nil {
		t.Fatal(err)
	}
	typed(t, b, "count")
	short, cancel := context.WithTimeout(ctx, time.Second)
	if _, err := b.Console.Expect(short, `count=2`); err == nil {
		t.Error("a frozen box counts")
	}
	cancel()
	if err := b.Thaw(ctx); err != nil {
		t.Fatal(err)
	}
	expect(t, ctx, b, `count=2 err=<nil>`)
	// Power pulled right after a sync: what was synced is there, and the clock
	// chip goes on from where it was set. The watchdog that then bites starts the
	// box again and leaves its mark.
	typed(t, b, "rtc")
	expect(t, ctx, b, `rtc: <nil>`)
	b.PullPower()
	if b.On() || b.Console.Type("x") == nil {
		t.Error("a box without power is on")
	}
	if err := b.PowerOn(ctx); err != nil {
		t.Fatal(err)
	}
	expect(t, ctx, b, `count=3 err=<nil>`)
	expect(t, ctx, b, `clock=2026-01-01T00:`)
	expect(t, ctx, b, `testinit: ready`)
	awaitLink(t, ctx, b, false)
	before := b.Events()
	typed(t, b, "bite")
	if _, _, err := b.WaitEvent(ctx, "WATCHDOG", before); err != nil {
		t.Fatal(err)
	}
	expect(t, ctx, b, `watchdog="i6300ESB timer" status=32`)
	expect(t, ctx, b, `testinit: ready`)
	typed(t, b, "poweroff")
	if err := b.WaitOff(ctx); err != nil {
		t.Fatal(err)
	}
}

// awaitLink asks the box until its second port has, or has not, a carrier.
func awaitLink(t *testing.T, ctx context.Context, b *Box, up bool) {
	t.Helper()
	want := map[bool]string{false: "0", true: "1"}[up]
	for got := ""; got != want; {
		typed(t, b, "link")
		expect(t, ctx, b, `link LAN1=`)
		got = expect(t, ctx, b, `link LAN2=(\d?)`)[1]
	}
}

// The same image starts by BIOS and by UEFI, and from SATA as from virtio; the
// image for arm64 starts by UEFI.
func TestFirmwares(t *testing.T) {
	for name, tt := range map[string]struct {
		board   string
		machine Machine
	}{
		"bios":  {"pc", Machine{Start: StartBIOS, DiskBus: "ahci", Memory: 128}},
		"uefi":  {"pc", Machine{Start: StartUEFI, Memory: 512}},
		"arm64": {"qemu-arm64", Machine{Start: StartUEFI, Memory: 512}},
	} {
		t.Run(name, func(t *testing.T) {
			b, ctx := place(t, tt.board, tt.machine, nil)
			expect(t, ctx, b, `image=`+tt.board+` slot=a tries=2`)
			expect(t, ctx, b, `testinit: ready`)
			typed(t, b, "well")
			expect(t, ctx, b, `well \{Order:a Tries:map\[a:3 b:3\]\}: <nil> <nil> <nil>`)
			typed(t, b, "poweroff")
			if err := b.WaitOff(ctx); err != nil {
				t.Fatal(err)
			}
			if s := readEnv(t, b.Machine.Disk); s.Order != "a" || s.Tries["a"] != grubenv.Full {
				t.Errorf("grubenv %+v", s)
			}
		})
	}
}

// An updated slot whose init dies is left after its tries, the old one starts
// and marks itself well.
func TestFallbackToTheOtherSlot(t *testing.T) {
	b, ctx := place(t, "pc", Machine{Start: StartBIOS}, func(disk string) {
		writeEnv(t, disk, grubenv.Fresh().Try("b", 2))
	})
	for _, tries := range []string{"1", "0"} {
		expect(t, ctx, b, `image=pc slot=b tries=`+tries)
		expect(t, ctx, b, `testinit: ready`)
		typed(t, b, "panic")
	}
	expect(t, ctx, b, `image=pc slot=a tries=2`)
	expect(t, ctx, b, `testinit: ready`)
	typed(t, b, "well")
	expect(t, ctx, b, `well \{Order:a Tries:map\[a:3 b:0\]\}: <nil> <nil> <nil>`)
}

// env finds the environment block inside a disk image: it is the only place of
// its kind, and GRUB writes it in place.
func env(t *testing.T, disk string) (*os.File, int64) {
	t.Helper()
	f, err := os.OpenFile(disk, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	boot := make([]byte, layout.BootSize)
	if _, err := f.ReadAt(boot, layout.BootStart); err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(boot), "# GRUB Environment Block\norder=")
	if at < 0 {
		t.Fatal("no environment block on the boot partition")
	}
	return f, layout.BootStart + int64(at)
}

func readEnv(t *testing.T, disk string) grubenv.State {
	t.Helper()
	f, at := env(t, disk)
	block := make([]byte, grubenv.Size)
	if _, err := f.ReadAt(block, at); err != nil {
		t.Fatal(err)
	}
	s, err := grubenv.Parse(block)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func writeEnv(t *testing.T, disk string, s grubenv.State) {
	t.Helper()
	f, at := env(t, disk)
	if _, err := f.WriteAt(s.Encode(), at); err != nil {
		t.Fatal(err)
	}
}
