package sim

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"tandem/failover"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/store"
	"tandem/failover/store/faultfs"
)

// Box is one machine with one node, driven as the daemon drives it: a batch
// of inputs, one flush, one sync, and then the replies.
type Box struct {
	w    *World
	i    int
	name string
	clock

	// The machine.
	powered, process, frozen bool
	paused                   bool   // all of the machine stands still
	dazed                    Moment // until then no rule can see that it did
	run                      uint64 // counts processes; what an old one left is void
	started                  Moment // the process
	throws                   int
	file                     boxFile
	reading, rewrites        bool
	pulse                    pulse
	trusted                  bool  // the clock gate
	vouched                  int64 // time of day less time since boot, for which the gate stands
	changes                  []Moment
	carrierDown              int // faults that keep the carrier down
	carrierLost              Moment
	resets                   []Moment
	offSince                 Moment
	frozeAt                  Moment
	variant                  int
	origin                   string // what is said of the store at the next start; "" nothing
	saved                    *image // the latest backup
	unsaid                   bool   // a backup was put back, nobody told, and nobody noticed yet
	declared                 bool   // the survivor, by the operator, since it was last in NORMAL
	declaredIn               uint64 // run
	aloneAt                  Moment // latest time in ALONE without contact since
	aloneUntil               Moment // G after it went off in PARTNER-DOWN, if the disk that says so is gone

	// The process.
	disk       *faultfs.FS
	log        *store.Log
	node       server
	inbox      []node.Input
	waiting    []waiting
	batch      []node.Input // those of the turn before; its room is used again
	busy       bool
	out        *node.Output // of the turn under way, which began at began
	began      lease.Now
	turns      uint64
	wakes      func(turn uint64) // wake and finish, made once
	finishes   func(run uint64)
	boot       *lease.Boot // as last written, and the relationship
	pair       *lease.Peer
	snap       *store.Snapshot
	next       int
	dirty      bool
	grown      bool // the log may have become large enough for a snapshot
	shadow     *shadow
	iface      dhcp.Interface
	parted     bool
	query      uint64
	asked      map[uint64]func(node.Answer)
	looked     Moment // for heartbeats
	spoken     Moment // the partner, on a connection
	beatAt     Moment // the process knows of a heartbeat
	misled     Moment // it took a partner for dead that was not
	stepped    int64  // time since boot of the latest turn
	heardSince Moment // clients are heard without a break
	where      place
	connected  bool           // with its partner, as it knew after the latest batch
	met        failover.Place // where the present input met the relationship
}

// The pace of the daemon's loop.
const (
	tooOld       = 15 * time.Second // age at which a batch is stale, watchdog/2
	idle         = 4 * time.Second  // the longest wait of the loop
	snapshotSize = 24 << 10         // of the log at which a snapshot is wanted
	snapshotStep = 4                // leases added between two batches
	clockJump    = 2 * time.Second  // between the two clocks, within a batch
)

func newBox(w *World, i int) *Box {
	b := &Box{w: w, i: i, name: boxName(i), shadow: newShadow()}
	b.bound = time.Duration(w.plan.Bound) * time.Millisecond
	if b.bound > 0 {
		b.offset = time.Duration(b.dice().Int64N(2*int64(b.bound))) - b.bound
		b.drift = (b.dice().Float64() - 0.5) * 1e-4
	}
	b.wakes, b.finishes = b.wake, b.finish
	b.disk = faultfs.New(w.plan.Seed + uint64(i))
	b.iface = dhcp.Interface{Index: 2, Name: "lan0", Addrs: []lease.IP{lease.From4([4]byte{10, 0, 0, byte(i + 1)})}}
	return b
}

// dice is this box's luck at this moment.
func (b *Box) dice() *rand.Rand {
	b.throws++
	return b.w.dice(uint64(3+b.i) + uint64(b.throws%8)<<4)
}

func (b *Box) partner() *Box { return b.w.boxes[1-b.i] }

// runs tells whether the process of that number is alive, stopped or not.
func (b *Box) runs(run uint64) bool { return b.process && b.run == run }

