package sim

import (
	"time"

	"tandem/failover/node"
	"tandem/failover/wire"
)

// Limits of the link, as in the daemon.
const (
	maxOpen  = 4                // connections of a box at once
	dialTime = 15 * time.Second // until a dial into nothing fails
	rtoTime  = 2 * time.Second  // until TCP tries again after a partition
)

// link is the network between the boxes: TCP, so what arrives arrives in
// order, but late, or not at all and without a word.
type link struct {
	w     *World
	down  int // faults that keep it partitioned
	delay time.Duration
	conns []*tcp
	last  uint64

	// What is under way, by its number; a number is used again, and so is the
	// memory of a frame.
	parcels []parcel
	unused  []uint64
	frames  [][]byte
	brings  func(n uint64) // bring, made once
}

// tcp is one connection. end[i] is the number by which box i knows it; zero
// once that end is closed or gone.
type tcp struct {
	end  [2]uint64
	run  [2]uint64 // the run of the box that has the end
	free [2]Moment // the next parcel towards box i comes no sooner
	held [2][]parcel
}

// parcel is something on its way to box to: a message, or without a frame the
// end of the connection.
type parcel struct {
	c     *tcp
	to    int
	frame []byte
	why   string
}

func newLink(w *World) *link {
	l := &link{w: w}
	l.brings = l.bring
	return l
}

func (l *link) latency() time.Duration {
	return l.delay + time.Duration(l.w.dice(1).IntN(800)+100)*time.Microsecond
}

// open counts the connections of box i.
func (l *link) open(i int) int {
	n := 0
	for _, c := range l.conns {
		if c.end[i] != 0 {
			n++
		}
	}
	return n
}

// dial tries to connect box i with its partner.
func (l *link) dial(b *Box) {
	run := b.run
	l.w.in(l.latency(), func() { l.syn(b, run, l.w.now.after(dialTime)) })
}

func (l *link) syn(b *Box, run uint64, until Moment) {
	o := b.partner()
	switch {
	case !b.runs(run):
	case l.reaches(o) && (!o.process || l.open(o.i) >= maxOpen):
		l.w.in(l.latency(), func() { l.failed(b, run, "connection refused") })
	case l.reaches(o):
		c := l.connect(o, b)
		l.w.in(l.latency(), func() {
			if !b.runs(run) || c.end[b.i] == 0 {
				l.reset(c, b.i)
				return
			}
			b.give(&node.PeerConnected{Peer: "pair", Conn: c.end[b.i], Dialled: true})
		})
	case l.w.now >= until:
		l.failed(b, run, "connection timed out")
	default:
		l.w.in(time.Second, func() { l.syn(b, run, until) })
	}
}

// reaches tells whether box o would answer.
func (l *link) reaches(o *Box) bool { return l.down == 0 && o.powered && !o.paused }

func (l *link) failed(b *Box, run uint64, why string) {
	if b.runs(run) {
		b.give(&node.PeerClosed{Peer: "pair", Why: why})
	}
}

// connect makes a connection that o accepts.
func (l *link) connect(o, b *Box) *tcp {
	c := &tcp{}
	for i, x := range l.w.boxes {
		l.last++
		c.end[i], c.run[i] = l.last, x.run
	}
	l.conns = append(l.conns, c)
	c.free[b.i] = l.w.now.after(l.latency() + 2*time.Millisecond)
	o.give(&node.PeerConnected{Peer: "pair", Conn: c.end[o.i]})
	return c
}

func (l *link) find(i int, id uint64) *tcp {
	for _, c := range l.conns {
		if c.end[i] == id {
			return c
		}
	}
	return nil
}

// send carries one message of box b.
func (l *link) send(b *Box, id uint64, m wire.Message) {
	c := l.find(b.i, id)
	if c == nil {
		return
	}
	frame, err := wire.AppendFrame(l.room(), m)
	if err != nil {
		l.w.fail("wire", "%s cannot send %T: %v", b.name, m, err)
		return
	}
	dialect := wire.Tandem
	if b.partner().isDhcpd() {
		dialect = wire.ISC
	}
	if u := wire.Check(m, dialect); u != nil && !b.isDhcpd() {
		l.w.fail("wire", "%s sends what must not be sent: %v", b.name, u)
	}
	l.carry(parcel{c: c, to: 1 - b.i, frame: frame})
}

// room gives memory for a frame.
func (l *link) room() []byte {
	last := len(l.frames) - 1
	if last < 0 {
		return make([]byte, 0, 256)
	}
	b := l.frames[last]
	l.frames = l.frames[:last]
	return b[:0]
}

