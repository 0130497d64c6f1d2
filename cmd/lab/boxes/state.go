package boxes

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"tandem/qemu"
)

// State is what the console of a box said last.
type State struct {
	Box     string
	Power   bool
	Frozen  bool
	Started string // why it started last
	Clock   string
	LAN     string
	Direct  string
	Service string // dhcpfd's sentence
	Alarms  []string
	Code    string // for a box that joins, while pairing is open
	Config  string // of the pair: version and what is under way
	Step    string // the boot step that was done last, while it boots
}

// Eye follows the console of a box.
type Eye struct {
	mu     sync.Mutex
	state  State
	last   string // the field that a folded line goes on with
	change chan struct{}
	stop   func()
}

// Watch begins to follow a box. Lines that tell of changes go to report.
func Watch(b *qemu.Box, name string, report func(line string)) *Eye {
	e := &Eye{state: State{Box: name}, change: make(chan struct{})}
	output, stop := b.Console.Watch()
	e.stop = stop
	go readLines(output, func(line string) {
		if e.take(line) && report != nil {
			report(line)
		}
	})
	return e
}

// readLines hands on what a console says, line by line as a person sees it.
func readLines(output <-chan []byte, take func(line string)) {
	var rest string
	for data := range output {
		rest += string(data)
		for {
			line, after, ok := strings.Cut(rest, "\n")
			if !ok {
				break
			}
			rest = after
			take(seen(line))
		}
	}
}

// seen is what is left of a line on a terminal: a carriage return lets the
// rest overwrite what was there, an escape sequence shows nothing.
func seen(line string) string {
	line = strings.TrimRight(escapes.ReplaceAllString(line, ""), "\r")
	return line[strings.LastIndexByte(line, '\r')+1:]
}

var escapes = regexp.MustCompile("\x1b(\\[[0-9;?]*[A-Za-z]|[78=>])")

// Close ends the following.
func (e *Eye) Close() { e.stop() }

var (
	stepLine   = regexp.MustCompile(`^\[ *[0-9.]+\] (ok  |FAIL) (\w[\w ]*?) +[0-9.]+ s(?:  (.*))?$`)
	statusLine = regexp.MustCompile(`^\| (\w+) +(.*)$`)
	foldedLine = regexp.MustCompile(`^\|  +(.*)$`)
	// pairingCode is one as package enrol makes them.
	pairingCode = regexp.MustCompile(`[2-9A-Z]{4}-[2-9A-Z]{4}`)
)

// take reads one line; tell is set if a person wants to see it.
func (e *Eye) take(line string) (tell bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	defer func() {
		close(e.change)
		e.change = make(chan struct{})
	}()
	s := &e.state
	if strings.HasPrefix(line, "Tandem: init starts") {
		*s = State{Box: s.Box, Power: true, Frozen: s.Frozen, Step: "init"}
		return true
	}
	if m := stepLine.FindStringSubmatch(line); m != nil {
		s.Step = m[2]
		if m[1] == "FAIL" {
			s.Step += " failed: " + m[3]
		}
		return true
	}
	if strings.HasPrefix(line, "+---") {
		return false
	}
	if m := statusLine.FindStringSubmatch(line); m != nil {
		e.last = m[1]
		e.field(m[1], m[2])
		return false
	}
	if m := foldedLine.FindStringSubmatch(line); m != nil {
		if e.last == "state" {
			s.Service += " " + m[1]
		}
		return false
	}
	return strings.Contains(line, "I move from") || strings.Contains(line, "ALARM") || strings.Contains(line, "R1:") ||
		strings.Contains(line, "R8:") || strings.Contains(line, "cleared:")
}

func (e *Eye) field(name, value string) {
	s := &e.state
	if strings.HasPrefix(value, "offset ") || strings.HasPrefix(value, "partner heard ") {
		return // figures, which change all the time
	}
	switch name {
	case "box": // the first line of a status
		s.Alarms, s.Step, s.Code = nil, "", ""
	case "started":
		s.Started = value
	case "clock":
		s.Clock = value
	case "lan":
		s.LAN = value
	case "direct":
		s.Direct = value
	case "state":
		s.Service = value
	case "config":
		s.Config = value
	case "pairing":
		if m := pairingCode.FindString(value); m != "" {
			s.Code = m
		}
	case "ALARM":
		s.Alarms = append(s.Alarms, value)
	}
}

// Mark tells what the lab did to the box.
func (e *Eye) Mark(power, frozen bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !power {
		e.state = State{Box: e.state.Box}
	}
	e.state.Power, e.state.Frozen = power, frozen
	close(e.change)
	e.change = make(chan struct{})
}

// State is what is known now.
func (e *Eye) State() State {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.state
	s.Alarms = append([]string(nil), s.Alarms...)
	return s
}

// Await waits until the state is as wanted.
func (e *Eye) Await(ctx context.Context, what string, ok func(State) bool) error {
	began := time.Now()
	for {
		e.mu.Lock()
		s, change := e.state, e.change
		e.mu.Unlock()
		if ok(s) {
			return nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return fmt.Errorf("%s: not %s after %v; it says: step %q, %q, clock %q, alarms %q",
				s.Box, what, time.Since(began).Round(time.Second), s.Step, s.Service, s.Clock, s.Alarms)
		}
	}
}

// Normal is the state of a box whose pair is well.
func Normal(s State) bool { return strings.Contains(s.Service, "normal, partner normal") }

// Alone is the state of a box that serves without its partner.
func Alone(s State) bool {
	return strings.Contains(s.Service, "communications-interrupted") || strings.Contains(s.Service, "partner-down")
}
