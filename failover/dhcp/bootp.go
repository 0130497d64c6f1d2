package dhcp

// bootp answers a BOOTREQUEST (RFC 951, RFC 1534): from a host declaration
// with a fixed address, else from a pool that admits BOOTP clients, without a
// second exchange and, unless dynamic-bootp-lease-length says otherwise,
// without an end.
func (r *Responder) bootp(q *inquiry) {
	t := &r.t
	r.head(q, "BOOTREQUEST", nil)
	r.identify(q, q.network)
	found := q.fixed != 0 && r.staticTarget(q, t)
	if q.fixed == 0 {
		found = r.bootpOwn(q, t) || r.allocate(q, t)
	}
	if !found {
		r.refuse(q, nil, cNoFree, ruleNoBOOTP, LevelInfo, ": BOOTP from dynamic client and no dynamic leases")
		return
	}
	p := r.settle(q, t)
	if p.bootpAllowed != allow {
		r.refuseQuietly(q, t, p.bootpAllowed, ruleBOOTP, ": bootp disallowed")
		return
	}
	if t.pool != nil && p.dynamicBOOTP != allow {
		r.refuseQuietly(q, t, p.dynamicBOOTP, ruleBOOTP, ": dynamic bootp disallowed")
		return
	}
	if !r.admitted(q, t, p) {
		return
	}
	a := answerSpec{yiaddr: t.ip, ciaddr: q.ciaddr}
	if t.pool == nil {
		r.say(q, LevelInfo)
		r.count[cBOOTPReply]++
		// A client with a fixed address boots from here unless told otherwise.
		a.siaddr = r.identifier(q, p, t.subnet)
		r.reply(q, p, t, a)
		r.sayBOOTP(q, t)
		r.note(q, decision{outcome: outBound, ip: t.ip, subnet: t.subnet})
		return
	}
	if r.serves(q, t) {
		r.bootpBind(q, t, p, a)
	}
}

// bootpOwn finds the lease that the client has or had.
func (r *Responder) bootpOwn(q *inquiry, t *target) bool {
	ip, ok := r.own(q, q.network)
	if !ok || !r.consider(q, t, ip, q.network) {
		return false
	}
	t.same = true
	return r.fits(q, t.pool, t.ip) && r.usable(q, t).OK
}

func (r *Responder) bootpBind(q *inquiry, t *target, p *profile, a answerSpec) {
	bill, ok := r.billable(q, t)
	if !ok {
		return
	}
	want := bootpTime(q, p)
	granted, potential, v := r.partnerOf(t.pool).Grant(q.now, &t.lease, want)
	if !v.OK {
		r.refuseBy(q, t, v, ": not responding (", v.Why, ")")
		return
	}
	// A BOOTP client is not told a time and keeps the address whatever the
	// partner allows, so the record must say what is true. Only `allow dynamic
	// bootp clients` in a failover pool leads here.
	if granted < want {
		granted, potential = want, q.now.Time().Add(want)
	}
	l := r.bind(q, t, p, granted, potential, r.extra(q, t, p, bill))
	r.bill(bill, t.ip)
	r.say(q, LevelInfo)
	r.count[cBOOTPReply]++
	r.reply(q, p, t, a)
	r.sayReply(q, "BOOTREPLY", t.ip, l.Hostname())
	r.note(q, decision{outcome: outBound, ip: t.ip, pool: t.pool, subnet: t.subnet, seconds: granted})
}

// sayBOOTP logs "BOOTREPLY for ADDRESS to HOST (MAC) via IF".
func (r *Responder) sayBOOTP(q *inquiry, t *target) {
	b := t.ip.Append(append(r.line[:0], "BOOTREPLY for "...))
	b = append(append(b, " to "...), q.HostName()...)
	b = appendClient(append(b, " ("...), q, nil)
	r.line = q.appendVia(append(b, ") via "...))
	q.out.line(LevelInfo, lineClasses[q.kind], r.line)
}
