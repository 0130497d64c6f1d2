package sim

import (
	"fmt"
	"math/rand/v2"
	"time"

	"tandem/failover/conf"
)

// World is one life of a pair.
type World struct {
	plan  *Plan
	now   Moment
	queue queue

	pcg  *rand.PCG
	luck *rand.Rand

	boxes    [2]*Box
	link     *link
	beats    *beats
	lan      *lan
	clients  []*client
	operator *operator
	check    *checker
	configs  [2][2]*conf.Config // by box and variant, made when needed

	Cover  *Coverage
	story  []string
	told   bool // the story is wanted
	failed *Violation
	peace  bool // the faults are over
}

// Violation is a promise that was broken.
type Violation struct {
	Promise string // "I1", "I2" ...
	At      Moment
	Text    string
}

// Error gives it in words.
func (v *Violation) Error() string { return fmt.Sprintf("%s at %v: %s", v.Promise, v.At, v.Text) }

// Result is what became of a plan.
type Result struct {
	Violation *Violation
	Story     []string
	// Hours is the true time that passed, in hours of the pair.
	Hours float64
	Cover *Coverage
}

// Run lives a plan to its end. With told the result has the story.
func Run(p *Plan, told bool) Result {
	w := newWorld(p, told)
	w.live()
	return Result{Violation: w.failed, Story: w.story, Hours: time.Duration(w.now).Hours(), Cover: w.Cover}
}

func newWorld(p *Plan, told bool) *World {
	w := &World{plan: p, told: told, Cover: newCoverage()}
	w.pcg = rand.NewPCG(0, 0)
	w.luck = rand.New(w.pcg)
	w.link = newLink(w)
	w.beats = newBeats(w)
	w.lan = &lan{w: w, released: map[uint64]Moment{}}
	w.check = newChecker(w)
	w.operator = &operator{w: w}
	for i := range w.boxes {
		w.boxes[i] = newBox(w, i)
	}
	for _, spec := range p.Clients {
		w.clients = append(w.clients, newClient(w, spec))
	}
	return w
}

// config is the compiled configuration of box i.
func (w *World) config(i, variant int) *conf.Config {
	if w.configs[i][variant] == nil {
		cfg, err := w.plan.config(i, variant)
		if err != nil {
			w.fail("plan", "%v", err)
			cfg = &conf.Config{}
		}
		w.configs[i][variant] = cfg
	}
	return w.configs[i][variant]
}

// stream is one of the independent random streams of a seed.
func stream(seed, n uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, n)) }

// dice is luck that depends on the seed, the moment and what it is for alone,
// so that a life with one fault less is otherwise much the same.
func (w *World) dice(salt uint64) *rand.Rand {
	w.pcg.Seed(w.plan.Seed^uint64(w.now)*0x9e3779b97f4a7c15, salt)
	return w.luck
}

// at has something happen at a moment, or now if that is over.
func (w *World) at(m Moment, do func()) { w.queue.push(max(m, w.now), event{do: do}) }

func (w *World) in(d time.Duration, do func()) { w.at(w.now.after(d), do) }

// with is at for what takes an argument.
func (w *World) with(m Moment, do func(uint64), arg uint64) {
	w.queue.push(max(m, w.now), event{with: do, arg: arg})
}

// advance lets time pass until the moment, or until a promise is broken.
func (w *World) advance(until Moment) {
	for w.failed == nil && w.queue.due(until) {
		at, e := w.queue.pop()
		w.now = at
		e.happen()
	}
	if w.failed == nil {
		w.now = max(w.now, until)
	}
}

// live is the whole life: two new boxes, faults, peace.
func (w *World) live() {
	if w.failed != nil {
		return
	}
	for _, b := range w.boxes {
		b.powerOn(0)
	}
	w.beats.begin()
	for _, c := range w.clients {
		if c.spec.Kind == Renewer || c.spec.Kind == Newcomer {
			c.measure()
			continue
		}
		w.at(Moment(c.spec.From)*Moment(time.Second), c.begin)
	}
	for _, f := range w.plan.Faults {
		w.at(Moment(f.At)*Moment(time.Millisecond), func() { w.fault(f) })
	}
	w.advance(Moment(w.plan.Seconds) * Moment(time.Second))
	if w.failed == nil {
		w.makePeace()
	}
}

// fail notes the first broken promise; the life ends with it.
func (w *World) fail(promise, format string, args ...any) {
	if w.failed == nil {
		w.failed = &Violation{promise, w.now, fmt.Sprintf(format, args...)}
		w.tell("** %s is broken: %s", promise, w.failed.Text)
	}
}

// tell adds a line to the story.
func (w *World) tell(format string, args ...any) {
	if w.told {
		w.story = append(w.story, fmt.Sprintf("%12v  ", w.now)+fmt.Sprintf(format, args...))
	}
}
