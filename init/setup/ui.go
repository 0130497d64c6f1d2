package setup

import (
	"bytes"
	"context"
	"strconv"
	"strings"
	"time"

	"tandem/init/setup/term"
)

// Times of the interface.
const (
	// escapeTime is how long an ESC waits for the rest of a sequence: as long
	// as one that crosses a network may be torn apart.
	escapeTime = 150 * time.Millisecond
	// pasteGap is the longest pause within a paste; who holds a key down makes
	// longer ones.
	pasteGap = 25 * time.Millisecond
	// probeTime is how long a terminal may take to answer for its size.
	probeTime = 2 * time.Second
	// IdleTime locks a session that nobody uses, where there is a password.
	IdleTime = 10 * time.Minute
)

// pasted is how many octets without a pause are a paste. It is not drawn until
// it is over: a serial line would lose what comes meanwhile.
const pasted = 64

// A screen is drawn for 80x24. What a smaller terminal lacks is cut off, and
// one smaller than this gets lines.
const (
	width, height       = 80, 24
	minWidth, minHeight = 60, 16
)

// UI is one console's session. It does nothing by itself: see the package
// comment.
type UI struct {
	now    time.Time
	facts  Facts
	ports  []Port
	status Status

	stack []page // the last one is on show
	lock  *lockPage
	note  string // one line for the person, until the next key

	keys    term.Decoder
	lastKey time.Time
	typed   time.Time // when octets came last
	burst   int       // octets that came without a pause

	size   *term.Key // of the terminal, nil: lines
	probed time.Time // when the size was asked for, zero: no question is open
	screen term.Screen
	said   page // the page that a terminal of lines was told of
	buffer []rune
	out    bytes.Buffer
	notice string
	// committed: the box was set up here, by somebody who knows the password.
	committed bool
	first     firstBox
	second    secondBox
	draft     []File // of the configuration, if drafted
	drafted   bool
	shown     string // the status that a terminal of lines was told
	effects   []Effect
	nextTask  int
	tasks     map[int]*busyPage
}

// Event is what happens to a UI.
type Event interface{ event() }

// Events.
type (
	// Octets came from the terminal.
	Octets []byte
	// Tick: time has passed; at least at every Deadline.
	Tick struct{}
	// Refresh brings what Surveyor tells.
	Refresh struct {
		Facts  Facts
		Ports  []Port
		Status Status
	}
	// Notice is a log line.
	Notice string
	// Told is progress of the task with that number, Done its end.
	Told struct {
		Task int
		Text string
	}
	Done struct {
		Task  int
		Value any
		Err   error
	}
)

func (Octets) event()  {}
func (Tick) event()    {}
func (Refresh) event() {}
func (Notice) event()  {}
func (Told) event()    {}
func (Done) event()    {}

// Work is what a task does; tell may be called from it at any time.
type Work func(ctx context.Context, m Machine, tell func(string)) (any, error)

// Effect is what the UI wants done: a task to start, or to cancel if Work is
// nil. A task that was canceled may still report, and nobody waits for task 0.
type Effect struct {
	Task int
	Work Work
}

// New begins a session: with the questions if the box is not set up, else
// with its state.
func New(now time.Time, r Refresh) *UI {
	u := &UI{now: now, tasks: map[int]*busyPage{}}
	u.facts, u.ports, u.status = r.Facts, r.Ports, r.Status
	u.restart()
	if u.facts.PasswordHash != "" && u.facts.SetUp {
		u.lock = &lockPage{}
	}
	u.settle()
	return u
}

// Step takes one event at a moment and gives what is to be done.
func (u *UI) Step(now time.Time, e Event) []Effect {
	u.now, u.effects = now, nil
	switch e := e.(type) {
	case Octets:
		if now.Sub(u.typed) > pasteGap {
			u.burst = 0
		}
		u.burst += len(e)
		u.typed = now
		for _, k := range u.keys.Feed(e) {
			u.press(k)
		}
	case Tick:
		u.tick()
	case Refresh:
		u.refresh(e)
	case Notice:
		u.notice = string(e)
		u.interrupt(string(e))
	case Told:
		u.told(e)
	case Done:
		u.done(e)
	}
	u.settle()
	return u.effects
}

