package sim

import (
	"fmt"
	"time"

	"tandem/failover/lease"
)

// makePeace ends every fault and holds the pair against I3.
func (w *World) makePeace() {
	w.tell("-- peace --")
	w.peace = true
	w.link.down, w.link.delay = 1, 0
	w.link.heal()
	w.beats.deaf, w.beats.cut, w.beats.pulled = 0, 0, 0
	w.heardAnew()
	w.lan.loss, w.lan.delay, w.lan.cut = 0, 0, [2]int{}
	for _, b := range w.boxes {
		b.repair()
	}
	w.advance(w.now.after(40 * time.Second)) // boot, a goodbye that is under way
	for _, b := range w.boxes {
		if b.parted {
			w.operator.order(b, "resume")
		}
	}
	limit := w.now.after(time.Duration(w.plan.MCLT)*time.Second + 2*time.Minute)
	for w.failed == nil && w.now < limit && !w.healed() {
		w.advance(w.now.after(time.Second))
	}
	if w.failed == nil && !w.healed() {
		w.fail("I3", "not in NORMAL %v after the faults: %s", limit, w.states())
		return
	}
	w.agree()
}

// agree checks that both tables are equal, once nothing is on its way.
func (w *World) agree() {
	if w.boxes[0].isDhcpd() || w.boxes[1].isDhcpd() {
		return // dhcpd keeps differences for days
	}
	if w.check.copied {
		return
	}
	diff := ""
	for range 30 {
		if w.advance(w.now.after(time.Second)); w.failed != nil {
			return
		}
		if diff = w.differences(); diff == "" {
			return
		}
	}
	w.fail("I3", "the tables differ in NORMAL: %s", diff)
}

// repair brings a box back whatever was done to it.
func (b *Box) repair() {
	b.carrierDown = 0
	b.disk.CutAt(0)
	switch {
	case b.paused:
		b.resume(noneStands)
	case !b.powered:
		b.powerOn(b.bootTime())
	case !b.process:
		b.start("crash")
	case b.frozen:
		b.thaw()
	}
	if b.wild != 0 || !b.trusted {
		b.trust(true)
	}
	if b.variant != 0 {
		b.reload()
	}
	b.write()
	b.readSoon()
}

// healed tells whether both are in NORMAL.
func (w *World) healed() bool {
	for _, b := range w.boxes {
		if b.state() != lease.Normal.String() {
			return false
		}
	}
	return true
}

// state is the box's own word for its state.
func (b *Box) state() string {
	if !b.process {
		return "off"
	}
	return b.node.Status(b.read()).Peers[0].State
}

func (w *World) states() string {
	return fmt.Sprintf("A %s, B %s", w.boxes[0].state(), w.boxes[1].state())
}

// differences compares the two tables where it matters to clients.
func (w *World) differences() string {
	a, b := w.boxes[0].node.Table(), w.boxes[1].node.Table()
	for _, low := range [...]string{"10.0.0.100", "10.1.0.100"} {
		n := w.plan.Pool
		if low == "10.1.0.100" {
			n = w.plan.Far
		}
		for i := range n {
			ip := lease.MustIP(low) + lease.IP(i)
			x, y := a.Look(ip), b.Look(ip)
			if x.State != y.State || x.State == lease.Active && (x.Ends != y.Ends || x.UID != y.UID || x.HW != y.HW) {
				return fmt.Sprintf("%v: A has %v until %v for %x, B %v until %v for %x", ip, x.State, x.Ends, x.HW, y.State, y.Ends, y.HW)
			}
		}
	}
	return ""
}
