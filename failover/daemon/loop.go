package daemon

import (
	"encoding/json"
	"fmt"
	"time"

	"tandem/failover/daemon/frame"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// loop owns the node. Everything that happens passes through its turns, one
// after the other; nothing in the core needs a lock.
type loop struct {
	node   *node.Node
	inbox  *inbox
	keeper *keeper
	sender *sender
	prober *prober
	pair   *pair
	omapi  *managers
	desk   *desk
	beat   *heartbeat
	pace   *pace
	log    *Logger
	count  *counters
	intake *intake
	clock  func() lease.Now

	// tooOld is the age at which a batch's replies are stale (R9): half of
	// the time after which the watchdog declares the process dead.
	tooOld time.Duration
	// idle is the longest wait for an input.
	idle time.Duration

	batch    batch
	now      lease.Now // the latest reading
	pause    time.Duration
	reported map[string]uint64
	// parted is closed when a hand-over to the partner is complete.
	parted   chan struct{}
	partedAt bool
}

// clockTolerance is how far the time of day and the time since boot may
// drift apart within one batch. More means that somebody set the clock.
const clockTolerance = 2 * time.Second

// run takes turns until done is closed, and what had come by then is answered.
// Whoever closes done wakes the loop up. An error is final: a restart recovers.
func (l *loop) run(done <-chan struct{}) error {
	l.now, l.pause = l.clock(), -1
	for {
		select {
		case <-done:
			return l.finish()
		default:
		}
		if err := l.turn(); err != nil {
			return err
		}
	}
}

// finish answers what waits in the inbox, once over.
func (l *loop) finish() error {
	l.idle = 0
	for range inboxPackets/batchSize + 1 {
		if err := l.turn(); err != nil {
			return err
		}
		if l.inbox.waiting() == 0 {
			break
		}
	}
	return l.keeper.sync()
}

// turn is one round: take what waits, decide, make it durable, reply.
func (l *loop) turn() error {
	wait := l.wait()
	l.inbox.take(wait, &l.batch)
	before := l.now
	l.now = l.clock() // once for the whole batch
	if gap := time.Duration(l.now.Mono-before.Mono) - wait; gap > l.tooOld {
		l.woken(gap)
	}
	if err := l.keeper.catchUp(l.now); err != nil {
		return err
	}
	if err := l.work(l.batch.inputs); err != nil {
		return err
	}
	l.inbox.clear(&l.batch)
	l.prober.expire(l.now)
	l.count.add(batches, 1)
	pause, err := l.keeper.snapshot(l.now)
	if err != nil {
		return err
	}
	l.pause = pause
	return l.rest()
}

// woken tells the node that the process did not run for a while (R9).
func (l *loop) woken(gap time.Duration) {
	l.log.Line(dhcp.Line{Level: dhcp.LevelError, Class: "late",
		Text: fmt.Sprintf("R9: this server stood still for %v", gap.Round(time.Millisecond))})
	l.node.Step(l.now, &node.WokenLate{Gap: gap})
}

// wait is how long the loop may wait for an input.
func (l *loop) wait() time.Duration {
	wait := l.idle
	if l.pause >= 0 {
		wait = min(wait, l.pause)
	}
	if due := l.node.Deadline(); due != 0 {
		wait = min(wait, time.Duration(due-l.now.Mono))
	}
	if due := l.prober.next(); due != 0 {
		wait = min(wait, time.Duration(due-l.now.Mono))
	}
	return max(wait, 0)
}

// work answers a batch. While the disk is full every input stands alone, so
// that one new promise, which can not be kept, does not cost others the reply
// that needs none.
func (l *loop) work(inputs []node.Input) error {
	if !l.keeper.full {
		return l.pass(inputs)
	}
	for i := range inputs {
		if err := l.pass(inputs[i : i+1]); err != nil {
			return err
		}
	}
	return l.pass(nil)
}

func (l *loop) pass(inputs []node.Input) error {
	adopted := false
	for _, in := range inputs {
		switch in.(type) {
		case *node.Query:
			l.report()
		case *node.Reconfigure:
			adopted = true
		}
		l.node.Step(l.now, in)
	}
	out := l.node.Flush(l.now)
	kept, err := l.keeper.keep(l.now, out.Records, out.MustSync)
	if err != nil {
		return err
	}
	l.deliver(out, kept)
	if adopted {
		l.omapi.listen(l.node.OMAPIPort())
	}
	return nil
}

// deliver lets out what the batch led to, now that it is durable.
func (l *loop) deliver(out *node.Output, kept bool) {
	if len(out.Replies) > 0 {
		switch {
		case !kept:
			l.drop(diskFullDropped, len(out.Replies))
		case l.fresh(len(out.Replies)):
			l.sender.send(out.Replies)
		}
	}
	l.pairUp(out, kept)
	l.omapi.deliver(out.OMAPI, kept)
	for i := range out.Probes {
		l.prober.start(l.now, out.Probes[i])
	}
	for i := range out.Answers {
		if a := &out.Answers[i]; a.ID != 0 {
			l.desk.answer(a)
		} else {
			l.logAnswer(a)
		}
	}
	l.log.Lines(out.Lines)
}

// pairUp sends what is for the partner. What the disk had no room for must not
// be told: the partner gets nothing of this batch, and the connection starts
// over.
func (l *loop) pairUp(out *node.Output, kept bool) {
	if kept {
		l.pair.do(out.Links)
	} else {
		l.pair.abandon(out.Links)
	}
	if !l.partedAt && l.node.Parted() {
		l.partedAt = true
		close(l.parted)
	}
}

// fresh tells whether replies decided at l.now may still leave (R9): a
// process that was stopped, starved or moved in time must not act on what it
// knew before.
func (l *loop) fresh(replies int) bool {
	at := l.clock()
	age := time.Duration(at.Mono - l.now.Mono)
	step := time.Duration(at.Wall-l.now.Wall) - age
	switch {
	case age > l.tooOld:
		l.drop(batchTooOld, replies)
		l.log.Line(dhcp.Line{Level: dhcp.LevelError, Class: "late",
			Text: fmt.Sprintf("%d replies dropped: the server stood still for %v", replies, age.Round(time.Millisecond))})
	case step.Abs() > clockTolerance:
		l.drop(clockStepped, replies)
		l.log.Line(dhcp.Line{Level: dhcp.LevelError, Class: "late",
			Text: fmt.Sprintf("%d replies dropped: the clock was set by %v in between", replies, step.Round(time.Millisecond))})
	default:
		return true
	}
	return false
}

// drop counts replies that do not leave, and tells the node.
func (l *loop) drop(which counter, n int) {
	l.count.add(which, n)
	l.report()
	if which == batchTooOld {
		now := l.clock()
		l.node.Step(now, &node.WokenLate{Gap: time.Duration(now.Mono - l.now.Mono)})
	}
}

// rest is what happens at the end of a turn, now and then.
func (l *loop) rest() error {
	if !l.beat.due(l.now) {
		return nil
	}
	l.omapi.listen(l.node.OMAPIPort())
	// The beat vouches for the disk as well (R8).
	if err := l.keeper.sync(); err != nil {
		return err
	}
	l.beat.send(l.now, l.node)
	l.pace.tune()
	return nil
}

// report tells the node the shell's figures, as far as they have grown.
func (l *loop) report() {
	l.sender.ports.overruns()
	for i := range counterEnd {
		l.reportOne(counterNames[i], l.count.get(i))
	}
	for i := 1; i < len(l.intake.faults); i++ {
		l.reportOne(frame.Fault(i).Error(), l.intake.faults[i])
	}
	l.reportOne("client-buckets-evicted", l.intake.clients.evictions())
	l.reportOne("relay-buckets-evicted", l.intake.relays.evictions())
	l.pair.figures(l.reportOne)
}

func (l *loop) reportOne(name string, value uint64) {
	before, known := l.reported[name]
	if known && before == value {
		return
	}
	l.reported[name] = value
	l.node.Step(l.now, &node.Dropped{What: name, N: value - before})
}

// logAnswer writes the answer to a question that the process asked itself:
// SIGUSR1 wants the figures in the log.
func (l *loop) logAnswer(a *node.Answer) {
	if a.Err != "" {
		l.log.Sayf(dhcp.LevelError, "figures: %s", a.Err)
		return
	}
	var list []node.Counter
	if json.Unmarshal(a.Body, &list) == nil {
		for _, c := range list {
			if c.Value != 0 {
				l.log.Sayf(dhcp.LevelInfo, "%s: %d", c.Name, c.Value)
			}
		}
		return
	}
	l.log.Sayf(dhcp.LevelInfo, "%s", a.Body)
}
