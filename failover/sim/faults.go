package sim

import (
	"fmt"
	"time"

	"tandem/failover/lease"
	"tandem/failover/node"
)

// faults says what each kind of fault does. Those with a duration end it
// themselves.
var faults = map[string]func(w *World, b *Box, f Fault){
	"power": func(w *World, b *Box, f Fault) {
		b.powerOff("power cut")
		w.later(f.length(), func() { b.powerOn(b.bootTime()) })
	},
	"power-writing": func(_ *World, b *Box, f Fault) {
		b.disk.CutAt(b.disk.Ops() + 1 + f.N)
	},
	"crash": func(w *World, b *Box, f Fault) {
		b.kill("the process crashes")
		w.later(f.length(), func() { b.start("crash") })
	},
	"paused-machine": func(w *World, b *Box, f Fault) {
		if !b.isDhcpd() && b.pause() {
			at := b.frozeAt
			w.later(max(f.length(), shortestPause), func() {
				if b.paused && b.frozeAt == at {
					b.resume(f.N % standings)
				}
			})
		}
	},
	"freeze": func(_ *World, b *Box, f Fault) { b.freeze(f.length()) },
	"link": func(w *World, _ *Box, f Fault) {
		w.tell("the link is cut")
		w.link.cut()
		w.beats.part(f.N)
		w.later(f.length(), func() {
			w.tell("the link is whole again")
			w.link.heal()
			w.beats.join(f.N)
		})
	},
	// The boxes do not hear each other on the clients' network, the cable or
	// both; the failover connection stays.
	"deaf": func(w *World, _ *Box, f Fault) {
		w.beats.part(f.N)
		w.later(f.length(), func() { w.beats.join(f.N) })
	},
	"link-slow": func(w *World, _ *Box, f Fault) {
		d := time.Duration(f.N) * time.Millisecond
		w.link.delay += d
		w.later(f.length(), func() { w.link.delay -= d })
	},
	"link-reset": func(w *World, _ *Box, _ Fault) { w.link.resetAll() },
	"lan": func(w *World, b *Box, f Fault) {
		w.tell("%s does not reach its clients", b.name)
		w.lan.cut[b.i]++
		w.later(f.length(), func() {
			w.tell("%s reaches its clients again", b.name)
			w.lan.cut[b.i]--
			b.heardSince = w.now
		})
	},
	"carrier": func(w *World, b *Box, f Fault) {
		b.setCarrier(false)
		w.later(f.length(), func() { b.setCarrier(true) })
	},
	"flap": func(w *World, b *Box, f Fault) {
		for i := range f.N {
			w.later(time.Duration(2*i)*2*time.Second, func() { b.setCarrier(false) })
			w.later(time.Duration(2*i+1)*2*time.Second, func() { b.setCarrier(true) })
		}
	},
	"loss": func(w *World, _ *Box, f Fault) {
		w.lan.loss += f.N
		w.later(f.length(), func() {
			w.lan.loss -= f.N
			w.heardAnew()
		})
	},
	"lan-slow": func(w *World, _ *Box, f Fault) {
		d := time.Duration(f.N) * time.Millisecond
		w.lan.delay += d
		w.later(f.length(), func() { w.lan.delay -= d })
	},
	"clock-step": func(_ *World, b *Box, f Fault) { b.step(f.N) },
	"clock-wild": func(w *World, b *Box, f Fault) {
		if !b.powered || b.paused || b.isDhcpd() { // dhcpd has no gate
			return
		}
		b.trust(false)
		b.wild = time.Duration(f.N) * time.Minute
		boot := b.booted
		w.later(f.length(), func() {
			if b.powered && b.booted == boot {
				b.trust(true)
			}
		})
	},
	"disk-lost": func(w *World, b *Box, f Fault) {
		if !w.whole(b.partner()) {
			return
		}
		b.powerOff("power cut")
		b.wipe()
		w.later(f.length(), func() { b.powerOn(b.bootTime()) })
	},
	// The disk says that it has synced, and has not.
	diskLies: func(w *World, b *Box, _ Fault) {
		w.tell("%s: the disk begins to lie", b.name)
		b.disk.Lie()
	},
	"backup": func(_ *World, b *Box, _ Fault) {
		if b.process && !b.paused {
			b.backup()
		}
	},
	"restore": func(w *World, b *Box, f Fault) { w.restore(b, f, "restored") },
	// Nobody tells the box that its disk is an older one.
	"restore-silently": func(w *World, b *Box, f Fault) {
		if p, ok := b.partner().peer(); ok && b.saved != nil && b.saved.noticeable(p.LastContact, w.plan) {
			b.unsaid = true
			w.restore(b, f, "")
		}
	},
	"storm": func(w *World, b *Box, f Fault) {
		for i := range f.N {
			w.later(time.Duration(i)*f.length(), func() {
				b.powerOff("reset")
				w.later(2*time.Second, func() { b.powerOn(3 * time.Second) })
			})
		}
	},
	"declare": func(w *World, b *Box, _ Fault) { w.operator.declare(b, "partner-down") },
	"removed": func(w *World, b *Box, f Fault) { w.operator.replace(b, f.length()) },
	"maintenance": func(w *World, b *Box, f Fault) {
		w.operator.order(b, "maintenance")
		w.later(f.length(), func() { w.operator.order(b, "resume") })
	},
	"pause": func(w *World, b *Box, f Fault) {
		w.operator.order(b, "pause")
		w.later(f.length(), func() { w.operator.order(b, "resume") })
	},
	"upgrade": func(w *World, b *Box, f Fault) {
		w.operator.order(b, "maintenance")
		w.later(15*time.Second, func() {
			if b.process && !b.paused {
				b.w.tell("%s restarts by command", b.name)
				b.endProcess(true)
				b.disk = b.disk.Kill()
				w.later(f.length(), func() { b.start("update") })
			}
		})
	},
	"calm": func(w *World, b *Box, _ Fault) { w.operator.order(b, "calm") },
	"reload": func(_ *World, b *Box, _ Fault) {
		if !b.paused {
			b.reload()
		}
	},
}

