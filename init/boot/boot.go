// Package boot is the way of a box from the kernel's first process to service:
// a list of named steps, each with a limit of time and a policy for its
// failure. No step leaves a dead box: the worst outcome is a restart, and a
// slot that restarts too often is given up by the boot loader for the other.
package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Policy is what follows when a step fails or takes too long.
type Policy uint8

// Policies.
const (
	// Continue: the box goes on without what the step should have given, and
	// an alarm says so.
	Continue Policy = iota
	// Restart: without this step the box is of no use; it restarts.
	Restart
	// Stay: the step is tried again for ever; the box does not serve meanwhile,
	// but its console works.
	Stay
)

// String is the policy in the printed list.
func (p Policy) String() string {
	switch p {
	case Restart:
		return "restart the box"
	case Stay:
		return "try again, do not serve"
	}
	return "go on with an alarm"
}

// Step is one thing done at boot.
type Step struct {
	Name string
	// Limit bounds one try of Do; zero means the step waits as long as it
	// takes, and says on the console what for.
	Limit  time.Duration
	Policy Policy
	// Do does it. What it returns as done is shown on the console.
	Do func(ctx context.Context) (done string, err error)
}

// ErrRestart is what Run returns when the box must be restarted.
var ErrRestart = errors.New("the box must restart")

// tryAgain is the pause between two tries of a step with the policy Stay.
const tryAgain = 5 * time.Second

// Alarm is a step that failed and was passed over.
type Alarm struct {
	Step string
	Err  error
}

// Run does the steps in order and writes one line about each to console, with
// the seconds since the kernel started. A step that is tried again and fails
// as before is not told again. sinceBoot is that clock.
func Run(ctx context.Context, steps []Step, console io.Writer, sinceBoot func() time.Duration) ([]Alarm, error) {
	var alarms []Alarm
	for _, s := range steps {
		var told string // the failure that was told last
		for {
			began := sinceBoot()
			done, err := try(ctx, s)
			if ctx.Err() != nil {
				return alarms, ctx.Err()
			}
			took := sinceBoot() - began
			if err == nil {
				say(console, sinceBoot(), "ok  ", s.Name, took, done)
				break
			}
			if err.Error() != told {
				told = err.Error()
				say(console, sinceBoot(), "FAIL", s.Name, took, told)
			}
			if s.Policy == Restart {
				return alarms, fmt.Errorf("%w: %s: %w", ErrRestart, s.Name, err)
			}
			if s.Policy == Continue {
				alarms = append(alarms, Alarm{s.Name, err})
				break
			}
			select {
			case <-time.After(tryAgain):
			case <-ctx.Done():
				return alarms, ctx.Err()
			}
		}
	}
	return alarms, nil
}

// try runs one step within its limit. A step that hangs is left behind: its
// goroutine may stay, the box goes on or restarts.
func try(ctx context.Context, s Step) (string, error) {
	cancel := context.CancelFunc(func() {})
	if s.Limit > 0 {
		ctx, cancel = context.WithTimeout(ctx, s.Limit)
	}
	defer cancel()
	type outcome struct {
		done string
		err  error
	}
	c := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			if r := recover(); r != nil {
				o.err = fmt.Errorf("panic: %v", r)
			}
			c <- o
		}()
		o.done, o.err = s.Do(ctx)
	}()
	select {
	case o := <-c:
		return o.done, o.err
	case <-ctx.Done():
		select {
		case o := <-c: // it noticed the end of its time by itself
			return o.done, o.err
		case <-time.After(100 * time.Millisecond):
		}
		return "", fmt.Errorf("not done within %s", s.Limit)
	}
}

func say(w io.Writer, at time.Duration, verdict, name string, took time.Duration, text string) {
	line := fmt.Sprintf("[%7.3f] %s %-18s %6.3f s", at.Seconds(), verdict, name, took.Seconds())
	if text != "" {
		line += "  " + text
	}
	fmt.Fprintln(w, line)
}

// List prints the steps, what bounds them and what follows their failure.
func List(w io.Writer, steps []Step) {
	fmt.Fprintf(w, "%-18s %-10s %s\n", "STEP", "LIMIT", "IF IT FAILS")
	for _, s := range steps {
		limit := "none"
		if s.Limit > 0 {
			limit = s.Limit.String()
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-18s %-10s %s", s.Name, limit, s.Policy), " "))
	}
}
