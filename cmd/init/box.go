package main

import (
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
	"tandem/init/journal"
	"tandem/init/network"
	"tandem/init/supervise"
)

// Where things are on a box.
const (
	dataDir    = layout.DataDir
	ledgerPath = dataDir + "/boot.json"
	clockPath  = dataDir + "/clock.json"
	logDir     = dataDir + "/log"
	runDir     = layout.RunDir
	factsPath  = runDir + "/facts.json"
	peerConf   = runDir + "/peer.conf"
	dhcpConf   = runDir + "/dhcpd.conf"
	notifyPath = runDir + "/notify"
)

// box is what has been found out and started so far.
type box struct {
	console *console
	journal journal.Journal

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
	// toldProblems is what was said last about a bad configuration.
	toldProblems string
	ports        []board.Named
	wanted       []network.Wanted
	gate         *clock.Gate
	gateMu       sync.Mutex
	reaper       *supervise.Reaper
	supervisor   *supervise.Supervisor
	monitor      *hwmon.Monitor
	carriers     map[string]*link.Carrier // by use: "lan", "direct"
	passed       []boot.Alarm
	wellSince    time.Duration
	slotWell     bool
	shown        string // the status that the console shows

	lit       map[string]bool // LEDs
	poolLines atomic.Pointer[[]string]
	asking    atomic.Bool // a question about the pools is under way

	step atomic.Value // string, the boot step that is under way

	// waiting is set while boot waits for something that may take any time;
	// booted is closed when the watch begins.
	waiting atomic.Bool
	booted  chan struct{}
}

func newBox(out io.Writer) *box {
	return &box{console: newConsole(out), carriers: map[string]*link.Carrier{}, lit: map[string]bool{}, booted: make(chan struct{})}
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

// hostRoot is the root directory as an fs.FS.
var hostRoot = os.DirFS("/")
