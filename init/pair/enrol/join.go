package enrol

import (
	"context"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"tandem/failover/daemon/keyring"
)

// Dial makes a connection to the host box.
type Dial func(ctx context.Context) (net.Conn, error)

// Session is the joining box's side of an enrolment in which the code was
// proven on both sides. The offer may be shown and worked over; Accept ends it.
type Session struct {
	Offer     Offer
	Pin       keyring.Pin // of the host's key
	PublicKey ed25519.PublicKey

	dial Dial
	own  tls.Certificate
	link *link
}

// Join connects and proves the code. own is the joining box's key
// (keyring.Ring.Own). The error texts are for the person who typed the code.
func Join(ctx context.Context, dial Dial, own tls.Certificate, code Code) (*Session, error) {
	raw, err := dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("no box that takes a partner answers: %w. Is the other box on, is the cable in the right ports, "+
			"and does its console show a code? `failctl pair open` there shows one", err)
	}
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	s, err := prove(ctx, raw, own, code)
	if err != nil {
		raw.Close()
		return nil, explain(ctx, err)
	}
	s.dial, s.own = dial, own
	return s, nil
}

// explain makes a text for a person of what ended an enrolment.
func explain(ctx context.Context, err error) error {
	var refusal *Refusal
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("given up: %w", context.Cause(ctx))
	case errors.As(err, &refusal) || errors.Is(err, errImpostor):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return fmt.Errorf("the other box ended the connection (%w): look at its console, then try again", err)
	}
	return fmt.Errorf("enrolment broke off (%w): check the cable, then try again; if it fails again, bring both boxes to the same release", err)
}

// errImpostor: the host accepted our proof, or pretended to, but could not
// give its own.
var errImpostor = errors.New("the other side does not know the code that it should have shown: it is not the box with that code, " +
	"or somebody sits between the boxes. Nothing was pinned. Join the boxes by one plain cable and use a new code")

func prove(ctx context.Context, raw net.Conn, own tls.Certificate, code Code) (*Session, error) {
	l, err := secure(ctx, raw, own, true)
	if err != nil {
		return nil, err
	}
	ci, sid, err := l.binding(own, true)
	if err != nil {
		return nil, err
	}
	x := newExchange([]byte(code), ci, sid)
	if err := l.send(kindHello, hello{Protocol: protocol, Share: x.share}); err != nil {
		return nil, err
	}
	var theirs share
	if err := l.expect(kindShare, &theirs, stepTime, maxSmall); err != nil {
		return nil, err
	}
	key, err := x.key(theirs.Share, true)
	if err != nil {
		return nil, err
	}
	if err := l.send(kindProof, proof{confirmation(key, sid, x.share)}); err != nil {
		return nil, err
	}
	// The bound of an offer is large, but nobody gets here without the code
	// except by a guess, once per code that a person types.
	var o offer
	if err := l.expect(kindOffer, &o, stepTime, maxOffer); err != nil {
		return nil, err
	}
	if !hmac.Equal(o.MAC, confirmation(key, sid, theirs.Share)) {
		return nil, errImpostor
	}
	if o.Offer.Config != nil {
		if err := o.Offer.Config.Check(); err != nil {
			return nil, fmt.Errorf("the configuration that the other box offers: %w", err)
		}
	}
	return &Session{Offer: o.Offer, Pin: l.pin, PublicKey: l.theirs, link: l}, nil
}

// Accept tells the host that this box takes the offer, with the box.conf that
// it will use. Once it returns nil the host has pinned this box's key, and the
// caller pins the host's (package pair, InstallOffer) and puts box.conf in
// place. After an error neither has pinned anything, unless the text says
// otherwise; after a Refusal that is Correctable it may be called again.
func (s *Session) Accept(ctx context.Context, boxConf []byte) error {
	stop := context.AfterFunc(ctx, func() { s.link.conn.Close() })
	defer stop()
	if err := s.link.send(kindAccept, accept{boxConf}); err != nil {
		return explain(ctx, err)
	}
	if err := s.link.expect(kindReady, nil, stepTime, maxBox); err != nil {
		return explain(ctx, err)
	}
	return s.finish(ctx)
}

// finish commits, and makes sure that the host knows and has it.
func (s *Session) finish(ctx context.Context) error {
	err := s.link.send(kindCommit, nil)
	if err == nil {
		err = s.link.expect(kindDone, nil, stepTime, maxBox)
	}
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal
	}
	if err != nil {
		if err = s.resume(ctx, err); err != nil {
			return err
		}
	}
	// The host need not hear this: it waits for a while, then goes on.
	_ = s.link.send(kindBye, nil)
	return nil
}

// resumeEvery is the pause between attempts to hear how it ended.
const resumeEvery = time.Second

// resume asks the host, on new connections, whether it has pinned this box.
func (s *Session) resume(ctx context.Context, cause error) error {
	s.link.conn.Close()
	ctx, cancel := context.WithTimeout(ctx, lingerTime/2)
	defer cancel()
	for {
		err := s.resumeOnce(ctx)
		var refusal *Refusal
		if err == nil || errors.As(err, &refusal) {
			return err
		}
		select {
		case <-time.After(resumeEvery):
		case <-ctx.Done():
			return fmt.Errorf("the connection broke at the last step (%w), and the other box does not answer any more: it may have taken this "+
				"box as its partner. Run `failctl pair open` there, and start again here with the code that it shows", cause)
		}
	}
}

func (s *Session) resumeOnce(ctx context.Context) error {
	raw, err := s.dial(ctx)
	if err != nil {
		return err
	}
	l, err := secure(ctx, raw, s.own, true)
	if err == nil && l.pin != s.Pin {
		err = errImpostor
	}
	if err == nil {
		err = l.send(kindHello, hello{Protocol: protocol, Resume: true})
	}
	if err == nil {
		err = l.expect(kindDone, nil, stepTime, maxSmall)
	}
	if err != nil {
		raw.Close()
		return err
	}
	s.link = l
	return nil
}

// Close ends the connection; an enrolment that was not accepted is given up.
func (s *Session) Close() error { return s.link.conn.Close() }
