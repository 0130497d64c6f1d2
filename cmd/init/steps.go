package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tandem/board"
	"tandem/hwmon"
	"tandem/hwmon/thermal"
	"tandem/hwmon/watchdog"
	"tandem/images/layout"
	"tandem/init/boot"
	boxconf "tandem/init/box"
	"tandem/init/clock"
	"tandem/init/network"
	"tandem/init/pair/backup"
	"tandem/init/supervise"
)

// watchdogTime is W: a box that hangs is reset after it at the latest. A disk
// that hangs is noticed with dhcpfd's next write, of which there is one every
// writeTime; dhcpfd must give a sign of life within beatTime; turn is what
// PID 1 may need to miss it; then it feeds the hardware no more, and that
// resets the box after hardwareTime.
const (
	watchdogTime = 25 * time.Second
	hardwareTime = 10 * time.Second
	writeTime    = 5 * time.Second
	beatTime     = watchdogTime - hardwareTime - turn - writeTime
)

// reflash is the remedy for a disk without its partitions.
const reflash = "flash the image again"

// clockStep is the name of a step that others ask for.
const clockStep = "clock gate"

// steps is the way from the kernel to service.
func (b *box) steps() []boot.Step {
	list := []boot.Step{
		{Name: "file systems", Limit: 5 * time.Second, Policy: boot.Restart, Do: b.mountKernel},
		{Name: "board", Limit: 5 * time.Second, Policy: boot.Continue, Do: b.recognise},
		{Name: "watchdog", Limit: 20 * time.Second, Policy: boot.Continue, Do: b.openWatchdog},
		{Name: "modules", Limit: 60 * time.Second, Policy: boot.Continue, Do: b.loadModules},
		{Name: "data partition", Limit: 5 * time.Minute, Policy: boot.Continue, Do: b.mountData},
		{Name: "boot ledger", Limit: 10 * time.Second, Policy: boot.Continue, Do: b.openLedger},
		{Name: "box configuration", Limit: 30 * time.Second, Policy: boot.Stay, Do: b.readConfig},
		{Name: "network", Limit: 30 * time.Second, Policy: boot.Continue, Do: b.bringUpNetwork},
		{Name: "pair service", Limit: 10 * time.Second, Policy: boot.Continue, Do: b.startPair},
		{Name: clockStep, Policy: boot.Stay, Do: b.passClock},
		{Name: "leases", Limit: 5 * time.Minute, Policy: boot.Continue, Do: b.adoptLeases},
		{Name: "services", Limit: 30 * time.Second, Policy: boot.Restart, Do: b.startServices},
	}
	for i := range list {
		s := &list[i]
		do := s.Do
		s.Do = func(ctx context.Context) (string, error) {
			b.step.Store(s.Name)
			return do(ctx)
		}
	}
	return list
}

func (b *box) mountKernel(context.Context) (string, error) {
	if err := boot.MountKernel(); err != nil {
		return "", err
	}
	for _, dir := range []string{runDir, layout.ControlDir, layout.PairRunDir, dataDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return "", err
		}
	}
	for _, dir := range []string{layout.ControlDir, layout.PairRunDir} {
		if err := os.Chown(dir, layout.ServiceUID, layout.ServiceGID); err != nil {
			return "", err
		}
	}
	return "", boot.SealRoot()
}

func (b *box) recognise(context.Context) (string, error) {
	b.params = boot.Params()
	raw, err := os.ReadFile(layout.ImageInfo)
	if err == nil {
		err = json.Unmarshal(raw, &b.image)
	}
	b.found = board.Recognise(boot.Facts(hostRoot, b.params))
	b.console.open(b.found.Board.Consoles)
	return fmt.Sprintf("%s; Tandem %s", b.found.Why, b.image.Version), err
}

