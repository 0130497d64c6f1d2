package change

import (
	"strings"
	"testing"
	"time"

	"tandem/init/pair/version"
)

// want demands an answer.
func (w *world) want(request uint64, ok bool, text string) {
	w.t.Helper()
	r, answered := w.replies[request]
	if !answered || r.OK != ok || !strings.Contains(r.Text, text) {
		w.fail("request %d: %+v (answered %v), want %v with %q", request, r, answered, ok, text)
	}
}

// settledAt gives the numbers of the settled versions.
func (w *world) settledAt() [2]uint64 {
	return [2]uint64{w.boxes[0].memory.Settled.Number, w.boxes[1].memory.Settled.Number}
}

func pairOf(t *testing.T) (*world, *simBox, *simBox) {
	w := newWorld(t, 5)
	w.runFor(5 * time.Second)
	return w, w.boxes[0], w.boxes[1]
}

// When both propose in one moment, the first box's proposal goes first, in
// whatever order the messages arrive.
func TestBothProposeAtOnce(t *testing.T) {
	for seed := range uint64(30) {
		w := newWorld(t, seed)
		w.runFor(5 * time.Second)
		a, b := w.boxes[0], w.boxes[1]
		first := w.propose(a, "good a", nil)
		second := w.propose(b, "good b", nil)
		w.runFor(10 * time.Second)
		w.want(first, true, "in force on both boxes, on trial")
		w.want(second, false, "")
		r := w.confirm(b, false)
		w.runFor(time.Minute)
		w.want(r, true, "committed on both boxes")
		w.checkHealed()
	}
}

// Without the promise nothing is settled: the partner might be going back in
// the same moment.
func TestNoCommitWithoutPromise(t *testing.T) {
	w, a, _ := pairOf(t)
	w.drop = func(from *simBox, m Message) bool {
		s, ok := m.(State)
		return ok && s.Change != nil && s.Change.Phase == Promised
	}
	w.propose(a, "good", nil)
	w.runFor(40 * time.Second)
	r := w.confirm(a, false)
	w.runFor(time.Minute)
	w.want(r, false, "version 1 is in force")
	if w.settledAt() != [2]uint64{1, 1} {
		w.fail("settled %v", w.settledAt())
	}
	w.checkHealed()
}

func TestEndings(t *testing.T) {
	for _, c := range []struct {
		name, text string
		ok         bool
		want       string
		within     time.Duration
		meanwhile  func(w *world)
	}{
		{"syntax error", "syntax", false, "line 1: syntax error", 5 * time.Second, nil},
		{"refused by the partner", "bad-B", false, "B refuses it: line 1", 10 * time.Second, nil},
		{"no reload here", "reload-A", false, "dhcpfd does not take it: cannot listen", 15 * time.Second, nil},
		{"no reload there", "reload-B", false, "B ended it: dhcpfd does not take it", 15 * time.Second, nil},
		{"unwell here", "sick-A", false, "is rolled back: dhcpfd is not well: no answer", 40 * time.Second, nil},
		{"unwell there", "sick-B", false, "B ended it: dhcpfd is not well", 40 * time.Second, nil},
		{"cut in the trial", "good", false, "B was lost during the trial", 20 * time.Second,
			func(w *world) { w.runFor(5 * time.Second); w.cut() }},
		{"cut before the answer", "good", false, "B was lost before it had agreed", 20 * time.Second, (*world).cut},
		{"restart of the partner", "good", false, "", 30 * time.Second, func(w *world) {
			w.stays = 0
			w.runFor(5 * time.Second)
			w.boxes[1].crash()
			w.runFor(1500 * time.Millisecond)
			w.connect()
		}},
		{"a partner that does not answer", "good", false, "did not agree within", PrepareTime + 10*time.Second, func(w *world) {
			w.drop = func(_ *simBox, m Message) bool { _, ok := m.(Prepare); return ok }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, a, _ := pairOf(t)
			r := w.propose(a, c.text, func(p *Propose) { p.NoConfirm = true })
			if c.meanwhile != nil {
				c.meanwhile(w)
			}
			w.runFor(c.within)
			w.want(r, c.ok, c.want)
			w.drop = nil
			w.heal()
			w.checkHealed()
			if w.settledAt() != [2]uint64{1, 1} {
				w.fail("settled %v", w.settledAt())
			}
		})
	}
}

