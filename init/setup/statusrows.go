package setup

import (
	"fmt"
	"strings"
	"time"
)

// row is one line of the status.
type statusRow struct {
	label, text string
	strong      bool
	// figure: it changes all the time, which is no reason to show the status
	// again on a terminal of lines.
	figure bool
	joined bool // a screen shows it behind the row before it
}

const alarmLabel = "ALARM"

// Limits of what a screen of 24 lines has room for.
const (
	shownAlarms = 4
	shownPools  = 4
)

// sentence is the state of the pair, or of the boot.
func sentence(s Status) string {
	if s.Booting != "" {
		return "Starting: " + s.Booting
	}
	if s.Sentence == "" {
		return "Nothing is known of the service yet."
	}
	return s.Sentence
}

// human is a length of time for the eye.
func human(d time.Duration) string {
	switch {
	case d < 0:
		return "never"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d/time.Second))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d/time.Hour))
	}
	return fmt.Sprintf("%d days", int(d/(24*time.Hour)))
}

// clockTime is a moment of today, or with its date.
func clockTime(t, now time.Time) string {
	t, now = t.UTC(), now.UTC()
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format("15:04:05 UTC")
	}
	return t.Format("2006-01-02 15:04 UTC")
}

// statusRows is the whole status; everything that shows it is made of this.
func statusRows(s Status) []statusRow {
	var rows []statusRow
	add := func(label, text string) { rows = append(rows, statusRow{label: label, text: text}) }
	for i, a := range s.Alarms {
		if i == shownAlarms {
			rows = append(rows, statusRow{label: alarmLabel, text: fmt.Sprintf("and %d more: see the menu, alarms", len(s.Alarms)-i), strong: true})
			break
		}
		rows = append(rows, statusRow{label: alarmLabel, text: fmt.Sprintf("%s: %s: %s", a.Severity, a.Name, a.Text), strong: true})
		if !a.Since.IsZero() {
			rows = append(rows, statusRow{label: alarmLabel, text: "since " + clockTime(a.Since, s.Time), figure: true, joined: true})
		}
	}
	if p := s.Pairing; p.Open && p.Code != "" {
		rows = append(rows, statusRow{label: "pairing", text: fmt.Sprintf("code %s, good until %s: type it at the other box", p.Code, clockTime(p.Until, s.Time)), strong: true})
	}
	if s.Posture != "" {
		text := fmt.Sprintf("%s by rule %s: %s", s.Posture, s.Rule, s.Why)
		if !s.Until.IsZero() {
			text += ", until " + clockTime(s.Until, s.Time)
		}
		add("posture", text)
	}
	if s.State != "" {
		text := fmt.Sprintf("this box %s, partner %s", s.State, orUnknown(s.Partner))
		if s.MCLT > 0 {
			text += ", MCLT " + human(s.MCLT)
		}
		add("states", text)
	}
	if s.Clock.State != "" {
		add("clock", clockText(s.Clock))
		if s.Clock.Trusted {
			rows = append(rows, statusRow{label: "clock", text: fmt.Sprintf("offset %+.3f s", s.Clock.Offset.Seconds()), figure: true, joined: true})
		}
	}
	for _, l := range s.Links {
		rows = append(rows, l.rows()...)
	}
	if text := configText(s); text != "" {
		rows = append(rows, statusRow{label: "config", text: text, strong: s.Config.Drift != "" || s.Config.waits()})
	}
	for i, p := range s.Pools {
		if i == shownPools {
			rows = append(rows, statusRow{label: "pools", text: fmt.Sprintf("and %d networks more: failctl status", len(s.Pools)-i), figure: true})
			break
		}
		rows = append(rows, statusRow{label: "pool", text: poolText(p), figure: true})
	}
	return rows
}

func orUnknown(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

func alarmText(a Alarm, now time.Time) string {
	text := fmt.Sprintf("%s: %s: %s", a.Severity, a.Name, a.Text)
	if !a.Since.IsZero() {
		text += ", since " + clockTime(a.Since, now)
	}
	return text
}

func clockText(c Clock) string {
	if c.Trusted && len(c.Servers) > 0 {
		return c.State + " by " + count(len(c.Servers), "server")
	} else if c.Trusted {
		return c.State
	}
	return "NOT TRUSTED, nobody is served: " + c.Why
}

func (l Link) rows() []statusRow {
	state := "up"
	switch {
	case l.Flapping:
		state = "FLAPPING"
	case !l.Carrier:
		state = "NO CARRIER"
	case l.Speed > 0:
		state = fmt.Sprintf("up, %d Mbit/s", l.Speed)
	}
	row := statusRow{label: l.Use, text: fmt.Sprintf("%s %s %s", l.Port, l.Prefix, state), strong: !l.Carrier || l.Flapping}
	rows := []statusRow{row}
	if l.Heard >= 0 {
		rows = append(rows, statusRow{label: l.Use, text: "partner heard " + human(l.Heard) + " ago", figure: true, joined: true})
	}
	return rows
}

// waits tells whether somebody has to confirm a change.
func (c ConfigState) waits() bool { return strings.HasPrefix(c.State, "waiting") }

func configText(s Status) string {
	c := s.Config
	if c.Version == 0 && c.State == "" && c.Drift == "" {
		return ""
	}
	text := fmt.Sprintf("version %d", c.Version)
	if c.Hash != "" {
		text += " (" + c.Hash[:min(8, len(c.Hash))] + ")"
	}
	text += " " + c.State
	if !c.Until.IsZero() {
		text += " until " + clockTime(c.Until, s.Time)
	}
	if c.waits() {
		text += " (menu: f, then c)"
	}
	if c.Drift != "" {
		text += "; THE BOXES DIFFER: " + c.Drift
	}
	return text
}

func poolText(p Pool) string {
	text := fmt.Sprintf("%s: %d addresses, %d leased, %d free", p.Network, p.Size, p.Active, p.Free+p.Backup)
	if p.Abandoned > 0 {
		text += fmt.Sprintf(", %d abandoned", p.Abandoned)
	}
	if p.Endurance >= 0 {
		text += "; lasts " + human(p.Endurance)
	}
	return text
}
