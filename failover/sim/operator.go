package sim

import (
	"strings"
	"time"

	"tandem/failover/lease"
	"tandem/failover/node"
)

// operator gives orders. Under a strict promise he may be wrong; under
// `standard` he is right where nothing tells him better; and sometimes he declares both boxes the survivor,
// which excuses what follows.
type operator struct{ w *World }

func (o *operator) order(b *Box, word string) {
	if !b.acts() {
		return
	}
	o.tell(b, word, func(node.Answer) {})
}

// tell gives an order; done gets the answer.
func (o *operator) tell(b *Box, word string, done func(node.Answer)) {
	o.w.tell("the operator tells %s: %s", b.name, word)
	b.ask(func(a node.Answer) {
		o.w.tell("%s answers: %s%s", b.name, a.Body, a.Err)
		done(a)
	}, "order", word, "operator")
}

// declare says that the partner of b is down.
func (o *operator) declare(b *Box, word string) {
	p := b.partner()
	right := o.w.plan.Promise != Standard || o.looksDead(p)
	if !b.acts() || !right && !o.heard(b) {
		return
	}
	heard := false
	if !right {
		b.ask(func(a node.Answer) { heard = strings.Contains(string(a.Body), "would be refused") }, "evidence")
	}
	was := b.declared
	b.declared, b.declaredIn = true, b.run
	o.tell(b, word, func(a node.Answer) {
		if a.Err != "" {
			o.w.Cover.wasRefused(a.Err)
			b.declared = was
			return
		}
		if !right && !heard {
			o.excuse("the operator was wrong under `standard`, and the partner not heard any more")
		}
		o.entered(b) // also if it was in PARTNER-DOWN, lapsed
	})
}

// heard tells whether box b, to which the operator talks, heard its partner
// lately: then he may be wrong also under `standard`, for R6-heard refuses him.
func (o *operator) heard(b *Box) bool {
	return o.w.now-max(b.spoken, b.beatAt) < Moment(o.w.plan.Delay-1)*Moment(time.Second)
}

// looksDead tells whether an operator who is right may declare p dead: it is
// off, or has hung or been without carrier for a while. When such a box comes
// back it knows so (R7, R9).
func (o *operator) looksDead(p *Box) bool {
	limit := Moment(o.w.plan.Delay+20) * Moment(time.Second)
	switch {
	case !p.powered:
		return true
	case p.frozen:
		return o.w.now-p.frozeAt > limit
	}
	return !p.carrier() && o.w.now-p.carrierLost > limit
}

// holds tells whether box p is in PARTNER-DOWN with authority, will be when it
// comes back, or was so less than G ago: what it gave then runs on.
func (o *operator) holds(p *Box) bool {
	g := Moment(o.w.plan.grantTime()) * Moment(time.Second)
	if o.w.now < p.aloneUntil || p.aloneAt != 0 && o.w.now-p.aloneAt < g {
		return true
	}
	peer, ok := p.peer()
	if !ok || peer.State != lease.PartnerDown || peer.Facts&lease.PeerLapsed != 0 {
		return false
	}
	switch {
	case peer.Facts&lease.PeerRemoved != 0:
		return true
	case !p.powered:
		return o.w.now-p.offSince < g
	case p.frozen:
		return o.w.now-p.frozeAt < g
	}
	return true
}

// entered: box b is in PARTNER-DOWN. If its partner is, or may come back, so
// as well, and one of the two by an operator's word, both were declared the
// survivor.
func (o *operator) entered(b *Box) {
	p := b.partner()
	switch {
	case !o.holds(p):
	case b.declared || p.declared:
		o.excuse(bothDeclared)
	case p.misled != 0 && b.beatAt > p.misled:
		o.excuse("the other box took this one for dead, the cable out and its network cut off, and fell silent after that")
	case o.w.beats.pulled > 0 && o.w.beats.deaf > 0:
		o.excuse("the cable is out, and the clients' network parted into two halves in which somebody answers")
	}
}

// bothDeclared is what no rule repairs.
const bothDeclared = "both are now declared the survivor"

// excuse: what the operator was told that no rule repairs has happened.
func (o *operator) excuse(why string) {
	if o.w.check.excused == 0 {
		o.w.Cover.Excused++
		o.w.tell("%s: what follows is excused", why)
		o.w.check.excused = o.w.now
	}
}

// replace takes the partner of b away for good, says so, and later puts a new
// one in its place.
func (o *operator) replace(b *Box, d time.Duration) {
	p := b.partner()
	if !b.acts() || !o.w.whole(b) {
		return
	}
	b.declared, b.declaredIn = true, b.run
	if o.holds(p) {
		o.excuse(bothDeclared) // off for less than G
	}
	p.powerOff("is removed")
	p.wipe()
	o.order(b, "removed")
	o.w.later(d, func() { p.powerOn(p.bootTime()) })
}
