package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"syscall"
	"time"

	"tandem/hwmon"
	"tandem/hwmon/disk"
	"tandem/hwmon/link"
	"tandem/hwmon/thermal"
	"tandem/images/layout"
	"tandem/init/boot"
	boxconf "tandem/init/box"
	"tandem/init/clock"
	"tandem/init/network"
	"tandem/init/supervise"
)

// How often things are looked at. The watchdog is fed far more often than its
// time, so that one late turn does not reset the box.
const (
	turn         = time.Second
	readHardware = 10 * time.Second
	// wellAfter is how long the box must serve before its slot counts as good.
	wellAfter = time.Minute
)

// feedWhileBooting keeps the watchdog quiet until the watch loop takes over;
// it stops at bootLimit, so that a boot that hangs is reset as well. A boot
// that waits for the clock or for its configuration is not one that hangs.
func (b *box) feedWhileBooting() {
	const bootLimit = 10 * time.Minute
	tick := time.NewTicker(turn)
	defer tick.Stop()
	for began := clock.SinceBoot(); ; {
		if b.waiting.Load() {
			began = clock.SinceBoot()
		}
		if clock.SinceBoot()-began > bootLimit {
			b.complain("the boot hangs: the watchdog is not fed any more")
			return
		}
		if err := b.dog.Feed(); err != nil {
			b.complain("watchdog: %v", err)
		}
		select {
		case <-b.booted:
			return
		case <-tick.C:
		}
	}
}

// watch is the life of the box after boot. It returns how the box ends.
func (b *box) watch(ctx context.Context, signals <-chan os.Signal) order {
	go b.keepAsking()
	go b.lookAtOtherSlot(ctx)
	for _, w := range b.wanted {
		if list := neighbours(&b.config); w.Use == "lan" && len(list) > 0 {
			go b.keepProbing(ctx, w, list)
		}
	}
	events, err := link.Watch(ctx)
	if err != nil {
		b.log("%v", err)
	}
	tick := time.NewTicker(turn)
	defer tick.Stop()
	var hardware time.Duration
	for {
		select {
		case <-tick.C:
			b.feed()
			if now := clock.SinceBoot(); now-hardware >= readHardware {
				hardware = now
				b.measure()
				if b.mustRepair() {
					return order{reason: boot.ByPanic, why: "restarting, because the data partition can not be written and a start repairs it"}
				}
			}
			b.followPair()
			b.startEngine()
			b.restoredNoted()
			b.publish()
			b.judge()
			b.lights()
			b.paint()
		case e, ok := <-events:
			if !ok {
				events = nil
				continue
			}
			b.carrier(e)
			b.publish()
		case o := <-b.orders:
			return o
		case s := <-signals:
			return orderOf(s)
		}
	}
}

// orderOf follows the signals that BusyBox made usual for PID 1.
func orderOf(s os.Signal) order {
	switch s {
	case syscall.SIGUSR1, syscall.SIGUSR2:
		return order{reason: boot.ByCommand, off: true, why: "switching off, as told"}
	}
	return order{reason: boot.ByCommand, why: "restarting, as told"}
}

// feed passes the services' proof of life on to the watchdog (rule R8). The
// beat ends when a service hangs, and when the data disk does: this write
// would then never return.
func (b *box) feed() {
	if ok, why := b.supervisor.Load().Fresh(); !ok {
		b.complain("R8: the watchdog is not fed: %s", why)
		return
	}
	if b.dog == nil {
		return
	}
	if err := b.dog.Feed(); err != nil {
		b.complain("watchdog: %v", err)
	}
}

// carrier takes what the kernel says of a port.
func (b *box) carrier(e link.Event) {
	for _, w := range b.wanted {
		if w.Name != e.Name {
			continue
		}
		c := b.carriers[w.Use]
		if c == nil {
			c = &link.Carrier{}
			b.carriers[w.Use] = c
		}
		c.Set(clock.SinceBoot(), e.Carrier)
	}
}

// measure reads the hardware and tells alarms that changed.
func (b *box) measure() {
	readings := thermal.Read(os.DirFS("/sys"), b.found.Board.Sensors)
	readings = append(readings, disk.Memory(hostRoot)...)
	if b.dataMounted {
		readings = append(readings, disk.Read(hostRoot, dataDir, b.data.Device)...)
	}
	b.alarm(readings)
}

// repairs bounds restarts for the sake of the data partition: a disk that
// fails again and again is not served by one more.
const repairs = supervise.StormResets - 1

// mustRepair tells whether a restart is the best remedy for a file system that
// went read-only after an error: the check at boot repairs it, and the partner
// serves meanwhile.
func (b *box) mustRepair() bool {
	for _, a := range b.monitor.Alarms() {
		if a.Name == disk.ReadOnly {
			recent := 0
			for _, r := range b.ledger.Resets {
				if time.Since(r) < supervise.StormWindow {
					recent++
				}
			}
			return recent < repairs
		}
	}
	return false
}

func (b *box) alarm(readings []hwmon.Reading) {
	for _, ch := range b.monitor.Step(clock.SinceBoot(), time.Now().UTC(), readings) {
		word := "cleared"
		if ch.Raised {
			word = "ALARM"
		}
		b.say(severityOf(ch), "init", fmt.Sprintf("%s: %s (%s) %s", word, ch.Name, ch.Severity, ch.Text))
	}
}

