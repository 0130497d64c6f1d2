package hwmon

import (
	"fmt"
	"testing"
	"time"
)

func TestHysteresis(t *testing.T) {
	hot := []Condition{{Name: "temperature *", Severity: Warning, Raise: 85, Clear: 80, Hold: 10 * time.Second, Text: "hot"}}
	low := []Condition{{Name: "disk space", Severity: Critical, Raise: 5, Clear: 10, Text: "full"}}
	for _, c := range []struct {
		name   string
		conds  []Condition
		read   string
		values []float64 // one every 5 s
		want   string    // moments of changes, + raised, - cleared
	}{
		{"short peak", hot, "temperature CPU", []float64{70, 90, 70, 90, 84, 70}, ""},
		{"holds", hot, "temperature CPU", []float64{86, 87, 88, 82, 79, 79, 79}, "+10 -30"},
		{"between is neither", hot, "temperature CPU", []float64{86, 86, 86, 83, 83, 83, 83, 83}, "+10"},
		{"low is bad", low, "disk space", []float64{50, 5, 8, 4, 10, 50}, "+5 -20"},
		{"other name", low, "disk", []float64{0, 0}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := NewMonitor(c.conds)
			got := ""
			for i, v := range c.values {
				mono := time.Duration(i) * 5 * time.Second
				for _, ch := range m.Step(mono, time.Time{}.Add(mono), []Reading{{Name: c.read, Value: v, Unit: "x"}}) {
					sign := "-"
					if ch.Raised {
						sign = "+"
					}
					got += fmt.Sprintf(" %s%d", sign, int(mono.Seconds()))
				}
			}
			if c.want != "" {
				c.want = " " + c.want
			}
			if got != c.want {
				t.Fatalf("changes%s, want%s", got, c.want)
			}
		})
	}
}

func TestAlarmsAreListedCriticalFirst(t *testing.T) {
	m := NewMonitor(Standard)
	m.Step(0, time.Time{}, []Reading{{Name: "disk wear", Value: 90, Unit: "%"}, {Name: "disk errors", Value: 3}})
	a := m.Alarms()
	if len(a) != 2 || a[0].Name != "disk errors" || a[1].Value != "90 %" {
		t.Fatalf("%+v", a)
	}
}

func TestReadingsAreBounded(t *testing.T) {
	m := NewMonitor([]Condition{{Name: "x*", Raise: 1, Clear: 0}})
	for i := range maxTracked + 10 {
		m.Step(0, time.Time{}, []Reading{{Name: fmt.Sprint("x", i), Value: 1}})
	}
	if m.Untracked != 10 || len(m.Alarms()) != maxTracked {
		t.Fatalf("%d untracked, %d alarms", m.Untracked, len(m.Alarms()))
	}
}
