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
	"tandem/init/pair"
	"tandem/init/setup"
	"tandem/init/supervise"
)

// Where things are on a box.
const (
	dataDir    = layout.DataDir
	boxPath    = dataDir + "/" + layout.BoxConfig
	ledgerPath = dataDir + "/boot.json"
	clockPath  = dataDir + "/clock.json"
	logDir     = dataDir + "/log"
	runDir     = layout.RunDir
	factsPath  = runDir + "/facts.json"
	peerConf   = runDir + "/peer.conf"
	dhcpConf   = runDir + "/dhcpd.conf"
	notifyPath = runDir + "/notify"
)

// box is what has been found out and started so far. The boot steps write it,
// one after the other, then the watch loop; who else looks takes the fields
// that are pointers to swap.
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
	supervisor   atomic.Pointer[supervise.Supervisor]
	monitor      *hwmon.Monitor
	carriers     map[string]*link.Carrier // by use: "lan", "direct"
	passed       []boot.Alarm
	wellSince    time.Duration
	slotWell     bool

	servicesAt  time.Duration // since boot, when dhcpfd could have started
	engineOn    bool
	engineWaits string // what keeps dhcpfd from its start
	pairAlarms  []string
	doorOpen    bool // the address for joining is there
	pace        pace
	lanAlive    atomic.Int64 // since boot, when the LAN was last seen alive

	lit map[string]bool // LEDs

	step atomic.Value // string, the boot step that is under way

	// What the consoles look at.
	picture   atomic.Pointer[setup.Status]
	factsNow  atomic.Pointer[setup.Facts]
	configNow atomic.Pointer[boxconf.Config] // nil until the box is set up
	portsNow  atomic.Pointer[[]board.Named]
	pairNow   atomic.Pointer[pair.Status]
	engineNow atomic.Pointer[engineStatus]
	otherSlot atomic.Pointer[string] // version of the software there

	// What the consoles do.
	talking   sync.WaitGroup
	opened    bool
	hush      func() // ends the interface on every console
	orders    chan order
	committed chan struct{} // the setup is done
	testing   sync.Mutex    // one test of the network at a time; guards joining
	joining   *joining
	visiting  sync.Mutex // one foreign file system at a time

	// waiting is set while boot waits for something that may take any time;
	// booted is closed when the watch begins.
	waiting atomic.Bool
	booted  chan struct{}
}

func newBox(out io.Writer) *box {
	return &box{
		console: newConsole(out), carriers: map[string]*link.Carrier{}, lit: map[string]bool{},
		booted: make(chan struct{}), orders: make(chan order, 1), committed: make(chan struct{}, 1), hush: func() {},
	}
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
