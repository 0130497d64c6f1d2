package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"tandem/hwmon"
	"tandem/images/layout"
	"tandem/init/clock"
	"tandem/init/journal"
	"tandem/init/network"
	"tandem/init/pair"
	"tandem/init/supervise"
)

// pairWord, as the first argument, makes this program the pair service.
const pairWord = "pair"

// pairService is a process of its own: what speaks with the network is not
// PID 1.
func (b *box) pairService() supervise.Service {
	return supervise.Service{
		Name: "pair", Path: layout.Init, Args: []string{pairWord},
		UID: layout.ServiceUID, GID: layout.ServiceGID,
		Caps: []uintptr{unix.CAP_NET_BIND_SERVICE},
	}
}

// runPair is the life of the pair service.
func runPair() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return pair.Run(ctx, pair.Options{
		Box: boxPath, Keys: layout.KeysDir, Dir: layout.PairDir, Run: layout.PairRunDir,
		DHCPd: layout.DHCPd, Engine: layout.Control,
		PairPort: layout.PairPort, EnrolPort: layout.EnrolPort,
		EnrolAddr: netip.MustParsePrefix(layout.EnrolHost).Addr(),
		Log:       func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) },
	})
}

// startPair starts the pair service; the code for a second box can be shown
// while the clock gate still waits.
func (b *box) startPair(context.Context) (string, error) {
	if err := b.firstConfiguration(); err != nil {
		return "", err
	}
	s, err := supervise.New(b.reaper, notifyPath, b.log, b.serviceLog)
	if err != nil {
		return "", err
	}
	b.supervisor.Store(s)
	// A restored or replaced box has files that PID 1 wrote.
	for _, dir := range []string{layout.KeysDir, layout.PairDir, layout.LeasesDir} {
		if err := giveAway(dir); err != nil {
			return "", err
		}
	}
	s.Start(b.pairService())
	return "", nil
}

// giveAway makes a directory and all below it the services' own.
func giveAway(dir string) error {
	return filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(name, layout.ServiceUID, layout.ServiceGID)
	})
}

// pairStale is the age at which the pair service's word counts no more.
const pairStale = 5 * time.Second

// readPair takes the pair service's latest word. ok is false while it says
// nothing.
func (b *box) readPair() (s pair.Status, ok bool) {
	s, err := pair.ReadStatus(layout.PairStatus)
	if err != nil || clock.SinceBoot()-time.Duration(s.SinceBoot) > pairStale {
		return pair.Status{}, false
	}
	return s, true
}

// followPair obeys and tells what the pair service says; once a second.
func (b *box) followPair() {
	s, ok := b.readPair()
	if ok {
		b.pairNow.Store(&s)
	} else {
		b.pairNow.Store(nil)
	}
	b.openDoor(ok && s.Open)
	for _, text := range s.Alarms {
		if !slices.Contains(b.pairAlarms, text) {
			b.say(journal.Warning, "init", fmt.Sprintf("ALARM: pair (%s) %s", hwmon.Warning, text))
		}
	}
	for _, text := range b.pairAlarms {
		if !slices.Contains(s.Alarms, text) {
			b.say(journal.Notice, "init", fmt.Sprintf("cleared: pair (%s) %s", hwmon.Warning, text))
		}
	}
	b.pairAlarms = s.Alarms
}

// openDoor gives this box the address at which a box that joins looks for it,
// on the direct cable or, without one, on the LAN, while pairing is open.
func (b *box) openDoor(open bool) {
	if open == b.doorOpen {
		return
	}
	door := ""
	for _, w := range b.wanted {
		if door == "" || w.Use == "direct" {
			door = w.Name
		}
	}
	if door == "" {
		return
	}
	change := network.Take
	if open {
		change = network.Give
	}
	if err := change(door, netip.MustParsePrefix(layout.EnrolHost)); err != nil {
		b.log("%v", err)
		return
	}
	b.doorOpen = open
}

// syncPatience is how long the box waits for a pair service that says
// nothing; then it serves with the configuration that it has.
const syncPatience = 30 * time.Second

// waitsFor says what keeps dhcpfd from its start, "" if nothing does: a box
// with a partner of our make serves once it knows that partner's key, and once
// both have the same configuration.
func (b *box) waitsFor() string {
	if why := b.adoption().waits(); why != "" {
		return why
	}
	if !b.config.NeedsKey() {
		return b.waitsForConfig()
	}
	s := b.pairNow.Load()
	switch {
	case s == nil && clock.SinceBoot()-b.servicesAt > syncPatience && b.pinned():
		b.complain("the pair service says nothing: serving with the configuration that is here")
		return ""
	case s == nil:
		return "the pair service says nothing yet"
	case !s.Paired && s.Open:
		return "the partner has not joined: set up the other box, and type there the code that is shown here"
	case !s.Paired:
		return "the partner has not joined, and pairing is closed; open it in the menu, or with failctl pair open"
	case !s.Synchronised:
		return "both boxes must have the same configuration first"
	}
	return b.waitsForConfig()
}

func (b *box) waitsForConfig() string {
	if nothingToServe() {
		return "there is no dhcpd.conf yet; give one in the menu, configuration, or with failctl config put FILE"
	}
	return ""
}

// pinned tells whether there is the pin of a partner.
func (b *box) pinned() bool {
	_, err := os.Stat(filepath.Join(layout.KeysDir, "partner-"+b.config.PeerName()))
	return !errors.Is(err, fs.ErrNotExist)
}

// startEngine starts dhcpfd as soon as nothing keeps it from it.
func (b *box) startEngine() {
	if b.engineOn {
		return
	}
	if why := b.waitsFor(); why != "" {
		b.engineWaits = why
		return
	}
	b.engineWaits = ""
	if err := b.writeDHCPConfig(); err != nil {
		b.engineWaits = err.Error()
		return
	}
	b.engineOn = true
	b.supervisor.Load().Start(b.dhcpfd())
}

// restoredNoted takes the mark of a restored backup away: dhcpfd is ready, so
// its own records say by now that it must RECOVER.
func (b *box) restoredNoted() {
	if !b.ledger.Restored || !b.engineReady() {
		return
	}
	if err := os.Remove(layout.RestoredMark); err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.log("%v", err)
		return
	}
	b.ledger.Restored = false
	if err := b.ledger.Write(ledgerPath); err != nil {
		b.log("%v", err)
	}
}

// engine is the status of dhcpfd; zero before it was started.
func (b *box) engine() supervise.Status {
	if s := b.supervisor.Load(); s != nil {
		for _, st := range s.Statuses() {
			if st.Name == engineName {
				return st
			}
		}
	}
	return supervise.Status{}
}

func (b *box) engineReady() bool { return b.engine().Phase == supervise.Ready }