// openWatchdog loads what drives a watchdog and opens the best one, before
// anything that could hang.
func (b *box) openWatchdog(context.Context) (string, error) {
	var err error
	if b.loader, err = boot.NewLoader(); err != nil {
		return "", err
	}
	b.loader.Coldplug(hostRoot, boot.IsWatchdog)
	return b.tryWatchdog()
}

func (b *box) tryWatchdog() (string, error) {
	b.dogs = watchdog.List(os.DirFS("/sys"), b.found.Board.Watchdogs)
	dog, err := watchdog.Open(b.dogs, hardwareTime)
	if dog == nil {
		return "", err
	}
	if err != nil { // it works, if not as wished
		b.log("%v", err)
	}
	b.dog = dog
	if err := dog.Feed(); err != nil {
		return "", err
	}
	go b.feedWhileBooting()
	return fmt.Sprintf("%s (%s), resets the box %s after the last feed", dog.Identity, dog.Device, dog.Timeout), nil
}

func (b *box) loadModules(context.Context) (string, error) {
	if b.loader == nil {
		return "", errors.New("there is no index of modules")
	}
	for _, name := range b.found.Board.Modules.First {
		if err := b.loader.Load(name); err != nil {
			b.log("%v", err)
		}
	}
	n, failed := b.loader.Coldplug(hostRoot, func(string) bool { return true })
	done := fmt.Sprintf("%d loaded, %d without their device", n, len(failed))
	if b.dog != nil {
		return done, nil
	}
	for _, name := range b.found.Board.Modules.Fallback {
		if err := b.loader.Load(name); err != nil {
			b.log("%v", err)
		}
	}
	dog, err := b.tryWatchdog()
	return done + "; watchdog: " + dog, err
}

func (b *box) mountData(ctx context.Context) (string, error) {
	wait, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	part, err := boot.AwaitPartition(wait, hostRoot, layout.Data)
	if err != nil {
		return "", err
	}
	b.data = part
	grown, err := boot.GrowPartition(part)
	if err != nil {
		b.complain("data partition: %v", err)
	}
	if b.health, err = boot.CheckData(ctx, part.Device); err != nil {
		return "", err
	}
	if err := boot.MountData(part.Device, dataDir); err != nil {
		return "", err
	}
	b.dataMounted = true
	b.journal.ToFiles(logDir)
	if err := b.tidyData(); err != nil {
		return "", err
	}
	if err := boot.GrowFileSystem(dataDir, part.Device); err != nil {
		b.complain("data partition: %v", err)
	}
	for dir, mode := range map[string]os.FileMode{layout.LeasesDir: 0o750, layout.KeysDir: 0o700, layout.PairDir: 0o750} {
		if err := ownDirectory(dir, mode); err != nil {
			return "", err
		}
	}
	return b.describeData(grown), nil
}

// tidyData finishes what was begun before the restart, before anything reads
// the data.
func (b *box) tidyData() error {
	reset, err := boot.FinishReset(dataDir)
	if err != nil {
		return err
	}
	if reset {
		b.log("factory reset: everything was forgotten")
	}
	manifest, restored, err := backup.Finish(dataDir)
	if restored {
		// The pair service reads it, and a backup tells it to nobody.
		err = errors.Join(err, os.Chmod(boxPath, 0o644))
		b.log("the backup of %s from %s was put in place: this box must RECOVER (R4)", manifest.Box, manifest.Made.Format(time.DateTime))
	}
	return err
}

// ownDirectory makes a directory that the services write to.
func ownDirectory(dir string, mode os.FileMode) error {
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	return os.Chown(dir, layout.ServiceUID, layout.ServiceGID)
}

func (b *box) describeData(grown bool) string {
	var st unix.Statfs_t
	words := []string{b.data.Device}
	if unix.Statfs(dataDir, &st) == nil {
		words = append(words, fmt.Sprintf("%d MiB", st.Blocks*uint64(st.Bsize)>>20))
	}
	switch {
	case b.health.Lost:
		words = append(words, "DAMAGED BEYOND REPAIR: begun anew, this box must RECOVER (R4)")
	case b.health.Repaired:
		words = append(words, "repaired")
	default:
		words = append(words, "clean")
	}
	if grown {
		words = append(words, "grown to the disk")
	}
	return strings.Join(words, ", ")
}

