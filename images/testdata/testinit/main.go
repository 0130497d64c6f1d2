// Testinit is the program that boot tests start as PID 1. It proves that an
// image comes up (modules, watchdog, ports, data partition, boot loader's
// memory), says so in lines that begin with "testinit:", and then obeys single
// words on the console:
//
//	well      give the running slot all its starts back
//	link      tell each port's carrier
//	mirror    send every frame of type 88b5 that comes to LAN1 back to its sender
//	count     raise the counter on the data partition, synced
//	rtc       set the clock chip to 2026-01-01
//	bite      open the watchdog with 5 s and never feed it
//	panic     die, as an init with a bug does
//	reboot    start anew
//	poweroff  switch off
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tandem/board"
	"tandem/images/gpt"
	"tandem/images/grubenv"
	"tandem/images/layout"
	"tandem/images/modules"
)

func main() {
	say("start")
	mount("proc", "/proc", "proc")
	mount("sysfs", "/sys", "sysfs")
	mount("devtmpfs", "/dev", "devtmpfs")
	var image layout.Image
	if data, err := os.ReadFile(layout.ImageInfo); err != nil || json.Unmarshal(data, &image) != nil {
		say("no image description: %v", err)
	}
	b, _ := board.ByName(image.Board)
	say("image=%s slot=%s tries=%s", image.Board, param(layout.ParamSlot), param(layout.ParamTries))
	begin := time.Now()
	n := load(b)
	say("modules=%d seconds=%.1f", n, time.Since(begin).Seconds())
	found := board.Recognise(facts(image.Board))
	say("board=%s known=%v: %s", found.Board.Name, found.Known, found.Why)
	watchdogs()
	ports(found.Board)
	if dev := partition(layout.Data); dev != "" {
		grow(dev)
		mount(dev, "/data", "ext4")
		count()
	} else {
		say("no data partition")
	}
	say("clock=%s", time.Now().UTC().Format(time.RFC3339))
	say("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		obey(strings.TrimSpace(lines.Text()), found.Board)
	}
	time.Sleep(time.Hour) // a console without an input is no reason to die
}

func say(format string, args ...any) { fmt.Printf("testinit: "+format+"\n", args...) }

func mount(source, target, kind string) {
	if err := unix.Mount(source, target, kind, 0, ""); err != nil {
		say("mount %s: %v", target, err)
	}
}

func read(name string) string {
	data, _ := os.ReadFile(name)
	return strings.TrimSpace(string(data))
}

func param(key string) string {
	for _, w := range strings.Fields(read("/proc/cmdline")) {
		if v, ok := strings.CutPrefix(w, key+"="); ok {
			return v
		}
	}
	return "none"
}

// load loads the board's first modules, then what devices ask for until nothing
// new appears.
func load(b board.Board) int {
	f, err := os.Open(layout.ModuleIndex)
	if err != nil {
		say("modules: %v", err)
		return 0
	}
	ix, err := modules.Parse(f)
	if err != nil {
		say("modules: %v", err)
		return 0
	}
	done := map[string]bool{}
	for _, name := range b.Modules.First {
		insert(ix, done, name)
	}
	for before := -1; before != len(done); {
		before = len(done)
		_ = filepath.WalkDir("/sys/devices", func(p string, d os.DirEntry, err error) error {
			if err == nil && d.Name() == "modalias" {
				for _, m := range ix.Match(read(p)) {
					insert(ix, done, m)
				}
			}
			return nil
		})
	}
	return len(done)
}

func insert(ix *modules.Index, done map[string]bool, name string) {
	if done[name] || !ix.Has(name) { // not carried: built in
		return
	}
	order, err := ix.Order(name)
	if err != nil {
		say("%v", err)
	}
	for _, m := range order {
		if done[m] {
			continue
		}
		done[m] = true
		code, err := modules.ReadFile(layout.ModuleDir, m)
		if err == nil {
			err = unix.InitModule(code, "")
		}
		if err != nil {
			say("module %s: %v", m, err)
		}
	}
}

func facts(image string) board.Facts {
	dmi := func(name string) string { return read("/sys/class/dmi/id/" + name) }
	f := board.Facts{Arch: arch(), Image: image, Vendor: dmi("sys_vendor"), Product: dmi("product_name"), Maker: dmi("board_vendor"), Mainboard: dmi("board_name")}
	if c := read("/proc/device-tree/compatible"); c != "" {
		f.Compatible = strings.Split(strings.TrimRight(c, "\x00"), "\x00")
	}
	return f
}

func arch() string {
	var u unix.Utsname
	_ = unix.Uname(&u)
	if unix.ByteSliceToString(u.Machine[:]) == "aarch64" {
		return "arm64"
	}
	return "amd64"
}

func watchdogs() {
	found, _ := filepath.Glob("/sys/class/watchdog/*")
	for _, w := range found {
		say("watchdog=%q status=%s", read(w+"/identity"), read(w+"/bootstatus"))
	}
}

func nics() []board.NIC {
	var list []board.NIC
	found, _ := filepath.Glob("/sys/class/net/*/device")
	for _, d := range found {
		dir := filepath.Dir(d)
		bus, _ := filepath.EvalSymlinks(d)
		if filepath.Base(filepath.Dir(bus)) != "devices" && strings.HasPrefix(filepath.Base(bus), "virtio") {
			bus = filepath.Dir(bus)
		}
		driver, _ := filepath.EvalSymlinks(d + "/driver")
		list = append(list, board.NIC{Name: filepath.Base(dir), MAC: read(dir + "/address"), Bus: filepath.Base(bus), Driver: filepath.Base(driver)})
	}
	return list
}