// An ailment that was there before does not count against a change: it may be
// the cure.
func TestChangeCuresWhatWasIll(t *testing.T) {
	w, a, _ := pairOf(t)
	a.sickFrom, a.sickWith = w.now, a.active
	w.runFor(3 * time.Second)
	r := w.propose(a, "good", func(p *Propose) { p.NoConfirm = true })
	w.runFor(time.Minute)
	w.want(r, true, "committed on both boxes")
}

func TestConfirmWithoutThePartner(t *testing.T) {
	w, a, b := pairOf(t)
	w.propose(a, "good", nil)
	w.want(w.confirm(b, false), false, "no change on trial")
	w.runFor(10 * time.Second)
	early := w.confirm(b, false) // counts once both have been well for long enough
	w.runFor(5 * time.Second)
	if r, done := w.replies[early]; done {
		w.fail("answered too early: %+v", r)
	}
	w.runFor(30 * time.Second)
	w.want(early, true, "committed on both boxes")

	w.propose(a, "good again", nil)
	w.runFor(40 * time.Second)
	w.want(w.propose(b, "good", nil), false, "another change is under way: version 3")
	w.cut()
	w.runFor(10 * time.Second)
	w.want(w.confirm(a, false), false, "B was lost during the trial. Confirm when it is back, or with --alone")
	r := w.confirm(a, true)
	w.runFor(15 * time.Second)
	w.want(r, true, "committed on this box; B gets it on return")
	w.heal()
	w.checkHealed()
	if w.settledAt() != [2]uint64{3, 3} {
		w.fail("settled %v", w.settledAt())
	}
}

// forked makes a pair of which both boxes were changed alone.
func forked(t *testing.T) (*world, *simBox, *simBox) {
	w, a, b := pairOf(t)
	w.cut()
	w.runFor(10 * time.Second)
	for _, box := range w.boxes {
		w.propose(box, "good "+box.name, func(p *Propose) { p.Alone, p.NoConfirm = true, true })
	}
	w.runFor(time.Minute)
	w.connect()
	w.runFor(10 * time.Second)
	return w, a, b
}

func TestForkIsAnAlarmUntilSomebodyDecides(t *testing.T) {
	w, a, b := forked(t)
	was := [2]version.Ref{a.memory.Settled, b.memory.Settled}
	w.runFor(time.Hour)
	if a.memory.Settled != was[0] || b.memory.Settled != was[1] || was[0] == was[1] {
		w.fail("the fork went away by itself: %v, %v", a.memory.Settled, b.memory.Settled)
	}
	for _, box := range w.boxes {
		s := box.machine.Status(w.now)
		if !strings.Contains(s.Drift, "both boxes were changed alone") || len(s.Alarms) != 1 || !s.Synchronised || box.alarms == 0 {
			w.fail("%s: %+v, %d alarms in the log", box.name, s, box.alarms)
		}
	}
	w.want(w.propose(a, "good", nil), false, "both boxes were changed alone")
	w.want(w.propose(a, "good", func(p *Propose) { p.Alone = true }), false, "both boxes were changed alone")
	w.taking = true
	w.requests++
	b.step(Take{Request: w.requests, Who: "anna", Mine: true})
	w.runFor(time.Minute)
	w.want(w.requests, true, "version 2 of B is in force here")
	if a.memory.Settled != was[1] || b.memory.Settled != was[1] || a.notes[was[0].ID][1].Outcome != GivenUp {
		w.fail("%v, %v, %+v", a.memory.Settled, b.memory.Settled, a.notes[was[0].ID])
	}
	w.checkHealed()
	w.requests++
	a.step(Take{Request: w.requests, Who: "anna"})
	w.want(w.requests, false, "nothing is to be decided")
}

