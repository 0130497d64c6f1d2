package daemon

import (
	"sync"

	"tandem/failover/daemon/control"
	"tandem/failover/node"
)

// desk brings operators' questions to the loop and its answers back. A further
// piece of a long answer is asked for when the one before has been taken, so
// at most one waits here.
type desk struct {
	inbox *inbox
	down  <-chan struct{} // closed when the loop has ended

	mu   sync.Mutex
	last uint64
	open map[uint64]*counterpart
}

// counterpart is who waits for an answer.
type counterpart struct {
	answer chan node.Answer // room for one
	pieces chan control.Piece
	done   <-chan struct{}
}

func newDesk(in *inbox, down <-chan struct{}) *desk {
	return &desk{inbox: in, down: down, open: map[uint64]*counterpart{}}
}

// Ask implements control.Asker.
func (d *desk) Ask(words []string, done <-chan struct{}) <-chan control.Piece {
	who := &counterpart{answer: make(chan node.Answer, 1), pieces: make(chan control.Piece), done: done}
	d.mu.Lock()
	d.last++
	id := d.last
	d.open[id] = who
	d.mu.Unlock()
	go d.serve(id, who, words)
	return who.pieces
}

// serve hands on the pieces of one answer.
func (d *desk) serve(id uint64, who *counterpart, words []string) {
	defer close(who.pieces)
	defer d.forget(id)
	query := &node.Query{ID: id, Args: words}
	for d.inbox.send(who.done, query) {
		a, ok := who.await()
		if !ok {
			break
		}
		more := a.More && a.Err == ""
		if !who.hand(control.Piece{Body: a.Body, More: more, Error: a.Err}) {
			break
		}
		if !more {
			return
		}
		query = &node.Query{ID: id, Args: []string{"more"}}
	}
	d.inbox.send(d.down, &node.Query{ID: id, Args: []string{"enough"}})
}

// await waits for the node's answer; false if whoever asked has left.
func (who *counterpart) await() (node.Answer, bool) {
	select {
	case a := <-who.answer:
		return a, true
	case <-who.done:
		return node.Answer{}, false
	}
}

// hand gives a piece to whoever asked; false if he has left.
func (who *counterpart) hand(p control.Piece) bool {
	select {
	case who.pieces <- p:
		return true
	case <-who.done:
		return false
	}
}

func (d *desk) forget(id uint64) {
	d.mu.Lock()
	delete(d.open, id)
	d.mu.Unlock()
}

// answer hands on what the node said. A piece for somebody who has left is
// dropped.
func (d *desk) answer(a *node.Answer) {
	d.mu.Lock()
	who := d.open[a.ID]
	d.mu.Unlock()
	if who == nil {
		return
	}
	select {
	case who.answer <- *a:
	default: // the node answers once for each time it is asked; this is not it
	}
}
