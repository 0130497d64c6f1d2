package pair

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/init/box"
	"tandem/init/pair/change"
	"tandem/init/pair/frame"
	"tandem/init/pair/heartbeat"
)

// protocol is the version of the session's frames.
const protocol = 1

// Kinds of frames of a session. Each side sends hello first, then welcome if
// the other's hello suits it, then alive once a second beside whatever there is
// to say.
const (
	kindHello   byte = iota + 1 // greeting
	kindWelcome                 // empty
	kindAlive                   // empty
	kindChange                  // a message of package change, as it stands
	kindBye                     // farewell; the session ends
)

// greeting tells the partner who this is.
type greeting struct {
	Protocol int    `json:"protocol"`
	BoxConf  []byte `json:"boxConf"`
}

type farewell struct {
	Why string `json:"why"`
}

// Limits and times of a session.
const (
	maxGreeting   = 128 << 10         // octets
	maxFrame      = change.MaxMessage // octets
	sendQueue     = 32                // messages that wait to be written
	aliveEvery    = time.Second       //
	sessionSilent = 5 * time.Second   // without an octet the partner is lost
	helloTime     = 5 * time.Second   // for the handshake, and for hello
	writeTime     = 60 * time.Second  // for one message
	dialTime      = 2 * time.Second   //
	redial        = 1 * time.Second   // pause between attempts
	redialSlow    = 3 * time.Second   // the same after a session that ended at once
	improveEvery  = 5 * time.Second   // pause between attempts to have a better path
	maxHandshakes = 4                 // connections that are not yet sessions
	partnerGrace  = 10 * time.Second  // that a partner may be away without an alarm
)

// session is a connection in which both sides greeted each other.
type session struct {
	conn  *tls.Conn
	path  heartbeat.Path
	since time.Time
	key   ed25519.PublicKey
	hello greeting
	box   box.Config // from hello
	out   chan frame.Frame
	done  chan struct{} // closed when the connection is to end
	once  sync.Once
	gone  chan struct{} // closed when nothing of it can happen any more
}

func (s *session) end() {
	s.once.Do(func() {
		close(s.done)
		s.conn.Close()
	})
}

// send queues a message; false if there is no room or the session is over.
func (s *session) send(f frame.Frame) bool {
	select {
	case <-s.done:
		return false
	default:
	}
	select {
	case s.out <- f:
		return true
	default:
		return false
	}
}

// errTold is the partner's own reason for not going on.
type errTold string

func (e errTold) Error() string { return string(e) }

// greet makes a connection a session: TLS with both keys pinned, then hello on
// both sides.
func greet(ctx context.Context, raw net.Conn, id *identity, client bool) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, helloTime)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	conn := tls.Server(raw, keyring.TLS(id.own.cert, id.pin))
	if client {
		conn = tls.Client(raw, keyring.TLS(id.own.cert, id.pin))
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	s := &session{conn: conn, since: time.Now(), out: make(chan frame.Frame, sendQueue), done: make(chan struct{}), gone: make(chan struct{})}
	if err := frame.Write(conn, kindHello, greeting{protocol, id.boxText}); err != nil {
		return nil, err
	}
	if err := await(conn, kindHello, &s.hello); err != nil {
		return nil, err
	}
	key, ok := conn.ConnectionState().PeerCertificates[0].PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("the partner's key is %T, not Ed25519", conn.ConnectionState().PeerCertificates[0].PublicKey)
	}
	s.key = key
	if err := s.fits(id); err != nil {
		_ = frame.Write(conn, kindBye, farewell{err.Error()})
		return nil, err
	}
	if err := frame.Write(conn, kindWelcome, nil); err != nil {
		return nil, err
	}
	if err := await(conn, kindWelcome, nil); err != nil {
		return nil, err
	}
	return s, nil
}

// await reads one frame, which is of the kind, or tells why the partner does
// not go on.
func await(conn net.Conn, kind byte, v any) error {
	f, err := frame.Read(conn, maxGreeting)
	if err != nil {
		return err
	}
	if f.Kind == kindBye {
		return toldBye(f)
	}
	return f.Decode(kind, v)
}

func toldBye(f frame.Frame) error {
	var b farewell
	if err := f.Decode(kindBye, &b); err != nil {
		return err
	}
	return errTold("the partner ended the session: " + oneLine(b.Why))
}

// errMisfit is a partner with which there can be no session before a person
// changes something.
type errMisfit string

func (e errMisfit) Error() string { return string(e) }

// fits looks whether the two boxes are set up for each other as far as a
// session needs it; see misfits for the rest.
func (s *session) fits(id *identity) error {
	if s.hello.Protocol != protocol {
		return errMisfit(fmt.Sprintf("the boxes speak releases %d and %d of the pair's protocol: bring both to the same software", protocol, s.hello.Protocol))
	}
	var problems []box.Problem
	s.box, problems = box.Parse(partnerConf, string(s.hello.BoxConf))
	if len(problems) > 0 {
		return errMisfit(fmt.Sprintf("the partner's box.conf is not understood here (%v): bring both boxes to the same software", problems[0]))
	}
	if s.box.Role == id.box.Role {
		return errMisfit(fmt.Sprintf("both boxes, %s and %s, have the role %s: change the role of one in its box.conf and restart it", id.box.Name, s.box.Name, s.box.Role))
	}
	if s.box.PeerName() != id.box.PeerName() {
		return errMisfit(fmt.Sprintf("the relationship is called %q here and %q at %s: give both boxes the same name in the peer line of box.conf",
			id.box.PeerName(), s.box.PeerName(), s.box.Name))
	}
	return nil
}

// read hands each message of the partner to fn until the session ends.
func (s *session) read(fn func(msg []byte) error) error {
	return readMessages(&patientReader{s.conn}, fn)
}

func readMessages(r io.Reader, fn func(msg []byte) error) error {
	for {
		f, err := frame.Read(r, maxFrame)
		if err != nil {
			return err
		}
		switch f.Kind {
		case kindAlive:
		case kindBye:
			return toldBye(f)
		case kindChange:
			if err := fn(f.Body); err != nil {
				return fmt.Errorf("%w: %w", errBadFrame, err)
			}
		default:
			return fmt.Errorf("%w: it is of the unknown kind %d", errBadFrame, f.Kind)
		}
	}
}

// errBadFrame is something in a session that no partner of this release says.
var errBadFrame = errors.New("a message of the partner is not understood")

// patientReader gives the partner time as long as octets come.
type patientReader struct{ conn net.Conn }

func (r *patientReader) Read(p []byte) (int, error) {
	if err := r.conn.SetReadDeadline(time.Now().Add(sessionSilent)); err != nil {
		return 0, err
	}
	return r.conn.Read(p)
}

// write sends what is queued, and signs of life, until the session ends.
func (s *session) write() error {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		f := frame.Frame{Kind: kindAlive}
		select {
		case f = <-s.out:
		case <-tick.C:
		case <-s.done:
			return io.EOF
		}
		if err := s.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
			return err
		}
		if _, err := s.conn.Write(frame.Append(nil, f)); err != nil {
			return err
		}
	}
}