// Deadline is when a Tick is due at the latest, zero if there is no hurry.
func (u *UI) Deadline() time.Time {
	var due time.Time
	first := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	if u.keys.Pending() {
		first(u.typed.Add(escapeTime))
	}
	if !u.probed.IsZero() {
		first(u.probed.Add(probeTime))
	}
	if u.pasting() && u.size != nil {
		first(u.typed.Add(pasteGap + 1))
	}
	return due
}

// pasting tells whether a paste is coming in.
func (u *UI) pasting() bool { return u.burst > pasted && u.now.Sub(u.typed) <= pasteGap }

// Output gives what the terminal has to be sent since the last call.
func (u *UI) Output() []byte {
	out := append([]byte(nil), u.out.Bytes()...)
	u.out.Reset()
	// While the terminal is asked for its size, the old one may be wrong.
	if u.size != nil && u.probed.IsZero() && !u.pasting() {
		out = append(out, u.screen.Paint(u.Draw())...)
	}
	return out
}

func (u *UI) tick() {
	if u.keys.Pending() && !u.now.Before(u.typed.Add(escapeTime)) {
		for _, k := range u.keys.Flush() {
			u.press(k)
		}
	}
	if !u.probed.IsZero() && !u.now.Before(u.probed.Add(probeTime)) {
		u.probed = time.Time{}
		u.resize(nil)
	}
	if u.lock == nil && u.facts.SetUp && u.facts.PasswordHash != "" && u.now.Sub(u.lastKey) >= IdleTime {
		u.lockUp()
	}
}

// lockUp asks for the password before anything else; pages stay as they are.
func (u *UI) lockUp() {
	u.lock, u.buffer, u.note = &lockPage{}, nil, ""
}

// refresh takes news of the box. A box that has just been set up shows its
// state from then on, on every console.
func (u *UI) refresh(r Refresh) {
	before := u.facts.SetUp
	u.facts, u.ports, u.status = r.Facts, r.Ports, r.Status
	u.tick()
	u.news()
	if u.facts.SetUp != before && len(u.tasks) == 0 {
		u.restart()
		if u.facts.SetUp && u.facts.PasswordHash != "" && !u.committed {
			u.lockUp()
		}
	}
}

// restart throws the pages away and begins anew.
func (u *UI) restart() {
	u.leave(0)
	if u.facts.SetUp {
		u.open(&statusPage{})
		return
	}
	u.open(welcome())
}

// press takes one key.
func (u *UI) press(k term.Key) {
	if k.Kind == term.Report {
		// A report that nobody asked for says nothing.
		if !u.probed.IsZero() {
			u.probed = time.Time{}
			u.resize(&k)
		}
		return
	}
	// Who comes back may have brought another terminal.
	fresh := u.now.Sub(u.lastKey) >= IdleTime
	u.lastKey, u.note = u.now, ""
	switch {
	case k.Kind == term.Redraw:
		u.probe()
		u.screen.Forget()
		u.said = nil
		return
	case fresh:
		u.probe()
		u.screen.Forget()
		if u.size == nil {
			u.ask() // the question wiped it
		}
		if k.Kind == term.Enter {
			return // it only wakes the console
		}
	}
	if u.size == nil {
		u.pressLine(k)
		return
	}
	if k.Kind == term.Interrupt {
		k.Kind = term.Esc
	}
	u.top().key(u, k)
}

// probe asks the terminal what it is.
func (u *UI) probe() {
	u.probed = u.now
	u.out.WriteString(term.Probe)
}

// resize goes over to a screen of that size, or to lines.
func (u *UI) resize(size *term.Key) {
	if size != nil && (size.Row < minHeight || size.Col < minWidth) {
		size = nil
	}
	if size == nil && u.size != nil {
		u.out.WriteString(term.Leave)
		u.said = nil
	}
	if size != nil && u.size == nil {
		u.screen.Forget()
		u.buffer = nil
	}
	u.size = size
}

