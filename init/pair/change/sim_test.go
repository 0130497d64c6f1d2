package change

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/init/pair/version"
)

// world is two boxes and the network between them, driven by one seed.
type world struct {
	t     *testing.T
	rng   *rand.Rand
	now   time.Duration
	queue agenda
	count uint64
	boxes [2]*simBox

	session  int // of the network; 0 = cut
	sessions int
	loss     float64       // share of messages that are lost
	delay    time.Duration // longest way of a message

	drop func(from *simBox, m Message) bool // messages that get lost; may be nil

	effects int // executed so far
	crashAt int // effect before which its box crashes; 0 = never
	crashes float64
	stays   time.Duration // how long a crashed box is away, at most
	illness time.Duration // until dhcpfd falls ill, at most

	trace     []string
	replies   map[uint64]Reply
	requests  uint64
	confirmed map[version.ID]bool // confirmation was asked for, or not needed
	committed map[version.ID]bool // an operator was told so
	proposals map[uint64]version.ID
	alone     map[version.ID]bool // was to be confirmed without the partner
	taking    bool                // an operator ended a fork: lines may be given up
}

// simBox is one box: what is on its disk, and the machine while it runs.
type simBox struct {
	w       *world
	name    string
	cfg     Config
	machine *Machine // nil while it is off
	run     int

	memory   Memory // saved
	stored   map[version.ID]*version.Version
	notes    map[version.ID][]Note
	active   version.ID
	everBad  map[version.ID]bool // refused by this box's check
	caught   map[version.ID]bool // taken over from the other box
	ill      map[version.ID]bool // taken back because dhcpfd was not well
	sickFrom time.Duration       // dhcpfd falls ill at
	sickWith version.ID
	alarms   int
}

// entry is something that will happen.
type entry struct {
	at time.Duration
	n  uint64
	do func()
}

type agenda []entry

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].n < a[j].n
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *agenda) Push(x any)   { *a = append(*a, x.(entry)) }
func (a *agenda) Pop() any {
	old := *a
	last := old[len(old)-1]
	*a = old[:len(old)-1]
	return last
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 7)), delay: 50 * time.Millisecond, stays: 20 * time.Second, illness: 20 * time.Second,
		replies: map[uint64]Reply{}, confirmed: map[version.ID]bool{}, committed: map[version.ID]bool{}, proposals: map[uint64]version.ID{}, alone: map[version.ID]bool{}}
	first := version.First(version.Files{version.Main: []byte("# first\n")})
	for i, name := range []string{"A", "B"} {
		b := &simBox{w: w, name: name, cfg: Config{First: i == 0, Partner: string("BA"[i])},
			stored: map[version.ID]*version.Version{first.ID(): first}, notes: map[version.ID][]Note{}, everBad: map[version.ID]bool{},
			caught: map[version.ID]bool{}, ill: map[version.ID]bool{}}
		b.memory = Memory{Settled: first.Ref(), Highest: 1}
		w.confirmed[first.ID()] = true
		w.boxes[i] = b
	}
	for _, b := range w.boxes {
		b.start()
	}
	w.connect()
	return w
}

func (w *world) after(d time.Duration, do func()) {
	w.count++
	heap.Push(&w.queue, entry{w.now + d, w.count, do})
}

// random gives a duration below limit.
func (w *world) random(limit time.Duration) time.Duration {
	return time.Duration(w.rng.Int64N(int64(limit) + 1))
}

func (w *world) tracef(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%8.2f ", w.now.Seconds())+fmt.Sprintf(format, args...))
}

// fail ends the test with the story so far.
func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	story := w.trace
	if len(story) > 120 {
		story = story[len(story)-120:]
	}
	w.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(story, "\n"))
}

// runFor lets time pass.
func (w *world) runFor(d time.Duration) {
	end := w.now + d
	for len(w.queue) > 0 && w.queue[0].at <= end {
		e := heap.Pop(&w.queue).(entry)
		w.now = e.at
		e.do()
	}
	w.now = end
}

