package thermal

import (
	"testing"
	"testing/fstest"
	"time"

	"tandem/board"
	"tandem/hwmon"
)

func TestReadAndAlarm(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	sys := fstest.MapFS{
		"class/hwmon/hwmon0/name":        file("acpitz\n"),
		"class/hwmon/hwmon1/name":        file("k10temp\n"),
		"class/hwmon/hwmon1/temp1_input": file("91500\n"),
		"class/hwmon/hwmon2/name":        file("drivetemp\n"), // no input: left out
	}
	sensors := []board.Sensor{
		{Chip: "k10temp", Input: "temp1", Label: "CPU", High: 85, Critical: 100},
		{Chip: "drivetemp", Input: "temp1", Label: "disk", High: 60, Critical: 70},
	}
	got := Read(sys, sensors)
	if len(got) != 1 || got[0] != (hwmon.Reading{Name: "temperature CPU", Value: 91.5, Unit: "°C"}) {
		t.Fatalf("%+v", got)
	}
	m := hwmon.NewMonitor(Conditions(sensors))
	m.Step(0, time.Time{}, got)
	if ch := m.Step(hold, time.Time{}, got); len(ch) != 1 || !ch[0].Raised || ch[0].Severity != "warning" {
		t.Fatalf("%+v", ch)
	}
}