// acts tells whether the process does anything.
func (b *Box) acts() bool { return b.process && !b.frozen }

func (b *Box) read() lease.Now { return b.now(b.w.now) }

// reach tells whether packets pass between the box and its clients' network.
func (b *Box) carrier() bool { return b.carrierDown == 0 }

// powerOn boots the machine and, after a while, the process.
func (b *Box) powerOn(d time.Duration) {
	if b.powered {
		return
	}
	b.powered, b.frozen = true, false
	b.booted = b.w.now
	b.trusted = false
	b.changes = nil
	b.wild, b.lost, b.dazed = 0, 0, 0
	b.pulse = pulse{late: b.w.dice(beatSalt(b, 6)).IntN(2) == 0}
	if b.dice().IntN(3) == 0 && !b.isDhcpd() { // no battery behind the clock, or a bad one
		b.wild = time.Duration(b.dice().Int64N(int64(4000*time.Hour))) - 3000*time.Hour
	}
	boot := b.w.now
	b.w.in(d, func() {
		if b.powered && b.booted == boot && !b.process {
			b.start("power")
		}
	})
	gate := d + time.Duration(b.dice().Int64N(int64(20*time.Second)))
	if b.dice().IntN(2) == 0 {
		gate = 0
	}
	b.w.in(gate, func() {
		if b.powered && b.booted == boot {
			b.trust(true)
		}
	})
}

// start begins a process: open, replay, start.
func (b *Box) start(reason string) {
	if b.process || !b.powered || b.paused {
		return
	}
	b.run++
	log, err := store.Open(b.disk, store.Options{Chunk: 4 << 10, Reserve: 4 << 10, MinLog: snapshotSize, Foreground: true})
	if err != nil {
		b.storeFailed(err)
		return
	}
	origin := b.origin
	if origin == "" && log.New() {
		origin = "new"
	} else if origin == "" {
		origin = "whole"
	}
	now := b.read()
	boot := lease.Boot{ID: fmt.Sprintf("%s%d", b.name, b.run), Reason: reason, Started: now.Time(), StoreOrigin: origin}
	for _, at := range b.resets {
		boot.Resets = append(boot.Resets, lease.Time((genesis+int64(at))/1e9))
	}
	b.log = log
	b.node = b.newServer(boot)
	if !b.replay() {
		return
	}
	b.process, b.frozen, b.busy, b.dirty, b.snap, b.parted = true, false, false, false, nil, false
	b.grown = true
	b.connected = false
	b.inbox, b.asked = nil, map[uint64]func(node.Answer){}
	b.heardSince, b.started = b.w.now, b.w.now
	b.looked, b.spoken, b.beatAt, b.stepped = 0, 0, 0, now.Mono
	b.pulse.told, b.reading = [2]int64{}, false
	b.w.tell("%s starts (%s, store %s)", b.name, reason, origin)
	b.node.Start(now)
	b.node.Step(now, &node.Links{Interfaces: []dhcp.Interface{b.iface}})
	b.look()
	b.readFile()
	b.turn()
}

// newServer is the node, or the dhcpd that the plan wants on this box.
func (b *Box) newServer(boot lease.Boot) server {
	cfg, seed := b.w.config(b.i, b.variant), b.w.plan.Seed+b.run
	if b.isDhcpd() {
		return newDhcpd(cfg, seed, func(why string) { b.w.fail("fatal", "%s: %s", b.name, why) })
	}
	return node.New(node.Options{Config: cfg, Seed: seed, Version: "sim",
		Boot: boot, Policy: b.policy, Watched: true, Without: b.w.plan.Without, Observe: b.meet})
}

func (b *Box) isDhcpd() bool {
	return b.w.plan.Promise == ISCPair || b.w.plan.Promise == ISC && b.i == 1 || b.w.plan.Promise == ISCPrimary && b.i == 0
}

func (b *Box) policy(string) node.PeerPolicy {
	p := b.w.plan
	pol := node.PeerPolicy{Authority: lease.Seconds(p.Authority)}
	pol.Strict = p.Promise == Strict || p.Promise == Auto
	pol.Survivor = p.Promise == Auto && b.i == 0
	pol.ISC = p.Promise == ISC || p.Promise == ISCPrimary
	return pol
}

