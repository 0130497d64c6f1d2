package failover

import (
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// TestPartnerDownIsRefusedWhileThePartnerIsHeard obeys R6.
func TestPartnerDownIsRefusedWhileThePartnerIsHeard(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	if err := e.Command(e.now, Command{Order: OrderPartnerDown}); err == nil || !strings.Contains(err.Error(), "heard") {
		t.Errorf("in contact: %v", err)
	}
	e.Step(e.now, Closed{Conn: 1})
	e.Step(e.now, Heartbeat{Path: "LAN"})
	if err := e.Command(e.now, Command{Order: OrderPartnerDown}); err == nil || !strings.Contains(err.Error(), "another path") {
		t.Errorf("heard on the LAN: %v", err)
	}
	now := e.now.Add(30 * time.Second)
	if err := e.Command(now, Command{Order: OrderPartnerDown}); err != nil || e.State() != lease.PartnerDown || e.peer.Epoch != 1 {
		t.Errorf("silent: %v, %v, epoch %d", err, e.State(), e.peer.Epoch)
	}
}

// TestGoodbyeIsAPromise (R6a): who handed over does not take back by command.
func TestGoodbyeIsAPromise(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.normal()
	order(t, a, OrderMaintenance)
	w.run(time.Second)
	w.cut(true)
	a.crash()
	w.run(100 * time.Second)
	a.boot()
	w.run(20 * time.Second)
	if err := a.ep.Command(a.now(), Command{Order: OrderPartnerDown}); err == nil || !strings.Contains(err.Error(), "promised") {
		t.Errorf("partner-down after a goodbye: %v", err)
	}
	if err := a.ep.Command(a.now(), Command{Order: OrderRemoved}); err != nil || a.ep.State() != lease.PartnerDown {
		t.Errorf("removed after a goodbye: %v", err)
	}
	if s := a.ep.FreeStates(a.now()); s != nil {
		t.Errorf("the partner may have given the own half, but %v may be given", s)
	}
	b.crash()
}

// TestForcedPartnerDownCountsFromSilence: an operator who is early wins no time.
func TestForcedPartnerDownCountsFromSilence(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.Step(e.now, Closed{Conn: 1})
	g := e.silenceTime()
	for _, quiet := range []lease.Seconds{30, 600, g, g + 500} {
		want := max(epoch.Add(g), epoch.Add(quiet))
		e.now = lease.Now{Wall: int64(epoch.Add(quiet)) * 1e9, Mono: 1e9 + int64(quiet.Duration())}
		if got := e.downFrom(); got != want {
			t.Errorf("after %d s: counts from +%d, want +%d", quiet, got-epoch, want-epoch)
		}
	}
}

// TestAutomaticPartnerDown: the survivor by time, the other one by evidence.
func TestAutomaticPartnerDown(t *testing.T) {
	for _, c := range []struct {
		name     string
		survivor bool
		link     LinkFacts
		beat     string // the path on which it was heard last
		strict   bool   // the partner keeps it
		want     lease.ServerState
	}{
		{"survivor", true, LinkFacts{LAN: true}, "", true, lease.PartnerDown},
		{"survivor, partner is not strict", true, LinkFacts{LAN: true}, "", false, lease.CommunicationsInterrupt},
		{"survivor without carrier", true, LinkFacts{}, "", true, lease.CommunicationsInterrupt},
		{"the other box", false, LinkFacts{LAN: true}, PathLAN, true, lease.CommunicationsInterrupt},
		{"the other box, cable dead, LAN alive", false, LinkFacts{LAN: true, LANAlive: true, Cable: CableDown}, PathLAN, true, lease.PartnerDown},
		{"the other box, cable dead, LAN never carried heartbeats", false, LinkFacts{LAN: true, LANAlive: true, Cable: CableDown}, "direct cable", true, lease.CommunicationsInterrupt},
		{"the other box, cable dead, LAN quiet", false, LinkFacts{LAN: true, Cable: CableDown}, PathLAN, true, lease.CommunicationsInterrupt},
	} {
		e := inNormal(t, wire.Tandem, false)
		e.cfg.AutoPartnerDown, e.cfg.Survivor = 100, c.survivor
		e.cfg.MCLT, e.peer.MCLT, e.peer.Authority = 60, 60, 60
		if c.strict {
			e.greeting.Capabilities |= wire.CapStrict
		}
		if c.beat != "" {
			e.Step(e.now, Heartbeat{Path: c.beat})
		}
		e.Step(e.now, Closed{Conn: 1})
		e.Step(e.now, c.link)
		for e.now.Mono < int64(130*time.Second) {
			e.Step(e.now.Add(time.Second), Tick{})
			e.Step(e.now, Closed{Why: "refused"})
		}
		if e.State() != c.want {
			t.Errorf("%s: %v", c.name, e.State())
		}
	}
}

// TestSilenceCountsWhileTheNetworkLives (R6): a survivor that lost the network
// behind its port does not take over when that comes back.
func TestSilenceCountsWhileTheNetworkLives(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.cfg.AutoPartnerDown, e.cfg.Survivor = 100, true
	e.cfg.MCLT, e.peer.MCLT, e.peer.Authority = 60, 60, 60
	e.greeting.Capabilities |= wire.CapStrict
	alive := func(yes bool) { e.Step(e.now, LinkFacts{LAN: true, LANAlive: yes}) }
	pass := func(seconds int) {
		for range seconds {
			e.Step(e.now.Add(time.Second), Tick{})
			e.Step(e.now, Closed{Why: "refused"})
		}
	}
	alive(true)
	e.Step(e.now, Closed{Conn: 1})
	alive(false)
	pass(300)
	if ok, why := e.mayDeclare(); ok || !strings.Contains(why, "nobody answers") {
		t.Errorf("while nobody answers: %v %q", ok, why)
	}
	alive(true)
	if pass(99); e.State() != lease.CommunicationsInterrupt {
		t.Errorf("99 s after the network is back: %v", e.State())
	}
	if pass(1); e.State() != lease.PartnerDown {
		t.Errorf("100 s after the network is back: %v", e.State())
	}
}

// TestWhatTheCableProves (R6): nothing if it was out while the partner was
// heard, and nothing at once: who is off for less than G may go on alone.
func TestWhatTheCableProves(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.cfg.AutoPartnerDown = 100
	e.cfg.MCLT, e.peer.MCLT, e.peer.Authority = 60, 60, 60
	e.greeting.Capabilities |= wire.CapStrict
	pass := func(seconds lease.Seconds, c Cable) {
		for range seconds {
			e.Step(e.now.Add(time.Second), LinkFacts{LAN: true, LANAlive: true, Cable: c})
			e.Step(e.now, Closed{Why: "refused"})
		}
	}
	delay := e.cfg.MaxResponseDelay
	e.Step(e.now, Closed{Conn: 1})
	pass(delay+5, CableDown)
	e.Step(e.now, Heartbeat{Path: PathLAN})
	pass(300, CableDown)
	if ok, why := e.mayDeclare(); ok || !strings.Contains(why, "no carrier before") || e.State() != lease.CommunicationsInterrupt {
		t.Errorf("out before: %v %q in %v", ok, why, e.State())
	}
	pass(10, CableUp)
	if pass(100, CableDown); e.State() != lease.CommunicationsInterrupt {
		t.Errorf("99 s after it went: %v", e.State())
	}
	if pass(1, CableDown); e.State() != lease.PartnerDown {
		t.Errorf("100 s after it went: %v", e.State())
	}
}

// TestASilenceOfOnesOwnProvesNothing (R6): the network failed here and is back,
// and whether it leads to the partner nobody knows.
func TestASilenceOfOnesOwnProvesNothing(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.cfg.AutoPartnerDown = 100
	e.cfg.MCLT, e.peer.MCLT, e.peer.Authority = 60, 60, 60
	e.greeting.Capabilities |= wire.CapStrict
	tell := func(alive bool, seconds int) {
		for range seconds {
			e.Step(e.now.Add(time.Second), LinkFacts{LAN: true, LANAlive: alive, Cable: CableDown})
			e.Step(e.now, Closed{Why: "refused"})
		}
	}
	e.Step(e.now, LinkFacts{LAN: true, LANAlive: true, Cable: CableUp})
	e.Step(e.now, Heartbeat{Path: PathLAN})
	e.Step(e.now, Closed{Conn: 1})
	tell(true, 20)
	tell(false, 20)
	if tell(true, 300); e.State() != lease.CommunicationsInterrupt {
		t.Errorf("after its own outage: %v", e.State())
	}
}

// TestNoAutomaticPartnerDownWhileStopped: whoever hung up by command does not
// take the partner's silence for its death.
func TestNoAutomaticPartnerDownWhileStopped(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.cfg.AutoPartnerDown, e.cfg.Survivor = 100, true
	e.cfg.MCLT, e.peer.MCLT, e.peer.Authority = 60, 60, 60
	e.greeting.Capabilities |= wire.CapStrict
	if err := e.Command(e.now, Command{Order: OrderPause}); err != nil {
		t.Fatal(err)
	}
	for range 130 {
		e.Step(e.now.Add(time.Second), Tick{})
	}
	if d := e.Deadline(); e.State() != lease.CommunicationsInterrupt || d != 0 && d <= e.now.Mono {
		t.Errorf("%v, next at %d, now %d", e.State(), d, e.now.Mono)
	}
}

// TestNoAutomaticPartnerDownAfterARestart (R6).
func TestNoAutomaticPartnerDownAfterARestart(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.cfg.AutoPartnerDown, e.cfg.Survivor = 100, true
	e.greeting.Capabilities |= wire.CapStrict
	e.Step(e.now, WokenLate{Gap: time.Minute})
	if ok, why := e.mayDeclare(); ok || why != waryWoken {
		t.Errorf("%v %q", ok, why)
	}
}

// TestPartnerDownAfterARestart obeys R5: only if the box was off for less
// than G, or the partner was declared removed.
func TestPartnerDownAfterARestart(t *testing.T) {
	for _, c := range []struct {
		name  string
		off   lease.Time
		facts lease.PeerFacts
		want  Posture
	}{
		{"off for less than G", 59, lease.PeerOurs, Alone},
		{"off for G", 60, lease.PeerOurs, RenewOnly},
		{"off for long, partner removed", 9000, lease.PeerOurs | lease.PeerRemoved, Alone},
		{"lapsed before", 5, lease.PeerOurs | lease.PeerLapsed, RenewOnly},
		{"partner is dhcpd", 1, 0, Silent},
	} {
		table := lease.NewTable()
		table.SetPools([][]lease.Range{{{Low: 1, High: 20}}})
		saved := lease.Peer{Name: "pair", State: lease.PartnerDown, MCLT: 60, Authority: 60, Epoch: 1, DownFrom: epoch - 20, Facts: c.facts}
		e := New(Config{Name: "pair", MCLT: 60}, table, []int{0}, saved, Boot{LastAlive: epoch - c.off, Origin: "whole"})
		now := lease.Now{Wall: int64(epoch) * 1e9, Mono: 1e9}
		e.Step(now, ClockFacts{Trusted: true})
		e.Step(now, Started{})
		e.Step(now.Add(startupWait), Tick{})
		if s := e.Stance(e.now); e.State() != lease.PartnerDown || s.Posture != c.want {
			t.Errorf("%s: %v, %v", c.name, e.State(), s)
		}
	}
}

// TestCarrierLoss obeys R7: time without carrier is no silence, and a long
// loss is like a restart.
func TestCarrierLoss(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.Step(e.now, Closed{Conn: 1})
	pass := func(d time.Duration) {
		for range d / time.Second {
			e.Step(e.now.Add(time.Second), Tick{})
		}
	}
	pass(50 * time.Second)
	e.Step(e.now, LinkFacts{})
	if got := e.silence(e.now); got != 0 {
		t.Errorf("silence without carrier: %v", got)
	}
	pass(10 * time.Second)
	e.Step(e.now, LinkFacts{LAN: true})
	if e.machine.wary != "" {
		t.Error("wary after a short loss")
	}
	e.Step(e.now, LinkFacts{})
	pass(30 * time.Second)
	e.Step(e.now, LinkFacts{LAN: true})
	if e.machine.wary != waryLink || e.silence(e.now) != 0 {
		t.Errorf("after a long loss: wary %q, silence %v", e.machine.wary, e.silence(e.now))
	}
	e.Step(e.now, LinkFacts{LAN: true, Changes: 6})
	if s := e.Stance(e.now); s.Rule != "R7" || s.Posture != RenewOnly {
		t.Errorf("flapping: %v", s)
	}
	if s := e.Stance(e.now.Add(31 * time.Second)); s.Rule == "R7" {
		t.Errorf("stable again: %v", s)
	}
}

// TestLateStepIsAWakeUp obeys R9 also where nobody says so.
func TestLateStepIsAWakeUp(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.want()
	e.Step(e.now.Add(5*time.Minute), Tick{})
	if e.machine.wary != waryWoken || e.State() != lease.CommunicationsInterrupt || e.up != nil {
		t.Errorf("wary %q in %v", e.machine.wary, e.State())
	}
}

// TestResetStorm obeys R10.
func TestResetStorm(t *testing.T) {
	for n, want := range map[int]lease.Time{2: 0, 3: epoch + 900} {
		e := inNormal(t, wire.Tandem, false)
		for i := range n {
			e.boot.Resets = append(e.boot.Resets, epoch-lease.Time(i*100))
		}
		if got := e.stormUntil(); got != want {
			t.Errorf("%d resets: %v, want %v", n, got, want)
		}
		if err := e.Command(e.now, Command{Order: OrderCalm}); err != nil || e.stormUntil() != 0 {
			t.Errorf("an operator does not end it: %v", err)
		}
	}
}

// TestMaintenanceNeedsAPartner.
func TestMaintenanceNeedsAPartner(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.Step(e.now, Closed{Conn: 1})
	if err := e.Command(e.now, Command{Order: OrderMaintenance}); err == nil {
		t.Error("hands over to nobody")
	}
	if err := e.Command(e.now, Command{Order: OrderResume}); err == nil {
		t.Error("resumes what is not stopped")
	}
	if err := e.Command(e.now, Command{Order: OrderPause}); err != nil || !e.Parted() {
		t.Errorf("pause: %v", err)
	}
	if err := e.Command(e.now, Command{Order: OrderResume}); err != nil || e.Parted() || e.machine.wary == "" {
		t.Errorf("resume: %v, wary %q", err, e.machine.wary)
	}
}

// TestHandOverGivesUpOnAPartnerThatDoesNotAnswer: PAUSED instead of SHUTDOWN,
// and nothing is promised.
func TestHandOverGivesUpOnAPartnerThatDoesNotAnswer(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	l := e.table.Look(7)
	l.State, l.HW, l.Ends = lease.Active, hw(1), epoch+60
	e.Step(e.now, Bound{l})
	if err := e.Command(e.now, Command{Order: OrderMaintenance}); err != nil {
		t.Fatal(err)
	}
	if v := e.Serve(e.now, Query{Kind: Discover}); v.OK {
		t.Error("serves while it hands over")
	}
	for range 11 {
		e.Step(e.now.Add(time.Second), Tick{})
	}
	if !e.Parted() || e.peer.Facts&lease.PeerBoundToRecover != 0 || e.peer.State == lease.Shutdown {
		t.Errorf("parted %v, %v, facts %b", e.Parted(), e.peer.State, e.peer.Facts)
	}
}

// TestStoreOlderThanItsWitness obeys R4: a restored store is found out by the
// partner, who heard this box later than the store ends.
func TestStoreOlderThanItsWitness(t *testing.T) {
	e := lone(t, func(*Config) {})
	e.boot.LastAlive = epoch - 5000
	m := goodConnect()
	m.Vendor = greeted(wire.Greeting{Role: wire.RolePrimary, LastContact: wire.Some(epoch - 300)})
	e.Step(e.now, Received{1, m})
	if e.peer.State != lease.Recover || e.peer.Facts&lease.PeerNeedsAll == 0 || e.peer.Lost != epoch {
		t.Errorf("%v, facts %b, lost %v", e.peer.State, e.peer.Facts, e.peer.Lost)
	}
	e = lone(t, func(*Config) {})
	e.Step(e.now, Received{1, goodConnect()})
	if e.peer.State == lease.Recover {
		t.Error("a whole store is taken for an old one")
	}
}

// TestCutTransferIsNotTrusted is the recipe for dhcpd's defect: it forgets
// what was in flight when a transfer is cut, and says UPDDONE all the same.
func TestCutTransferIsNotTrusted(t *testing.T) {
	e := standing(t, wire.ISC, true, lease.Recover, false)
	e.peer.Facts |= lease.PeerNeedsAll
	outcome(t, e, wire.ISC, lease.PartnerDown) // asks for everything
	if !e.transfer.wanted || !e.transfer.all {
		t.Fatalf("asked for %+v", e.transfer)
	}
	e.Step(e.now, Closed{Conn: 1})
	if e.peer.Facts&lease.PeerTransferCut == 0 {
		t.Fatal("the cut is not recorded")
	}
	e.boot.LastAlive, e.peer.Lost = 0, 0
	e.started.Wall -= 7200e9 // no RECOVER-WAIT
	reconnect := func(state lease.ServerState) {
		e.Step(e.now, Connected{Conn: 2})
		m := goodConnect()
		m.Vendor = wire.Opt[string]{}
		e.Step(e.now, Received{2, m})
		s := &wire.State{State: wire.Some(state), Flags: wire.Some(wire.ServerFlags(0))}
		s.Time = epoch
		e.Step(e.now, Received{2, s})
	}
	done := &wire.Upddone{}
	done.Time = epoch
	reconnect(lease.PartnerDown)
	e.Step(e.now, Received{2, done})
	if e.State() != lease.RecoverDone {
		t.Fatalf("%v after the blind UPDDONE", e.State())
	}
	s := &wire.State{State: wire.Some(lease.Normal), Flags: wire.Some(wire.ServerFlags(0))}
	s.Time = epoch
	e.Effects()
	e.Step(e.now, Received{2, s})
	again := false
	for _, m := range sends(e.Effects()) {
		if _, ok := m.(*wire.UpdreqAll); ok {
			again = true
		}
	}
	if st := e.Stance(e.now); e.State() != lease.Normal || !again || st.Posture != Silent || st.Rule != "R4" {
		t.Fatalf("%v, asked again %v, %v", e.State(), again, st)
	}
	e.Step(e.now, Received{2, done})
	if st := e.Stance(e.now); st.Posture != Full || e.peer.Facts&(lease.PeerTransferCut|lease.PeerNeedsAll) != 0 {
		t.Errorf("%v after the second UPDDONE, facts %b", st, e.peer.Facts)
	}
}

// TestSilentTransferEnds: a dhcpd whose window is full never answers.
func TestSilentTransferEnds(t *testing.T) {
	e := standing(t, wire.ISC, true, lease.Recover, false)
	outcome(t, e, wire.ISC, lease.PartnerDown)
	e.boot.LastAlive = epoch - 9000
	for range 40 {
		e.Step(e.now.Add(time.Second), Tick{})
		e.Step(e.now, Received{1, &wire.Contact{Header: wire.Header{Time: e.now.Time()}}})
	}
	if e.State() != lease.RecoverDone || e.peer.Facts&lease.PeerTransferCut == 0 {
		t.Errorf("%v, facts %b", e.State(), e.peer.Facts)
	}
}

// TestEveryStateHasAWayOut: Why names it.
func TestEveryStateHasAWayOut(t *testing.T) {
	for _, s := range append(columns[:], lease.Startup) {
		if s == lease.Normal || s == lease.PartnerDown {
			continue
		}
		e := inNormal(t, wire.Tandem, true)
		e.Step(e.now, Closed{Conn: 1})
		e.state = s
		if e.wayOut(e.now) == "" {
			t.Errorf("%v: no way out is named", s)
		}
	}
}

func TestWhyNamesStatePostureRuleAndTime(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	e.cfg.Strict = true
	e.Step(e.now, Closed{Conn: 1, Why: "the cable was cut"})
	now := e.now.Add(100 * time.Second)
	text := strings.Join(e.Why(now), "\n")
	for _, want := range []string{"communications-interrupted since", "the cable was cut", "Posture FULL by rule R11",
		"for another 58m", "silent for 1m40s", "ends with contact; automatic partner-down is off"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if err := e.Command(now, Command{Order: OrderPartnerDown, By: "alice"}); err != nil {
		t.Fatal(err)
	}
	text = strings.Join(e.Why(now), "\n")
	for _, want := range []string{"partner-down by alice", "Posture ALONE by rule R6", "free addresses of the partner may be given from", "for another"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}

func TestEvidenceShowsWhatItWouldCost(t *testing.T) {
	e := inNormal(t, wire.Tandem, false)
	if text := strings.Join(e.Evidence(e.now), "\n"); !strings.Contains(text, "would be refused") {
		t.Error(text)
	}
	e.Step(e.now, Closed{Conn: 1})
	text := strings.Join(e.Evidence(e.now.Add(90*time.Second)), "\n")
	for _, want := range []string{"silent for 1m30s", "carrier", "would count from", "`standard`", "never declare both"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
