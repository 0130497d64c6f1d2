package failover

import (
	"tandem/failover/lease"
)

// forever is the potential expiry of a lease without end, as dhcpd writes it.
const forever lease.Time = 0x7fffffff

// potential is the latest expiry that both servers know: acknowledged by the
// partner, or by us to the partner.
func potential(l *lease.Lease) lease.Time { return max(l.TSFP, l.ATSFP) }

// Grant bounds the lease time want for l, which is as the table has it before
// the change: the time to grant, and the potential expiry to put into TSTP
// (draft sections 5.2.1 and 7.1.5; dhcpd's arithmetic). The verdict is not OK
// if nothing may be granted.
func (e *Endpoint) Grant(now lease.Now, l *lease.Lease, want lease.Seconds) (lease.Seconds, lease.Time, Verdict) {
	s := e.Stance(now)
	if s.Posture == Silent {
		return 0, 0, s.no()
	}
	t := now.Time()
	end := e.usual(t, l)
	switch {
	case s.Posture == Alone && (e.cfg.FullLeasesAlone || !e.obeys(RuleR6Limit)):
		end = lease.Never
	case s.Posture == RenewOnly && l.State != lease.Active:
		return 0, 0, s.no()
	case s.Posture == RenewOnly:
		if end = e.horizon(t, l); end <= t {
			return 0, 0, Verdict{Rule: "H", Why: "the partner knows no expiry of this lease that allows another renewal; " + s.Why}
		}
	}
	granted := min(want, end.Sub(t))
	tell := told(t, want, granted)
	if e.tandem() && (l.State == lease.Active || ended(l.State)) {
		// The partner may have heard of the larger one, and acts on it.
		tell = max(tell, l.TSTP)
	}
	return granted, tell, Verdict{OK: true, Rule: s.Rule, Why: limited(granted, want)}
}

func limited(granted, want lease.Seconds) string {
	if granted < want {
		return "limited by MCLT"
	}
	return ""
}

// usual is the end that a lease may have with authority: MCLT after what the
// partner acknowledged, or after now.
func (e *Endpoint) usual(now lease.Time, l *lease.Lease) lease.Time {
	from := now
	if l.State == lease.Active {
		from = max(now, potential(l))
	}
	return from.Add(e.mclt())
}

// horizon is H, the end that a renewal may have without authority: what both
// know + MCLT, because the partner waits that long before it gives the address
// away. dhcpd waits only for the end that it was told. What was promised
// before stays promised.
func (e *Endpoint) horizon(now lease.Time, l *lease.Lease) lease.Time {
	switch p := potential(l); {
	case !e.obeys(RuleHorizon):
		return e.usual(now, l)
	case e.tandem() && p != 0:
		return max(l.Ends, p.Add(e.mclt()))
	}
	return l.Ends
}

// told is the potential expiry to report: now + D + L/2, as dhcpd has it.
func told(now lease.Time, want, granted lease.Seconds) lease.Time {
	if want == lease.Infinite {
		return forever
	}
	return min(now.Add(want).Add(granted/2), forever)
}

// takeover is the moment from which, in PARTNER-DOWN, the address of l may go
// to another client: MCLT after DownFrom, and after everything that either
// server may have promised on it (draft section 9.6; R6-wait). A partner that
// said goodbye has nothing outstanding; what was given in this PARTNER-DOWN
// only this server knows.
func (e *Endpoint) takeover(l *lease.Lease) lease.Time {
	own := l.Epoch != 0 && l.Epoch == e.peer.Epoch
	switch {
	case own || e.peer.Facts&lease.PeerGoodbye != 0:
		if l.State == lease.Free || l.State == lease.Backup {
			return e.peer.DownFrom
		}
		return max(e.peer.DownFrom, l.Ends.Add(e.slack()))
	case !e.obeys(RuleR6Wait):
		return max(e.peer.DownFrom, l.Ends)
	}
	last := max(e.peer.DownFrom, l.Ends, l.TSTP, l.TSFP, l.ATSFP)
	return max(last.Add(e.waitMCLT()).Add(e.slack()), e.lostUntil(l))
}

// lostUntil is the moment until which a lease may have been renewed without
// anybody remembering it, because a store was lost since; zero if it cannot
// (R4-lost). Whoever lost it may have renewed the lease, again and again, up to
// the loss. A release is no evidence: it may be from before the renewal.
func (e *Endpoint) lostUntil(l *lease.Lease) lease.Time {
	if !e.obeys(RuleR4Lost) || !e.tandem() || l.Starts >= e.peer.Lost {
		return 0
	}
	last := max(l.Ends, l.TSTP, l.TSFP, l.ATSFP)
	if last == 0 {
		return 0
	}
	return max(last, e.peer.Lost).Add(e.waitMCLT()).Add(e.slack())
}

// overdue is how long after its end the secondary reminds the primary of a
// lease.
const overdue lease.Seconds = 60

// retryLater is how long a lease rests whose end this server may not declare.
const retryLater lease.Seconds = 10

