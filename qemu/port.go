package qemu

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Faults is what is wrong with a port's cable. The zero value is a good cable.
type Faults struct {
	Cut   bool          // nothing passes
	Drop  float64       // part of the frames that is lost, 0 to 1, each way
	Delay time.Duration // added on the way out of the switch; order is kept
	// Block loses the frames for which it is true, each way.
	Block func(frame []byte) bool
}

// Counts of a port, as the switch sees it.
type Counts struct {
	In      uint64 // frames that came into the switch
	Out     uint64 // frames that left it
	Lost    uint64 // taken by Faults
	Refused uint64 // too short or too long
	Full    uint64 // the queue on the way out was full
}

// Port is one socket of a switch.
type Port struct {
	Name string

	sw    *Switch
	queue chan queued
	done  chan struct{}
	once  sync.Once

	mu     sync.Mutex
	faults Faults
	dice   *rand.Rand
	counts Counts
}

// queued is a frame and when it may leave.
type queued struct {
	frame []byte
	due   time.Time
}

// SetFaults changes the cable. Frames that already wait are not touched, but a
// cut holds for them too.
func (p *Port) SetFaults(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
	if p.dice == nil {
		// The same losses in each run: a port's dice depend on its name alone.
		var seed uint64
		for _, c := range []byte(p.Name) {
			seed = seed*131 + uint64(c)
		}
		p.dice = rand.New(rand.NewPCG(seed, 1))
	}
}

// Faults returns what SetFaults set.
func (p *Port) Faults() Faults {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults
}

// Counts returns the port's counters.
func (p *Port) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts
}

// Close takes the port from the switch. Frames on the way are lost.
func (p *Port) Close() {
	p.once.Do(func() {
		p.sw.remove(p)
		close(p.done)
	})
}

// Send brings a frame into the switch. The frame must not be changed after.
func (p *Port) Send(frame []byte) {
	select {
	case <-p.done:
		return
	default:
	}
	p.mu.Lock()
	bad := len(frame) < minFrame || len(frame) > MaxFrame
	lost := !bad && p.loses(frame)
	switch {
	case bad:
		p.counts.Refused++
	case lost:
		p.counts.Lost++
	default:
		p.counts.In++
	}
	p.mu.Unlock()
	if !bad && !lost {
		p.sw.forward(p, frame)
	}
}

// loses decides whether the cable takes a frame; p.mu is held.
func (p *Port) loses(frame []byte) bool {
	f := p.faults
	return f.Cut || f.Drop > 0 && p.dice.Float64() < f.Drop || f.Block != nil && f.Block(frame)
}

// out queues a frame that leaves the switch here.
func (p *Port) out(frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.loses(frame) {
		p.counts.Lost++
		return
	}
	select {
	case p.queue <- queued{append([]byte(nil), frame...), time.Now().Add(p.faults.Delay)}:
	default:
		p.counts.Full++
	}
}

// run hands out the queue until the port is closed.
func (p *Port) run(deliver func([]byte)) {
	for {
		select {
		case <-p.done:
			return
		case q := <-p.queue:
			if !p.wait(q.due) {
				return
			}
			p.mu.Lock()
			cut := p.faults.Cut
			if cut {
				p.counts.Lost++
			} else {
				p.counts.Out++
			}
			p.mu.Unlock()
			if !cut {
				deliver(q.frame)
			}
		}
	}
}

// wait sleeps until a moment and reports false if the port is closed meanwhile.
func (p *Port) wait(until time.Time) bool {
	d := time.Until(until)
	if d <= 0 {
		return true
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-p.done:
		return false
	}
}