// connect begins a session, if both run.
func (w *world) connect() {
	if w.session != 0 || w.boxes[0].machine == nil || w.boxes[1].machine == nil {
		return
	}
	w.sessions++
	w.session = w.sessions
	w.tracef("session %d", w.session)
	for _, b := range w.boxes {
		b.step(Link{Up: true})
	}
}

// cut ends the session; each box notices in its own time.
func (w *world) cut() {
	if w.session == 0 {
		return
	}
	w.tracef("cut")
	w.session = 0
	for _, b := range w.boxes {
		run, was := b.run, w.sessions
		w.after(w.random(3*time.Second), func() {
			if b.run == run && b.machine != nil && w.sessions == was && w.session == 0 {
				b.step(Link{Up: false})
			}
		})
	}
}

func (b *simBox) other() *simBox {
	if b == b.w.boxes[0] {
		return b.w.boxes[1]
	}
	return b.w.boxes[0]
}

func (b *simBox) start() {
	b.run++
	b.machine = New(b.cfg, b.memory)
	b.w.tracef("%s starts with %v %s", b.name, b.memory.Settled, b.memory.Settled.ID.Short())
	b.step(Started{})
	run := b.run
	var beat func()
	beat = func() {
		if b.run != run || b.machine == nil {
			return
		}
		ill := ""
		if b.sickFrom != 0 && b.w.now >= b.sickFrom && b.active == b.sickWith {
			ill = "no answer"
		}
		b.step(Health{ill})
		b.w.after(time.Second, beat)
	}
	b.w.after(time.Second, beat)
}

// crash loses all that was not saved.
func (b *simBox) crash() {
	if b.machine == nil {
		return
	}
	b.w.tracef("%s crashes", b.name)
	b.machine = nil
	b.w.cut()
	run := b.run
	b.w.after(time.Second+b.w.random(b.w.stays), func() {
		if b.run == run && b.machine == nil {
			b.start()
		}
	})
}

// step hands an event to the machine and carries out its effects, unless the
// box crashes in between.
func (b *simBox) step(e Event) {
	if b.machine == nil {
		return
	}
	b.carryOut(b.machine.Step(b.w.now, e))
	b.tick()
}

// tick comes back when the machine wants it.
func (b *simBox) tick() {
	if b.machine == nil {
		return
	}
	at, ok := b.machine.Deadline()
	if !ok {
		return
	}
	run := b.run
	b.w.after(at-b.w.now, func() {
		if b.run == run && b.machine != nil {
			if due, ok := b.machine.Deadline(); ok && due <= b.w.now {
				b.carryOut(b.machine.Tick(b.w.now))
				b.tick()
			}
		}
	})
}

func (b *simBox) carryOut(effects []Effect) {
	for _, e := range effects {
		b.w.effects++
		if b.w.effects == b.w.crashAt || b.w.crashes > 0 && b.w.rng.Float64() < b.w.crashes {
			b.crash()
			return
		}
		b.execute(e)
		b.w.check()
	}
}

