package main

import (
	"fmt"
	"strings"
)

// screen is the status of the box, in lines of at most 80 columns. figures
// are what changes all the time: they alone are no reason to show it again.
func (b *box) screen() (text, figures string) {
	var s, f strings.Builder
	write := func(s *strings.Builder, what, format string, args ...any) {
		text := fmt.Sprintf("| %-9s %s", what, fmt.Sprintf(format, args...))
		if len(text) > 79 {
			text = text[:76] + "..."
		}
		s.WriteString(text + "\n")
	}
	line := func(what, format string, args ...any) { write(&s, what, format, args...) }
	rule := "+" + strings.Repeat("-", 78) + "\n"
	s.WriteString(rule)
	line("box", "%s (%s) on %s, Tandem %s", b.config.Name, b.config.Role, b.found.Board.Title, b.image.Version)
	line("started", "by %s", b.ledger.Reason)
	c := b.trusted()
	line("clock", "%s", c.State)
	for _, w := range b.wanted {
		p := b.portFacts(w.Use)
		state := "up"
		switch {
		case p.Flapping:
			state = "FLAPPING"
		case !p.Carrier:
			state = "NO CARRIER"
		}
		line(w.Use, "%s %s %s", w.Label, w.Prefix, state)
	}
	line(engineName, "%s", b.picture.Load().Sentence)
	for _, a := range b.passed {
		line("boot", "%s failed: %v", a.Step, a.Err)
	}
	for _, a := range b.monitor.Alarms() {
		line("ALARM", "%s: %s", a.Name, a.Text)
	}
	for _, p := range b.picture.Load().Pools {
		write(&f, "pool", "%s: %d addresses, %d leased, %d free", p.Network, p.Size, p.Active, p.Free+p.Backup)
	}
	f.WriteString(rule)
	return s.String(), f.String()
}
