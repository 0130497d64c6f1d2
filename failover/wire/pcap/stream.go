package pcap

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"tandem/failover/wire"
)

// maxHeld is how many octets of one direction may wait for a segment that is
// missing before the direction is given up.
const maxHeld = 256 << 10

// port is where failover partners listen (IANA dhcp-failover).
const port = 647

// flow is one direction of a connection.
type flow struct{ from, to netip.AddrPort }

// stream puts one direction together.
type stream struct {
	flow   flow
	framer wire.Framer
	next   uint32 // sequence number that comes next
	synced bool   // next is known
	held   []segment
	nheld  int
	// judged: it is known whether this is failover; dead: no more of it is read.
	judged, dead bool
}

// reader makes events of segments.
type reader struct {
	streams map[flow]*stream
	order   []*stream // in order of appearance
	first   time.Duration
	events  []Event
}

func (r *reader) note(at time.Duration, f flow, format string, args ...any) {
	r.events = append(r.events, Event{
		At: at - r.first, From: f.from.String(), To: f.to.String(), Note: fmt.Sprintf(format, args...),
	})
}

// segment takes one TCP segment, captured at at.
func (r *reader) segment(at time.Duration, s segment) {
	f := flow{s.from, s.to}
	named := s.from.Port() == port || s.to.Port() == port
	st := r.streams[f]
	if st == nil || s.flags&flagSYN != 0 {
		if st != nil {
			r.finish(at, st)
		}
		st = &stream{flow: f, judged: named}
		r.streams[f] = st
		r.order = append(r.order, st)
	}
	if s.flags&flagSYN != 0 {
		st.next, st.synced = s.seq+1, true
		if s.flags&flagACK == 0 && named {
			r.note(at, f, "dials (SYN)")
		}
	}
	r.data(at, st, s)
	if s.flags&flagFIN != 0 && st.judged && !st.dead {
		r.note(at, f, "closes (FIN)")
	}
	if s.flags&flagRST != 0 && named {
		r.note(at, f, "aborts (RST)")
	}
}

// data puts the octets of s in their place and reads what is in order then.
func (r *reader) data(at time.Duration, st *stream, s segment) {
	if st.dead || len(s.data) == 0 || s.flags&flagSYN != 0 {
		return
	}
	if !st.synced {
		st.next, st.synced = s.seq, true
	}
	if s.cut {
		r.kill(at, st, "packet is not whole in the capture; capture with a larger snap length (tcpdump -s 0)")
		return
	}
	st.held = append(st.held, s)
	st.nheld += len(s.data)
	for r.advance(at, st) {
	}
	if st.nheld > maxHeld {
		r.kill(at, st, fmt.Sprintf("%d octets wait for a segment that the capture does not have", st.nheld))
	}
}

// advance reads one held segment that continues the stream, or drops one
// that is old. It says false if there is none.
func (r *reader) advance(at time.Duration, st *stream) bool {
	for i, s := range st.held {
		skip := int32(st.next - s.seq) // octets of s that were read already
		if skip < 0 {
			continue
		}
		st.held = slices.Delete(st.held, i, i+1)
		st.nheld -= len(s.data)
		if int(skip) < len(s.data) {
			b := s.data[skip:]
			st.next += uint32(len(b))
			r.read(at, st, b)
		}
		return !st.dead
	}
	return false
}

// read takes the next octets of the stream.
func (r *reader) read(at time.Duration, st *stream, b []byte) {
	if !st.judged && !likely(b) {
		st.dead = true
		return
	}
	st.judged = true
	if st.framer.Pending() == 0 && len(b) > 1 && b[0] == 0x16 && b[1] == 3 {
		r.kill(at, st, "TLS handshake: encrypted from here on")
		return
	}
	_, err := st.framer.Feed(b, func(m wire.Message) bool {
		r.events = append(r.events, Event{
			At: at - r.first, From: st.flow.from.String(), To: st.flow.to.String(), Message: m,
		})
		return true
	})
	if err != nil {
		r.kill(at, st, fmt.Sprintf("%v; the rest of this direction is left out", err))
	}
}

// likely tells whether b can be the begin of a failover connection.
func likely(b []byte) bool {
	if len(b) < wire.HeaderLen {
		return false
	}
	n := int(b[0])<<8 | int(b[1])
	return n >= wire.HeaderLen && n <= wire.MaxMessage && wire.Kind(b[2]).Known() && b[3] == wire.HeaderLen
}

// kill notes why a stream is read no further.
func (r *reader) kill(at time.Duration, st *stream, why string) {
	st.dead, st.held, st.nheld = true, nil, 0
	if st.judged {
		r.note(at, st.flow, "%s", why)
	}
}

// finish notes what is left over of a stream that ended.
func (r *reader) finish(at time.Duration, st *stream) {
	switch {
	case st.dead || !st.judged:
	case st.nheld > 0:
		r.note(at, st.flow, "%d octets wait for a segment that the capture does not have", st.nheld)
	case st.framer.Pending() > 0:
		r.note(at, st.flow, "ends within a message, after %d octets of it", st.framer.Pending())
	}
	st.dead = true
}