// Two operators who decide in the same moment do not make the boxes swap.
func TestTwoDecideAtOnce(t *testing.T) {
	for _, mine := range []bool{false, true} {
		w, a, b := forked(t)
		was := [2]version.Ref{a.memory.Settled, b.memory.Settled}
		w.taking = true
		for _, box := range w.boxes {
			w.requests++
			box.step(Take{Request: w.requests, Who: "x", Mine: mine})
		}
		w.runFor(time.Minute)
		first, second := w.replies[w.requests-1], w.replies[w.requests]
		if first.OK && second.OK || first.Text == "" || second.Text == "" {
			w.fail("%+v, %+v", first, second)
		}
		if a.memory.Settled == was[1] && b.memory.Settled == was[0] {
			w.fail("swapped")
		}
		if mine && (a.memory.Settled != was[0] || b.memory.Settled != was[0]) {
			w.fail("the first box's word did not win: %v, %v", a.memory.Settled, b.memory.Settled)
		}
	}
}

// A version that the partner cannot use, and that it got by being away, is an
// alarm on both; a better version on top of it ends that.
func TestPartnerCannotUseWhatItMissed(t *testing.T) {
	w, a, b := pairOf(t)
	w.cut()
	w.runFor(10 * time.Second)
	w.propose(a, "bad-B", func(p *Propose) { p.Alone, p.NoConfirm = true, true })
	w.runFor(time.Minute)
	w.connect()
	w.runFor(10 * time.Second)
	for _, box := range w.boxes {
		if s := box.machine.Status(w.now); !strings.Contains(s.Drift, "cannot use version 2") || !strings.Contains(s.Drift, "syntax error") || !s.Synchronised {
			w.fail("%s: %+v", box.name, s)
		}
	}
	r := w.propose(a, "good", func(p *Propose) { p.NoConfirm = true })
	w.runFor(time.Minute)
	w.want(r, true, "committed on both boxes")
	w.checkHealed()
	if len(b.memory.Chain) != 2 {
		w.fail("the ancestors are %v", b.memory.Chain)
	}
}

func TestOrdersToALostPartner(t *testing.T) {
	w, a, b := pairOf(t)
	w.propose(a, "good", nil)
	w.runFor(5 * time.Second)
	w.drop = func(_ *simBox, m Message) bool { _, ok := m.(Answer); return ok }
	w.requests++
	unanswered := w.requests
	b.step(Cancel{Request: unanswered, Who: "x"})
	for range maxOrders {
		w.requests++
		b.machine.order(asker{request: w.requests}, wordCancel, version.ID{}, "x")
	}
	b.step(Health{})
	w.runFor(OrderTime + 2*time.Second)
	w.want(unanswered, false, "did not answer within")
	w.drop = nil
	w.requests++
	b.machine.order(asker{request: w.requests}, wordConfirm, version.ID{1}, "x")
	b.step(Health{})
	w.runFor(time.Second)
}