// Ended gives the state that l takes when its lease ends (to EXPIRED), when
// its client releases it (to RELEASED) or when its probation is over (to
// FREE). A verdict that is not OK leaves l as it is until retry.
func (e *Endpoint) Ended(now lease.Now, l *lease.Lease, to lease.State) (lease.State, lease.Time, Verdict) {
	t := now.Time()
	later := t.Add(retryLater)
	s := e.Stance(now)
	switch {
	case to == lease.Released && e.lostUntil(l) > t:
		return l.State, e.lostUntil(l), Verdict{Rule: "R4-lost", Why: "a server that lost its store may have renewed the lease since"}
	case to == lease.Released && e.grantedThere(l):
		return l.State, l.Ends, Verdict{Rule: "stale", Why: "the partner served this client later: the release is about an older lease"}
	case to == lease.Released:
		if s.Posture == Silent {
			return l.State, later, s.no()
		}
		return e.rewound(l, lease.Released), 0, yes
	case s.Posture == Silent, e.state == lease.PotentialConflict, e.state == lease.RecoverDone:
		// A stale copy must not end what the partner may have renewed.
		return l.State, later, Verdict{Rule: s.Rule, Why: "no lease is ended in " + e.state.String()}
	case e.state == lease.Normal && e.cfg.Secondary:
		if t.Sub(max(l.Ends, e.lostUntil(l))) > overdue && !l.Flags.Has(lease.FlagPending) {
			// The primary seems not to know of it at all.
			e.now = now
			e.insist(l.IP)
		}
		return l.State, later, Verdict{Rule: "primary-expires", Why: "in NORMAL the primary ends leases"}
	}
	if end := max(l.Ends.Add(e.slack()), e.lostUntil(l)); end > t && l.Ends != lease.Never {
		return l.State, end, Verdict{Rule: "slack", Why: "the client's clock may be a little behind"}
	}
	if to == lease.Free {
		return e.endProbation(t, l)
	}
	if e.state == lease.PartnerDown && e.takeover(l) <= t {
		return e.ownFree(), 0, yes
	}
	return e.rewound(l, lease.Expired), 0, yes
}

// grantedThere tells whether the partner was the last one to grant l. Its
// client releases it there; a release that comes here was overtaken by the
// client's own next request (R-stale). Each box tells the other one the
// latest expiry that it knows of, so its own shows in the one or the other.
func (e *Endpoint) grantedThere(l *lease.Lease) bool {
	return e.tandem() && e.obeys(RuleStale) && l.State == lease.Active && !l.Flags.Has(lease.FlagPending) &&
		l.TSFP != 0 && l.TSFP >= max(l.TSTP, l.ATSFP)
}

// rewound is the state of a lease that has ended: straight back to free if
// the partner never heard of it.
func (e *Endpoint) rewound(l *lease.Lease, to lease.State) lease.State {
	if l.State == lease.Active && l.Rewind == e.ownFree() && !l.Flags.Has(lease.FlagSent) {
		return l.Rewind
	}
	return to
}

// endProbation frees an abandoned address: the primary does, or whoever is
// alone once the partner cannot have used it.
func (e *Endpoint) endProbation(t lease.Time, l *lease.Lease) (lease.State, lease.Time, Verdict) {
	if e.state == lease.PartnerDown {
		if at := e.takeover(l); at > t {
			return l.State, at, Verdict{Rule: "R6-wait", Why: "the partner may have used the address"}
		}
		return e.ownFree(), 0, yes
	}
	if e.cfg.Secondary {
		return l.State, t.Add(60), Verdict{Rule: "primary-expires", Why: "the primary ends the probation"}
	}
	if l.Flags.Has(lease.FlagPending) {
		return l.State, t.Add(retryLater), Verdict{Rule: "ack", Why: "the partner has not acknowledged that the address is abandoned"}
	}
	return lease.Free, 0, yes
}

// reapAtOnce bounds the leases that one look brings to rest.
const reapAtOnce = 4096

// dueReap frees, in PARTNER-DOWN, ended leases whose acknowledgement cannot
// come, once the wait for each is over.
func (e *Endpoint) dueReap() {
	if !e.reaping() || !e.passed(e.reapAt) {
		return
	}
	e.reapAt = e.after(reapWait)
	var ripe []lease.Lease
	for _, id := range e.pools {
		for _, s := range [...]lease.State{lease.Expired, lease.Released, lease.Reset} {
			e.table.Candidates(id, s, func(l lease.Lease) bool {
				if e.takeover(&l) <= e.now.Time() {
					ripe = append(ripe, l)
				}
				return len(ripe) < reapAtOnce
			})
		}
	}
	for _, l := range ripe {
		free := e.rest(l, e.ownFree())
		free.Rewind = l.State // the partner is to be told
		free.Flags |= lease.FlagPending
		free.Epoch = e.peer.Epoch // nothing of the partner's is left on it
		e.store(free)
		e.enqueue(free.IP)
	}
}

// reaping tells whether this server may end leases on its own.
func (e *Endpoint) reaping() bool {
	return e.state == lease.PartnerDown && e.peer.Facts&lease.PeerLapsed == 0
}
