package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"

	"tandem/init/boot"
	"tandem/init/supervise"
)

// screen is the status of the box, in lines of at most 80 columns. It holds
// nothing that changes by itself every second.
func (b *box) screen() string {
	var s strings.Builder
	line := func(what, format string, args ...any) {
		text := fmt.Sprintf("| %-9s %s", what, fmt.Sprintf(format, args...))
		if len(text) > 79 {
			text = text[:76] + "..."
		}
		s.WriteString(text + "\n")
	}
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
	for _, st := range b.supervisor.Statuses() {
		text := string(st.Phase)
		if st.Phase == supervise.Ready {
			text = st.Text
		} else if n := len(st.Exits); n > 0 {
			text += ": " + st.Exits[n-1].Text
		}
		line(st.Name, "%s", text)
	}
	for _, a := range b.passed {
		line("boot", "%s failed: %v", a.Step, a.Err)
	}
	for _, a := range b.monitor.Alarms() {
		line("ALARM", "%s: %s", a.Name, a.Text)
	}
	s.WriteString(rule)
	return s.String()
}

// readKeys gives the lines that are typed on the console.
func (b *box) readKeys() <-chan string {
	lines := make(chan string)
	go func() {
		for in := bufio.NewScanner(os.Stdin); in.Scan(); {
			lines <- strings.TrimSpace(in.Text())
		}
	}()
	return lines
}

// command does what was typed; ok is true if the box ends by it.
func (b *box) command(line string) (o order, ok bool) {
	switch strings.ToLower(line) {
	case "reboot":
		return order{reason: boot.ByCommand, why: "restarting, as typed on the console"}, true
	case "poweroff", "shutdown":
		return order{reason: boot.ByCommand, off: true, why: "switching off, as typed on the console"}, true
	case "", "status":
		b.show(true)
	default:
		b.log("unknown command %q; known: status, reboot, poweroff", line)
	}
	return order{}, false
}