// replay recovers the store, and holds it against what was promised.
func (b *Box) replay() bool {
	b.boot, b.pair = nil, nil
	found := newShadow()
	_, err := b.log.Replay(func(r lease.Record) error {
		b.node.Restore(r)
		b.note(r)
		found.keep(r)
		return nil
	})
	if err != nil {
		b.storeFailed(err)
		return false
	}
	if miss := b.shadow.lost(found); miss != "" && !b.disk.Lies() {
		b.w.fail("I2", "%s forgot: %s", b.name, miss)
		return false
	}
	b.shadow = found
	return true
}

func (b *Box) note(r lease.Record) {
	switch r := r.(type) {
	case *lease.Peer:
		b.pair = r
	case *lease.Boot:
		b.boot = r
	}
}

// give puts something into the inbox.
func (b *Box) give(in node.Input) {
	if b.process {
		b.inbox = append(b.inbox, in)
		b.schedule()
	}
}

// schedule plans the next turn of the loop.
func (b *Box) schedule() {
	if !b.acts() || b.busy {
		return
	}
	at := Moment(-1)
	if due := b.node.Deadline(); due != 0 {
		at = max(b.when(due), b.w.now)
	}
	if len(b.inbox) > 0 {
		at = b.w.now.after(time.Duration(50+b.dice().IntN(400)) * time.Microsecond)
	}
	if at < 0 {
		return
	}
	b.turns++
	b.w.with(at, b.wakes, b.turns)
}

// wake is the turn of that number, if nothing came before it: another one was
// planned since, or the process is a new one, which plans its own.
func (b *Box) wake(turn uint64) {
	if b.turns == turn && b.acts() && !b.busy {
		b.turn()
	}
}

// turn is one round of the daemon's loop.
func (b *Box) turn() {
	b.busy = true
	now := b.read()
	b.hearBeats(now)
	b.stepped = now.Mono
	batch := b.inbox
	b.inbox, b.batch = b.batch[:0], batch
	for _, in := range batch {
		if _, ok := in.(*node.PeerReceived); ok {
			b.spoken = b.w.now
		}
		b.handle(now, in)
	}
	if len(batch) == 0 {
		b.passes(now)
	}
	out := b.node.Flush(now)
	if err := b.keep(out); err != nil {
		b.storeFailed(err)
		return
	}
	b.see(now)
	latency := time.Duration(200+b.dice().IntN(2500)) * time.Microsecond
	if b.dice().IntN(200) == 0 {
		latency *= 100
	}
	clear(batch)
	b.began, b.out = now, out
	b.w.with(b.w.now.after(latency), b.finishes, b.run)
}

// finish delivers what the batch of that run led to, unless the process is
// stopped; then it does so when it goes on.
func (b *Box) finish(run uint64) {
	if !b.runs(run) {
		return
	}
	if b.frozen {
		b.w.with(b.w.now.after(100*time.Millisecond), b.finishes, run)
		return
	}
	b.deliver(b.began, b.out)
	b.busy = false
	if err := b.snapshot(); err != nil {
		b.storeFailed(err)
		return
	}
	b.schedule()
}

// deliver is the daemon's: replies only if fresh, everything else as it is.
func (b *Box) deliver(now lease.Now, out *node.Output) {
	for _, l := range out.Lines {
		b.w.check.line(b, l)
	}
	if len(out.Replies) > 0 {
		at := b.read()
		age := time.Duration(at.Mono - now.Mono)
		step := time.Duration(at.Wall-now.Wall) - age
		switch {
		case age > tooOld:
			b.w.tell("%s drops %d replies that are %v old", b.name, len(out.Replies), age)
			b.handle(at, &node.WokenLate{Gap: age})
		case step.Abs() > clockJump:
			b.w.tell("%s drops %d replies because its clock was set", b.name, len(out.Replies))
		default:
			for i := range out.Replies {
				b.w.check.leaves(b, now, &out.Replies[i])
				b.w.lan.reply(b, &out.Replies[i])
			}
		}
	}
	for i := range out.Links {
		switch l := &out.Links[i]; l.Do {
		case node.LinkDial:
			b.w.link.dial(b)
		case node.LinkSend:
			b.w.link.send(b, l.Conn, l.Message)
		case node.LinkHangup:
			b.w.link.hangup(b, l.Conn)
		}
	}
	for _, p := range out.Probes {
		b.probe(p)
	}
	for _, a := range out.Answers {
		if fn := b.asked[a.ID]; fn != nil {
			delete(b.asked, a.ID)
			fn(a)
		}
	}
	b.parted = b.node.Parted()
}