// top is the page on show.
func (u *UI) top() page {
	if u.lock != nil {
		return u.lock
	}
	return u.stack[len(u.stack)-1]
}

// open puts a page on top; back takes it away again.
func (u *UI) open(p page) { u.stack = append(u.stack, p) }

func (u *UI) back() {
	if len(u.stack) == 1 {
		return
	}
	u.leave(len(u.stack) - 1)
}

// home goes back to the first page.
func (u *UI) home() { u.leave(1) }

// leave takes away all pages from the nth on.
func (u *UI) leave(n int) {
	for len(u.stack) > n {
		last := u.stack[len(u.stack)-1]
		u.stack = u.stack[:len(u.stack)-1]
		if l, ok := last.(interface{ left(*UI) }); ok {
			l.left(u)
		}
	}
}

// say tells the person something that lasts until the next key.
func (u *UI) say(text string) {
	u.note = text
	if u.size == nil {
		u.print(wrap(text, width-1)...)
	}
}

// fail shows an error, which says what to do itself.
func (u *UI) fail(err error) { u.say(capital(err.Error())) }

// capital makes a sentence of a clause.
func capital(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if word == "" || strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") != "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// count is a number of things: "1 alarm", "2 alarms".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

// task starts work in the background behind a page that says so, and calls
// then with its result; Esc gives it up unless it is one that must end.
func (u *UI) task(title string, must bool, w Work, then func(value any, err error)) {
	u.nextTask++
	p := &busyPage{head: title, must: must, since: u.now, id: u.nextTask, then: then}
	u.tasks[p.id] = p
	u.open(p)
	u.effects = append(u.effects, Effect{p.id, w})
}

// run is task for work with a typed result.
func run[T any](u *UI, title string, must bool, w func(context.Context, Machine, func(string)) (T, error), then func(T, error)) {
	u.task(title, must, func(ctx context.Context, m Machine, tell func(string)) (any, error) {
		return w(ctx, m, tell)
	}, func(value any, err error) {
		v, _ := value.(T)
		then(v, err)
	})
}

// do has the box carry out an action.
func (u *UI) do(title string, a Action, then func(Answer, error)) {
	run(u, title, false, func(ctx context.Context, m Machine, _ func(string)) (Answer, error) {
		return m.Do(ctx, a)
	}, then)
}

func (u *UI) told(e Told) {
	if p := u.tasks[e.Task]; p != nil {
		p.tell(u, e.Text)
	}
}

func (u *UI) done(e Done) {
	p := u.tasks[e.Task]
	if p == nil { // given up
		if _, ok := e.Value.(Offer); ok && e.Err == nil {
			u.leaveOffer() // the other box answered too late
		}
		return
	}
	delete(u.tasks, e.Task)
	for i, q := range u.stack {
		if q == page(p) {
			u.leave(i)
		}
	}
	p.then(e.Value, e.Err)
}

// cancel gives a task up.
func (u *UI) cancel(id int) {
	delete(u.tasks, id)
	u.effects = append(u.effects, Effect{Task: id})
}

// Draw is the screen as it should look.
func (u *UI) Draw() *term.Grid {
	w, h := width, height
	if u.size != nil {
		w, h = min(w, u.size.Col), min(h, u.size.Row)
	}
	g := term.NewGrid(w, h)
	p := u.top()
	g.Bar(0, term.Reverse, p.title(u), u.status.Time.UTC().Format("15:04:05 UTC"))
	g.Bar(h-1, term.Reverse, p.help(), "Ctrl-L redraws")
	p.draw(u, g)
	if f, ok := p.(*formPage); u.note != "" && !(ok && f.wrong == u.note) {
		lines := wrap(u.note, w-2)
		lines = lines[:min(len(lines), 3)]
		for i, l := range lines {
			row := h - 1 - len(lines) + i
			g.Put(row, 0, 0, strings.Repeat(" ", w))
			g.Put(row, 1, term.Bold, l)
		}
	}
	return g
}
