package sim

import (
	"time"

	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/store/faultfs"
)

// watchdogSlack is what a watchdog takes beyond its time.
const watchdogSlack = time.Second

// powerOff takes the power away: what was not synced is lost.
func (b *Box) powerOff(why string) {
	if !b.powered {
		return
	}
	b.w.tell("%s: %s", b.name, why)
	b.powered, b.paused = false, false
	b.endProcess(false)
	b.disk = b.disk.PowerCut()
	b.resets = append(b.resets, b.w.now)
	b.offSince = b.w.now
}

// kill ends the process alone; the kernel closes its connections.
func (b *Box) kill(why string) {
	if !b.process || b.paused {
		return
	}
	b.w.tell("%s: %s", b.name, why)
	b.endProcess(true)
	b.disk = b.disk.Kill()
	b.resets = append(b.resets, b.w.now)
}

func (b *Box) endProcess(told bool) {
	if !b.process {
		return
	}
	b.process, b.frozen, b.busy = false, false, false
	b.run++
	b.inbox, b.waiting = nil, nil
	b.w.link.gone(b, told)
}

// wipe gives the box an empty disk.
func (b *Box) wipe() {
	b.w.tell("%s has a new, empty disk", b.name)
	b.forgetAlone()
	b.disk = faultfs.New(b.w.plan.Seed + 100*b.run + uint64(b.i) + 7)
	b.shadow = newShadow()
	b.saved = nil
}

// forgetAlone: the disk that says whether the box, which is off, was in
// PARTNER-DOWN goes.
func (b *Box) forgetAlone() {
	if b.w.operator.holds(b) {
		b.aloneUntil = b.offSince.after(time.Duration(b.w.plan.grantTime()) * time.Second)
	}
}

// freeze stops the process for a while. With a watchdog a long stop ends in a
// reset.
func (b *Box) freeze(d time.Duration) {
	if !b.acts() {
		return
	}
	b.w.tell("%s stands still", b.name)
	b.frozen, b.frozeAt = true, b.w.now
	run := b.run
	if dog := time.Duration(b.w.plan.Watchdog) * time.Second; dog > 0 && d > dog {
		b.w.in(dog+watchdogSlack, func() {
			if b.runs(run) && b.frozen {
				b.powerOff("the watchdog resets the box")
				b.powerOn(b.bootTime())
			}
		})
		return
	}
	b.w.in(d, func() {
		if b.runs(run) && b.frozen {
			b.thaw()
		}
	})
}

// thaw lets the process go on. The loop notices how long it stood still,
// except for what it had planned to wait.
func (b *Box) thaw() {
	b.w.tell("%s goes on after %v", b.name, time.Duration(b.w.now-b.frozeAt))
	b.frozen, b.heardSince = false, b.w.now
	b.stepped = b.read().Mono
	b.readFile()
	b.drain()
	if b.busy {
		return // finish is on its way, and the next turn tells
	}
	gap := time.Duration(b.w.now-b.frozeAt) - time.Duration(b.dice().Int64N(int64(idle)))
	if gap > tooOld {
		b.handle(b.read(), &node.WokenLate{Gap: gap})
	}
	b.schedule()
}

func (b *Box) bootTime() time.Duration {
	return 5*time.Second + time.Duration(b.dice().Int64N(int64(20*time.Second)))
}

// image is a copy of a disk.
type image struct {
	files map[string][]byte
	names []string
	at    Moment
}

// backup copies the disk as a file by file copy finds it.
func (b *Box) backup() {
	img := &image{files: map[string][]byte{}, at: b.w.now}
	disk := b.disk
	disk.CutAt(0) // not while the copy is made
	names, err := disk.List()
	if err != nil {
		return
	}
	for _, name := range names {
		img.names = append(img.names, name)
		img.files[name] = disk.Bytes(name)
	}
	b.saved = img
	b.w.tell("%s is backed up", b.name)
}

// noticeable tells whether contact at that time is late enough after the copy
// that the partner's witness shows it to be one.
func (m *image) noticeable(contact lease.Time, p *Plan) bool {
	return contact > lease.Time((genesis+int64(m.at))/1e9).Add(lease.Seconds(75+p.Delay))
}

// restore puts the latest backup back.
func (b *Box) restore() {
	disk := faultfs.New(b.w.plan.Seed + 100*b.run + uint64(b.i) + 9)
	for _, name := range b.saved.names {
		disk.Put(name, b.saved.files[name])
	}
	b.w.tell("%s gets its disk back as it was at %v", b.name, b.saved.at)
	b.forgetAlone()
	b.disk = disk
	b.shadow = newShadow()
	b.shadow.older = true
}

// setCarrier moves the carrier of the clients' network.
func (b *Box) setCarrier(up bool) {
	was := b.carrier()
	if up {
		b.carrierDown--
	} else {
		b.carrierDown++
	}
	if b.carrier() == was {
		return
	}
	b.w.tell("%s: carrier of the clients' network %v", b.name, b.carrier())
	if !up {
		b.carrierLost = b.w.now
	}
	b.changes, b.heardSince = append(b.changes, b.w.now), b.w.now
	b.write()
}

// step sets the clock to another error within the bound.
func (b *Box) step(n int) {
	if b.bound == 0 {
		return
	}
	b.offset = time.Duration(n%2001-1000) * b.bound / 1000
	b.w.tell("%s: the clock is set, now wrong by %v", b.name, b.error(b.w.now))
}
