package failover

import (
	"errors"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// Limits of a hand-over.
const (
	flushWait   = 10 * time.Second // for the acknowledgement of every update
	goodbyeWait = 3 * time.Second  // for the partner's PARTNER-DOWN
)

// parting is a stop by command.
type parting struct {
	phase    partingPhase
	until    int64
	promised bool // the STATE that follows carries the promise to recover
}

type partingPhase uint8

const (
	staying  partingPhase = iota
	flushing              // serving nobody, waiting for acknowledgements
	saying                // SHUTDOWN announced
	gone                  // neither dialling nor accepting
)

func (p *parting) under() bool  { return p.phase != staying }
func (p *parting) closed() bool { return p.phase == gone }

// Parted tells whether a stop by command is complete: the shell may exit.
func (e *Endpoint) Parted() bool { return e.parting.closed() }

// handOver begins the signed goodbye: everything is told, "bound to RECOVER"
// is recorded, and the partner takes every address at once (R6a).
func (e *Endpoint) handOver(by string) error {
	switch {
	case e.parting.under():
		return errors.New("already stopping")
	case e.state != lease.Normal || !e.live(e.now):
		return errors.New("there is nobody to hand over to: the pair is not in NORMAL (state " + e.state.String() + "); `pause` stops without handing over")
	}
	e.log(Info, "handing over to the partner, by %s", by)
	e.parting = parting{phase: flushing, until: e.after(flushWait)}
	return nil
}

// dueParting goes from flushing to announcing to silence.
func (e *Endpoint) dueParting() {
	p := &e.parting
	switch p.phase {
	case flushing:
		e.flush()
	case saying:
		if e.up == nil || e.passed(p.until) {
			e.partGone("stopped by command")
		}
	}
}

// flush announces SHUTDOWN once the partner knows everything, or PAUSED if it
// does not come to that.
func (e *Endpoint) flush() {
	p, u := &e.parting, &e.updates
	switch {
	case e.up == nil || e.state != lease.Normal || e.passed(p.until):
		e.log(Warning, "the partner did not acknowledge everything: stopping without handing over")
		e.announcePause("stopped by command")
		p.phase = gone
	case len(u.flight) == 0 && u.head == len(u.todo) && u.sweep.kind == sweepNone && !u.hold && !e.transfer.wanted:
		e.peer.Facts |= lease.PeerBoundToRecover
		p.phase, p.until, p.promised = saying, e.after(goodbyeWait), e.tandem()
		e.enter(lease.Shutdown, "handing over to the partner")
	}
}

// partedWell: the partner has taken over.
func (e *Endpoint) partedWell() {
	if e.parting.phase == saying {
		e.partGone("the partner has taken over")
	}
}

func (e *Endpoint) partGone(why string) {
	e.parting.phase = gone
	if e.up != nil {
		e.hangup(e.up, why)
	}
}

// pause stops for a short while: the partner goes on at once instead of after
// its receive timer, and nothing changes hands.
func (e *Endpoint) pause(by string) {
	e.log(Info, "pausing, by %s", by)
	e.announcePause("paused")
	e.parting = parting{phase: gone}
}

// announcePause says PAUSED and hangs up. The state itself stays: PAUSED is
// for the partner, it has nothing to remember. To dhcpd the end of the
// connection says as much; after PAUSED it would forget what it is telling, and
// on its way to CONFLICT-DONE it would exit.
func (e *Endpoint) announcePause(why string) {
	c := e.up
	if c == nil {
		return
	}
	if c.told && e.tandem() {
		e.send(c, &wire.State{State: wire.Some(lease.Paused), Flags: wire.Some(wire.ServerFlags(0)), Since: wire.Some(e.now.Time())})
	}
	e.hangup(c, why)
}

// resume ends a stop by command without a restart.
func (e *Endpoint) resume(by string) error {
	if !e.parting.under() {
		return errors.New("this server is not stopped")
	}
	e.log(Info, "resuming, by %s", by)
	e.parting = parting{}
	e.beWary("no contact since the pause")
	if e.state == lease.Shutdown {
		e.enter(lease.Recover, "back from maintenance")
	}
	e.redial = e.now.Mono
	e.dial()
	return nil
}
