package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"tandem/init/setup"
)

// faulty is a box whose software has a fault.
type faulty struct{ setup.Machine }

func (faulty) Facts() setup.Facts { panic("no facts") }

func TestFaultOfTheInterfaceStaysInIt(t *testing.T) {
	var out bytes.Buffer
	term := newTerminal("test", strings.NewReader(""), &out)
	if err := term.serve(t.Context(), faulty{}); err == nil || !strings.Contains(err.Error(), "no facts") {
		t.Fatalf("%v", err)
	}
	term.show([]byte("still here\n"))
	if got := out.String(); got != "still here\r\n" {
		t.Fatalf("%q", got)
	}
}

func TestActionsDoNotPanic(t *testing.T) {
	m := &machine{&box{}} // nothing is there yet
	for _, a := range []setup.Action{setup.Why{}, setup.SwitchSlot{}, setup.Logs{Lines: -1}, setup.Typed{Line: "why"}, setup.Backup{}, setup.Restore{}} {
		ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		if _, err := m.Do(ctx, a); err == nil {
			if _, ok := a.(setup.Logs); !ok {
				t.Errorf("%T worked", a)
			}
		}
		stop()
	}
	if _, err := m.Join(t.Context(), setup.Join{Port: "LAN1", Code: "K7QM-3F2P"}, func(string) {}); err == nil {
		t.Error("joined by a port that is not known")
	}
	if err := m.Commit(t.Context(), setup.Result{}); err == nil {
		t.Error("a configuration without a name was kept")
	}
}

func TestNoticesReachAnInterface(t *testing.T) {
	var out bytes.Buffer
	term := newTerminal("test", strings.NewReader(""), &out)
	term.setLive(true)
	for range noticeQueue + 3 {
		term.show([]byte("line\n"))
	}
	if out.Len() != 0 {
		t.Fatal("the line was written beside the interface")
	}
	<-term.notices
	<-term.notices
	term.show([]byte("last\n"))
	var got []string
	for range noticeQueue {
		got = append(got, <-term.notices)
	}
	if n := len(got); got[n-1] != "last" || got[n-2] != "(3 lines are left out here, the log has them)" {
		t.Fatalf("%q", got[n-2:])
	}
}