// probe looks whether somebody uses an address. Every other client answers.
func (b *Box) probe(p dhcp.Probe) {
	run := b.run
	b.w.in(p.Timeout, func() {
		if !b.runs(run) {
			return
		}
		in := &node.ProbeResult{IP: p.IP}
		for _, c := range b.w.clients {
			if c.have == p.IP && c.believes() && c.spec.N%2 == 1 && b.w.lan.reaches(b) {
				in.InUse, in.By = true, "ICMP"
			}
		}
		b.give(in)
	})
}

// keep is the daemon's keeper.
func (b *Box) keep(out *node.Output) error {
	for _, r := range out.Records {
		b.note(r)
	}
	if len(out.Records) > 0 {
		b.shadow.append(out.Records)
		if err := b.log.Append(out.Records); err != nil {
			return err
		}
		b.dirty, b.grown = true, true
	}
	if out.MustSync {
		return b.sync()
	}
	return nil
}

func (b *Box) sync() error {
	if !b.dirty {
		return nil
	}
	if err := b.log.Sync(); err != nil {
		return err
	}
	b.durable()
	return nil
}

// durable: everything written is on disk, also that the store is not whole.
func (b *Box) durable() {
	b.dirty, b.origin = false, ""
	b.shadow.synced()
}

// snapshot goes on with a snapshot, a few leases after each batch.
func (b *Box) snapshot() error {
	if b.snap == nil {
		if !b.grown || !b.log.WantSnapshot() {
			b.grown = false
			return nil
		}
		snap, err := b.log.BeginSnapshot()
		if err != nil {
			return err
		}
		b.snap, b.next = snap, 0
		b.durable()
		if b.boot != nil {
			err = snap.Add(b.boot)
		}
		if err == nil && b.pair != nil {
			err = snap.Add(b.pair)
		}
		return err
	}
	for range snapshotStep {
		if b.next >= b.node.Table().Len() {
			err := b.snap.Commit()
			b.snap, b.grown = nil, true
			if err != nil && b.log.Err() != nil || errors.Is(err, faultfs.ErrPowerCut) {
				return err
			}
			return nil
		}
		if err := b.snap.Add(b.node.Table().At(b.next)); err != nil {
			return err
		}
		b.next++
	}
	return nil
}

// storeFailed: the power went in the middle, or the process has to end.
func (b *Box) storeFailed(err error) {
	if errors.Is(err, faultfs.ErrPowerCut) {
		b.powerOff("power cut while writing")
		b.w.later(time.Duration(1+b.dice().IntN(90))*time.Second, func() { b.powerOn(b.bootTime()) })
		return
	}
	b.w.fail("store", "%s: %v", b.name, err)
}

// trust is the time gate's word.
func (b *Box) trust(on bool) {
	if b.paused && on { // the time servers are asked when it goes on
		boot := b.booted
		b.w.in(time.Second, func() {
			if b.booted == boot && b.powered {
				b.trust(true)
			}
		})
	}
	if b.trusted == on || b.paused {
		return
	}
	b.trusted = on
	if on {
		b.wild = 0
	}
	b.w.tell("%s: the clock is trusted: %v", b.name, on)
	b.clockSays()
}

// ask puts a question or a command to the process.
func (b *Box) ask(fn func(node.Answer), args ...string) {
	if !b.process {
		return
	}
	b.query++
	b.asked[b.query] = fn
	b.give(&node.Query{ID: b.query, Args: args})
}
