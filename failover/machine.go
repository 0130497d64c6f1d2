package failover

import (
	"time"

	"tandem/failover/lease"
)

// Limits on what the machine may do before it is distrusted.
const (
	flapChanges = 5                // carrier changes in 60 s (R7)
	flapWait    = 30 * time.Second // without a change until it counts as stable (R7)
	stormResets = 3                // restarts that nobody commanded (R10)
	stormWindow = 15 * 60          // seconds in which they count (R10)
	lateWait    = 10 * time.Second // a step later than its deadline by this much (R9)
	timeJump    = time.Second      // of the time of day against the time since boot, beyond its error (R9)
)

// Reasons to be wary: without contact since then, the partner may have been
// told to take over.
const (
	waryRestart = "no contact since the restart"
	waryLink    = "no contact since the clients' network was out"
	waryCut     = "no contact since nobody answered on the clients' network, with the direct cable out"
	waryClock   = "no contact since the clock was not trusted"
	waryWoken   = "no contact since the box did not run for a while"
	waryTime    = "no contact since the time of day moved"
)

// machineFacts is what is known of the box itself.
type machineFacts struct {
	clock      bool
	clockLost  int64 // Mono moment at which it was no longer trusted
	clockError time.Duration
	apart      int64 // time of day less time since boot, when last trusted

	lan       bool
	lanDown   int64 // Mono moment at which the carrier went
	lanAlive  bool
	lanSince  int64 // Mono moment from which on lanAlive holds; 0 if it never did
	lanGone   int64 // Mono moment at which it ceased to hold; 0 if it never did
	cable     Cable
	cableDown int64 // Mono moment from which on the cable is down
	flapUntil int64

	// quietFrom is the Mono moment from which on silence of the partner was
	// observed: last sign of life, own start, return of the carrier.
	quietFrom int64
	beat      int64 // Mono moment of the latest Heartbeat; 0 none
	lanBeat   int64 // and of the latest one on the clients' network

	// wary is why the partner may have taken over unnoticed, "" if it cannot.
	wary     string
	waryMono int64
	waryWall lease.Time

	calm bool // R10 was ended by an operator
}

// beWary begins the time in which the partner may have taken over (R3).
func (e *Endpoint) beWary(why string) {
	m := &e.machine
	m.wary, m.waryMono, m.waryWall = why, e.now.Mono, e.now.Time()
}

// trust ends it: the partner was heard on a connection made since, or is
// proven to have heard us since.
func (e *Endpoint) trust(c *conn) {
	m := &e.machine
	if m.wary == "" {
		return
	}
	if c.since >= m.waryMono || e.peer.LastContact > m.waryWall {
		m.wary = ""
	}
}

// onClock obeys R1: an untrusted clock ends service and contact.
func (e *Endpoint) onClock(f ClockFacts) {
	m := &e.machine
	was := m.clock
	m.clock, m.clockError = f.Trusted, max(f.Error, 0)
	if !e.obeys(RuleR1) || was == f.Trusted {
		return
	}
	if f.Trusted {
		e.log(Info, "the clock is trusted, error at most %v", m.clockError)
		e.timeAgain()
		e.beginStartup()
		return
	}
	m.clockLost = e.now.Mono
	e.log(Alarm, "the clock is no longer trusted: nothing is served")
	e.announcePause("the clock is no longer trusted")
}

// timeAgain: the clock is trusted, for the first time or again. A box that
// served nobody for longer than max-response-delay may have been declared
// dead, as one without carrier (R7).
func (e *Endpoint) timeAgain() {
	if !e.reckoned {
		e.reckon()
		return
	}
	e.watchTime()
	out := time.Duration(e.now.Mono - e.machine.clockLost)
	if out > e.cfg.MaxResponseDelay.Duration() {
		e.machine.quietFrom = e.now.Mono
		e.beWary(waryClock)
		e.lapseAfter(out, "the clock was not trusted")
	}
}

// beginStartup starts the wait for the partner and the first dial.
func (e *Endpoint) beginStartup() {
	if e.state == lease.Startup && e.startBy == 0 {
		e.startBy = e.after(startupWait)
	}
	if e.up == nil {
		e.redial = e.now.Mono
	}
}

// onLink obeys R7.
func (e *Endpoint) onLink(f LinkFacts) {
	m := &e.machine
	switch {
	case f.LANAlive && !m.lanAlive:
		e.lanBack(f)
		m.lanSince = e.now.Mono
	case !f.LANAlive && m.lanAlive:
		m.lanGone = e.now.Mono
	}
	if f.Cable == CableDown && m.cable != CableDown {
		m.cableDown = e.now.Mono
	}
	m.lanAlive, m.cable = f.LANAlive, f.Cable
	if !e.obeys(RuleR7) {
		return
	}
	if f.Changes > flapChanges {
		m.flapUntil = e.after(flapWait)
	}
	switch {
	case m.lan && !f.LAN:
		m.lan, m.lanDown = false, e.now.Mono
	case !m.lan && f.LAN:
		m.lan = true
		out := time.Duration(e.now.Mono - m.lanDown)
		m.quietFrom = e.now.Mono
		if out > e.cfg.MaxResponseDelay.Duration() {
			e.beWary(waryLink)
			e.lapseAfter(out, "the clients' network was out")
		}
	}
}