// What is sent in one session and comes late, or in another order, changes
// nothing.
func TestOldNewsIsDropped(t *testing.T) {
	m := New(Config{}, Memory{Settled: version.Ref{Number: 1, ID: version.ID{1}}})
	m.Step(0, Started{})
	m.Step(0, Received{State{Seq: 1, Settled: version.Ref{Number: 7}}})
	if m.partner.state != nil {
		t.Error("a message outside of a session was heard")
	}
	m.Step(0, Link{Up: true})
	m.Step(0, Received{State{Seq: 5, Settled: version.Ref{Number: 5, ID: version.ID{5}}}})
	m.Step(0, Received{State{Seq: 4, Settled: version.Ref{Number: 4, ID: version.ID{4}}}})
	if got := m.partner.state.Settled.Number; got != 5 {
		t.Errorf("state %d counts", got)
	}
	m.Step(0, Link{})
	if m.reachable() {
		t.Error("reachable without a session")
	}
	m.Step(0, Link{Up: true})
	if m.reachable() {
		t.Error("reachable by what was said in an older session")
	}
	m.Step(0, Received{State{Seq: 1, Settled: version.Ref{Number: 6, ID: version.ID{6}}}})
	if got := m.partner.state.Settled.Number; got != 6 || !m.reachable() {
		t.Errorf("in a new session state %d counts", got)
	}
}

func TestPrepareIsRefusedWithAReason(t *testing.T) {
	settled := version.Ref{Number: 1, ID: version.ID{1}}
	prepare := Prepare{&version.Version{Meta: version.Meta{Number: 2, Parent: settled.ID}, Files: version.Files{version.Main: nil}}}
	foreign := Prepare{&version.Version{Meta: version.Meta{Number: 2, Parent: version.ID{9}}, Files: version.Files{version.Main: nil}}}
	for _, c := range []struct {
		name  string
		first []Event
		then  Prepare
		want  string
	}{
		{"another parent", []Event{Activated{ID: settled.ID}}, foreign, "on top of another one"},
		{"not in force yet", nil, prepare, "still being put in force"},
		{"busy", []Event{Activated{ID: settled.ID}, Received{prepare}}, foreign, "another change is under way"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(Config{}, Memory{Settled: settled})
			m.Step(0, Started{})
			m.Step(0, Link{Up: true})
			m.Step(0, Received{State{Seq: 1, Settled: settled, Change: &Progress{Version: prepare.Version.Ref(), Phase: Proposing}}})
			for _, e := range c.first {
				m.Step(0, e)
			}
			got := ""
			for _, e := range m.Step(0, Received{c.then}) {
				if s, ok := e.(Send); ok {
					if r, ok := s.Message.(Refusal); ok {
						got = r.Why
					}
				}
			}
			if !strings.Contains(got, c.want) {
				t.Errorf("refused with %q, want %q", got, c.want)
			}
		})
	}
}

// A catch-up ends when the partner has nothing to give, or gives something
// else than was asked for.
func TestGive(t *testing.T) {
	v := &version.Version{Meta: version.Meta{Number: 3, Parent: version.ID{2}}, Files: version.Files{version.Main: nil}}
	mine := version.Ref{Number: 1, ID: version.ID{1}}
	chain := []version.ID{v.ID(), {2}, {1}}
	for _, c := range []struct {
		name  string
		give  Give
		still bool // the fetch goes on
		good  bool
	}{
		{"good", Give{Version: v, Chain: chain}, true, true},
		{"none", Give{Why: "gone"}, false, false},
		{"another", Give{Version: &version.Version{Meta: version.Meta{Number: 9}}, Chain: chain}, true, false},
		{"no line", Give{Version: v}, false, false},
		{"a wrong line", Give{Version: v, Chain: []version.ID{v.ID(), {7}}}, false, false},
		{"the line of another", Give{Version: v, Chain: []version.ID{{8}, {2}}}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(Config{}, Memory{Settled: mine})
			m.Step(0, Started{})
			m.Step(0, Activated{ID: mine.ID})
			m.Step(0, Link{Up: true})
			m.Step(0, Received{State{Seq: 1, Settled: v.Ref(), Chain: chain}})
			if m.attempt == nil || m.attempt.phase != CatchUp {
				t.Fatal("nothing is fetched")
			}
			examined := false
			for _, e := range m.Step(time.Second, Received{c.give}) {
				_, is := e.(Examine)
				examined = examined || is
			}
			if examined != c.good || (m.attempt != nil) != c.still {
				t.Errorf("examined %v, still fetching %v", examined, m.attempt != nil)
			}
		})
	}
}