// carry sends a parcel on its way, behind those before it.
func (l *link) carry(p parcel) {
	free := &p.c.free[p.to]
	*free = max(l.w.now.after(l.latency()), *free)
	n := uint64(len(l.parcels))
	if last := len(l.unused) - 1; last >= 0 {
		n = l.unused[last]
		l.unused = l.unused[:last]
		l.parcels[n] = p
	} else {
		l.parcels = append(l.parcels, p)
	}
	l.w.with(*free, l.brings, n)
}

// bring has the parcel of that number arrive, or wait for the end of a
// partition or a pause.
func (l *link) bring(n uint64) {
	p := l.parcels[n]
	l.parcels[n] = parcel{}
	l.unused = append(l.unused, n)
	if held := &p.c.held[p.to]; l.down > 0 || l.w.boxes[p.to].paused || len(*held) > 0 {
		*held = append(*held, p)
		return
	}
	l.hand(p)
}

// hand gives a parcel to its box.
func (l *link) hand(p parcel) {
	if p.frame == nil {
		l.closed(p.c, p.to, p.why)
		return
	}
	l.arrive(p.c, l.w.boxes[p.to], p.frame)
	l.frames = append(l.frames, p.frame)
}

// arrive gives a message to box o, or answers that nobody is there.
func (l *link) arrive(c *tcp, o *Box, frame []byte) {
	switch {
	case !o.powered: // lost; the sender waits
	case c.end[o.i] == 0 || !o.runs(c.run[o.i]):
		l.reset(c, o.i)
	default:
		m, err := wire.Decode(frame)
		if err != nil {
			l.w.fail("wire", "%s cannot read: %v", o.name, err)
			return
		}
		if w := l.w; w.told {
			w.tell("    %s hears %s", o.name, brief(m))
		}
		o.give(&node.PeerReceived{Conn: c.end[o.i], Message: m})
	}
}

// reset tells the other end that end i is gone.
func (l *link) reset(c *tcp, i int) { l.carry(parcel{c: c, to: 1 - i, why: "connection reset"}) }

// closed ends end i, and tells its box.
func (l *link) closed(c *tcp, i int, why string) {
	b := l.w.boxes[i]
	id := c.end[i]
	c.end[i] = 0
	l.tidy()
	if id != 0 && b.runs(c.run[i]) {
		b.give(&node.PeerClosed{Peer: "pair", Conn: id, Why: why})
	}
}

// hangup closes a connection as box b wants it.
func (l *link) hangup(b *Box, id uint64) {
	c := l.find(b.i, id)
	if c == nil {
		return
	}
	l.closed(c, b.i, "closed here")
	l.carry(parcel{c: c, to: 1 - b.i, why: "closed by the partner"})
}

// gone ends every connection of a box whose process ended; told says so to
// the partner, which a power cut does not.
func (l *link) gone(b *Box, told bool) {
	for _, c := range append([]*tcp(nil), l.conns...) {
		if c.end[b.i] == 0 {
			continue
		}
		c.end[b.i] = 0
		if told {
			l.carry(parcel{c: c, to: 1 - b.i, why: "closed by the partner"})
		}
	}
	l.tidy()
}

// tidy forgets connections without an end.
func (l *link) tidy() {
	rest := l.conns[:0]
	for _, c := range l.conns {
		if c.end[0] != 0 || c.end[1] != 0 {
			rest = append(rest, c)
		}
	}
	clear(l.conns[len(rest):])
	l.conns = rest
}

// cut partitions the link; heal ends that, and TCP goes on where it was.
func (l *link) cut() { l.down++ }

func (l *link) heal() {
	if l.down--; l.down > 0 {
		return
	}
	for _, c := range append([]*tcp(nil), l.conns...) {
		for i := range c.held {
			l.w.in(time.Duration(l.w.dice(uint64(i)).Int64N(int64(rtoTime))), func() { l.release(c, i) })
		}
	}
}

// wake has the partner's TCP try again at box i, which was paused.
func (l *link) wake(i int) {
	for _, c := range append([]*tcp(nil), l.conns...) {
		l.w.in(time.Duration(l.w.dice(uint64(i)).Int64N(int64(rtoTime))), func() { l.release(c, i) })
	}
}

func (l *link) release(c *tcp, i int) {
	if l.down > 0 || l.w.boxes[i].paused {
		return
	}
	held := c.held[i]
	c.held[i] = nil
	for _, p := range held {
		l.hand(p)
	}
}

// resetAll breaks every connection.
func (l *link) resetAll() {
	for _, c := range append([]*tcp(nil), l.conns...) {
		l.closed(c, 0, "connection reset")
		l.closed(c, 1, "connection reset")
	}
}
