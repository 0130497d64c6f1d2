package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"tandem/board"
	"tandem/hwmon"
	"tandem/hwmon/link"
	"tandem/hwmon/watchdog"
	"tandem/images/layout"
	"tandem/init/boot"
	boxconf "tandem/init/box"
	"tandem/init/clock"
	"tandem/init/network"
	"tandem/init/supervise"
)

// Where things are on a box.
const (
	dataDir    = "/data"
	ledgerPath = dataDir + "/boot.json"
	clockPath  = dataDir + "/clock.json"
	leasesDir  = dataDir + "/leases"
	runDir     = "/run/tandem"
	controlDir = runDir + "/dhcpfd"
	factsPath  = runDir + "/facts.json"
	peerConf   = runDir + "/peer.conf"
	dhcpConf   = runDir + "/dhcpd.conf"
	notifyPath = runDir + "/notify"
)

// box is what has been found out and started so far.
type box struct {
	console io.Writer

	params      map[string]string
	image       layout.Image
	found       board.Found
	loader      *boot.Loader
	dog         *watchdog.Dog
	dogs        []watchdog.Found
	data        boot.Partition
	dataMounted bool
	health      boot.Health
	ledger      boot.Ledger
	config      boxconf.Config
	ports       []board.Named
	wanted      []network.Wanted
	gate        *clock.Gate
	gateMu      sync.Mutex
	reaper      *supervise.Reaper
	supervisor  *supervise.Supervisor
	monitor     *hwmon.Monitor
	carriers    map[string]*link.Carrier // by use: "lan", "direct"
	passed      []boot.Alarm
	wellSince   time.Duration
	slotWell    bool
	shown       string // the status that the console shows

	step atomic.Value // string, the boot step that is under way

	// waiting is set while boot waits for something that may take any time;
	// booted is closed when the watch begins.
	waiting atomic.Bool
	booted  chan struct{}

	logMu sync.Mutex
}

func newBox(console io.Writer) *box {
	return &box{console: console, carriers: map[string]*link.Carrier{}, booted: make(chan struct{})}
}

// log writes a line to the console, marked while the time is not known.
func (b *box) log(format string, args ...any) {
	b.logMu.Lock()
	defer b.logMu.Unlock()
	stamp := time.Now().UTC().Format(time.DateTime)
	if !b.trusted().Trusted {
		stamp = fmt.Sprintf("(no time) %9.3f", clock.SinceBoot().Seconds())
	}
	fmt.Fprintf(b.console, "%s %s\n", stamp, fmt.Sprintf(format, args...))
}

// trusted is the clock's status; without a gate it is not trusted.
func (b *box) trusted() clock.Status {
	b.gateMu.Lock()
	defer b.gateMu.Unlock()
	if b.gate == nil {
		return clock.Status{State: clock.Waiting, Why: "the clock gate has not begun"}
	}
	return b.gate.Now(clock.SinceBoot())
}

// wait says what the boot waits for.
func (b *box) wait() string {
	step, _ := b.step.Load().(string)
	if s := b.trusted(); step == clockStep && !s.Trusted {
		return "R1: nothing is served before the time of day is known: " + s.Why
	}
	return step
}

// serviceLog is where the lines of a service go: to the console, under its name.
type serviceLog struct {
	b    *box
	name string
	rest []byte
}

// Write implements io.Writer by whole lines.
func (s *serviceLog) Write(p []byte) (int, error) {
	s.rest = append(s.rest, p...)
	for {
		i := indexByte(s.rest, '\n')
		if i < 0 {
			break
		}
		s.b.log("%s: %s", s.name, s.rest[:i])
		s.rest = s.rest[i+1:]
	}
	if len(s.rest) > 4096 { // a line without an end
		s.rest = s.rest[:0]
	}
	return len(p), nil
}

func indexByte(b []byte, c byte) int {
	for i, x := range b {
		if x == c {
			return i
		}
	}
	return -1
}

// hostRoot is the root directory as an fs.FS.
var hostRoot = os.DirFS("/")
