package failover

import (
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// updates is what the partner has to be told. Every lease that it has not
// acknowledged carries FlagPending in the table, so nothing here needs to
// survive a restart or a lost connection: a sweep over the table finds it.
type updates struct {
	todo   []lease.IP // in the order of change, each address once
	head   int        // todo[:head] is done
	queued map[lease.IP]struct{}
	flight map[uint32]flying   // unacknowledged, by xid
	flying map[lease.IP]uint32 // the same by address
	sweep  sweep

	again   []lease.IP // refused, to be sent once more
	againAt int64
	// hold keeps all news back while the partner may know of a
	// renewal that it has not sent yet.
	hold bool
}

// flying is one update in the window.
type flying struct {
	ip    lease.IP
	sent  lease.Time
	told  lease.Time // the potential expiry in it
	sweep int        // serial of the sweep that waits for it, 0 for none
}

// sweep walks over the table.
type sweep struct {
	kind   sweepKind
	serial int    // tells sweeps apart
	next   int    // index of the next record
	left   int    // updates of this sweep in flight
	answer bool   // UPDDONE is owed
	xid    uint32 // for it
	rerun  bool   // another one for what is pending follows
}

// sweepKind is which records a sweep takes.
type sweepKind uint8

const (
	sweepNone    sweepKind = iota
	sweepPending           // unacknowledged ones (UPDREQ, entry to NORMAL)
	sweepAll               // every record (UPDREQALL)
)

// Limits of the work that one step does.
const (
	sweepStep = 1 << 16 // records looked at
	maxAgain  = 4096    // refused updates kept for another try
)

func newUpdates() updates {
	return updates{queued: map[lease.IP]struct{}{}, flight: map[uint32]flying{}, flying: map[lease.IP]uint32{}}
}

// unsaid tells whether the partner has yet to learn of l.
func unsaid(l *lease.Lease) bool { return l.Flags.Has(lease.FlagPending) || ended(l.State) }

// ended tells whether s waits for the partner's acknowledgement.
func ended(s lease.State) bool {
	return s == lease.Expired || s == lease.Released || s == lease.Reset
}

// ownFree is the state of the free addresses that this server gives out.
func (e *Endpoint) ownFree() lease.State {
	if e.cfg.Secondary {
		return lease.Backup
	}
	return lease.Free
}

// partnerFree is the state of the free addresses that the partner gives out.
func (e *Endpoint) partnerFree() lease.State {
	if e.cfg.Secondary {
		return lease.Free
	}
	return lease.Backup
}

// onBound takes a binding that was changed here.
func (e *Endpoint) onBound(l lease.Lease) {
	if !e.owns(l.IP) {
		return
	}
	// Until a state is acknowledged Rewind is the one that the partner knows;
	// a lease at rest has none pending.
	fresh := l.State == lease.Active && !l.Flags.Has(lease.FlagPending) && l.Rewind != lease.Active
	if fresh {
		l.TSFP, l.ATSFP, l.Epoch = 0, 0, 0
		if e.state == lease.PartnerDown {
			l.Epoch = e.peer.Epoch
		}
	}
	if l.STOS == 0 {
		l.STOS = e.now.Time()
	}
	if l.State == e.ownFree() && l.Rewind == l.State && !l.Flags.Has(lease.FlagSent) {
		// Rewound: the partner never heard that it was in use.
		l = e.rest(l, l.State)
		e.store(l)
		return
	}
	if l.State == lease.Free || l.State == lease.Backup {
		l.TSFP, l.ATSFP = 0, 0
	}
	l.Flags |= lease.FlagPending
	if e.replicating() {
		l.Flags |= lease.FlagSent
	}
	e.store(l)
	if !e.live(e.now) {
		e.servedAlone()
	}
	e.enqueue(l.IP)
}

// servedAlone remembers that something was promised without contact.
func (e *Endpoint) servedAlone() {
	if e.peer.Facts&lease.PeerServedAlone == 0 {
		e.peer.Facts |= lease.PeerServedAlone
		e.save()
	}
}

// rest brings a lease to rest in state s: nobody has a promise on it, and
// both servers know or need not know.
func (e *Endpoint) rest(l lease.Lease, s lease.State) lease.Lease {
	now := e.now.Time()
	if l.State != s {
		l.STOS = now
	}
	l.State, l.Rewind = s, s
	l.Flags &^= lease.FlagPending | lease.FlagSent | lease.FlagDeclined
	l.TSTP, l.TSFP, l.ATSFP, l.Epoch = min(l.TSTP, now), 0, 0, 0
	if l.Ends > now {
		l.Ends = now
	}
	return l
}

// enqueue puts an address at the end of the queue, once.
func (e *Endpoint) enqueue(ip lease.IP) {
	u := &e.updates
	if x, ok := u.flying[ip]; ok {
		// The lease changed while an update about it was on its way: that one
		// counts no longer, whatever is answered to it.
		e.land(x)
	}
	if _, ok := u.queued[ip]; ok || e.up == nil {
		return
	}
	u.queued[ip] = struct{}{}
	u.todo = append(u.todo, ip)
}

// land takes an update out of the window.
func (e *Endpoint) land(xid uint32) (flying, bool) {
	u := &e.updates
	f, ok := u.flight[xid]
	if !ok {
		return f, false
	}
	delete(u.flight, xid)
	delete(u.flying, f.ip)
	if f.sweep != 0 && f.sweep == u.sweep.serial {
		u.sweep.left--
	}
	return f, true
}

// replicating tells whether changes are told as they happen: in NORMAL, and
// beside a partner that recovers, so that it misses nothing between its
// transfer and NORMAL.
func (e *Endpoint) replicating() bool {
	if !e.Connected() {
		return false
	}
	switch e.state {
	case lease.Normal:
		return true
	case lease.PartnerDown, lease.CommunicationsInterrupt, lease.ConflictDone:
		switch e.up.partner {
		case lease.Recover:
			return e.up.asked
		case lease.RecoverWait, lease.RecoverDone:
			return !e.up.startup
		}
	}
	return false
}

// pump fills the partner's window, and ends a sweep that is through.
func (e *Endpoint) pump() {
	c := e.up
	if c == nil || !c.known || !c.told {
		return
	}
	u := &e.updates
	for len(u.flight) < c.window {
		l, swept := e.nextUpdate()
		if l == nil {
			break
		}
		e.sendUpdate(c, l, swept)
	}
	if u.sweep.kind != sweepNone && u.sweep.next >= e.table.Len() && u.sweep.left == 0 {
		e.endSweep(c)
	}
}

// endSweep answers the request that a sweep was for.
func (e *Endpoint) endSweep(c *conn) {
	s := e.updates.sweep
	e.updates.sweep = sweep{serial: s.serial}
	if s.answer {
		c.relearns = false
		e.reply(c, &wire.Upddone{}, s.xid)
	}
	if s.rerun {
		e.sweepPending()
		e.pump()
	}
}

// sweepPending sends everything that is not acknowledged. A sweep that is
// under way for the partner goes on first.
func (e *Endpoint) sweepPending() {
	s := &e.updates.sweep
	if s.kind != sweepNone && s.answer {
		s.rerun = true
		return
	}
	*s = sweep{kind: sweepPending, serial: s.serial + 1}
}

// onUpdreq answers UPDREQ and UPDREQALL in any state. A new request takes the
// place of one that is under way, and its xid counts (dhcpd repeats itself).
func (e *Endpoint) onUpdreq(xid uint32, all bool) {
	u := &e.updates
	kind := sweepPending
	if all {
		kind = sweepAll
	}
	e.up.asked = true
	if all && (e.tandem() || e.up.partner == lease.Recover && e.state == lease.CommunicationsInterrupt) {
		e.partnerLost() // asking for everything means that
		e.up.relearns = e.tandem()
	}
	serial := u.sweep.serial + 1
	for x, f := range u.flight {
		f.sweep = serial
		u.flight[x] = f
	}
	u.sweep = sweep{kind: kind, serial: serial, answer: true, xid: xid, left: len(u.flight), rerun: e.state == lease.Normal}
}

// nextUpdate gives the next lease to tell of, nil if there is none now.
func (e *Endpoint) nextUpdate() (l *lease.Lease, swept bool) {
	u := &e.updates
	if u.hold {
		// dhcpd believes the latest word, also about a lease that it gave or
		// prolonged since.
		return nil, false
	}
	for e.replicating() && u.head < len(u.todo) {
		ip := u.todo[u.head]
		u.head++
		delete(u.queued, ip)
		if l := e.table.Get(ip); l != nil && unsaid(l) {
			return l, false
		}
	}
	if u.head == len(u.todo) {
		u.todo, u.head = u.todo[:0], 0
	}
	s := &u.sweep
	for n := 0; s.kind != sweepNone && s.next < e.table.Len() && n < sweepStep; n++ {
		l := e.table.At(s.next)
		s.next++
		if !e.owns(l.IP) || s.kind == sweepPending && !unsaid(l) {
			continue
		}
		if _, ok := u.flying[l.IP]; !ok {
			return l, true
		}
	}
	return nil, false
}

// sendUpdate tells the partner of l.
func (e *Endpoint) sendUpdate(c *conn, l *lease.Lease, swept bool) {
	u := &e.updates
	if l.Flags.Has(lease.FlagPending) && !l.Flags.Has(lease.FlagSent) || l.Epoch != 0 {
		// From here on the state must not be rewound, and the partner may
		// renew what only this server knew of.
		sent := *l
		sent.Flags |= lease.FlagSent
		sent.Epoch = 0
		l = e.store(sent)
	}
	if c.xid == 0 {
		c.next() // dhcpd takes 0 for "nothing outstanding"
	}
	e.counters.UpdatesSent++
	m := e.bndupd(l)
	x := e.send(c, m)
	f := flying{ip: l.IP, sent: e.now.Time(), told: m.PotentialExpiry.V}
	if swept {
		f.sweep = u.sweep.serial
		u.sweep.left++
	}
	u.flight[x], u.flying[l.IP] = f, x
}

// bndupd puts a lease into words: one address, the options that dhcpd sends
// and in what it does not read what the draft has no room for.
func (e *Endpoint) bndupd(l *lease.Lease) *wire.Bndupd {
	m := &wire.Bndupd{}
	m.IP, m.Status = wire.Some(l.IP), wire.Some(l.State)
	if l.State != lease.Abandoned {
		if l.UID != "" {
			m.ClientID = wire.Some(l.UID)
		}
		switch {
		case l.HW != "":
			m.HW = wire.Some(l.HW)
		case l.State == lease.Active || l.State == lease.Expired || l.State == lease.Released:
			m.HW = wire.Some("\x00")
		}
	}
	potential := l.TSTP
	if e.tandem() && l.State == lease.Active {
		// A box that lost its store has to know what was promised at most.
		potential = max(l.TSTP, l.TSFP, l.ATSFP)
	}
	if l.State == lease.Released {
		potential = min(potential, l.Ends)
	}
	m.LeaseExpiry, m.PotentialExpiry, m.STOS = wire.Some(l.Ends), wire.Some(potential), wire.Some(l.Starts)
	if l.CLTT != 0 {
		m.CLTT = wire.Some(l.CLTT)
	}
	if f := ipFlags(l.Flags); f != 0 {
		m.IPFlags = wire.Some(f)
	}
	if e.tandem() {
		m.SetExtra(wire.Extra{Client: l.Extra, Entered: l.STOS, Epoch: l.Epoch, Declined: l.Flags.Has(lease.FlagDeclined)})
	}
	return m
}

func ipFlags(f lease.Flags) wire.IPFlags {
	var w wire.IPFlags
	if f.Has(lease.FlagReserved) {
		w |= wire.IPReserved
	}
	if f.Has(lease.FlagBOOTP) {
		w |= wire.IPBOOTP
	}
	return w
}

// onBndack takes the answer to an update.
func (e *Endpoint) onBndack(m *wire.Bndack) {
	f, ok := e.land(m.XID)
	if !ok || f.ip != m.IP.Or(f.ip) {
		return // about a state that has changed since
	}
	// The partner heard this update when it was sent: a proven contact.
	e.proven(f.sent)
	l := e.table.Get(f.ip)
	if l == nil {
		return
	}
	if m.Reject.Set {
		e.refusedUpdate(l, m)
		return
	}
	switch {
	case ended(l.State):
		e.free(*l)
	case l.Flags.Has(lease.FlagPending):
		done := *l
		done.ATSFP, done.Rewind = max(done.ATSFP, f.told), done.State
		done.Flags &^= lease.FlagPending | lease.FlagSent
		e.store(done)
	}
}

// refusedUpdate: our lease stays as it is (draft section 7.1.3). A partner
// that refuses with 16 sends its own version; an ended lease would wait for
// its acknowledgement for ever, so that one is tried again.
func (e *Endpoint) refusedUpdate(l *lease.Lease, m *wire.Bndack) {
	e.counters.RejectsReceived++
	if m.Reject.V == wire.RejectLessCritical {
		return
	}
	if l.State == lease.Expired && m.Reject.V == wire.RejectFatalConflict && e.tandem() {
		// The partner knows of a promise that runs on: so the lease does.
		bound := *l
		bound.State = lease.Active
		e.store(bound)
		e.table.Defer(l.IP, e.now.Time().Add(againLater))
		return
	}
	e.log(Warning, "%v %v: refused by the partner: %s (%v)", l.IP, l.State, m.Message.Or("no message"), m.Reject.V)
	if ended(l.State) || l.State == lease.Free || l.State == lease.Backup {
		e.tellAgain(l.IP)
	}
}

// againLater is how long a lease rests whose end the partner refused.
const againLater lease.Seconds = 30

// tellAgain sends an update once more after a while.
func (e *Endpoint) tellAgain(ip lease.IP) {
	u := &e.updates
	if len(u.again) >= maxAgain {
		e.counters.AgainFull++
		return
	}
	u.again = append(u.again, ip)
	if u.againAt == 0 {
		u.againAt = e.after(againWait)
	}
}

// dueAgain queues what was refused.
func (e *Endpoint) dueAgain() {
	u := &e.updates
	if !e.passed(u.againAt) {
		return
	}
	for _, ip := range u.again {
		e.enqueue(ip)
	}
	u.again, u.againAt = u.again[:0], 0
}

// free brings an ended lease whose end both know to rest as FREE. The primary
// may give it to the partner at once (affinity).
func (e *Endpoint) free(l lease.Lease) {
	to := lease.Free
	if e.cfg.Secondary && l.Flags.Has(lease.FlagReserved) {
		to = lease.Backup
	}
	p := e.store(e.rest(l, to))
	e.giveByAffinity(p)
}

// requeueFlight forgets the window when the connection is lost. What was in it
// is still pending in the table.
func (e *Endpoint) requeueFlight() {
	u := &e.updates
	e.counters.Requeued += uint64(len(u.flight))
	clear(u.queued)
	clear(u.flight)
	clear(u.flying)
	u.todo, u.head, u.sweep, u.hold = u.todo[:0], 0, sweep{serial: u.sweep.serial}, false
	u.again, u.againAt = u.again[:0], 0
}

// drained tells whether everything that was given here has been told (it may
// be in flight: the partner reads it before our STATE).
func (e *Endpoint) drained() bool {
	if !e.obeys(RuleDrain) {
		return true
	}
	u := &e.updates
	return u.head == len(u.todo) && u.sweep.kind == sweepNone
}