func (b *simBox) execute(e Effect) {
	w, run := b.w, b.run
	answer := func(d time.Duration, e func() Event) {
		w.after(d, func() {
			if b.run == run && b.machine != nil {
				b.step(e())
			}
		})
	}
	switch e := e.(type) {
	case Send:
		b.send(e.Message)
	case Save:
		b.checkSave(e.Memory)
		b.memory = e.Memory
	case Examine:
		id, text := e.Version.ID(), string(e.Version.Files[version.Main])
		w.tracef("%s examines %s %q", b.name, id.Short(), text)
		b.caught[id] = b.machine.attempt != nil && b.machine.attempt.phase == CatchUp
		answer(w.random(2*time.Second), func() Event {
			b.stored[id] = e.Version
			if strings.Contains(text, "syntax") || strings.Contains(text, "bad-"+b.name) {
				b.everBad[id] = true
				return Examined{id, "line 1: syntax error"}
			}
			return Examined{ID: id}
		})
	case Activate:
		v := b.stored[e.ID]
		if v == nil {
			w.fail("%s activates %s, which it does not have", b.name, e.ID.Short())
		}
		b.active = e.ID
		w.tracef("%s activates %s", b.name, e.ID.Short())
		w.check()
		if text := string(v.Files[version.Main]); strings.Contains(text, "sick-"+b.name) {
			b.sickFrom, b.sickWith = w.now+time.Second+w.random(b.w.illness), e.ID
		}
		answer(w.random(2*time.Second), func() Event {
			if strings.Contains(string(v.Files[version.Main]), "reload-"+b.name) {
				return Activated{e.ID, "cannot listen"}
			}
			return Activated{ID: e.ID}
		})
	case Deliver:
		b.send(Give{Version: b.stored[e.ID], Chain: e.Chain})
	case Note:
		w.tracef("%s notes %s %s: %s", b.name, e.ID.Short(), e.Outcome, e.Why)
		b.notes[e.ID] = append(b.notes[e.ID], e)
		b.ill[e.ID] = b.ill[e.ID] || e.Outcome == RolledBack && strings.HasPrefix(e.Why, "dhcpfd is not well")
	case Reply:
		b.hear(e)
	case Say:
		if e.Alarm {
			b.alarms++
		}
	}
}

// hear is the operator reading a reply.
func (b *simBox) hear(r Reply) {
	w := b.w
	if _, twice := w.replies[r.Request]; twice {
		w.fail("request %d is answered twice: %q", r.Request, r.Text)
	}
	w.tracef("%s replies to %d: %v %s", b.name, r.Request, r.OK, r.Text)
	w.replies[r.Request] = r
	id, known := w.proposals[r.Request]
	if known && r.OK && strings.Contains(r.Text, "is committed") {
		w.committed[id] = true
	}
}

// send puts a message on its way; it may get lost or be overtaken.
func (b *simBox) send(m Message) {
	w, to, session := b.w, b.other(), b.w.session
	if session == 0 || w.rng.Float64() < w.loss || w.drop != nil && w.drop(b, m) {
		return
	}
	raw := Encode(m)
	w.after(w.random(w.delay), func() {
		if w.session != session || to.machine == nil {
			return
		}
		got, err := Decode(raw)
		if err != nil {
			w.fail("%v", err)
		}
		to.step(Received{got})
	})
}

// propose has an operator at b put a text in force; 0 if the box is off.
func (w *world) propose(b *simBox, text string, change func(*Propose)) uint64 {
	if b.machine == nil {
		return 0
	}
	w.requests++
	p := Propose{Request: w.requests, Who: "operator", When: time.Unix(int64(w.now/time.Second), 0), Files: version.Files{version.Main: []byte(text)}}
	if change != nil {
		change(&p)
	}
	w.tracef("%s: put %q (request %d, alone %v)", b.name, text, p.Request, p.Alone)
	before := b.machine.attempt
	effects := b.machine.Step(w.now, p)
	if a := b.machine.attempt; a != nil && a != before {
		w.proposals[p.Request] = a.ref.ID
		if p.NoConfirm {
			w.confirmed[a.ref.ID] = true
		}
	}
	b.carryOut(effects)
	b.tick()
	return p.Request
}

// confirm has an operator at b confirm.
func (w *world) confirm(b *simBox, alone bool) uint64 {
	if b.machine == nil {
		return 0
	}
	w.requests++
	if a := b.machine.attempt; a != nil && a.inForce() {
		w.confirmed[a.ref.ID] = true
		w.proposals[w.requests] = a.ref.ID
		w.alone[a.ref.ID] = w.alone[a.ref.ID] || alone
	}
	request := w.requests
	w.tracef("%s: confirm (request %d)", b.name, request)
	b.step(Confirm{Request: request, Who: "operator", Alone: alone})
	return request
}

