// Package thermal reads the temperatures that the kernel knows.
package thermal

import (
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"tandem/board"
	"tandem/hwmon"
)

// hold keeps a short peak from being an alarm.
const hold = 30 * time.Second

// Read gives the temperatures of the sensors that the board names, from sysfs
// (the root is /sys). Sensors that are not there are left out.
func Read(sys fs.FS, sensors []board.Sensor) []hwmon.Reading {
	var readings []hwmon.Reading
	chips, _ := fs.Glob(sys, "class/hwmon/hwmon*/name")
	for _, nameFile := range chips {
		chip := text(sys, nameFile)
		for _, s := range sensors {
			if s.Chip != chip {
				continue
			}
			milli, err := strconv.ParseFloat(text(sys, path.Join(path.Dir(nameFile), s.Input+"_input")), 64)
			if err != nil {
				continue
			}
			readings = append(readings, hwmon.Reading{Name: "temperature " + s.Label, Value: milli / 1000, Unit: "°C"})
		}
	}
	return readings
}

func text(sys fs.FS, name string) string {
	raw, err := fs.ReadFile(sys, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(raw))
}

// Conditions are the alarms of the board's sensors.
func Conditions(sensors []board.Sensor) []hwmon.Condition {
	var list []hwmon.Condition
	for _, s := range sensors {
		name := "temperature " + s.Label
		list = append(list,
			hwmon.Condition{Name: name, Severity: hwmon.Warning, Raise: float64(s.High), Clear: float64(s.High - 5), Hold: hold, Text: "the box is hot: check the airflow"},
			hwmon.Condition{Name: name, Severity: hwmon.Critical, Raise: float64(s.Critical), Clear: float64(s.High), Text: "the box is about to protect itself by switching off"})
	}
	return list
}
