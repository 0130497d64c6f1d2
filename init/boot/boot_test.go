package boot

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"
)

func clockFrom(start time.Time) func() time.Duration {
	return func() time.Duration { return time.Since(start) }
}

func run(t *testing.T, steps ...Step) (string, []Alarm, error) {
	t.Helper()
	var console bytes.Buffer
	alarms, err := Run(t.Context(), steps, &console, clockFrom(time.Now()))
	return regexp.MustCompile(`\d+\.\d+`).ReplaceAllString(console.String(), "N"), alarms, err
}

func fine(name string) Step {
	return Step{Name: name, Do: func(context.Context) (string, error) { return "well", nil }}
}

func TestStepsRunInOrder(t *testing.T) {
	out, alarms, err := run(t, fine("one"), fine("two"))
	want := "[  N] ok   one                 N s  well\n[  N] ok   two                 N s  well\n"
	if out != want || len(alarms) != 0 || err != nil {
		t.Fatalf("%q %v %v", out, alarms, err)
	}
}

func TestFailurePolicies(t *testing.T) {
	broken := errors.New("broken")
	fails := func(p Policy) Step {
		return Step{Name: "bad", Policy: p, Limit: time.Second, Do: func(context.Context) (string, error) { return "", broken }}
	}
	out, alarms, err := run(t, fails(Continue), fine("next"))
	if err != nil || len(alarms) != 1 || !strings.Contains(out, "ok   next") {
		t.Fatalf("continue: %q %v %v", out, alarms, err)
	}
	out, _, err = run(t, fails(Restart), fine("next"))
	if !errors.Is(err, ErrRestart) || !errors.Is(err, broken) || strings.Contains(out, "next") {
		t.Fatalf("restart: %q %v", out, err)
	}
}

func TestHangAndPanicAreFailures(t *testing.T) {
	block := make(chan struct{})
	defer close(block)
	hang := Step{Name: "hang", Limit: 20 * time.Millisecond, Policy: Restart, Do: func(context.Context) (string, error) { <-block; return "", nil }}
	if _, _, err := run(t, hang); !errors.Is(err, ErrRestart) || !strings.Contains(err.Error(), "not done within 20ms") {
		t.Fatal(err)
	}
	panics := Step{Name: "panics", Policy: Continue, Do: func(context.Context) (string, error) { panic("oh") }}
	if _, alarms, err := run(t, panics, fine("next")); err != nil || len(alarms) != 1 || !strings.Contains(alarms[0].Err.Error(), "panic: oh") {
		t.Fatal(alarms, err)
	}
}

func TestStayTriesAgainUntilTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	tries := 0
	stay := Step{Name: "stay", Policy: Stay, Do: func(context.Context) (string, error) {
		tries++
		cancel()
		return "", errors.New("not yet")
	}}
	var console bytes.Buffer
	if _, err := Run(ctx, []Step{stay}, &console, clockFrom(time.Now())); !errors.Is(err, context.Canceled) || tries != 1 {
		t.Fatalf("%v after %d tries", err, tries)
	}
}

func TestList(t *testing.T) {
	var b bytes.Buffer
	List(&b, []Step{{Name: "mount", Limit: time.Second, Policy: Restart}, {Name: "clock gate", Policy: Stay}})
	want := "STEP               LIMIT      IF IT FAILS\nmount              1s         restart the box\nclock gate         none       try again, do not serve\n"
	if b.String() != want {
		t.Fatalf("%q", b.String())
	}
}