func (b *box) openLedger(context.Context) (string, error) {
	last, ok, readErr := boot.ReadLedger(ledgerPath)
	signs := boot.Signs{}
	for _, d := range b.dogs {
		signs.Watchdog = signs.Watchdog || d.Reset
	}
	var record string
	record, signs.Panic = boot.PanicRecord("/sys/fs/pstore")
	b.ledger = boot.Next(last, ok, signs, time.Now().UTC())
	b.ledger.DataLost = b.health.Lost
	_, err := os.Stat(layout.RestoredMark)
	b.ledger.Restored = err == nil
	if signs.Panic {
		b.ledger.Detail = record
	}
	if !b.dataMounted {
		return "", errors.New("there is no data partition to keep it on")
	}
	if err := b.ledger.Write(ledgerPath); err != nil {
		return "", err
	}
	return "this start was caused by: " + string(b.ledger.Reason), readErr
}

// readConfig reads the box configuration, taken from the boot partition the
// first time, or typed on a console.
func (b *box) readConfig(ctx context.Context) (string, error) {
	// A box that is not set up waits for a person, not for the watchdog.
	b.waiting.Store(true)
	if !b.dataMounted {
		b.openConsoles([]string{"there is no data partition to keep a configuration on: " + reflash})
		return "", errors.New("there is no data partition to read it from")
	}
	taken, err := b.provision(ctx)
	if err != nil {
		b.log("provisioning: %v", err)
	}
	c, err := b.loadConfig(ctx)
	if err != nil {
		return "", err
	}
	b.config = c
	b.configNow.Store(&c)
	b.waiting.Store(false)
	b.openConsoles(nil)
	if err := unix.Sethostname([]byte(c.Name)); err != nil {
		b.log("host name: %v", err)
	}
	done := fmt.Sprintf("%s, %s", c.Name, c.Role)
	if len(taken) > 0 {
		done += "; taken from the boot partition: " + strings.Join(taken, ", ")
	}
	return done, nil
}

// loadConfig reads box.conf. The first failure is told at once; afterwards a
// person has the consoles, and the wait ends with what he does there.
func (b *box) loadConfig(ctx context.Context) (boxconf.Config, error) {
	for {
		raw, err := os.ReadFile(boxPath)
		var problems []boxconf.Problem
		if err == nil {
			var c boxconf.Config
			if c, problems = boxconf.Parse(boxPath, string(raw)); len(problems) == 0 {
				return c, nil
			}
			err = b.wrongConfig(problems)
		} else if errors.Is(err, os.ErrNotExist) {
			err = fmt.Errorf("this box is not set up: answer the questions on a console, or put %s into %s on the partition %s", layout.BoxConfig, layout.Provision, layout.Boot)
		}
		if b.findPorts(); !b.openConsoles(tell(problems)) {
			return boxconf.Config{}, err
		}
		select {
		case <-b.committed:
		case <-ctx.Done():
			return boxconf.Config{}, err
		}
	}
}

func tell(problems []boxconf.Problem) (texts []string) {
	for _, p := range problems {
		texts = append(texts, p.Error())
	}
	return texts
}

// findPorts looks for the ports of the case and sets them up, so that a person
// who sets the box up sees which cable is where.
func (b *box) findPorts() {
	nics, err := network.NICs()
	if err != nil {
		b.log("%v", err)
		return
	}
	ports, _ := board.Assign(b.found.Board, nics)
	for _, p := range ports {
		if err := network.Raise(p.NIC.Name); err != nil {
			b.log("%v", err)
		}
	}
	b.ports = ports
	b.portsNow.Store(&ports)
}

