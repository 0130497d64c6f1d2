package failover

import (
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// check is what an update must pass in one cell of the acceptance table.
type check uint8

const (
	accept check = iota
	// same: the same client; of two clients the primary's stays (draft 7.1.3).
	same
	// later: its client was heard later than what we hold; else 15.
	later
	// notEarlier is later that also takes an equal moment: dhcpd reports a
	// release with the moment of the lease.
	notEarlier
	// over: what we hold, and what the update itself says, has ended; else 2.
	// dhcpd does send EXPIRED for leases that run for hours (R-stale).
	over
	// probation: the address is no longer kept out of use; else 16.
	probation
	// less: what we hold is more critical; 16.
	less
)

// acceptance is the table of draft section 7.1.3, by held and by incoming
// binding status, with the checks that keep dhcpd's mistakes out. Against the
// draft EXPIRED is taken after RELEASED whatever the moment: both lead to FREE,
// and a refusal would leave two servers waiting for each other.
var acceptance = [lease.Backup + 1][lease.Backup + 1]check{
	// incoming:          FREE       ACTIVE     EXPIRED     RELEASED    ABANDONED  RESET   BACKUP
	lease.Free:      {1: accept, 2: accept, 3: accept, 4: accept, 5: accept, 6: accept, 7: accept},
	lease.Active:    {1: over, 2: same, 3: over, 4: notEarlier, 5: accept, 6: accept, 7: over},
	lease.Expired:   {1: accept, 2: later, 3: accept, 4: accept, 5: accept, 6: accept, 7: accept},
	lease.Released:  {1: accept, 2: later, 3: accept, 4: accept, 5: accept, 6: accept, 7: accept},
	lease.Abandoned: {1: probation, 2: probation, 3: less, 4: less, 5: accept, 6: accept, 7: probation},
	lease.Reset:     {1: accept, 2: later, 3: accept, 4: accept, 5: accept, 6: accept, 7: accept},
	lease.Backup:    {1: accept, 2: accept, 3: accept, 4: accept, 5: accept, 6: accept, 7: accept},
}

// Limits of what is put off.
const (
	maxDeferred = 1024
	// earlyEnd is how much too early the news of an end may come, because of
	// the clocks, to be answered when the end has come instead of refused.
	earlyEnd lease.Seconds = 5
)

// deferral is an update that is answered later.
type deferral struct {
	at lease.Time
	m  *wire.Bndupd
}

// onBndupd answers one update. What it changes is recorded before the answer.
func (e *Endpoint) onBndupd(c *conn, m *wire.Bndupd) {
	e.counters.UpdatesReceived++
	e.transfer.news = e.now.Mono
	e.transfer.got++
	no := e.judgeUpdate(m)
	if no != nil && e.deferUpdate(m, no) {
		return
	}
	ack := &wire.Bndack{}
	ack.IP = wire.Some(m.IP.V)
	if no == nil {
		crossed := e.crosses(m)
		e.adoptUpdate(m)
		e.reply(c, ack, m.XID)
		if crossed {
			again := e.table.Look(m.IP.V)
			again.Flags |= lease.FlagPending
			e.store(again)
			e.enqueue(m.IP.V)
		}
		return
	}
	e.counters.RejectsSent++
	if no.reason == wire.RejectLessCritical {
		e.absorb(m)
		e.owe(m.IP.V)
	}
	ack.Reject, ack.Message = wire.Some(no.reason), wire.Some(no.text)
	e.reply(c, ack, m.XID)
	if no.reason == wire.RejectFatalConflict || no.reason == wire.RejectOutdated {
		// Ours is better: the partner gets it, in its own time.
		e.counters.Stale++
		e.insist(m.IP.V)
	}
}

// crosses tells whether a lease that a dhcpd gave on an address at hand crosses
// our news that the address is at hand. Both yield to the other then: dhcpd to
// the primary, we to a client. It has to hear of the client again.
func (e *Endpoint) crosses(m *wire.Bndupd) bool {
	_, flying := e.updates.flying[m.IP.V]
	held := e.table.Look(m.IP.V)
	return flying && !e.tandem() && !e.cfg.Secondary && m.Status.V == lease.Active && atHand(held.State)
}

// owe sees to it that the partner gets what it lost against.
func (e *Endpoint) owe(ip lease.IP) {
	_, flying := e.updates.flying[ip]
	_, queued := e.updates.queued[ip]
	if !flying && !queued {
		e.tellAgain(ip)
	}
}

// absorb keeps the longer promise when both servers served the same client at
// about the same time: which answer reached it last, the clocks do not tell.
func (e *Endpoint) absorb(m *wire.Bndupd) {
	held := e.table.Look(m.IP.V)
	if !e.sameLease(&held, m) || e.order(&held, m) != 0 || m.LeaseExpiry.V <= held.Ends {
		return
	}
	held.Ends = m.LeaseExpiry.V
	held.TSFP = max(held.TSFP, m.PotentialExpiry.Or(0))
	held.Flags |= lease.FlagPending
	e.store(held)
	e.enqueue(held.IP)
}

// sameLease tells whether both are about the same client's live lease.
func (e *Endpoint) sameLease(held *lease.Lease, m *wire.Bndupd) bool {
	theirs := lease.ClientKey{UID: m.ClientID.Or(""), HW: m.HW.V}
	return held.State == lease.Active && m.Status.V == lease.Active && held.Client().Matches(theirs)
}

// insist has our version of a lease told once more.
func (e *Endpoint) insist(ip lease.IP) {
	l := e.table.Get(ip)
	if l == nil {
		return
	}
	if !l.Flags.Has(lease.FlagPending) {
		again := *l
		again.Flags |= lease.FlagPending
		e.store(again)
	}
	e.tellAgain(ip)
}

// judgeUpdate gives the reason to refuse an update, nil if there is none
// (draft section 7.1.3; dhcpd's order of checks).
func (e *Endpoint) judgeUpdate(m *wire.Bndupd) *refusal {
	s := m.Status.V
	switch {
	case !m.IP.Set || !m.Status.Set:
		return refused(wire.RejectMissingInfo, "BNDUPD without address or binding status")
	case !s.Valid():
		return refused(wire.RejectMisc, "binding status %d does not exist", uint8(s))
	case !e.owns(m.IP.V):
		return refused(wire.RejectIllegalIP, "%v is in no pool of relationship %q", m.IP.V, e.cfg.Name)
	case !m.HW.Set && (s == lease.Active || s == lease.Expired || s == lease.Released):
		return refused(wire.RejectMissingInfo, "%v %v without client-hardware-address", m.IP.V, s)
	case len(m.HW.V) > wire.MaxHW:
		return refused(wire.RejectMisc, "%v: client-hardware-address of %d octets, at most %d may be", m.IP.V, len(m.HW.V), wire.MaxHW)
	}
	held := e.table.Look(m.IP.V)
	if e.unacked(&held) && !e.relearns(&held, m) && !e.yields(&held, m) {
		return refused(wire.RejectLessCritical, "%v: our own update is more critical", m.IP.V)
	}
	if s == lease.Backup && m.IPFlags.Or(0)&wire.IPReserved != 0 && !held.Flags.Has(lease.FlagReserved) {
		return refused(wire.RejectNotReserved, "%v is not reserved here", m.IP.V)
	}
	return e.judgeTransition(&held, m)
}

// unacked tells whether the partner has yet to acknowledge what we hold. To
// dhcpd only what it was sent counts.
func (e *Endpoint) unacked(held *lease.Lease) bool {
	_, flying := e.updates.flying[held.IP]
	return flying || e.tandem() && held.Flags.Has(lease.FlagPending)
}

// yields decides between two updates that cross; both servers must come to
// the same winner. Between two Tandem boxes the later client decides, and
// where the clocks do not tell a lease that runs. dhcpd lets both sides yield
// when ACTIVE meets EXPIRED, so that they end up apart; there the later client
// decides as well.
func (e *Endpoint) yields(held *lease.Lease, m *wire.Bndupd) bool {
	if e.tandem() {
		return e.yieldsToTandem(held, m)
	}
	primaryWins := e.cfg.Secondary // we yield where the primary wins
	mine, theirs := held.State == lease.Active, m.Status.V == lease.Active
	switch {
	case mine && theirs:
		if a, b := held.CLTT, m.CLTT.Or(0); a != b {
			return b > a
		}
	case mine && m.Status.V == lease.Expired:
		return freshness(m) >= heardOf(held)
	case !mine && theirs:
		return true
	}
	return primaryWins
}

// yieldsToTandem is yields between two Tandem boxes: every case but those of a
// lost store has its mirror image, which gives the other answer.
func (e *Endpoint) yieldsToTandem(held *lease.Lease, m *wire.Bndupd) bool {
	primaryWins := e.cfg.Secondary
	mine, theirs := held.State == lease.Active, m.Status.V == lease.Active
	known, fresh := lastUse(held, m)
	switch {
	case e.forgotten(m):
		return true
	case e.keptFor(held) && !theirs:
		return false
	case e.up.relearns && e.peer.Facts&lease.PeerNeedsAll == 0 && held.CLTT >= m.CLTT.Or(0):
		return false // it takes ours, see relearns
	case mine && givenBack(m.Status.V) && held.Starts > m.STOS.Or(0):
		return false // what was given back is an older lease than ours
	case theirs && givenBack(held.State) && m.STOS.Or(0) > held.Starts:
		return true
	case mine && theirs && e.rivals(held, m):
		return primaryWins // as judgeRival
	case theirs && ended(held.State) && e.stillRuns(m):
		return e.order(held, m) >= 0 || e.unheard(held, m)
	case mine && ended(m.Status.V) && held.Ends > e.now.Time():
		return e.order(held, m) > 0 && !e.unheard(held, m)
	case theirs && atHand(held.State) && e.stillRuns(m) && !e.sameClient(held, m):
		return true // two served at once: the client that has it stays
	case mine && atHand(m.Status.V) && held.Ends > e.now.Time() && !e.sameClient(held, m):
		return false
	case known != fresh:
		return fresh > known
	case mine != theirs:
		return mine // of one and the same lease the end is the later news
	case (held.State == lease.Abandoned) != (m.Status.V == lease.Abandoned):
		return m.Status.V == lease.Abandoned // in the same second it was declined
	}
	return primaryWins
}

// judgeTransition is the acceptance table.
func (e *Endpoint) judgeTransition(held *lease.Lease, m *wire.Bndupd) *refusal {
	now, s := e.now.Time(), m.Status.V
	if e.keptFor(held) && s != lease.Active {
		return refused(wire.RejectOutdated, "%v: the partner may have renewed it before it lost its store", held.IP)
	}
	rule := acceptance[held.State][s]
	switch rule {
	case accept:
		_, no := e.judgeRelease(held, m)
		return no
	case same:
		return e.judgeRival(held, m)
	case later, notEarlier:
		if decided, no := e.judgeRelease(held, m); decided {
			return no
		}
		fresh, known := freshness(m), heardOf(held)
		live := ended(held.State) && (e.stillRuns(m) && (e.order(held, m) >= 0 || e.unheard(held, m)) || e.forgotten(m))
		if fresh > known || live && s == lease.Active || rule == notEarlier && fresh == known {
			return nil
		}
		return refused(wire.RejectOutdated, "%v: %v here is newer than %v there", held.IP, held.State, s)
	case over:
		if e.knowing(held, m) || e.heardSinceLoss(held, m) {
			return nil
		}
		until := m.LeaseExpiry.Or(0)
		if !e.relearns(held, m) {
			until = max(until, held.Ends, e.lostUntil(held))
		}
		if !e.tandem() {
			until = until.Add(1) // dhcpd counts in whole seconds
		}
		if until > now && e.obeys(RuleStale) {
			no := refused(wire.RejectFatalConflict, "%v: %v, but in use until %v", held.IP, s, until)
			no.until = until
			return no
		}
	case probation:
		if decided, no := e.judgeRelease(held, m); decided {
			return no
		}
		if held.Ends > now && !e.usedSince(held, m) {
			return refused(wire.RejectLessCritical, "%v: abandoned until %v", held.IP, held.Ends)
		}
	case less:
		if e.usedSince(held, m) {
			return nil
		}
		return refused(wire.RejectLessCritical, "%v: abandoned here", held.IP)
	}
	return nil
}

// knowing tells whether a Tandem that reports an end knows more than we do:
// the client came there later, and that lease has ended; or it knows our lease
// up to the client's latest word, so that it was released there.
func (e *Endpoint) knowing(held *lease.Lease, m *wire.Bndupd) bool {
	if !e.tandem() || e.stillRuns(m) || !m.CLTT.Set || e.lostUntil(held) > e.now.Time() {
		return false
	}
	if ended(m.Status.V) {
		// A later lease took the place of ours, unless it knew nothing of ours.
		return e.order(held, m) > 0 && !(held.Flags.Has(lease.FlagPending) && e.unheard(held, m))
	}
	return !held.Flags.Has(lease.FlagPending) && m.CLTT.V >= held.CLTT
}

// relearns tells whether this box lost its store and is being sent everything
// by a Tandem, which keeps R4-lost itself: it knows of the loss before it
// sends. An older copy of its own says nothing against that, except about a
// client that the partner never heard of. If both lost theirs, neither is
// believed blindly.
func (e *Endpoint) relearns(held *lease.Lease, m *wire.Bndupd) bool {
	return e.tandem() && e.peer.Facts&lease.PeerNeedsAll != 0 && !e.up.relearns &&
		(!held.Flags.Has(lease.FlagPending) || m.CLTT.Or(0) >= held.CLTT)
}

// forgotten tells whether this box, which lost its store, may have renewed a
// lease that the partner knows and that has ended there: its own copy cannot
// tell (R4-lost).
func (e *Endpoint) forgotten(m *wire.Bndupd) bool {
	last := max(m.PotentialExpiry.Or(0), m.LeaseExpiry.Or(0), e.peer.Lost)
	return e.tandem() && e.peer.Facts&lease.PeerNeedsAll != 0 && !e.up.relearns && e.obeys(RuleR4Lost) &&
		m.Status.V == lease.Active && m.STOS.Or(0) < e.peer.Lost && last.Add(e.waitMCLT()).Add(e.slack()) > e.now.Time()
}

// keptFor is the other side of forgotten: the partner lost its store and is
// being sent the lease.
func (e *Endpoint) keptFor(held *lease.Lease) bool {
	return e.tandem() && e.up.relearns && e.peer.Facts&lease.PeerNeedsAll == 0 && held.State == lease.Active && e.lostUntil(held) > e.now.Time()
}

// heardSinceLoss tells whether the partner heard the client of a lease that has
// ended here after the latest loss of a store: what was forgotten then does not
// matter any more.
func (e *Endpoint) heardSinceLoss(held *lease.Lease, m *wire.Bndupd) bool {
	heard := m.CLTT.Or(0)
	return e.tandem() && !e.stillRuns(m) && held.Ends <= e.now.Time() && e.sameClient(held, m) &&
		heard > held.CLTT && heard >= e.peer.Lost
}

// unheard tells whether one server ended its lease of the same client for
// which the other one has promised a longer one on its own: the client may
// have taken either answer.
func (e *Endpoint) unheard(held *lease.Lease, m *wire.Bndupd) bool {
	if !e.sameClient(held, m) {
		return false
	}
	if held.State == lease.Active {
		return e.tandem() && m.Status.V == lease.Expired && held.Ends > e.now.Time()
	}
	return held.State == lease.Expired && m.Status.V == lease.Active && e.stillRuns(m)
}

// usedSince tells whether an abandoned address was used after it was abandoned
// here: the partner, if it is a Tandem, knows that it was, or the news cross and
// go by time as in yields, and what yields must then be accepted. A dhcpd gives
// abandoned addresses again without asking; a refusal takes nothing back, and
// our word that it is abandoned would end that lease.
func (e *Endpoint) usedSince(held *lease.Lease, m *wire.Bndupd) bool {
	later := freshness(m) > heardOf(held)
	if e.tandem() {
		return later || !held.Flags.Has(lease.FlagPending)
	}
	return later && m.Status.V == lease.Active
}

// judgeRelease decides by the begin of the lease whether a release, or a
// decline, is about the lease that runs. The moment of the release does not tell: a box that
// stood still hears of it late, when the client has long come back elsewhere.
func (e *Endpoint) judgeRelease(held *lease.Lease, m *wire.Bndupd) (decided bool, no *refusal) {
	theirs := m.STOS.Or(0)
	switch {
	case held.State == lease.Active && givenBack(m.Status.V) && m.STOS.Set && held.Starts > theirs:
		// dhcpd tells again, after a restart, what was abandoned before.
		return true, refused(wire.RejectOutdated, "%v: the lease here began after the one that was %v there", held.IP, m.Status.V)
	case e.tandem() && givenBack(held.State) && m.Status.V == lease.Active && theirs > held.Starts &&
		(held.State == lease.Released || e.stillRuns(m)):
		return true, nil
	}
	return false, nil
}

// heardOf is when the client of a lease was last heard here or, as far as
// known, there.
func heardOf(l *lease.Lease) lease.Time { return max(l.CLTT, l.Starts) }

// stillRuns tells whether the lease of an update has not ended.
func (e *Endpoint) stillRuns(m *wire.Bndupd) bool { return m.LeaseExpiry.Or(0) > e.now.Time() }

// order compares when a client was heard there and here: 1 there, -1 here,
// 0 if the clocks do not tell.
func (e *Endpoint) order(held *lease.Lease, m *wire.Bndupd) int {
	fresh, known := freshness(m), heardOf(held)
	switch {
	case fresh > known.Add(e.slack()):
		return 1
	case known > fresh.Add(e.slack()):
		return -1
	}
	return 0
}

// freshness is when the client was last heard of. dhcpd leaves cltt out for
// leases that its partner granted; its stos is the start of the lease period.
func freshness(m *wire.Bndupd) lease.Time { return max(m.CLTT.Or(0), m.STOS.Or(0)) }

// rivals tells whether both are running leases, of different clients.
func (e *Endpoint) rivals(held *lease.Lease, m *wire.Bndupd) bool {
	return !e.sameClient(held, m) && held.Ends > e.now.Time() && e.stillRuns(m)
}

// sameClient tells whether an update is about the client that we hold.
func (e *Endpoint) sameClient(held *lease.Lease, m *wire.Bndupd) bool {
	return held.Client().Matches(lease.ClientKey{UID: m.ClientID.Or(""), HW: m.HW.V})
}

// givenBack tells whether its client ended a lease that is in state s: it
// released or declined the address.
func givenBack(s lease.State) bool { return s == lease.Released || s == lease.Abandoned }

// atHand tells whether an address in state s is there to be given.
func atHand(s lease.State) bool { return s == lease.Free || s == lease.Backup }

// lastUse is when an address was last used according to the record held and
// to the update: for one at rest its start says when it was given away.
func lastUse(held *lease.Lease, m *wire.Bndupd) (known, fresh lease.Time) {
	known, fresh = heardOf(held), freshness(m)
	if atHand(held.State) {
		known = held.CLTT
	}
	if atHand(m.Status.V) {
		fresh = m.CLTT.Or(0)
	}
	return known, fresh
}

// judgeRival: ACTIVE meets ACTIVE. dhcpd checks nothing here and lets the last
// writer win; one of two clients would lose an address that it was promised.
func (e *Endpoint) judgeRival(held *lease.Lease, m *wire.Bndupd) *refusal {
	theirs := lease.ClientKey{UID: m.ClientID.Or(""), HW: m.HW.V}
	now := e.now.Time()
	if held.Client().Matches(theirs) {
		if e.order(held, m) < 0 && !held.Flags.Has(lease.FlagPending) {
			return refused(wire.RejectOutdated, "%v: the client was heard here later", held.IP)
		}
		return nil
	}
	mine, live := held.Ends > now, e.stillRuns(m)
	switch {
	case !mine, live && !held.Flags.Has(lease.FlagPending) && e.order(held, m) > 0:
		// The partner knew our lease and has ended it since.
		return nil
	case e.relearns(held, m) && e.order(held, m) > 0:
		return nil // our copy is an older one
	case !live || !e.cfg.Secondary:
		return refused(wire.RejectFatalConflict, "%v: in use by another client until %v", held.IP, held.Ends)
	}
	e.log(Alarm, "%v is held by two clients; the primary's keeps it", held.IP)
	return nil
}

// deferUpdate puts the answer off until an end that both clocks see a little
// differently has come; dhcpd would not repeat a refused one.
func (e *Endpoint) deferUpdate(m *wire.Bndupd, no *refusal) bool {
	now := e.now.Time()
	if no.until <= now || no.until.Sub(now) > earlyEnd {
		return false
	}
	if len(e.deferred) >= maxDeferred {
		e.counters.DeferredFull++
		return false
	}
	e.deferred = append(e.deferred, deferral{no.until, m})
	return true
}

// dueDeferred answers what was put off.
func (e *Endpoint) dueDeferred() {
	if len(e.deferred) == 0 || e.up == nil {
		return
	}
	now, rest := e.now.Time(), e.deferred[:0]
	var ripe []deferral
	for _, d := range e.deferred {
		if d.at <= now {
			ripe = append(ripe, d)
		} else {
			rest = append(rest, d)
		}
	}
	e.deferred = rest
	for _, d := range ripe {
		if e.up != nil {
			e.onBndupd(e.up, d.m)
		}
	}
}

// adoptUpdate makes the lease of an accepted update.
func (e *Endpoint) adoptUpdate(m *wire.Bndupd) {
	held := e.table.Look(m.IP.V)
	duel := e.unacked(&held)
	if x, ok := e.updates.flying[held.IP]; ok {
		e.land(x) // the loser of a duel forgets its own update
	}
	same := e.sameLease(&held, m)
	if same && e.order(&held, m) < 0 {
		// The client came here after it was there: ours is to be told, but
		// what the partner may still grant counts.
		held.TSFP = max(held.TSFP, m.PotentialExpiry.Or(0))
		held.Ends = max(held.Ends, m.LeaseExpiry.Or(0))
		e.store(held)
		e.enqueue(held.IP)
		return
	}
	l := e.merge(held, m, same)
	atOnce, longer := e.order(&held, m) == 0, held.Ends > l.Ends
	if same && (atOnce && (longer || duel && e.tandem()) || longer && held.Flags.Has(lease.FlagPending)) {
		// As absorb. Both promises stand, so the partner must not take news of
		// its own alone for the end of both; and a box that stood still dates
		// its promise later than it was asked for.
		l.Ends = max(l.Ends, held.Ends)
		l.Flags |= lease.FlagPending
		e.enqueue(l.IP)
	}
	e.patience.forget(&l)
	p := e.store(l)
	if ended(m.Status.V) {
		e.giveByAffinity(p)
	}
}

// merge takes over what an update says; what it leaves out stays.
func (e *Endpoint) merge(held lease.Lease, m *wire.Bndupd, same bool) lease.Lease {
	now, l := e.now.Time(), held
	s := m.Status.V
	if l.State != s {
		l.STOS = now
	}
	if s == lease.Abandoned {
		l.UID, l.HW, l.Extra = "", "", nil
	} else if m.HW.Set || m.ClientID.Set {
		l.UID, l.HW = m.ClientID.Or(""), m.HW.Or("")
		if l.Client() != held.Client() {
			l.Extra = nil
		}
	}
	l.Ends, l.Starts = m.LeaseExpiry.Or(l.Ends), m.STOS.Or(l.Starts)
	if m.CLTT.Set {
		l.CLTT = m.CLTT.V
	} else if !same {
		l.CLTT = 0
	}
	l.Flags = mergeFlags(l.Flags, m.IPFlags.Or(0))
	e.mergeExtra(&l, m)
	l.Epoch = 0
	switch {
	case ended(s):
		to := lease.Free
		if e.cfg.Secondary && l.Flags.Has(lease.FlagReserved) {
			to = lease.Backup
		}
		l.State = s
		return e.rest(l, to)
	case atHand(s):
		l.State = held.State
		return e.rest(l, s)
	case !same:
		l.TSTP, l.ATSFP, l.TSFP = 0, 0, 0
	}
	l.State, l.Rewind = s, s
	l.TSFP = max(l.TSFP, m.PotentialExpiry.Or(0))
	return l
}

func mergeFlags(f lease.Flags, w wire.IPFlags) lease.Flags {
	f &^= lease.FlagPending | lease.FlagSent | lease.FlagReserved | lease.FlagBOOTP | lease.FlagDeclined
	if w&wire.IPReserved != 0 {
		f |= lease.FlagReserved
	}
	if w&wire.IPBOOTP != 0 {
		f |= lease.FlagBOOTP
	}
	return f
}

// mergeExtra takes over what only a Tandem sends.
func (e *Endpoint) mergeExtra(l *lease.Lease, m *wire.Bndupd) {
	if !e.tandem() {
		return
	}
	x, ok, err := m.Extra()
	if err != nil {
		e.log(Warning, "%v: %v; the rest of the update counts", l.IP, err)
	}
	if !ok || err != nil {
		return
	}
	if x.Entered != 0 {
		l.STOS = x.Entered
	}
	if x.Declined {
		l.Flags |= lease.FlagDeclined
	}
	switch {
	case !x.Cut:
		l.Extra = x.Client
	case l.Extra == nil:
		l.Extra = x.Client
	}
}
