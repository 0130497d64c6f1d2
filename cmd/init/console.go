package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/images/layout"
	"tandem/init/boot"
	"tandem/init/supervise"
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
	if pools := b.poolLines.Load(); pools != nil {
		for _, p := range *pools {
			write(&f, "pool", "%s", p)
		}
	}
	f.WriteString(rule)
	return s.String(), f.String()
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

// ending tells whether a line ends the box, and how.
func ending(line string) (o order, ok bool) {
	switch strings.ToLower(line) {
	case "reboot":
		return order{reason: boot.ByCommand, why: "restarting, as typed on the console"}, true
	case "poweroff", "shutdown":
		return order{reason: boot.ByCommand, off: true, why: "switching off, as typed on the console"}, true
	}
	return order{}, false
}

// operatorWords are those that failctl understands on the box; it is asked.
var operatorWords = []string{"why", "leases", "counters", "partner-down", "removed", "maintenance", "pause", "resume", "calm"}

// command does what was typed; ok is true if the box ends by it.
func (b *box) command(line string) (o order, ok bool) {
	if o, ok := ending(line); ok {
		return o, true
	}
	words := strings.Fields(line)
	switch {
	case len(words) == 0 || line == "status":
		b.show(true)
	case words[0] == "failctl" && len(words) > 1:
		go b.ask(words[1:])
	case slices.Contains(operatorWords, words[0]):
		go b.ask(words)
	case words[0] == "log":
		b.showLog(words[1:])
	case debugImage() && b.mischief(line):
	default:
		known := "status, log [N], reboot, poweroff, failctl ..., " + strings.Join(operatorWords, ", ")
		if debugImage() {
			known += "; " + mischiefs
		}
		b.log("unknown command %q; known: %s", line, known)
	}
	return order{}, false
}

// showLog shows the end of the log that is in memory.
func (b *box) showLog(args []string) {
	n := 20
	if len(args) > 0 {
		n, _ = strconv.Atoi(args[0]) // no number shows nothing
	}
	var out strings.Builder
	for _, l := range b.journal.Tail(max(n, 0)) {
		fmt.Fprintf(&out, "> %s\n", l)
	}
	fmt.Fprintf(b.console, "%s> end of log; the files are in %s on the data partition, %d lines found no room\n", out.String(), logDir, b.journal.Dropped())
}

// askLimit bounds one question to dhcpfd.
const askLimit = 20 * time.Second

// ask has failctl ask dhcpfd, and shows the answer in one piece.
func (b *box) ask(words []string) {
	var out bytes.Buffer
	args := append([]string{"--control", layout.Control}, words...)
	if err := b.reaper.Run(layout.FailCtl, args, &out, askLimit); err != nil {
		fmt.Fprintf(&out, "%v\n", err)
	}
	fmt.Fprintf(b.console, "> %s\n%s> end of %s\n", strings.Join(words, " "), out.Bytes(), words[0])
}