// facts is what dhcpfd's restart rules need to know of the box. It is renewed
// every second; a file that nobody renews counts as an untrusted clock.
type facts struct {
	SinceBoot time.Duration `json:"sinceBoot"`
	Clock     clock.Status  `json:"clock"`
	LAN       portFacts     `json:"lan"`
	Direct    portFacts     `json:"direct"`
	Boot      boot.Ledger   `json:"boot"`
	Storm     string        `json:"storm,omitempty"` // R10, why
	Alarms    []hwmon.Alarm `json:"alarms"`
	// Heard is when the partner's heartbeats came, by path, as SinceBoot counts.
	Heard map[string]int64 `json:"heard,omitempty"`
}

type portFacts struct {
	Configured bool          `json:"configured"`
	Interface  string        `json:"interface,omitempty"`
	Carrier    bool          `json:"carrier"`
	Flapping   bool          `json:"flapping"`
	Changes    int           `json:"changes"` // in the last minute
	LostFor    time.Duration `json:"lostFor"` // the last loss that is over
	// Alive: the gateway or a time server answered there lately.
	Alive bool `json:"alive"`
}

func (b *box) publish() {
	now := clock.SinceBoot()
	f := facts{SinceBoot: now, Clock: b.trusted(), Boot: b.ledger, LAN: b.portFacts("lan"), Direct: b.portFacts("direct")}
	f.LAN.Alive = now-time.Duration(b.lanAlive.Load()) < lanStale
	_, f.Storm = supervise.Storm(b.ledger.Resets, b.ledger.Started, b.ledger.Started.Add(now))
	if p := b.pairNow.Load(); p != nil {
		f.Heard = p.Heard
	}
	readings := []hwmon.Reading{{Name: "clock", Value: flag(!f.Clock.Trusted)}}
	for use, p := range map[string]portFacts{"lan": f.LAN, "direct": f.Direct} {
		if p.Configured {
			readings = append(readings, hwmon.Reading{Name: "link " + use, Value: flag(p.Carrier)}, hwmon.Reading{Name: "flapping " + use, Value: flag(p.Flapping)})
		}
	}
	b.alarm(readings)
	f.Alarms = b.monitor.Alarms()
	raw, err := json.Marshal(f)
	if err == nil {
		err = replace(factsPath, append(raw, '\n'))
	}
	if err != nil {
		b.log("facts: %v", err)
	}
}

// How often the neighbours on the LAN are asked for a sign of life, and how
// long one counts.
const (
	lanEvery = 5 * time.Second
	lanStale = 3 * lanEvery
)

// keepProbing looks whether the LAN is alive: the gateway and the time
// servers are asked by ARP, the partner is not.
func (b *box) keepProbing(ctx context.Context, lan network.Wanted, neighbours []netip.Addr) {
	for ctx.Err() == nil {
		// An error is a port that is down: not alive.
		if alive, err := network.Alive(ctx, lan.Name, lan.Prefix.Addr(), neighbours); alive && err == nil {
			b.lanAlive.Store(int64(clock.SinceBoot()))
		}
		select {
		case <-time.After(lanEvery):
		case <-ctx.Done():
		}
	}
}

// neighbours are the addresses on the LAN that should always answer.
func neighbours(c *boxconf.Config) (list []netip.Addr) {
	if c.Gateway.IsValid() {
		list = append(list, c.Gateway)
	}
	for _, name := range c.NTP {
		if a, err := netip.ParseAddr(name); err == nil && c.LAN.Prefix.Contains(a) && a != c.Partner.LAN {
			list = append(list, a)
		}
	}
	return list
}

// replace swaps a file on /run: nothing there needs to be durable.
func replace(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (b *box) portFacts(use string) portFacts {
	var p portFacts
	for _, w := range b.wanted {
		if w.Use == use {
			p.Configured, p.Interface = true, w.Name
		}
	}
	if c := b.carriers[use]; c != nil {
		p.Carrier, p.Flapping = c.Now(clock.SinceBoot())
		p.Changes, p.LostFor = c.Changes(clock.SinceBoot()), c.LostFor
	}
	return p
}

func flag(v bool) float64 {
	if v {
		return 1
	}
	return 0
}

// judge tells the boot loader that the slot is good once the box has served
// for a while, or done all it can do without its partner.
func (b *box) judge() {
	well := b.engineReady() || !b.engineOn && b.pairNow.Load() != nil
	if !well || b.slotWell {
		b.wellSince = clock.SinceBoot()
		return
	}
	if clock.SinceBoot()-b.wellSince < wellAfter {
		return
	}
	b.slotWell = true
	if err := b.markWell(); err != nil {
		b.log("boot slot: %v", err)
	}
}

func (b *box) markWell() error {
	slot := b.params[layout.ParamSlot]
	if slot == "" {
		return nil // started without the boot loader
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	part, err := boot.AwaitPartition(ctx, hostRoot, layout.Boot)
	if err != nil {
		return err
	}
	return boot.OnBootPartition(part, true, func(dir string) error {
		changed, err := boot.SlotIsWell(dir, slot)
		if changed {
			b.log("boot slot %s is good", slot)
		}
		return err
	})
}
