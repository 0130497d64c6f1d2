package omapi

import (
	"encoding/binary"
	"net/netip"

	"tandem/failover/lease"
)

// Session is one connection. It answers requests strictly in their order; as
// long as the outcome of a change is open, nothing further is looked at.
type Session struct {
	id      uint64
	from    netip.Addr
	since   lease.Now
	server  *Server
	nextID  uint32 // transaction id of the next message to send
	handles handles

	header   int    // length of the client's headers; zero before its start
	buf      []byte // octets not yet taken
	proven   bool   // has shown a valid signature, or needs none
	refusals int
	seen     remembered
	waiting  *request // the change that is under way
	refused  refused  // the latest refusal that has a reason to show
	begun    bool     // a message has begun and is not complete
	more     bool     // complete messages wait until replies are written
	closed   string   // why the session is over

	deadline int64
}

// Output is what a session has to say. If Close is not empty, the connection
// is to be closed after Bytes are written; Close says why, for the log.
type Output struct {
	Bytes []byte
	Close string
}

// refused is why something could not be done to an object.
type refused struct {
	object object
	text   string
}

// ID is the number that Accept was given.
func (s *Session) ID() uint64 { return s.id }

// Hello is what is sent first, without waiting for the client.
func (s *Session) Hello() []byte {
	return binary.BigEndian.AppendUint32(u32(protocolVersion), headerLen)
}

// Ready tells whether octets of the client are wanted. While it is false the
// shell does not read.
func (s *Session) Ready() bool { return s.closed == "" && s.waiting == nil && !s.more }

// More tells whether requests wait until the shell has written the replies
// that it has: it then calls Feed with no octets.
func (s *Session) More() bool { return s.more }

// Deadline is the monotonic moment in nanoseconds at which Expire has
// something to do; zero if there is none.
func (s *Session) Deadline() int64 { return s.deadline }

// Feed takes at most MaxFeed octets from the client.
func (s *Session) Feed(now lease.Now, octets []byte) Output {
	if s.closed != "" {
		return Output{Close: s.closed}
	}
	if len(s.buf)+len(octets) > MaxMessage+MaxFeed {
		return s.malformed("the client sends more than was asked for")
	}
	s.buf = append(s.buf, octets...)
	return s.take(now, Output{})
}

// Expire acts if the deadline has come: it closes a connection that is idle
// or stopped within a message, and tells a client that its change takes long.
func (s *Session) Expire(now lease.Now) Output {
	if s.closed != "" || s.deadline == 0 || now.Mono < s.deadline {
		return Output{}
	}
	switch {
	case s.waiting != nil:
		s.server.stats.Late++
		r := *s.waiting
		s.waiting = nil
		out := Output{}
		s.status(&out, r.to, Result{TimedOut, "the change is not settled yet; refresh to see what came of it"})
		return s.take(now, out)
	case s.begun:
		s.server.stats.Stalled++
		return s.close(Output{}, "stopped within a message")
	}
	s.server.stats.Idle++
	return s.close(Output{}, "idle for too long")
}

// resolve answers the change that is under way and goes on with what waits.
func (s *Session) resolve(now lease.Now, r Result) Output {
	req := *s.waiting
	s.waiting = nil
	out := Output{}
	s.settle(&out, req, r)
	return s.take(now, out)
}

// take handles all complete messages that came in.
func (s *Session) take(now lease.Now, out Output) Output {
	used, complete := 0, false
	for s.waiting == nil && len(out.Bytes) < MaxReplies {
		n, why := s.step(&out, s.buf[used:], now)
		if why != "" {
			return s.close(out, why)
		}
		if n == 0 {
			break
		}
		used += n
		complete = true
	}
	if used > 0 {
		s.buf = append(s.buf[:0], s.buf[used:]...)
	}
	if len(s.buf) == 0 {
		s.buf = nil // an idle session holds no memory
	}
	s.more = len(s.buf) > 0 && len(out.Bytes) >= MaxReplies && s.waiting == nil
	partial := len(s.buf) > 0 && s.header != 0 && s.waiting == nil && !s.more
	if complete || s.waiting != nil || partial != s.begun {
		s.begun = partial
		s.restart(now)
	}
	return out
}

// step takes one message, or the start, off the front of buf and gives its
// length; zero if it is not complete. why is the reason to close.
func (s *Session) step(out *Output, buf []byte, now lease.Now) (n int, why string) {
	if s.header == 0 {
		return s.start(buf)
	}
	m, size, err := next(buf, s.header)
	if err != nil {
		s.server.stats.Malformed++
		return 0, err.Error()
	}
	if size == 0 {
		return 0, ""
	}
	s.server.stats.Requests++
	return size, s.handle(out, &m, now)
}

// start reads the client's version and header length.
func (s *Session) start(buf []byte) (n int, why string) {
	if len(buf) < startLen {
		return 0, ""
	}
	version, header := binary.BigEndian.Uint32(buf), binary.BigEndian.Uint32(buf[4:])
	switch {
	case version != protocolVersion:
		why = "the client speaks another version of the protocol"
	case header < headerLen || header > MaxHeader:
		why = "the client announces headers of an impossible length"
	default:
		s.header = int(header)
		return startLen, ""
	}
	s.server.stats.Malformed++
	return 0, why
}

// restart sets the deadline anew from now.
func (s *Session) restart(now lease.Now) {
	after := IdleTime
	switch {
	case s.waiting != nil:
		after = ChangeTime
	case s.begun || s.header == 0:
		after = MessageTime
	case !s.proven:
		after = UnprovenTime
	}
	s.deadline = now.Add(after).Mono
	if !s.proven {
		s.deadline = min(s.deadline, s.since.Add(UnprovenTime).Mono)
	}
}

func (s *Session) malformed(why string) Output {
	s.server.stats.Malformed++
	return s.close(Output{}, why)
}

// close ends the session; out is still written.
func (s *Session) close(out Output, why string) Output {
	s.closed, s.deadline, s.buf, s.waiting, s.more = why, 0, nil, nil, false
	out.Close = why
	return out
}
