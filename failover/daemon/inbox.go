package daemon

import (
	"sync"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/dhcp"
	"tandem/failover/node"
)

// maxDatagram is the largest DHCP message that is looked at, headers
// included: more than an Ethernet frame carries.
const maxDatagram = 2048

// parcel is one received datagram with its buffer, from the socket to the end
// of the batch that answers it.
type parcel struct {
	in   node.PacketIn
	data [maxDatagram]byte
}

var parcels = sync.Pool{New: func() any { return new(parcel) }}

// release gives the buffer back once nothing points into it any more.
func (p *parcel) release() {
	p.in.Packet = dhcp.Packet{}
	parcels.Put(p)
}

// Limits of the inbox.
const (
	inboxPackets = 2048 // clients' packets that wait
	inboxStreams = 64   // other inputs that wait
	batchSize    = 256  // inputs that are worked on together
)

// inbox is the only way into the loop. It has two bounded lanes: clients'
// packets, which are dropped and counted when there is no room (a client
// repeats), and everything else, whose senders wait.
//
// Packets wait in two queues. DISCOVERs have the last place: a client that is
// only looking around loses less than one that has been promised an address,
// and the oldest has most likely given up already, so it makes room first.
type inbox struct {
	streams chan node.Input
	wake    chan struct{}
	count   *counters

	mu        sync.Mutex
	discovers ring
	others    ring

	timer *time.Timer
}

func newInbox(count *counters) *inbox {
	timer := time.NewTimer(time.Hour)
	timer.Stop()
	return &inbox{
		streams:   make(chan node.Input, inboxStreams),
		wake:      make(chan struct{}, 1),
		count:     count,
		discovers: ring{buf: make([]*parcel, inboxPackets)},
		others:    ring{buf: make([]*parcel, inboxPackets)},
		timer:     timer,
	}
}

// put queues packets and takes them over. It never blocks.
func (b *inbox) put(batch []*parcel) {
	b.mu.Lock()
	for _, p := range batch {
		b.place(p)
	}
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default: // the loop has been told already
	}
}

func (b *inbox) place(p *parcel) {
	discover := p.in.Packet.Msg.MessageType() == dhcpv4.MessageTypeDiscover
	if b.discovers.n+b.others.n >= inboxPackets {
		if b.discovers.n == 0 {
			b.count.add(inboxRequestDropped, 1)
			p.release()
			return
		}
		b.count.add(inboxOfferDropped, 1)
		b.discovers.pop().release()
	}
	if discover {
		b.discovers.push(p)
	} else {
		b.others.push(p)
	}
}

// send queues an input of the streams' lane and waits for room; false if done
// was closed first.
func (b *inbox) send(done <-chan struct{}, in node.Input) bool {
	select {
	case b.streams <- in:
		return true
	case <-done:
		return false
	}
}

// take waits until something has come, for at most wait, and gives it, streams
// first, then requests, then discovers: what was begun is brought to its end.
// Both slices are empty when the time is over or done is closed.
func (b *inbox) take(done <-chan struct{}, wait time.Duration, into *batch) {
	into.reset()
	if b.drain(into) {
		return
	}
	b.timer.Reset(wait)
	defer b.timer.Stop()
	for {
		select {
		case in := <-b.streams:
			into.inputs = append(into.inputs, in)
			b.drain(into)
			return
		case <-b.wake:
			if b.drain(into) {
				return
			}
		case <-b.timer.C:
			return
		case <-done:
			b.drain(into)
			return
		}
	}
}

// drain takes what is there without waiting.
func (b *inbox) drain(into *batch) bool {
	for len(into.inputs) < batchSize/4 {
		select {
		case in := <-b.streams:
			into.inputs = append(into.inputs, in)
			continue
		default:
		}
		break
	}
	b.mu.Lock()
	for room := batchSize - len(into.inputs); room > 0; room-- {
		p := b.others.pop()
		if p == nil {
			p = b.discovers.pop()
		}
		if p == nil {
			break
		}
		into.inputs = append(into.inputs, &p.in)
		into.parcels = append(into.parcels, p)
	}
	b.mu.Unlock()
	return len(into.inputs) > 0
}

// waiting is the number of packets in the inbox.
func (b *inbox) waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.discovers.n + b.others.n
}

// batch is what the loop works on in one turn.
type batch struct {
	inputs  []node.Input
	parcels []*parcel
}

func (b *batch) reset() {
	clear(b.inputs)
	b.inputs, b.parcels = b.inputs[:0], b.parcels[:0]
}

// release gives the buffers of the batch back.
func (b *batch) release() {
	for i, p := range b.parcels {
		p.release()
		b.parcels[i] = nil
	}
	b.reset()
}

// ring is a queue of fixed capacity; the caller keeps it from overflowing.
type ring struct {
	buf  []*parcel
	head int
	n    int
}

func (r *ring) push(p *parcel) {
	r.buf[(r.head+r.n)%len(r.buf)] = p
	r.n++
}

func (r *ring) pop() *parcel {
	if r.n == 0 {
		return nil
	}
	p := r.buf[r.head]
	r.buf[r.head] = nil
	r.head = (r.head + 1) % len(r.buf)
	r.n--
	return p
}
