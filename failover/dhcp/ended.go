package dhcp

import "tandem/failover/lease"

// retryEnded is when a lease whose end the partner holds up is looked at
// again, in seconds, if the partner does not say.
const retryEnded lease.Seconds = 60

// ended gives a lease that has come to its end, or an address whose probation
// is over, the state that its partner decides.
func (r *Responder) ended(now lease.Now, l *lease.Lease, out *Out) {
	to := lease.Expired
	if l.State == lease.Abandoned {
		to = lease.Free
	}
	if r.finish(now, *l, to, out) {
		r.count[cEnded]++
	}
}

// finish ends a binding: to is EXPIRED, RELEASED or, for an address that
// leaves probation, FREE. The client stays in the record, so that it gets
// the same address when it comes back. False if the partner holds it up.
func (r *Responder) finish(now lease.Now, l lease.Lease, to lease.State, out *Out) bool {
	var partner Partner = Solo{}
	if pool := r.cfg.PoolOf(l.IP); pool != nil {
		partner = r.partnerOf(pool)
	}
	state, retry, v := partner.Ended(now, &l, to)
	if !v.OK {
		if retry <= now.Time() {
			retry = now.Time().Add(retryEnded)
		}
		r.table.Defer(l.IP, retry)
		return false
	}
	r.unbill(&l)
	l.State, l.STOS = state, now.Time()
	if l.Ends > now.Time() {
		l.Ends = now.Time()
	}
	l.Flags &^= lease.FlagBOOTP | lease.FlagDeclined
	l.Extra = nil
	r.change(l, out)
	return true
}

// abandon takes an address out of service for the probation time: somebody
// uses it who was not given it. by is who, for `why`.
func (r *Responder) abandon(now lease.Now, l lease.Lease, probation lease.Seconds, declined bool, by string, out *Out) {
	r.count[cAbandoned]++
	r.unbill(&l)
	why, began := "pinged before offer", now.Time()
	l.Flags &^= lease.FlagBOOTP | lease.FlagDeclined
	if declined {
		// The lease that was declined tells a partner whether its own is a later one.
		why, began = "declined.", l.Starts
		l.Flags |= lease.FlagDeclined
	}
	if l.State != lease.Abandoned {
		l.STOS = now.Time()
	}
	l.State = lease.Abandoned
	l.Starts, l.CLTT = began, now.Time()
	l.Ends = now.Time().Add(probation)
	l.HW, l.UID = "", ""
	l.Extra = &lease.Extra{Vars: []lease.Var{{Name: abandonedBy, Value: by}}}
	r.change(l, out)
	r.line = append(r.line[:0], "Abandoning IP address "...)
	r.line = append(l.IP.Append(r.line), ": "...)
	out.line(LevelError, "abandon", append(r.line, why...))
}

// abandonedBy is the variable of an abandoned lease that names the culprit.
const abandonedBy = "abandoned-by"
