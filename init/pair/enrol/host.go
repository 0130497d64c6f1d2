package enrol

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
)

// Host is the side that shows the code.
type Host struct {
	Own tls.Certificate
	// Offer gives what is proposed to a box that knows the code.
	Offer func() (Offer, error)
	// Check judges the box.conf that the joining box settled on; the error is
	// shown there.
	Check func(boxConf []byte) error
	// Pin makes the partnership durable, at once before the joining box is told
	// that it is done.
	Pin func(Joined) error
	// Tell is called with every change of the window. It must not block.
	Tell func(Window)
}

// Serve lets boxes try on the listener until one has joined or ctx ends. It
// closes the listener.
func (h *Host) Serve(ctx context.Context, l net.Listener) (Joined, error) {
	return Joined{}, errors.New("enrol: Serve is being written")
}