func (m *Memory) line() []version.ID { return append([]version.ID{m.Settled.ID}, m.Chain...) }

// check holds at every moment.
func (w *world) check() {
	a, b := w.boxes[0], w.boxes[1]
	if a.active == b.active && a.active != (version.ID{}) && (a.everBad[a.active] || b.everBad[b.active]) {
		w.fail("%s is in force on both, and one refused it", a.active.Short())
	}
	for id := range w.committed {
		if !w.taking && !slices.Contains(a.memory.line(), id) && !slices.Contains(b.memory.line(), id) {
			w.fail("%s was reported as committed and is lost", id.Short())
		}
	}
}

// checkSave: a settled version is given up for a descendant only, unless an
// operator ended a fork; and nothing is settled that nobody confirmed.
func (b *simBox) checkSave(next Memory) {
	if next.Settled.ID != b.memory.Settled.ID && b.memory.Settled.ID != (version.ID{}) && !slices.Contains(next.Chain, b.memory.Settled.ID) && !b.w.taking {
		b.w.fail("%s goes from %s to %s, which is no descendant", b.name, b.memory.Settled.ID.Short(), next.Settled.ID.Short())
	}
	if next.Settled.ID != (version.ID{}) && !b.w.confirmed[next.Settled.ID] {
		b.w.fail("%s settles %s without a confirmation", b.name, next.Settled.ID.Short())
	}
	if id := next.Settled.ID; id != b.memory.Settled.ID && !b.caught[id] && !b.w.alone[id] {
		if b.ill[id] || b.other().ill[id] {
			b.w.fail("%s settles %s, with which a dhcpfd was not well", b.name, id.Short())
		}
		if b.w.illness < HealthTime && b.has(id, "sick-") && !b.has(b.memory.Settled.ID, "sick-") {
			b.w.fail("%s settles %s, with which its dhcpfd is not well", b.name, id.Short())
		}
	}
}

// has tells whether a version has the word for this box in it.
func (b *simBox) has(id version.ID, word string) bool {
	v := b.stored[id]
	return v != nil && strings.Contains(string(v.Files[version.Main]), word+b.name)
}

// heal ends every fault and gives the boxes time.
func (w *world) heal() {
	w.tracef("healing")
	w.loss, w.crashes, w.crashAt = 0, 0, 0
	w.runFor(30 * time.Second)
	w.connect()
	w.runFor(DefaultConfirmTime + 2*time.Minute)
}

// checkHealed: the same in force everywhere, or an alarm that says why not.
func (w *world) checkHealed() {
	w.t.Helper()
	a, b := w.boxes[0], w.boxes[1]
	sa, sb := a.machine.Status(w.now), b.machine.Status(w.now)
	for i, s := range []Status{sa, sb} {
		if s.Change != nil || s.State != "in force" {
			w.fail("%s is not at rest: %+v", w.boxes[i].name, s)
		}
		if !s.Synchronised || s.Active != s.Settled.ID || w.boxes[i].active != s.Active {
			w.fail("%s serves %s and has settled %s: %+v", w.boxes[i].name, w.boxes[i].active.Short(), s.Settled.ID.Short(), s)
		}
	}
	if sa.Settled == sb.Settled {
		if sa.Drift != "" || sb.Drift != "" {
			w.fail("equal boxes have alarms: %q, %q", sa.Drift, sb.Drift)
		}
	} else if sa.Drift == "" || sb.Drift == "" {
		w.fail("%v %s and %v %s differ without an alarm: %q, %q", sa.Settled, sa.Settled.ID.Short(), sb.Settled, sb.Settled.ID.Short(), sa.Drift, sb.Drift)
	}
	w.check()
}

// refuses tells whether this box cannot use what the other has.
func (b *simBox) refuses(id version.ID) bool {
	text := string(b.other().stored[id].Files[version.Main])
	return strings.Contains(text, "bad-"+b.name) || strings.Contains(text, "reload-"+b.name)
}
