package disk

import (
	"testing"
	"testing/fstest"

	"tandem/hwmon"
)

func byName(readings []hwmon.Reading) map[string]float64 {
	m := map[string]float64{}
	for _, r := range readings {
		m[r.Name] = r.Value
	}
	return m
}

func TestRead(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	root := fstest.MapFS{
		"sys/fs/ext4/mmcblk0p3/errors_count":       file("4\n"),
		"sys/class/block/mmcblk0/device/life_time": file("0x02 0x09\n"),
		"proc/meminfo": file("MemTotal:  1000 kB\nMemFree: 10 kB\nMemAvailable: 120 kB\n"),
	}
	got := byName(Read(root, t.TempDir(), "mmcblk0p3"))
	if got["disk errors"] != 4 || got["disk wear"] != 90 || got["disk read-only"] != 0 || got["disk space"] <= 0 || got["disk space"] > 100 {
		t.Fatalf("%v", got)
	}
	if m := byName(Memory(root)); m["memory"] != 12 {
		t.Fatalf("%v", m)
	}
	if r := Read(fstest.MapFS{}, "/no/such/mount", "sda3"); len(r) != 0 {
		t.Fatalf("readings of nothing: %v", r)
	}
}

func TestWhole(t *testing.T) {
	for partition, disk := range map[string]string{"sda3": "sda", "vda12": "vda", "nvme0n1p2": "nvme0n1", "mmcblk0p3": "mmcblk0"} {
		if got := whole(partition); got != disk {
			t.Errorf("%s is on %s, want %s", partition, got, disk)
		}
	}
}

func TestDirectoryThatTakesFilesDoesNotRefuse(t *testing.T) {
	if refuses(t.TempDir()) {
		t.Error("a directory that can be written refuses")
	}
}
