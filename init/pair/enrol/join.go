package enrol

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"errors"
	"net"

	"tandem/failover/daemon/keyring"
)

// Session is the joining box's side of an enrolment in which the code was
// proven on both sides. The offer may be shown and worked over; Accept ends it.
type Session struct {
	Offer     Offer
	Pin       keyring.Pin // of the host's key
	PublicKey ed25519.PublicKey
}

// Join connects with dial and proves the code. own is the joining box's key
// (keyring.Ring.Own). The error texts are for the person who typed the code.
func Join(ctx context.Context, dial func(context.Context) (net.Conn, error), own tls.Certificate, code Code) (*Session, error) {
	return nil, errors.New("enrol: Join is being written")
}

// Accept tells the host that this box takes the offer, with the box.conf that
// it will use. Once it returns nil the host has pinned this box's key, and the
// caller pins the host's (package pair, Install) and puts box.conf in place.
// After an error neither has pinned anything, unless the text says otherwise.
func (s *Session) Accept(ctx context.Context, boxConf []byte) error {
	return errors.New("enrol: Accept is being written")
}

// Close gives the enrolment up if it is not yet done.
func (s *Session) Close() error { return nil }
