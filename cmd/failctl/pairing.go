package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tandem/failover/daemon/control"
	"tandem/images/layout"
	"tandem/init/pair"
)

// pairSocket is the control socket of the pair service, unless another was
// named.
func pairSocket(o options) string {
	if o.control == control.DefaultPath {
		return layout.PairControl
	}
	return o.control
}

// askPair puts a question to the pair service and draws its state, which is
// the answer.
func askPair(out *output, o options, words []string) error {
	c, err := control.Dial(pairSocket(o))
	if err != nil {
		return fmt.Errorf("the pair service does not answer: %w (it runs on a Tandem box once that is set up; other servers are paired with `failctl key pin`)", err)
	}
	defer c.Close()
	return c.Ask(words, func(body json.RawMessage) error {
		if out.json {
			_, err := fmt.Fprintf(out, "%s\n", body)
			return err
		}
		var s pair.Status
		if err := json.Unmarshal(body, &s); err != nil {
			return fmt.Errorf("the pair service's answer is not understood; is it of another version? %w", err)
		}
		fmt.Fprint(out, pairText(out, &s, time.Now(), bootNow()))
		return nil
	})
}

// bootNow is the moment by the clock since boot.
func bootNow() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0 // never, on Linux
	}
	return ts.Nano()
}

func showPair(out *output, o options, args []string) error {
	if err := noArgs("pair status", args); err != nil {
		return err
	}
	return askPair(out, o, []string{"status"})
}

func openPair(out *output, o options, args []string) error {
	if len(args) > 1 || len(args) == 1 && args[0] != "partner" && args[0] != "replacement" {
		return usageError("pair open takes partner, replacement, or nothing")
	}
	return askPair(out, o, append([]string{"open"}, args...))
}

func closePair(out *output, o options, args []string) error {
	if err := noArgs("pair close", args); err != nil {
		return err
	}
	return askPair(out, o, []string{"close"})
}

// pairText draws the state of the pair; it fits 80 columns.
func pairText(out *output, s *pair.Status, now time.Time, boot int64) string {
	var b strings.Builder
	b.WriteString(wrap(s.Sentence, 80))
	if s.Open && s.Code != "" {
		fmt.Fprintf(&b, "\n    %s\n", out.bold(s.Code))
	}
	b.WriteByte('\n')
	field := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-14s %s\n", name, cut(fmt.Sprintf(format, args...), 65))
	}
	field("partner", "%s", partnerText(s, now))
	for _, path := range []string{"direct", "lan"} {
		if at, ok := s.Heard[path]; ok {
			field("heard", "%s, over the %s; it hears this box: %s", ago(boot-at), path, ago(boot-s.Proven[path]))
		}
	}
	field("configuration", "version %d, %s", s.Config.Version, s.Config.State)
	if s.LastTry != "" {
		b.WriteString(wrap("last to join:  "+s.LastTry, 80))
	}
	alarms := slices.Clone(s.Alarms)
	if s.Config.Drift != "" && !slices.Contains(alarms, s.Config.Drift) {
		alarms = append(alarms, s.Config.Drift)
	}
	for _, a := range alarms {
		b.WriteString(wrap("! "+a, 80))
	}
	return b.String()
}

func partnerText(s *pair.Status, now time.Time) string {
	switch {
	case !s.Paired:
		return "none"
	case s.Partner.Name == "":
		return "paired, has not been in touch yet"
	case s.Partner.Reachable:
		return fmt.Sprintf("%s, %s, in touch for %s", s.Partner.Name, s.Partner.Role, span(now.Sub(s.Partner.Since)))
	}
	return fmt.Sprintf("%s, %s, out of touch for %s", s.Partner.Name, s.Partner.Role, span(now.Sub(s.Partner.Since)))
}

// ago says how long ago a moment was that lies d nanoseconds back.
func ago(d int64) string {
	if d > int64(24*time.Hour) {
		return "long ago or never"
	}
	return span(time.Duration(max(0, d))) + " ago"
}
