package enrol

import (
	"context"
	"crypto/hmac"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"time"
)

// Host is the side that shows the code.
type Host struct {
	Own tls.Certificate
	// Offer gives what is proposed to a box that knows the code.
	Offer func() (Offer, error)
	// Check judges the box.conf that the joining box settled on; the error is
	// shown there.
	Check func(boxConf []byte) error
	// Pin makes the partnership durable, before the joining box is told that it
	// is done.
	Pin func(Joined) error
	// Tell is called with every change of the window. It must not block.
	Tell func(Window)

	// These are CodeLife, lingerTime and NewCode, except in tests.
	life, linger time.Duration
	newCode      func() Code
}

// Serve lets boxes try on the listener until one has joined or ctx ends. It
// closes the listener.
func (h *Host) Serve(ctx context.Context, l net.Listener) (Joined, error) {
	w := &window{host: h, done: make(chan struct{})}
	w.renew("")
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer all.Wait()
	defer cancel()
	context.AfterFunc(ctx, func() { l.Close() })
	all.Go(func() { w.watch(ctx) })
	failed := make(chan error, 1)
	all.Go(func() { failed <- w.accept(ctx, l, &all) })
	select {
	case <-w.done:
		return *w.pinned, nil
	case err := <-failed:
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return Joined{}, err
	}
}

// accept takes connections until the listener is closed.
func (w *window) accept(ctx context.Context, l net.Listener, all *sync.WaitGroup) error {
	places := make(chan struct{}, MaxConns)
	for {
		raw, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return err
		}
		if err != nil { // out of descriptors, say
			select {
			case <-time.After(100 * time.Millisecond):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		select {
		case places <- struct{}{}:
			all.Go(func() {
				defer func() { <-places }()
				w.serve(ctx, raw)
			})
		default:
			raw.Close()
		}
	}
}

// window is the state of one time of being open.
type window struct {
	host *Host
	mu   sync.Mutex
	Window
	inFlight int     // tries whose outcome is not known yet
	pinned   *Joined // the box that joined, from its commit on
	expiry   *time.Timer
	done     chan struct{} // closed when the enrolment is over
	over     sync.Once
}

// renew makes a new code. last is what the box that caused it met with.
func (w *window) renew(last string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.renewLocked(last)
}

func (w *window) renewLocked(last string) {
	life := w.host.life
	if life == 0 {
		life = CodeLife
	}
	newCode := w.host.newCode
	if newCode == nil {
		newCode = NewCode
	}
	now := time.Now()
	w.Window = Window{Code: newCode(), Since: now, Until: now.Add(life), Last: last}
	if w.expiry == nil {
		w.expiry = time.NewTimer(life)
	} else {
		w.expiry.Reset(life)
	}
	w.tell()
}

func (w *window) tell() {
	if w.host.Tell != nil {
		w.host.Tell(w.Window)
	}
}

// watch renews codes whose time is over.
func (w *window) watch(ctx context.Context) {
	defer w.expiry.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.done:
			return
		case <-w.expiry.C:
		}
		w.mu.Lock()
		if w.pinned == nil && !w.Busy { // a box in the middle of it keeps its code
			w.renewLocked(w.Last)
		}
		w.mu.Unlock()
	}
}

// serve is one connection from begin to end.
func (w *window) serve(ctx context.Context, raw net.Conn) {
	defer raw.Close()
	stop := context.AfterFunc(ctx, func() { raw.Close() })
	defer stop()
	l, err := secure(ctx, raw, w.host.Own, false)
	if err != nil {
		w.note(raw.RemoteAddr(), "could not make a secure connection: "+err.Error())
		return
	}
	var h hello
	if err := l.expect(kindHello, &h, stepTime, maxSmall); err != nil {
		w.note(raw.RemoteAddr(), "said nothing that is understood: "+err.Error())
		_ = l.send(kindRefuse, refuse{Reason: badFrame})
		return
	}
	switch {
	case h.Protocol != protocol:
		w.note(raw.RemoteAddr(), "runs a release whose pairing differs: bring both to the same one")
		_ = l.send(kindRefuse, refuse{Reason: otherProtocol})
	case h.Resume:
		w.resume(l)
	case w.prove(l, h):
		w.negotiate(l)
	}
}

// note tells what a box met with.
func (w *window) note(who net.Addr, what string) {
	host, _, err := net.SplitHostPort(who.String())
	if err != nil {
		host = who.String()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Last = "the box at " + host + " " + printable(what)
	w.tell()
}

// begin takes one of the code's tries.
func (w *window) begin() (Code, reason) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.pinned != nil:
		return "", closed
	case w.Busy:
		return "", taken
	case w.Tries+w.inFlight >= MaxTries:
		return "", tooMany
	}
	w.inFlight++
	return w.Code, ""
}

// prove runs the exchange; true if the box knows the code. From then on the
// window is busy with it.
func (w *window) prove(l *link, h hello) bool {
	code, no := w.begin()
	if no != "" {
		_ = l.send(kindRefuse, refuse{Reason: no})
		return false
	}
	right, key, x, err := w.exchange(l, h, code)
	answer := w.judge(l.conn.RemoteAddr(), code, right, err)
	if answer.Reason != "" {
		_ = l.send(kindRefuse, answer)
		return false
	}
	o, err := w.host.Offer()
	if err == nil {
		err = l.send(kindOffer, offer{MAC: confirmation(key, x.sid, x.share), Offer: o})
	} else {
		_ = l.send(kindRefuse, refuse{Reason: hostTrouble, Text: err.Error()})
	}
	if err != nil {
		w.abandon(l.conn.RemoteAddr(), "knew the code, but could not be offered anything: "+err.Error())
		return false
	}
	return true
}

// exchange tells whether the other side proves the code.
func (w *window) exchange(l *link, h hello, code Code) (right bool, key []byte, x *exchange, err error) {
	ci, sid, err := l.binding(w.host.Own, false)
	if err != nil {
		return false, nil, nil, err
	}
	x = newExchange([]byte(code), ci, sid)
	if key, err = x.key(h.Share, false); err != nil {
		return false, nil, nil, err
	}
	if err := l.send(kindShare, share{x.share}); err != nil {
		return false, nil, nil, err
	}
	var p proof
	if err := l.expect(kindProof, &p, stepTime, maxSmall); err != nil {
		return false, nil, nil, err
	}
	return hmac.Equal(p.MAC, confirmation(key, sid, h.Share)), key, x, nil
}

// judge counts a try. A box that broke off learnt nothing and costs nothing.
func (w *window) judge(who net.Addr, code Code, right bool, err error) refuse {
	if err != nil {
		w.note(who, "broke off before it proved the code: "+err.Error())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inFlight--
	switch {
	case err != nil:
		return refuse{Reason: badFrame}
	case right && (w.Code != code || w.Busy || w.pinned != nil):
		return refuse{Reason: taken} // right, but another was quicker, or the time is over
	case right:
		w.Busy, w.Last = true, ""
		w.tell()
		return refuse{}
	}
	if w.Code == code {
		w.Tries++
		w.Last = "a box tried a wrong code"
		if w.Tries >= MaxTries {
			w.renewLocked("three wrong codes were tried: this is a new one")
		} else {
			w.tell()
		}
	}
	return refuse{Reason: wrongCode, Left: MaxTries - w.Tries, Age: time.Since(w.Since)}
}

// abandon ends the turn of a box that had proven the code: the code is used up.
func (w *window) abandon(who net.Addr, what string) {
	w.renew("")
	w.note(who, what)
}
