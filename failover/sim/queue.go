package sim

import "time"

// Moment is true time in nanoseconds since the world began.
type Moment int64

func (m Moment) after(d time.Duration) Moment { return m + Moment(d) }

// String is the time since the beginning, as traces show it.
func (m Moment) String() string { return time.Duration(m).Round(time.Millisecond).String() }

// event is something that happens: do, or else what takes an argument, which
// saves a closure where there are many.
type event struct {
	do   func()
	with func(uint64)
	arg  uint64
}

func (e *event) happen() {
	if e.do != nil {
		e.do()
		return
	}
	e.with(e.arg)
}

// turn is the place of an event in time; order breaks ties.
type turn struct {
	at    Moment
	order uint32
	event uint32 // index
}

func (t turn) before(o turn) bool { return t.at < o.at || t.at == o.at && t.order < o.order }

// queue is a heap of turns, the next one first. The events lie apart, so that
// nothing but small numbers moves.
type queue struct {
	heap   []turn
	events []event
	unused []uint32 // indices
	count  uint32
}

// branches is how many turns follow each in the heap: fewer levels than two.
const branches = 4

func (q *queue) push(at Moment, e event) {
	q.count++
	t := turn{at, q.count, uint32(len(q.events))}
	if last := len(q.unused) - 1; last >= 0 {
		t.event = q.unused[last]
		q.unused = q.unused[:last]
		q.events[t.event] = e
	} else {
		q.events = append(q.events, e)
	}
	q.heap = append(q.heap, t)
	i := len(q.heap) - 1
	for i > 0 {
		up := (i - 1) / branches
		if !t.before(q.heap[up]) {
			break
		}
		q.heap[i] = q.heap[up]
		i = up
	}
	q.heap[i] = t
}

// due tells whether an event comes no later than until.
func (q *queue) due(until Moment) bool { return len(q.heap) > 0 && q.heap[0].at <= until }

// pop takes the next event out.
func (q *queue) pop() (Moment, event) {
	top := q.heap[0]
	last := len(q.heap) - 1
	t := q.heap[last]
	q.heap = q.heap[:last]
	if last > 0 {
		q.sink(t)
	}
	e := q.events[top.event]
	q.events[top.event] = event{}
	q.unused = append(q.unused, top.event)
	return top.at, e
}

// sink puts t into the hole at the top of the heap.
func (q *queue) sink(t turn) {
	i, heap := 0, q.heap
	for {
		first := branches*i + 1
		if first >= len(heap) {
			break
		}
		least := first
		for c := first + 1; c < min(first+branches, len(heap)); c++ {
			if heap[c].before(heap[least]) {
				least = c
			}
		}
		if !heap[least].before(t) {
			break
		}
		heap[i] = heap[least]
		i = least
	}
	heap[i] = t
}
