package boot

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"tandem/images/layout"
	"tandem/images/modules"
)

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func TestFacts(t *testing.T) {
	root := fstest.MapFS{
		"sys/class/dmi/id/sys_vendor":   file("QEMU\n"),
		"sys/class/dmi/id/product_name": file("Standard PC (Q35 + ICH9, 2009)\n"),
		"proc/device-tree/compatible":   file("a,b\x00c,d\x00"),
	}
	f := Facts(root, parseParams("console=ttyS0 quiet "+layout.ParamBoard+"=pc panic=5\n"))
	if f.Vendor != "QEMU" || f.Image != "pc" || !slices.Equal(f.Compatible, []string{"a,b", "c,d"}) {
		t.Fatalf("%+v", f)
	}
}

func TestColdplugFollowsBusesAndGivesUpOnWhatFails(t *testing.T) {
	index, err := modules.Parse(strings.NewReader(`bad
: pci:v00000bad*
e1000e ptp
: pci:v00008086d000010D3*
ptp pps_core
pps_core
coretemp
: cpu:type:x86,*feature:*,0080*
virtio_net
: virtio:d00000001v*
virtio_pci
: pci:v00001AF4*
`))
	if err != nil {
		t.Fatal(err)
	}
	root := fstest.MapFS{
		"sys/bus/pci/devices/0/modalias":                file("pci:v00008086d000010D3sv1\n"),
		"sys/bus/pci/devices/1/modalias":                file("pci:v00001AF4d00001000sv1\n"),
		"sys/bus/pci/devices/2/modalias":                file("pci:v00000bad\n"),
		"sys/bus/pci/devices/3/modalias":                file("usb:unknown\n"),
		"sys/bus/clocksource/devices/clocksource0/name": file("a device that asks for nothing\n"),
		"sys/devices/system/cpu/modalias":               file("cpu:type:x86,ven0000fam0006mod0001:feature:,0080\n"),
	}
	var order []string
	l := newLoader(index, "/m", func(_, name string) error {
		order = append(order, name)
		if name == "virtio_pci" { // its device brings another one
			root["sys/bus/virtio/devices/virtio0/modalias"] = file("virtio:d00000001v1\n")
		}
		if name == "bad" {
			return errors.New("no such device")
		}
		return nil
	})
	n, failed := l.Coldplug(root, func(string) bool { return true })
	want := []string{"coretemp", "pps_core", "ptp", "e1000e", "virtio_pci", "bad", "virtio_net"}
	if !slices.Equal(order, want) || n != 7 || len(failed) != 1 || !strings.Contains(failed[0].Error(), "kernel module bad") {
		t.Fatalf("%v, %d, %v", order, n, failed)
	}
	if err := l.Load("nothing"); err == nil || !strings.Contains(err.Error(), "not in this image") {
		t.Fatal(err)
	}
}

func TestIsWatchdog(t *testing.T) {
	for module, want := range map[string]bool{"i6300esb": true, "iTCO_wdt": true, "sp5100_tco": true, "bcm2835_wdt": true, "virtio_net": false, "igb": false} {
		if IsWatchdog(module) != want {
			t.Errorf("%s: %v", module, !want)
		}
	}
}
