package dhcp

import (
	"slices"
	"strings"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// Hand is a change of one lease by an operator. Zero values leave things as
// they are.
type Hand struct {
	IP lease.IP
	// State ends the lease (FREE, EXPIRED, RELEASED or RESET: what becomes of
	// it is for the partner's acknowledgement) or takes the address out of
	// service (ABANDONED).
	State lease.State
	// Ends is a later end of a lease that runs.
	Ends lease.Time
	// Flags are the new values of the flags in Mask.
	Flags, Mask lease.Flags
	// Vars are variables to set; an empty value removes the variable.
	Vars []lease.Var
}

// Rules that refuse a change by hand.
const (
	ruleHandPool    = "pool"
	ruleHandState   = "state"
	ruleHandEnd     = "end"
	ruleHandReserve = "reserve"
)

// Change carries out h, all of it or nothing. Where a partner may refuse the
// change of a client, it may refuse this one, with the same rule.
func (r *Responder) Change(now lease.Now, h Hand, out *Out) Verdict {
	pool := r.cfg.PoolOf(h.IP)
	if pool == nil {
		return Verdict{Rule: ruleHandPool, Why: h.IP.String() + " is in no pool"}
	}
	l := r.table.Look(h.IP)
	if h.Flags&h.Mask&lease.FlagReserved != 0 && l.State == lease.Backup {
		// Each server refuses the other's news of such a reservation.
		return Verdict{Rule: ruleHandReserve, Why: "the address is free and the secondary's to give; reserve it while its client has a lease, or declare a host"}
	}
	end, v := r.handEnd(now, pool, &l, h.Ends)
	if !v.OK {
		return v
	}
	if v := r.handState(now, pool, l, h.State, out); !v.OK {
		return v
	}
	l = r.table.Look(h.IP)
	before := l
	if end.to != 0 && h.State == 0 {
		l.Ends, l.TSTP = end.to, end.potential
	}
	l.Flags = l.Flags&^h.Mask | h.Flags&h.Mask
	l.Extra = withVars(l.Extra, h.Vars)
	if l != before {
		r.change(l, out)
	}
	return Yes
}

// longer is a later end, and what to tell the partner with it.
type longer struct{ to, potential lease.Time }

// handEnd prolongs a lease as far as a renewal could. An earlier end is
// refused: the client goes on until the one that it was told.
func (r *Responder) handEnd(now lease.Now, pool *conf.Pool, l *lease.Lease, to lease.Time) (longer, Verdict) {
	switch {
	case to == 0 || to == l.Ends:
		return longer{}, Yes
	case !l.Binding(now.Time()):
		return longer{}, Verdict{Rule: ruleHandEnd, Why: "only a lease that runs has an end to set"}
	case to < l.Ends:
		return longer{}, Verdict{Rule: ruleHandEnd, Why: "the client was told " + l.Ends.String() +
			" and uses the address until then; set the state to 4 (released) to end the lease now"}
	}
	want := to.Sub(now.Time())
	granted, potential, v := r.partnerOf(pool).Grant(now, l, want)
	switch {
	case !v.OK:
		return longer{}, v
	case granted < want:
		return longer{}, Verdict{Rule: ruleHandEnd, Why: "at most " + now.Time().Add(granted).String() + " can be promised: " + v.Why}
	}
	return longer{to, potential}, Yes
}

// handState ends a lease, or takes an address out of service or back into it.
func (r *Responder) handState(now lease.Now, pool *conf.Pool, l lease.Lease, to lease.State, out *Out) Verdict {
	if to == 0 || to == l.State {
		return Yes
	}
	kind := Release
	if to == lease.Abandoned {
		kind = Decline
	}
	partner := r.partnerOf(pool)
	if v := partner.Serve(now, Query{Kind: kind, Lease: &l, Addressed: true}); !v.OK {
		return v
	}
	if to == lease.Abandoned {
		return r.abandonByHand(now, partner, l, out)
	}
	end := lease.Released
	switch l.State {
	case lease.Active:
	case lease.Abandoned:
		end = lease.Free
		l.Ends = min(l.Ends, now.Time()-lease.Time(handSlack)) // probation is over by order
	default:
		return Verdict{Rule: ruleHandState, Why: "the address is " + l.State.String() + ": nobody has it"}
	}
	if _, _, v := partner.Ended(now, &l, end); !v.OK {
		return v
	}
	r.lapse(l.IP)
	r.count[cReleased]++
	r.finish(now, l, end, out)
	return Yes
}

// handSlack is how far back the end of a probation is put, in seconds: more
// than any allowance for clocks.
const handSlack lease.Seconds = 86400

// abandonByHand takes an address out of service that is this server's to give,
// or that a client has here.
func (r *Responder) abandonByHand(now lease.Now, partner Partner, l lease.Lease, out *Out) Verdict {
	if l.State != lease.Active {
		if v := partner.Available(now, &l, false); !v.OK {
			return v
		}
	}
	r.lapse(l.IP)
	probation := r.cfg.Evaluate(nil, r.cfg.Global).Seconds(conf.AbandonLeaseTime)
	r.abandon(now, l, probation, false, "an operator", out)
	return Yes
}

// lapse takes back what was offered on an address.
func (r *Responder) lapse(ip lease.IP) {
	if o := r.offers.byIP[ip]; o != nil {
		r.dropOffer(o)
	}
}

// withVars gives x with variables set and removed.
func withVars(x *lease.Extra, vars []lease.Var) *lease.Extra {
	if len(vars) == 0 {
		return x
	}
	var n lease.Extra
	if x != nil {
		n = *x
	}
	vars = slices.Clone(vars)
	slices.SortFunc(vars, func(a, b lease.Var) int { return strings.Compare(a.Name, b.Name) })
	n.Vars = mergeVars(n.Vars, vars)
	if empty(&n) {
		return nil
	}
	return &n
}