func ports(b board.Board) {
	named, missing := board.Assign(b, nics())
	for _, n := range named {
		say("port=%s device=%s mac=%s bus=%s", n.Label, n.NIC.Name, n.NIC.MAC, n.NIC.Bus)
		up(n.NIC.Name)
	}
	say("missing=%q", missing)
}

// up raises the interface, without which there is no carrier to see.
func up(name string) {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		say("socket: %v", err)
		return
	}
	defer unix.Close(s)
	req, err := unix.NewIfreq(name)
	if err == nil {
		req.SetUint16(unix.IFF_UP)
		err = unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, req)
	}
	if err != nil {
		say("%s up: %v", name, err)
	}
}

// partition finds a partition's device by its name in the GPT.
func partition(name string) string {
	for range 50 {
		found, _ := filepath.Glob("/sys/class/block/*/uevent")
		for _, u := range found {
			lines := strings.Split(read(u), "\n")
			if slices.Contains(lines, "PARTNAME="+name) {
				return "/dev/" + filepath.Base(filepath.Dir(u))
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	return ""
}

// grow tells what growing the data partition would do.
func grow(dev string) {
	base := filepath.Base(dev)
	parent, err := filepath.EvalSymlinks("/sys/class/block/" + base)
	if err != nil {
		say("grow: %v", err)
		return
	}
	disk := filepath.Dir(parent)
	sectors, _ := strconv.ParseUint(read(disk+"/size"), 10, 64)
	f, err := os.Open("/dev/" + filepath.Base(disk))
	if err != nil {
		say("grow: %v", err)
		return
	}
	defer f.Close()
	t, err := gpt.Read(f, sectors)
	if err != nil {
		say("grow: %v", err)
		return
	}
	changed, err := t.Grow(layout.Data, sectors)
	say("grow=%v err=%v", changed, err)
}

func count() {
	n, _ := strconv.Atoi(read("/data/count"))
	n++
	f, err := os.Create("/data/count.new")
	if err == nil {
		_, err = fmt.Fprintln(f, n)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename("/data/count.new", "/data/count")
	}
	unix.Sync()
	say("count=%d err=%v", n, err)
}

func well() {
	mount(partition(layout.Boot), "/boot", "vfat")
	f, err := os.OpenFile("/boot"+layout.GrubEnv, os.O_RDWR, 0)
	if err != nil {
		say("well: %v", err)
		return
	}
	block := make([]byte, grubenv.Size)
	if _, err := f.ReadAt(block, 0); err != nil {
		say("well: %v", err)
	}
	state, err := grubenv.Parse(block)
	if err != nil {
		say("well: %v", err)
		state = grubenv.Fresh()
	}
	state = state.Well(param(layout.ParamSlot))
	_, err = f.WriteAt(state.Encode(), 0)
	say("well %+v: %v %v %v", state, err, f.Sync(), f.Close())
	if err := unix.Unmount("/boot", 0); err != nil {
		say("unmount: %v", err)
	}
}

func obey(word string, b board.Board) {
	switch word {
	case "well":
		well()
	case "link":
		named, _ := board.Assign(b, nics())
		for _, n := range named {
			say("link %s=%s", n.Label, read("/sys/class/net/"+n.NIC.Name+"/carrier"))
		}
	case "mirror":
		named, _ := board.Assign(b, nics())
		if len(named) > 0 {
			go mirror(named[0].NIC.Name)
		}
	case "count":
		count()
	case "rtc":
		fd, err := unix.Open("/dev/rtc0", unix.O_RDWR, 0)
		if err == nil {
			err = unix.IoctlSetRTCTime(fd, &unix.RTCTime{Year: 126, Mon: 0, Mday: 1})
		}
		say("rtc: %v", err)
	case "bite":
		fd, err := unix.Open("/dev/watchdog0", unix.O_WRONLY, 0) // never closed
		if err == nil {
			err = unix.IoctlSetPointerInt(fd, unix.WDIOC_SETTIMEOUT, 5)
		}
		say("bite: %v", err)
	case "panic":
		os.Exit(1)
	case "reboot":
		unix.Sync()
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_RESTART)
	case "poweroff":
		unix.Sync()
		_ = unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF)
	default:
		say("%q is not understood", word)
	}
}

// mirror answers test frames until the end.
func mirror(name string) {
	const testFrame = 0x88b5 // IEEE 802 local experimental
	s, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	dev, devErr := net.InterfaceByName(name)
	if err != nil || devErr != nil {
		say("mirror: %v %v", err, devErr)
		return
	}
	at := &unix.SockaddrLinklayer{Protocol: testFrame>>8 | testFrame&0xff<<8, Ifindex: dev.Index}
	if err := unix.Bind(s, at); err != nil {
		say("mirror: %v", err)
		return
	}
	say("mirror on %s", name)
	buf := make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(s, buf, 0)
		if err != nil || n < 14 {
			say("mirror: %d bytes, %v", n, err)
			return
		}
		copy(buf, buf[6:12])
		copy(buf[6:], dev.HardwareAddr)
		if err := unix.Sendto(s, buf[:n], 0, at); err != nil {
			say("mirror: %v", err)
		}
	}
}
