package sim

import "time"

// Moment is true time in nanoseconds since the world began.
type Moment int64

func (m Moment) after(d time.Duration) Moment { return m + Moment(d) }

// String is the time since the beginning, as traces show it.
func (m Moment) String() string { return time.Duration(m).Round(time.Millisecond).String() }

// event is something that happens at a moment; order breaks ties.
type event struct {
	at    Moment
	order uint64
	do    func()
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.order < o.order
}

// queue is a heap of events, the next one first.
type queue struct {
	heap  []event
	count uint64
}

func (q *queue) push(at Moment, do func()) {
	q.count++
	q.heap = append(q.heap, event{at, q.count, do})
	i := len(q.heap) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !q.heap[i].before(&q.heap[up]) {
			break
		}
		q.heap[i], q.heap[up] = q.heap[up], q.heap[i]
		i = up
	}
}

func (q *queue) pop() event {
	top := q.heap[0]
	last := len(q.heap) - 1
	q.heap[0] = q.heap[last]
	q.heap[last] = event{}
	q.heap = q.heap[:last]
	for i := 0; ; {
		least := i
		for _, child := range [2]int{2*i + 1, 2*i + 2} {
			if child < last && q.heap[child].before(&q.heap[least]) {
				least = child
			}
		}
		if least == i {
			return top
		}
		q.heap[i], q.heap[least] = q.heap[least], q.heap[i]
		i = least
	}
}
