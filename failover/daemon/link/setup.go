package link

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// errRefused marks a connection that does not keep to the pinned key.
var errRefused = errors.New("refused")

// setUp brings the connection to the point where the relationship's own
// CONNECT may be sent. Without a pin that is at once. With one, the first
// CONNECT and CONNECTACK only negotiate TLS (draft section 11.2), the
// handshake follows, and everything that counts is said inside it.
func (c *conn) setUp() (rest []byte, err error) {
	if c.peer.Pin == nil {
		return nil, nil
	}
	deadline := time.Now().Add(handshakeTime)
	if err := c.tcp.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if c.peer.Secondary {
		rest, err = c.awaitTLS()
	} else {
		rest, err = c.proposeTLS()
	}
	if err != nil {
		return nil, err
	}
	config := keyring.TLS(c.links.own, *c.peer.Pin)
	under := &prefixed{TCPConn: c.tcp, rest: bytes.NewReader(rest)}
	var sec *tls.Conn
	if c.peer.Secondary {
		sec = tls.Server(under, config)
	} else {
		sec = tls.Client(under, config)
	}
	if err := sec.HandshakeContext(c.links.ctx); err != nil {
		return nil, fmt.Errorf("%w: TLS with the pinned key failed: %w", errRefused, err)
	}
	c.net = sec
	return nil, c.tcp.SetDeadline(time.Time{})
}

// proposeTLS is the primary's side: CONNECT with TLS-request, answered by
// CONNECTACK with TLS-reply 1.
func (c *conn) proposeTLS() (rest []byte, err error) {
	m := &wire.Connect{
		Relationship: wire.Some(c.peer.Name),
		MaxUnacked:   wire.Some(uint32(1)),
		ReceiveTimer: wire.Some(lease.Seconds(60)),
		Version:      wire.Some(uint8(wire.Version)),
		TLSRequest:   wire.Some(wire.TLSRequired),
	}
	if err := c.say(m); err != nil {
		return nil, err
	}
	first, rest, err := c.hear()
	if err != nil {
		return nil, err
	}
	ack, ok := first.(*wire.Connectack)
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: expected CONNECTACK, got %v", errRefused, first)
	case ack.Reject.Set:
		return nil, fmt.Errorf("%w: the partner rejects TLS: %v %s", errRefused, ack.Reject.V, ack.Message.V)
	case ack.TLSReply.Or(0) != 1:
		return nil, fmt.Errorf("%w: the partner speaks clear text, but its key is pinned here; pin this server's key there, or remove the pin here with `failctl key forget %s`", errRefused, c.peer.Name)
	}
	return rest, nil
}

// awaitTLS is the secondary's side.
func (c *conn) awaitTLS() (rest []byte, err error) {
	first, rest, err := c.hear()
	if err != nil {
		return nil, err
	}
	in, ok := first.(*wire.Connect)
	if !ok {
		return nil, fmt.Errorf("%w: expected CONNECT, got %v", errRefused, first)
	}
	reply, reject := wire.AnswerTLS(in.TLSRequest.Or(wire.TLSNone), wire.TLSRequired)
	ack := &wire.Connectack{
		Relationship: in.Relationship,
		Version:      wire.Some(uint8(wire.Version)),
		TLSReply:     wire.Some(reply),
	}
	ack.XID = in.XID
	if reject != wire.RejectNone {
		ack.Reject = wire.Some(reject)
		ack.Message = wire.Some("the key of this relationship is pinned: TLS is required")
	}
	if err := c.say(ack); err != nil {
		return nil, err
	}
	if reject != wire.RejectNone {
		return nil, fmt.Errorf("%w: CONNECT in clear text, but the partner's key is pinned", errRefused)
	}
	return rest, nil
}

func (c *conn) say(m wire.Message) error {
	m.Head().Time = lease.FromUTC(time.Now())
	frame, err := wire.Frame(m)
	if err != nil {
		return err
	}
	_, err = c.tcp.Write(frame)
	return err
}

// hear reads one message in clear text; rest is what came behind it.
func (c *conn) hear() (m wire.Message, rest []byte, err error) {
	var f wire.Framer
	buf := make([]byte, wire.MaxMessage)
	for m == nil {
		n, err := c.tcp.Read(buf)
		if err != nil {
			return nil, nil, fmt.Errorf("while waiting for the first message: %w", err)
		}
		rest, err = f.Feed(buf[:n], func(got wire.Message) bool { m = got; return false })
		if err != nil {
			c.links.Counters.Malformed.Add(1)
			return nil, nil, fmt.Errorf("%w: %w", errRefused, err)
		}
	}
	return m, rest, nil
}

// prefixed is a connection of which some octets were read too early.
type prefixed struct {
	*net.TCPConn
	rest *bytes.Reader
}

// Read gives the early octets first.
func (p *prefixed) Read(b []byte) (int, error) {
	if p.rest.Len() > 0 {
		n, err := p.rest.Read(b)
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return n, err
	}
	return p.TCPConn.Read(b)
}