// openConsoles puts the interface onto the consoles, once: already tells that
// it is there.
func (b *box) openConsoles(problems []string) (already bool) {
	b.paintFacts(problems)
	if b.reaper == nil {
		b.reaper = supervise.NewReaper(make(chan struct{}))
	}
	if b.opened {
		return true
	}
	b.opened = true
	ctx, hush := context.WithCancel(context.Background())
	b.hush = hush
	b.paintBooting()
	b.talk(ctx)
	return false
}

// wrongConfig tells what is wrong with the box configuration, once.
func (b *box) wrongConfig(problems []boxconf.Problem) error {
	if text := fmt.Sprint(problems); text != b.toldProblems {
		b.toldProblems = text
		for _, p := range problems {
			b.complain("%v", p)
		}
		b.complain("put a better %s into %s on the partition %s, with any computer, and start again", layout.BoxConfig, layout.Provision, layout.Boot)
	}
	return fmt.Errorf("%d problems, the first: %w", len(problems), problems[0])
}

func (b *box) provision(ctx context.Context) ([]string, error) {
	wait, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	part, err := boot.AwaitPartition(wait, hostRoot, layout.Boot)
	if err != nil {
		return nil, err
	}
	var taken []string
	var wishes boot.Wishes
	err = boot.OnBootPartition(part, false, func(dir string) (err error) {
		wishes = boot.ReadWishes(dir)
		// Before box.conf, which ends the first start.
		leases, err := b.adoption().fromBoot(dir, b.health.Lost)
		if err != nil {
			return err
		}
		taken, err = boot.Provision(dir, dataDir, func(name string, raw []byte) bool {
			if name != layout.BoxConfig {
				return true
			}
			_, problems := boxconf.Parse(name, string(raw))
			return len(problems) == 0
		})
		taken = append(taken, leases...)
		return err
	})
	if err == nil && wishes != (boot.Wishes{}) {
		err = b.grant(part, wishes)
	}
	return taken, err
}

// grant does what a person with the disk in hand asked for.
func (b *box) grant(part boot.Partition, w boot.Wishes) error {
	if err := storePassword(""); err != nil {
		return err
	}
	b.complain("the console's password was removed, as a file on the boot partition asks")
	if w.Reset {
		if err := boot.OrderReset(dataDir); err != nil {
			return err
		}
	}
	if err := boot.OnBootPartition(part, true, boot.Granted); err != nil {
		return err
	}
	if w.Reset {
		b.orders <- order{reason: boot.ByCommand, why: "restarting to forget everything, as a file on the boot partition asks"}
	}
	return nil
}

func (b *box) bringUpNetwork(ctx context.Context) (string, error) {
	if err := network.Loopback(); err != nil {
		return "", err
	}
	nics, err := network.NICs()
	if err != nil {
		return "", err
	}
	var missing []string
	b.ports, missing = board.Assign(b.found.Board, nics)
	b.portsNow.Store(&b.ports)
	if len(missing) > 0 {
		b.log("ports without a device: %s", strings.Join(missing, ", "))
	}
	wanted, problems := network.Plan(b.config, b.ports)
	b.wanted = wanted
	var said []string
	for _, w := range wanted {
		if w.VLAN != 0 && b.loader != nil {
			// No device asks for it, and the kernel has no program to call.
			if err := b.loader.Load("8021q"); err != nil {
				problems = append(problems, err.Error())
			}
		}
		if err := network.Apply(w); err != nil {
			problems = append(problems, err.Error())
			continue
		}
		said = append(said, b.settle(ctx, w))
	}
	if err := writeResolv(b.config.DNS); err != nil {
		problems = append(problems, err.Error())
	}
	if b.config.Syslog != "" {
		b.journal.ToSyslog(b.config.Syslog, b.config.Name)
	}
	if len(problems) > 0 {
		return "", errors.New(strings.Join(problems, "; "))
	}
	return strings.Join(said, ", "), nil
}