// onTrial gives a machine of a box without a partner with a version on trial.
func onTrial(t *testing.T, ailment string) *Machine {
	t.Helper()
	m := New(Config{Solo: true}, Memory{})
	m.Step(0, Started{})
	m.Step(0, Activated{})
	m.Step(0, Health{ailment})
	m.Step(0, Propose{Request: 1, Files: version.Files{version.Main: nil}})
	m.Step(0, Examined{ID: m.attempt.ref.ID})
	m.Step(0, Activated{ID: m.attempt.ref.ID})
	if m.attempt == nil || m.attempt.phase != Trying {
		t.Fatalf("%+v", m.attempt)
	}
	return m
}

func TestOldAilmentsDoNotCount(t *testing.T) {
	m := onTrial(t, "it hangs")
	for _, c := range []struct {
		ailment string
		goes    bool
	}{{"it hangs", true}, {"", true}, {"it hangs", false}} {
		m.Step(m.now+time.Second, Health{c.ailment})
		if (m.attempt != nil) != c.goes {
			t.Errorf("after health %q the trial goes on: %v", c.ailment, m.attempt != nil)
		}
	}
}

func TestSilenceOfHealthEndsATrial(t *testing.T) {
	m := onTrial(t, "")
	m.Tick(HealthSilence)
	if m.attempt == nil {
		t.Error("ended too early")
	}
	m.Tick(HealthSilence + time.Second)
	if m.attempt != nil {
		t.Error("goes on, and nobody knows whether dhcpfd is well")
	}
}

// A trial alone ends when the partner comes back with a change of its own:
// better than a fork.
func TestTrialAloneGivesWay(t *testing.T) {
	w, a, b := pairOf(t)
	w.cut()
	w.runFor(10 * time.Second)
	w.propose(b, "good b", func(p *Propose) { p.Alone, p.NoConfirm = true, true })
	w.runFor(20 * time.Second)
	r := w.propose(a, "good a", func(p *Propose) { p.Alone = true })
	w.runFor(20 * time.Second)
	w.want(r, true, "in force on this box alone, on trial")
	w.connect()
	w.runFor(20 * time.Second)
	note := a.notes[w.proposals[r]]
	if len(note) != 1 || !strings.Contains(note[0].Why, "came back with a change of its own") || a.memory.Settled != b.memory.Settled {
		w.fail("%+v, %v, %v", note, a.memory.Settled, b.memory.Settled)
	}
	w.checkHealed()
}

func TestFetchOfWhatIsNotInForce(t *testing.T) {
	m := New(Config{}, Memory{Settled: version.Ref{Number: 1, ID: version.ID{1}}})
	m.Step(0, Started{})
	m.Step(0, Link{Up: true})
	for id, want := range map[version.ID]bool{{1}: true, {2}: false} {
		given, refused := false, false
		for _, e := range m.Step(0, Received{Fetch{id}}) {
			switch e := e.(type) {
			case Deliver:
				given = e.ID == id
			case Send:
				g, ok := e.Message.(Give)
				refused = refused || ok && g.Why != ""
			}
		}
		if given != want || refused == want {
			t.Errorf("%v: given %v, refused %v", id.Short(), given, refused)
		}
	}
}

// What was edited must be what is in force, or somebody else's change would be
// lost.
func TestEditedOnTopOfAnOldVersion(t *testing.T) {
	w, a, _ := pairOf(t)
	old := a.memory.Settled.ID
	w.propose(a, "good", func(p *Propose) { p.NoConfirm = true })
	w.runFor(time.Minute)
	w.want(w.propose(a, "good again", func(p *Propose) { p.Base = old }), false, "version 2 is in force by now")
	w.propose(a, "good again", func(p *Propose) { p.Base = a.memory.Settled.ID })
	w.runFor(10 * time.Second)
	w.want(w.requests, true, "on trial")
}
