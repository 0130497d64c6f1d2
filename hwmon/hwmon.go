// Package hwmon turns readings of the hardware into alarms with hysteresis.
// It is pure: the sub-packages watchdog, link, thermal and disk read the
// devices, and whoever runs them hands the readings in.
package hwmon

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Reading is one measured value. Values of conditions that are simply true or
// false are 1 and 0.
type Reading struct {
	// Name is "temperature CPU", "disk space", "link lan1" ...
	Name  string
	Value float64
	// Unit is printed behind the value: "°C", "%", "s"; empty for conditions.
	Unit string
}

// Severity ranks alarms.
type Severity uint8

// Severities.
const (
	Warning Severity = iota + 1
	Critical
)

// String is the word for the log.
func (s Severity) String() string {
	if s == Critical {
		return "critical"
	}
	return "warning"
}

// Condition is when a reading is an alarm. It is raised when the value has
// been at or past Raise for Hold, and cleared when it has been at or before
// Clear for Hold. If Raise is below Clear, low values are the bad ones.
type Condition struct {
	// Name is the reading's name, or its first words followed by "*".
	Name     string
	Severity Severity
	Raise    float64
	Clear    float64
	Hold     time.Duration
	// Text says what it means and what to do.
	Text string
}

// applies tells whether the condition speaks of readings of that name.
func (c *Condition) applies(name string) bool {
	if prefix, ok := strings.CutSuffix(c.Name, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return c.Name == name
}

// bad and good place a value; between them nothing changes.
func (c *Condition) bad(v float64) bool {
	if c.Raise < c.Clear {
		return v <= c.Raise
	}
	return v >= c.Raise
}

func (c *Condition) good(v float64) bool {
	if c.Raise < c.Clear {
		return v >= c.Clear
	}
	return v <= c.Clear
}

// Alarm is a condition that holds.
type Alarm struct {
	Name     string    `json:"name"`
	Severity string    `json:"severity"`
	Text     string    `json:"text"`
	Value    string    `json:"value,omitempty"`
	Since    time.Time `json:"since"`
}

// Change is an alarm that was raised or cleared.
type Change struct {
	Alarm
	Raised bool
}

// maxTracked bounds the readings that are followed at once.
const maxTracked = 512

// Monitor follows readings. It is not safe for concurrent use.
type Monitor struct {
	conditions []Condition
	tracks     map[track]*progress
	// Untracked counts readings that found no room.
	Untracked uint64
}

// track is one condition of one reading.
type track struct {
	name      string
	condition int
}

type progress struct {
	alarm  Alarm
	raised bool
	// turning is set while the value is on the other side, since when.
	turning bool
	since   time.Duration
}

// NewMonitor watches for the given conditions.
func NewMonitor(conditions []Condition) *Monitor {
	return &Monitor{conditions: conditions, tracks: map[track]*progress{}}
}

// Step takes readings got at the monotonic moment mono, at wall time now, and
// gives the alarms that changed, in the order of the readings.
func (m *Monitor) Step(mono time.Duration, now time.Time, readings []Reading) []Change {
	var changes []Change
	for _, r := range readings {
		for i := range m.conditions {
			if !m.conditions[i].applies(r.Name) {
				continue
			}
			if ch, changed := m.follow(i, r, mono, now); changed {
				changes = append(changes, ch)
			}
		}
	}
	return changes
}

func (m *Monitor) follow(i int, r Reading, mono time.Duration, now time.Time) (Change, bool) {
	c := &m.conditions[i]
	p := m.tracks[track{r.Name, i}]
	if p == nil {
		if len(m.tracks) >= maxTracked {
			m.Untracked++
			return Change{}, false
		}
		p = &progress{}
		m.tracks[track{r.Name, i}] = p
	}
	p.alarm.Value = r.text()
	turn := c.bad(r.Value)
	if p.raised {
		turn = c.good(r.Value)
	}
	if !turn {
		p.turning = false
		return Change{}, false
	}
	if !p.turning {
		p.turning, p.since = true, mono
	}
	if mono-p.since < c.Hold {
		return Change{}, false
	}
	p.turning = false
	p.raised = !p.raised
	if p.raised {
		p.alarm = Alarm{Name: r.Name, Severity: c.Severity.String(), Text: c.Text, Value: r.text(), Since: now}
	}
	return Change{Alarm: p.alarm, Raised: p.raised}, true
}

func (r Reading) text() string {
	if r.Unit == "" {
		return ""
	}
	return fmt.Sprintf("%.4g %s", r.Value, r.Unit)
}

// Alarms lists what stands now, critical ones first, then by name.
func (m *Monitor) Alarms() []Alarm {
	var list []Alarm
	for _, p := range m.tracks {
		if p.raised {
			list = append(list, p.alarm)
		}
	}
	slices.SortFunc(list, func(a, b Alarm) int {
		return strings.Compare(a.Severity+a.Name, b.Severity+b.Name)
	})
	return list
}

// Standard are the conditions of every box; boards add their temperatures.
var Standard = []Condition{
	{Name: "link lan*", Severity: Critical, Raise: 0, Clear: 1, Hold: time.Second, Text: "the LAN port has no carrier: no client can be served; check cable and switch"},
	{Name: "link direct*", Severity: Warning, Raise: 0, Clear: 1, Hold: time.Second, Text: "the direct cable has no carrier: the partner is off, or the cable is out"},
	{Name: "flapping *", Severity: Warning, Raise: 1, Clear: 0, Text: "the port changes between up and down: cable, switch port or autonegotiation"},
	{Name: "disk space", Severity: Warning, Raise: 20, Clear: 25, Hold: 10 * time.Second, Text: "the data partition is filling up"},
	{Name: "disk space", Severity: Critical, Raise: 5, Clear: 10, Text: "the data partition is almost full: new leases will be refused"},
	{Name: "disk errors", Severity: Critical, Raise: 1, Clear: 0, Text: "the file system reports errors: replace the disk"},
	{Name: "disk read-only", Severity: Critical, Raise: 1, Clear: 0, Text: "the data partition went read-only: replace the disk"},
	{Name: "disk wear", Severity: Warning, Raise: 80, Clear: 79, Text: "the flash has used up most of its life"},
	{Name: "memory", Severity: Warning, Raise: 10, Clear: 15, Hold: 30 * time.Second, Text: "little memory is left"},
	{Name: "clock", Severity: Critical, Raise: 1, Clear: 0, Text: "the time of day is not trusted: nothing is served (R1)"},
}