// writeResolv tells the programs of the box which name servers to ask.
func writeResolv(servers []netip.Addr) error {
	var text strings.Builder
	for _, a := range servers {
		fmt.Fprintf(&text, "nameserver %s\n", a)
	}
	return os.WriteFile(layout.ResolvTarget, []byte(text.String()), 0o644)
}

// carrierWait is how long boot waits for the carrier of a port: some take
// seconds, and one without a cable must not hold up the box.
const carrierWait = 6 * time.Second

// settle waits for the carrier, makes sure that nobody else has the address,
// and announces it.
func (b *box) settle(ctx context.Context, w network.Wanted) string {
	text := fmt.Sprintf("%s %s %s", w.Use, w.Label, w.Prefix)
	if !network.AwaitCarrier(ctx, w.Name, carrierWait) {
		return text + " (no carrier)"
	}
	if w.Use == "lan" {
		if who, err := network.Conflict(ctx, w.Name, w.Prefix.Addr()); err == nil && who != "" {
			b.complain("ADDRESS CONFLICT: %s on %s is used by %s as well; change one of them", w.Prefix.Addr(), w.Label, who)
		}
	}
	if err := network.Announce(w.Name, w.Prefix.Addr()); err != nil {
		b.log("announce %s: %v", w.Prefix.Addr(), err)
	}
	return text
}

// passClock waits until the time of day is trusted; the clock is then kept
// for life.
func (b *box) passClock(ctx context.Context) (string, error) {
	b.waiting.Store(true)
	defer b.waiting.Store(false)
	facts, err := clock.ReadFacts(clockPath)
	if err != nil {
		b.log("%v", err)
	}
	kernel := clock.Kernel{RTC: "/dev/rtc0"}
	built := time.Unix(b.image.Built, 0)
	if moved, err := clock.Restore(kernel, facts, built, time.Now()); err != nil {
		b.log("%v", err)
	} else if moved != 0 {
		b.log("the clock was behind the last time known and was moved by %s", moved.Round(time.Second))
	}
	floor := built
	if facts.Time.After(floor) {
		floor = facts.Time
	}
	b.gateMu.Lock()
	b.gate = clock.NewGate(clock.Policy{Need: clock.Need{AllowSingle: b.config.SingleNTP}, Bound: b.config.ClockBound, Floor: floor}, facts.Drift)
	b.gateMu.Unlock()
	trusted := make(chan string, 1)
	svc := &clock.Service{
		Gate: b.gate, Lock: &b.gateMu, Servers: b.config.NTP, Clock: kernel, FactsPath: clockPath,
		Report: func(format string, args ...any) {
			b.log(format, args...)
			s := b.trusted()
			if !s.Trusted {
				b.complain("R1: the time of day is not trusted, nothing is served: %s", s.Why)
				return
			}
			select {
			case trusted <- s.Why:
			default:
			}
		},
	}
	go svc.Run(context.WithoutCancel(ctx))
	select {
	case why := <-trusted:
		return why, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func (b *box) startServices(context.Context) (string, error) {
	conditions := append([]hwmon.Condition(nil), hwmon.Standard...)
	b.monitor = hwmon.NewMonitor(append(conditions, thermal.Conditions(b.found.Board.Sensors)...))
	if b.supervisor.Load() == nil {
		return "", errors.New("the supervisor did not start")
	}
	b.servicesAt = clock.SinceBoot()
	b.publish()
	b.startEngine()
	done := "dhcpfd"
	if b.engineWaits != "" {
		done += " waits"
	}
	var mem unix.Sysinfo_t
	if err := unix.Sysinfo(&mem); err != nil {
		return done, nil
	}
	unit := uint64(mem.Unit)
	return fmt.Sprintf("%s; memory: %d of %d MiB free", done, uint64(mem.Freeram)*unit>>20, uint64(mem.Totalram)*unit>>20), nil
}
