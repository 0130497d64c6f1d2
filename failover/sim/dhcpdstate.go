package sim

import (
	"fmt"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// moves is dhcpd's table of incoming STATE messages: own state, partner's, and
// the next. What is left out changes nothing. SHUTDOWN, where the partner did
// not say so, is what dhcpd does when it does not know what to do.
var moves = func() map[lease.ServerState]map[lease.ServerState]lease.ServerState {
	const (
		n, ci, pd, pc = lease.Normal, lease.CommunicationsInterrupt, lease.PartnerDown, lease.PotentialConflict
		rec, rd, rw   = lease.Recover, lease.RecoverDone, lease.RecoverWait
		ri, cd        = lease.ResolutionInterrupted, lease.ConflictDone
		down, paused  = lease.Shutdown, lease.Paused
	)
	type row = map[lease.ServerState]lease.ServerState
	return map[lease.ServerState]row{
		n:   {pd: pc, pc: down, ri: down, cd: down, rec: pd, down: pd, paused: ci},
		ci:  {n: n, ci: n, rd: n, rw: n, pd: pc, pc: pc, ri: pc, cd: pc, rec: pd, down: pd},
		pd:  {n: pc, ci: pc, pd: pc, pc: pc, ri: pc, cd: pc, rd: n},
		pc:  {n: down, rec: rec, down: pd},
		ri:  {n: pc, ci: pc, pd: pc, pc: pc, rec: pc, rd: pc, ri: pc, cd: pc, rw: pc, down: pd},
		cd:  {n: n, down: down},
		rec: {n: pc, pc: pc, ri: pc, cd: pc, down: pd},
		rd:  {n: n, rd: n, down: pd},
	}
}()

// move is dhcpd's reaction to a state of the partner.
func (d *dhcpd) move(partner lease.ServerState) (to lease.ServerState, ask bool) {
	own := d.peer.State
	to, moved := moves[own][partner]
	switch {
	case own == lease.Normal && partner == lease.PartnerDown && d.startup:
		return lease.Recover, false
	case own == lease.ConflictDone && !moved && partner != lease.PotentialConflict && partner != lease.ResolutionInterrupted:
		d.fatal(fmt.Sprintf("dhcpd in CONFLICT-DONE hears %v and exits", partner))
	case moved && to == lease.Shutdown:
		d.shutdown(fmt.Sprintf("in %v hears %v", own, partner))
	case moved:
		return to, false
	case own == lease.PotentialConflict:
		return own, partner == lease.ConflictDone
	case own == lease.Recover:
		return own, partner == lease.CommunicationsInterrupt || partner == lease.PartnerDown || partner == lease.Recover
	}
	return d.peer.State, false
}

// shutdown is what dhcpd does when it does not know what to do: it serves
// nobody until somebody starts it again.
func (d *dhcpd) shutdown(why string) {
	d.peer.State, d.peer.Since, d.startup = lease.Shutdown, d.now.Time(), false
	d.save()
	d.sayState()
	d.fatal("dhcpd " + why + " and shuts down")
}

func (d *dhcpd) hearState(s lease.ServerState, startup bool) {
	if !s.Valid() || s < lease.Normal {
		d.shutdown(fmt.Sprintf("hears state %d", s))
		return
	}
	repeated := s == d.peer.Partner
	d.known = true
	d.peer.Partner, d.peer.PartnerSince = s, d.now.Time()
	d.save()
	switch own := d.peer.State; {
	case own == lease.PartnerDown && startup:
		return
	case repeated && d.startup:
		if own == lease.ResolutionInterrupted {
			own = lease.PotentialConflict
		}
		d.enter(own)
		return
	case repeated && (own == lease.Normal || own == lease.PotentialConflict || own == lease.RecoverDone):
		return
	}
	to, ask := d.move(s)
	switch {
	case d.startup, to != d.peer.State:
		d.enter(to)
	case ask:
		d.ask(d.request(to))
	}
}

// request is what dhcpd asks for in a state. In a conflict it wants what the
// partner thinks is news alone.
func (d *dhcpd) request(in lease.ServerState) wire.Message {
	if in == lease.PotentialConflict {
		return &wire.Updreq{}
	}
	return &wire.UpdreqAll{}
}

func (d *dhcpd) ask(m wire.Message) {
	d.wanted = true
	d.send(m)
}

// interruptedISC is the state after the connection is lost.
func interruptedISC(s lease.ServerState) lease.ServerState {
	switch s {
	case lease.Normal:
		return lease.CommunicationsInterrupt
	case lease.PotentialConflict:
		return lease.ResolutionInterrupted
	}
	return s
}

// enter changes the state, or leaves STARTUP for it. Its start is that of the
// state before if dhcpd only leaves STARTUP, or waits in RECOVER-WAIT, which is
// why it often does not wait at all.
func (d *dhcpd) enter(to lease.ServerState) {
	from := d.peer.State
	if to != lease.RecoverWait && !d.startup {
		d.peer.Since = d.now.Time()
	}
	if from == lease.Normal || from == lease.PotentialConflict || from == lease.PartnerDown {
		d.todo, d.flight = append(d.flight, d.todo...), nil
	}
	if from == lease.CommunicationsInterrupt && to == lease.Normal {
		d.pump() // news first
	}
	d.peer.State = to
	d.startup, d.entered = false, d.now.Time()
	d.save()
	d.sayState()
	switch to {
	case lease.Normal:
		d.balance()
		if d.queue(false); len(d.todo) > 0 {
			d.pump()
		}
	case lease.PartnerDown:
		d.freeAt = d.peer.Since.Add(d.peer.MCLT)
	case lease.Recover:
		if d.known {
			d.ask(d.request(to))
		}
	case lease.PotentialConflict:
		if d.known && !d.def.Secondary {
			d.ask(d.request(to))
		}
	case lease.RecoverDone:
		if d.known {
			if next, _ := d.move(d.peer.Partner); next != to {
				d.enter(next)
			}
		}
	}
}

func (d *dhcpd) hearDone() {
	if !d.wanted {
		return
	}
	d.wanted = false
	switch d.peer.State {
	case lease.Recover:
		until := d.peer.Since.Add(d.peer.MCLT)
		partner := d.peer.Partner
		if until > d.now.Time() && partner != lease.Recover && partner != lease.RecoverDone {
			d.waitTil = d.now.Mono + int64(until.Sub(d.now.Time()).Duration())
			d.enter(lease.RecoverWait)
			return
		}
		d.enter(lease.RecoverDone)
	case lease.PotentialConflict:
		if !d.def.Secondary {
			d.enter(lease.ConflictDone)
		} else {
			d.enter(lease.Normal)
		}
	}
}