func (w *World) restore(b *Box, f Fault, origin string) {
	if b.saved == nil || !w.whole(b.partner()) {
		return
	}
	b.powerOff("power cut")
	b.restore()
	b.origin = origin
	w.later(f.length(), func() { b.powerOn(b.bootTime()) })
}

// diskLies is for the control of R10 alone: no rule repairs a disk that forgets
// what it acknowledged.
const diskLies = "disk-lies"

// hopeless tells whether f may break a promise with every rule in force.
func (f Fault) hopeless() bool { return f.What == diskLies }

func (f Fault) length() time.Duration { return time.Duration(f.For) * time.Millisecond }

func (w *World) fault(f Fault) {
	do := faults[f.What]
	if do == nil {
		w.fail("plan", "there is no fault %q", f.What)
		return
	}
	w.Cover.fault(f.What)
	do(w, w.boxes[f.Box&1], f)
}

// later is in for what faults do after a while: peace ends them.
func (w *World) later(d time.Duration, do func()) {
	w.in(d, func() {
		if !w.peace {
			do()
		}
	})
}

// heardAnew: clients may not have been heard until now.
func (w *World) heardAnew() {
	for _, b := range w.boxes {
		b.heardSince = w.now
	}
}

// whole tells whether box b remembers all that it promised: two boxes that
// forget at once are beyond help.
func (w *World) whole(b *Box) bool {
	if b.origin != "" {
		return false
	}
	p, ok := b.peer()
	return ok && p.Facts&lease.PeerNeedsAll == 0
}

// peer is what the box remembers of the relationship.
func (b *Box) peer() (lease.Peer, bool) {
	if n := len(b.shadow.peers); n > 0 {
		return b.shadow.peers[n-1], true
	}
	return lease.Peer{}, false
}

// reload puts the other configuration in force.
func (b *Box) reload() {
	b.variant, b.heardSince = 1-b.variant, b.w.now
	b.w.tell("%s gets configuration %d", b.name, b.variant)
	b.give(&node.Reconfigure{Config: b.w.config(b.i, b.variant)})
}

func macOf(n int) string {
	return fmt.Sprintf("02:00:%02x:%02x:%02x:%02x", n>>24&255, n>>16&255, n>>8&255, n&255)
}
