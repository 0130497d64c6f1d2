package daemon

import (
	"time"

	"tandem/failover/dhcp"
	"tandem/failover/node"
)

// parcel is one received datagram with its octets, from the inbox to the end
// of the batch that answers it.
type parcel struct {
	in   node.PacketIn
	data []byte
}

// Limits of the inbox. Packets: what a large site sends in half a second, for
// the moment in which the disk or the processor is busy with something else;
// clients repeat after some seconds, so more would be of no use.
const (
	inboxPackets = 16384 // clients' packets that wait
	inboxStreams = 64    // other inputs that wait
	batchSize    = 256   // inputs that are worked on together
)

// inbox is the only way into the loop. It has two bounded lanes: clients'
// packets, which are dropped and counted when there is no room (a client
// repeats), and everything else, whose senders wait.
//
// Packets wait in two queues. DISCOVERs have the last place: a client that is
// only looking around loses less than one that has been promised an address,
// and the oldest has most likely given up already, so it makes room first.
//
// The lane of the packets belongs to the loop, which fills it from the sockets
// before each batch: under load everything that waits in the kernel comes in,
// and what is too much is dropped by the rule above, before it costs more.
type inbox struct {
	streams chan message
	poller  *poller
	count   *counters

	posted    []node.Input
	discovers ring
	others    ring
	spare     []*parcel
}

// message is an entry of the streams' lane: inputs, or something that the
// loop is to do, which may give an input.
type message struct {
	in  node.Input
	all []node.Input
	do  func() node.Input
}

func newInbox(p *poller, count *counters) *inbox {
	return &inbox{
		streams:   make(chan message, inboxStreams),
		poller:    p,
		count:     count,
		discovers: ring{buf: make([]*parcel, inboxPackets)},
		others:    ring{buf: make([]*parcel, inboxPackets)},
	}
}

// send queues an input of the streams' lane and waits for room; false if done
// was closed first. Any goroutine may send.
func (b *inbox) send(done <-chan struct{}, in node.Input) bool {
	return b.enter(done, message{in: in})
}

// sendAll does the same with several inputs, which enter together.
func (b *inbox) sendAll(done <-chan struct{}, all []node.Input) bool {
	return b.enter(done, message{all: all})
}

// order has the loop do something; its result, if not nil, is an input.
func (b *inbox) order(done <-chan struct{}, do func() node.Input) bool {
	return b.enter(done, message{do: do})
}

func (b *inbox) enter(done <-chan struct{}, m message) bool {
	select {
	case b.streams <- m:
		b.poller.ring()
		return true
	case <-done:
		return false
	}
}

// post adds an input of the loop's own making.
func (b *inbox) post(in node.Input) { b.posted = append(b.posted, in) }

// wrap makes a parcel of a packet and a copy of its octets.
func (b *inbox) wrap(packet dhcp.Packet) *parcel {
	p := new(parcel)
	if n := len(b.spare); n > 0 {
		p = b.spare[n-1]
		b.spare = b.spare[:n-1]
	}
	p.data = append(p.data[:0], packet.Raw...)
	packet.Raw = p.data
	p.in.Packet = packet
	return p
}

// release takes a parcel back once nothing points into it any more.
func (b *inbox) release(p *parcel) {
	p.in.Packet = dhcp.Packet{}
	b.spare = append(b.spare, p)
}

// put queues a packet; its octets are copied.
func (b *inbox) put(packet dhcp.Packet) {
	if b.waiting() >= inboxPackets {
		if b.discovers.n == 0 {
			b.count.add(inboxRequestDropped, 1)
			return
		}
		b.count.add(inboxOfferDropped, 1)
		b.release(b.discovers.pop())
	}
	lane := &b.others
	if isDiscover(packet.Raw) {
		lane = &b.discovers
	}
	lane.push(b.wrap(packet))
}

// waiting is the number of packets in the inbox.
func (b *inbox) waiting() int { return b.discovers.n + b.others.n }

// take waits until something has come, for at most wait, and gives it, streams
// first, then requests, then discovers: what was begun is brought to its end.
// It gives an empty batch when the time is over, or when somebody rang.
func (b *inbox) take(wait time.Duration, into *batch) {
	b.drain(into)
	if len(into.inputs) > 0 || b.waiting() > 0 {
		wait = 0
	}
	for _, s := range b.poller.wait(wait, func() bool { return len(b.streams) == 0 }) {
		s.read()
	}
	b.drain(into)
	for len(into.inputs) < batchSize {
		p := b.others.pop()
		if p == nil {
			p = b.discovers.pop()
		}
		if p == nil {
			return
		}
		into.parcels = append(into.parcels, p)
		if msg, err := dhcp.Decode(p.in.Packet.Raw); err != nil {
			b.count.add(receiveUndecodable, 1)
		} else {
			p.in.Packet.Msg = msg
			into.inputs = append(into.inputs, &p.in)
		}
	}
}

// drain takes what needs no waiting, bar the packets.
func (b *inbox) drain(into *batch) {
	into.inputs = append(into.inputs, b.posted...)
	clear(b.posted)
	b.posted = b.posted[:0]
	for n := 0; n < batchSize/4 && len(into.inputs) < batchSize; n++ {
		select {
		case m := <-b.streams:
			if m.do != nil {
				m.in = m.do()
			}
			if m.in != nil {
				into.inputs = append(into.inputs, m.in)
			}
			into.inputs = append(into.inputs, m.all...)
		default:
			return
		}
	}
}

// batch is what the loop works on in one turn.
type batch struct {
	inputs  []node.Input
	parcels []*parcel
}

// clear gives the parcels of the batch back and empties it.
func (b *inbox) clear(done *batch) {
	for i, p := range done.parcels {
		b.release(p)
		done.parcels[i] = nil
	}
	clear(done.inputs)
	done.inputs, done.parcels = done.inputs[:0], done.parcels[:0]
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
