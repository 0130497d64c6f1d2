package wire

// Framer cuts a byte stream into messages. The zero value is ready. It holds
// back less than MaxMessage octets, whatever it is fed.
type Framer struct {
	// Messages and Octets count what was taken out of the stream so far.
	Messages, Octets uint64

	part []byte // begin of a message that is not whole yet
	err  error
}

// Feed gives each message that p completes to fn, in order. When fn says
// false, Feed returns at once; rest is then the octets of p behind that
// message (a TLS handshake, for example). An error is an *Error; the stream
// has lost its place then and Feed gives the same error ever after.
func (f *Framer) Feed(p []byte, fn func(Message) bool) (rest []byte, err error) {
	for f.err == nil {
		frame, left := f.cut(p)
		p = left
		if frame == nil {
			break
		}
		m, err := Decode(frame)
		if err != nil {
			f.err = err
			break
		}
		f.Messages++
		f.Octets += uint64(len(frame))
		if !fn(m) {
			return p, nil
		}
	}
	return nil, f.err
}

// Pending is the number of octets held back of an incomplete message.
func (f *Framer) Pending() int { return len(f.part) }

// cut takes one frame of what is held back and p; it is nil, and p empty or
// f.err set, if there is no whole one.
func (f *Framer) cut(p []byte) (frame, left []byte) {
	if len(f.part) == 0 {
		n, ok, err := frameLen(p)
		if ok && n <= len(p) {
			return p[:n], p[n:]
		}
		f.err = err
		if err == nil {
			f.part = append(f.part, p...)
		}
		return nil, nil
	}
	for want := 2; ; {
		take := min(max(want-len(f.part), 0), len(p))
		f.part = append(f.part, p[:take]...)
		p = p[take:]
		if len(f.part) < want {
			return nil, nil
		}
		n, _, err := frameLen(f.part)
		if err != nil {
			f.err = err
			return nil, nil
		}
		if len(f.part) == n {
			frame, f.part = f.part, f.part[:0]
			return frame, p
		}
		want = n
	}
}
