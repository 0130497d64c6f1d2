package daemon

import (
	"sync"

	"tandem/failover/daemon/control"
	"tandem/failover/node"
)

// answerQueue is how many pieces of an answer wait for a slow reader before
// the answer is cut off: the loop does not wait for it.
const answerQueue = 256

// desk brings operators' questions to the loop and its answers back.
type desk struct {
	inbox *inbox
	count *counters

	mu   sync.Mutex
	last uint64
	open map[uint64]chan control.Piece
}

func newDesk(in *inbox, count *counters) *desk {
	return &desk{inbox: in, count: count, open: map[uint64]chan control.Piece{}}
}

// Ask implements control.Asker.
func (d *desk) Ask(words []string, done <-chan struct{}) <-chan control.Piece {
	pieces := make(chan control.Piece, answerQueue)
	d.mu.Lock()
	d.last++
	id := d.last
	d.open[id] = pieces
	d.mu.Unlock()
	if !d.inbox.send(done, &node.Query{ID: id, Args: words}) {
		d.forget(id)
		return pieces
	}
	go func() {
		<-done
		d.forget(id)
	}()
	return pieces
}

// forget ends an answer; its channel is closed.
func (d *desk) forget(id uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ch := d.open[id]; ch != nil {
		close(ch)
		delete(d.open, id)
	}
}

// answer hands on what the node said. Pieces for somebody who has left are
// dropped.
func (d *desk) answer(a *node.Answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch := d.open[a.ID]
	if ch == nil {
		return
	}
	if len(ch) == answerQueue-1 && a.More {
		d.count.add(queriesRefused, 1)
		ch <- control.Piece{Error: "the answer was not read fast enough and was cut off; try again, with a filter"}
		close(ch)
		delete(d.open, a.ID)
		return
	}
	ch <- control.Piece{Body: a.Body, More: a.More, Error: a.Err}
	if !a.More || a.Err != "" {
		close(ch)
		delete(d.open, a.ID)
	}
}
