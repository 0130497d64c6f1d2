package watchdog

import (
	"errors"
	"testing"
	"testing/fstest"
)

func TestListPutsHardwareFirst(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	sys := fstest.MapFS{
		"class/watchdog/watchdog0/identity":   file("Software Watchdog\n"),
		"class/watchdog/watchdog1/identity":   file("iTCO_wdt\n"),
		"class/watchdog/watchdog2/identity":   file("i6300ESB timer\n"),
		"class/watchdog/watchdog2/bootstatus": file("32\n"),
		"class/watchdog/watchdog1/bootstatus": file("0\n"),
	}
	got := List(sys, []string{"i6300ESB timer"})
	if len(got) != 3 || got[0].Device != "watchdog2" || !got[0].Reset || got[1].Device != "watchdog1" || got[1].Reset || got[2].Device != "watchdog0" {
		t.Fatalf("%+v", got)
	}
}

func TestOpenNone(t *testing.T) {
	if _, err := Open(nil, 0); !errors.Is(err, ErrNone) {
		t.Fatal(err)
	}
	if _, err := Open([]Found{{Device: "no-such-watchdog", Identity: "x"}}, 0); err == nil {
		t.Fatal("a missing device was opened")
	}
}