// lanBack obeys R7 at the survivor: while its network was cut off beyond the
// carrier and the cable was out, it looked dead to the other box.
func (e *Endpoint) lanBack(f LinkFacts) {
	m := &e.machine
	out := time.Duration(e.now.Mono - m.lanGone)
	if m.lanGone != 0 && out > e.cfg.MaxResponseDelay.Duration() && m.cable == CableDown && f.Cable == CableDown &&
		e.cfg.AutoPartnerDown != 0 && !e.Connected() && e.obeys(RuleR7) {
		e.beWary(waryCut)
	}
}

// dueLink obeys R7 before the carrier is back: it is heard of a moment late,
// and clients are served in that moment.
func (e *Endpoint) dueLink() {
	m := &e.machine
	out := time.Duration(e.now.Mono - m.lanDown)
	if m.lan || out <= e.cfg.MaxResponseDelay.Duration() {
		return
	}
	if m.wary == "" && !e.live(e.now) {
		e.beWary(waryLink)
	}
	e.lapseAfter(out, "the clients' network is out")
}

// onHeartbeat notes a sign of life on another path.
func (e *Endpoint) onHeartbeat(h Heartbeat) {
	m := &e.machine
	m.beat, m.quietFrom = e.now.Mono, e.now.Mono
	if h.Path == PathLAN {
		m.lanBeat = e.now.Mono
	}
}

// wokenLate obeys R9: after a pause the connection proves nothing, and time
// that nobody observed is no silence.
func (e *Endpoint) wokenLate(gap time.Duration) {
	if e.obeys(RuleR9) {
		e.log(Alarm, "this box did not run for %v", gap.Round(time.Second))
		e.missed(gap, waryWoken, "this box did not run for a while")
	}
}

// watchTime obeys R9 where all clocks of the machine stood still with it, as in
// a paused virtual machine: that the time of day is set tells of it.
func (e *Endpoint) watchTime() {
	m := &e.machine
	if !m.clock || !e.reckoned || !e.obeys(RuleR9) {
		return
	}
	apart := e.now.Wall - e.now.Mono
	moved := time.Duration(apart - m.apart).Abs()
	m.apart = apart
	if moved > 2*m.clockError+timeJump {
		e.log(Alarm, "the time of day moved by %v: this box stood still, or its clock was wrong", moved.Round(time.Millisecond))
		e.missed(moved, waryTime, "the time of day moved")
	}
}

// missed: this box does not know what happened for so long.
func (e *Endpoint) missed(gap time.Duration, wary, why string) {
	e.machine.quietFrom = e.now.Mono
	if e.up != nil {
		e.hangup(e.up, why)
	}
	e.beWary(wary)
	e.lapseAfter(gap, why)
	if e.now.Mono >= e.redial {
		e.redial = e.now.Mono
	}
}

// lapseAfter obeys R5: the authority of PARTNER-DOWN ends with an outage of G.
func (e *Endpoint) lapseAfter(out time.Duration, why string) {
	removed := e.peer.Facts&lease.PeerRemoved != 0
	if e.peer.State != lease.PartnerDown || removed || !e.obeys(RuleR5) || out < e.grantTime().Duration() {
		return
	}
	e.lapse(why)
}

// lapse takes the authority of PARTNER-DOWN away until contact or a new
// command.
func (e *Endpoint) lapse(why string) {
	if e.peer.Facts&lease.PeerLapsed != 0 {
		return
	}
	e.peer.Facts |= lease.PeerLapsed
	e.save()
	e.log(Alarm, "PARTNER-DOWN has lapsed: %s", why)
}

// heard tells whether there was a sign of life of the partner, on any path,
// within max-response-delay.
func (e *Endpoint) heard(now lease.Now) bool {
	if e.live(now) {
		return true
	}
	m := &e.machine
	return m.beat != 0 && now.Mono-m.beat < int64(e.cfg.MaxResponseDelay.Duration())
}

// silence is how long the partner has been silent while this box was up with
// its carrier (R6, R7).
func (e *Endpoint) silence(now lease.Now) time.Duration {
	if !e.machine.lan || e.live(now) {
		return 0
	}
	return time.Duration(now.Mono - e.machine.quietFrom)
}

// stormUntil is the end of R10's caution, zero if there is none.
func (e *Endpoint) stormUntil() lease.Time {
	if e.machine.calm || !e.obeys(RuleR10) || len(e.boot.Resets) < stormResets {
		return 0
	}
	start, n := e.started.Time(), 0
	for _, t := range e.boot.Resets {
		if start.Sub(t) <= stormWindow {
			n++
		}
	}
	if n < stormResets {
		return 0
	}
	return start.Add(stormWindow)
}
