package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/failover/daemon/control"
	"tandem/images/grubenv"
	"tandem/images/layout"
	"tandem/init/boot"
	boxconf "tandem/init/box"
	"tandem/init/setup"
)

// Do implements setup.Machine.
func (m *machine) Do(ctx context.Context, a setup.Action) (answer setup.Answer, err error) {
	defer guard(&err)
	switch a := a.(type) {
	case setup.Why:
		return m.failctl(strings.Fields("why " + a.About)...)
	case setup.Leases:
		return m.failctl(strings.Fields("leases " + a.Search)...)
	case setup.Evidence:
		return m.evidence()
	case setup.PartnerDown:
		return m.failctl("--yes", "partner-down")
	case setup.Removed:
		return m.failctl("--yes", "removed")
	case setup.Maintenance:
		return m.failctl("maintenance", onOff(a.On))
	case setup.Logs:
		return setup.Answer{Text: m.logText(a.Lines)}, nil
	case setup.ClockReport:
		return setup.Answer{Text: m.clockText()}, nil
	case setup.SetBox:
		return m.setBox(ctx, a.Box)
	case setup.SetPassword:
		return m.setPassword(a.Hash)
	case setup.PairOpen:
		return m.openPairing(a.Replace)
	case setup.PairClose:
		return askPair(nil, "close")
	case setup.SwitchSlot:
		return m.switchSlot(ctx)
	case setup.FactoryReset:
		return m.forgetEverything(ctx)
	case setup.Reboot:
		return m.end(ctx, order{reason: boot.ByCommand, why: "restarting, as typed on the console"})
	case setup.Shutdown:
		return m.end(ctx, order{reason: boot.ByCommand, off: true, why: "switching off, as typed on the console"})
	case setup.Typed:
		return m.typed(a.Line)
	}
	return m.doConfig(ctx, a)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// pairWords are those with which failctl asks the pair service.
var pairWords = []string{"pair", "config"}

// askLimit bounds one question to a service.
const askLimit = 20 * time.Second

// failctl asks what it is told and gives what it says.
func (m *machine) failctl(words ...string) (setup.Answer, error) {
	var out bytes.Buffer
	limit := askLimit
	if slices.Contains(pairWords, words[0]) {
		limit = changeLimit // it knows where the pair service listens
	} else {
		words = append([]string{"--control", layout.Control}, words...)
	}
	code, err := m.reaper.Run(layout.FailCtl, words, &out, limit)
	a := setup.Answer{Text: out.String()}
	if err == nil && code != 0 {
		text := strings.TrimPrefix(strings.TrimSpace(out.String()), "failctl: ")
		return setup.Answer{}, errors.New(text)
	}
	return a, err
}

// ask puts words to the service that listens on a socket and decodes the
// answer, if there is one to decode.
func ask(socket string, into any, words ...string) error {
	c, err := control.Dial(socket)
	if err != nil {
		return err
	}
	defer c.Close()
	limit := time.AfterFunc(askLimit, func() { c.Close() })
	defer limit.Stop()
	return c.Ask(words, func(body json.RawMessage) error {
		if into == nil || len(body) == 0 {
			return nil
		}
		return json.Unmarshal(body, into)
	})
}

func askPair(into any, words ...string) (setup.Answer, error) {
	return setup.Answer{}, ask(layout.PairControl, into, words...)
}

func (m *machine) evidence() (setup.Answer, error) {
	var facts []string
	if err := ask(layout.Control, &facts, "evidence"); err != nil {
		return setup.Answer{}, err
	}
	return setup.Answer{Text: strings.Join(facts, "\n")}, nil
}

func (m *machine) openPairing(replace bool) (setup.Answer, error) {
	words := []string{"open"}
	if replace {
		words = append(words, "replacement")
	}
	return askPair(nil, words...)
}

// logText is the end of the log that is in memory.
func (m *machine) logText(n int) string {
	var out strings.Builder
	for _, l := range m.journal.Tail(max(n, 0)) {
		fmt.Fprintf(&out, "%s\n", l)
	}
	fmt.Fprintf(&out, "end of log; the files are in %s on the data partition, %d lines found no room", logDir, m.journal.Dropped())
	return out.String()
}

func (m *machine) clockText() string {
	s := m.trusted()
	var out strings.Builder
	fmt.Fprintf(&out, "state      %s\nwhy        %s\nservers    %s\n", s.State, s.Why, strings.Join(s.Servers, " "))
	if len(s.Liars) > 0 {
		fmt.Fprintf(&out, "out-voted  %s\n", strings.Join(s.Liars, " "))
	}
	fmt.Fprintf(&out, "offset     %v, corrected\nerror      %v at most\ndrift      %.1f ppm\nwithout servers trusted for another %v",
		s.Offset, s.Bound.Round(time.Microsecond), s.Drift*1e6, s.Left.Round(time.Second))
	return out.String()
}

func (m *machine) setBox(ctx context.Context, c boxconf.Config) (setup.Answer, error) {
	text := c.String()
	if _, problems := boxconf.Parse(layout.BoxConfig, text); len(problems) > 0 {
		return setup.Answer{}, problems[0]
	}
	if err := boot.WriteFile(boxPath, []byte(text), 0o644); err != nil {
		return setup.Answer{}, err
	}
	return m.end(ctx, order{reason: boot.ByCommand, why: "restarting with the new configuration of the box"})
}

func (m *machine) setPassword(hash string) (setup.Answer, error) {
	if err := storePassword(hash); err != nil {
		return setup.Answer{}, err
	}
	f := m.Facts()
	f.PasswordHash = hash
	m.factsNow.Store(&f)
	return setup.Answer{}, nil
}

// switchSlot lets the boot loader start the other slot.
func (m *machine) switchSlot(ctx context.Context) (setup.Answer, error) {
	slot := m.slotName()
	if slot == "" {
		return setup.Answer{}, errors.New("this box was started without its boot loader: it has no slots")
	}
	part, err := boot.AwaitPartition(ctx, hostRoot, layout.Boot)
	if err == nil {
		err = boot.OnBootPartition(part, true, func(dir string) error { return boot.StartSlot(dir, grubenv.Other(slot)) })
	}
	if err != nil {
		return setup.Answer{}, err
	}
	return m.end(ctx, order{reason: boot.ByUpdate, why: "restarting into slot " + grubenv.Other(slot)})
}

func (m *machine) forgetEverything(ctx context.Context) (setup.Answer, error) {
	if !m.dataMounted {
		return setup.Answer{}, errors.New("there is no data partition to make empty")
	}
	if err := boot.OrderReset(dataDir); err != nil {
		return setup.Answer{}, err
	}
	return m.end(ctx, order{reason: boot.ByCommand, why: "restarting to forget everything"})
}

// end asks PID 1 to end the box.
func (m *machine) end(ctx context.Context, o order) (setup.Answer, error) {
	select {
	case m.orders <- o:
		return setup.Answer{Text: o.why}, nil
	case <-ctx.Done():
		return setup.Answer{}, ctx.Err()
	}
}

// operatorWords are those that failctl understands on the box without its name.
var operatorWords = []string{"status", "why", "leases", "counters", "partner-down", "removed", "maintenance", "pause", "resume", "calm", "config", "pair"}

// typed does what was typed as a line.
func (m *machine) typed(line string) (setup.Answer, error) {
	words := strings.Fields(line)
	switch {
	case len(words) == 0:
		return setup.Answer{}, nil
	case words[0] == "failctl" && len(words) > 1: // as people type it elsewhere
		return m.failctl(words[1:]...)
	case slices.Contains(operatorWords, words[0]):
		return m.failctl(words...)
	case words[0] == "log":
		n := 20
		if len(words) > 1 {
			n, _ = strconv.Atoi(words[1]) // no number shows nothing
		}
		return setup.Answer{Text: m.logText(n)}, nil
	case debugImage() && m.mischief(line):
		return setup.Answer{}, nil
	}
	known := "log [N], failctl ..., " + strings.Join(operatorWords, ", ")
	if debugImage() {
		known += "; " + mischiefs
	}
	return setup.Answer{}, fmt.Errorf("unknown command %q; known: %s", line, known)
}
