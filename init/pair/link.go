package pair

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/init/box"
	"tandem/init/pair/frame"
	"tandem/init/pair/heartbeat"
)

// route is one path to the partner.
type route struct {
	path       heartbeat.Path
	own, other netip.Addr
}

// routes are the paths of a box, the direct cable first.
func routes(c *box.Config) []route {
	var all []route
	if c.Direct.Configured() && c.Partner.Direct.IsValid() {
		all = append(all, route{heartbeat.Direct, c.Direct.Prefix.Addr(), c.Partner.Direct})
	}
	return append(all, route{heartbeat.LAN, c.LAN.Prefix.Addr(), c.Partner.LAN})
}

// listener is what the link tells about its sessions, each call one after the
// other: up, then receive any number of times, then down.
type listener interface {
	up(s *session)
	receive(msg []byte) error
	down(s *session)
	// quiet tells that a session may give way to another now.
	quiet() bool
}

// link keeps a session with the partner: the secondary dials, the primary
// listens.
type link struct {
	id     *identity
	port   uint16
	to     listener
	count  *counters
	log    func(format string, args ...any)
	routes []route

	mu      sync.Mutex
	current *session
	since   time.Time // when the last one ended, or this link began
	ended   string    // why it ended
	trouble map[heartbeat.Path]trouble
}

// trouble is why the last attempt on a path made no session.
type trouble struct {
	text     string
	answered bool // somebody was there
	at       time.Time
}

// troubleTime is for how long an attempt tells how things are.
const troubleTime = 15 * time.Second

func newLink(id *identity, port uint16, to listener, count *counters, log func(string, ...any)) *link {
	return &link{id: id, port: port, to: to, count: count, log: log, routes: routes(&id.box), since: time.Now(), trouble: map[heartbeat.Path]trouble{}}
}

// session gives the session that is up, or nil and why there is none.
func (l *link) session() (s *session, why string, since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current != nil {
		return l.current, "", l.current.since
	}
	return nil, l.whyNone(time.Now()), l.since
}

// whyNone says why there is no session: what somebody answered goes before
// silence, the direct cable before the LAN.
func (l *link) whyNone(now time.Time) string {
	text, paths, answered := "", "", false
	for _, r := range l.routes {
		t, ok := l.trouble[r.path]
		switch {
		case !ok || now.Sub(t.at) > troubleTime:
		case text == "" || t.answered && !answered:
			text, paths, answered = t.text, pathName(r.path), t.answered
		case t.text == text:
			paths += " and " + pathName(r.path)
		}
	}
	switch {
	case text != "":
		return paths + ": " + text
	case l.ended != "" && now.Sub(l.since) < troubleTime:
		return l.ended
	}
	return "the partner does not call: look at its power, at the cables, and at its console"
}

// run works until ctx ends.
func (l *link) run(ctx context.Context) {
	var all sync.WaitGroup
	if l.id.box.Role == box.Primary {
		places := make(chan struct{}, maxHandshakes)
		for _, r := range l.routes {
			all.Go(func() { l.listen(ctx, r, places, &all) })
		}
	} else {
		all.Go(func() { l.dial(ctx) })
	}
	all.Wait()
}

// pause waits; false when ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// dial tries the paths in turn, and again when a session ended.
func (l *link) dial(ctx context.Context) {
	for ctx.Err() == nil {
		for i, r := range l.routes {
			raw, err := l.connect(ctx, r)
			if err != nil {
				continue
			}
			began := time.Now()
			if l.hold(ctx, raw, r, l.routes[:i]) {
				if time.Since(began) < redialSlow {
					pause(ctx, redialSlow) // something ends each session at once
				}
				break // begin again with the better path
			}
		}
		pause(ctx, redial)
	}
}

func (l *link) connect(ctx context.Context, r route) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTime, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(r.own, 0))}
	raw, err := d.DialContext(ctx, "tcp4", netip.AddrPortFrom(r.other, l.port).String())
	if err != nil {
		l.failed(r, "session-dial-failed", err)
	}
	return raw, err
}

// hold makes a session of a connection and keeps it until it ends, or until
// one over a better path has taken its place and ended; false if there was
// none.
func (l *link) hold(ctx context.Context, raw net.Conn, r route, better []route) bool {
	s, err := greet(ctx, raw, l.id, true)
	over, improved := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(improved)
		if err == nil && len(better) > 0 {
			l.improve(ctx, better[0], over)
		}
	}()
	held := l.converse(ctx, raw, r, s, err)
	close(over)
	<-improved
	return held
}

// improve tries to have a session over a better path while there is one, and
// keeps that.
func (l *link) improve(ctx context.Context, r route, over <-chan struct{}) {
	tick := time.NewTicker(improveEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-over:
			return
		case <-ctx.Done():
			return
		}
		if !l.to.quiet() {
			continue
		}
		raw, err := l.connect(ctx, r)
		if err != nil {
			continue
		}
		s, err := greet(ctx, raw, l.id, true)
		if l.converse(ctx, raw, r, s, err) {
			return
		}
	}
}

// listen takes the partner's connections on one path. The address may come
// and go.
func (l *link) listen(ctx context.Context, r route, places chan struct{}, all *sync.WaitGroup) {
	for ctx.Err() == nil {
		var lc net.ListenConfig
		ln, err := lc.Listen(ctx, "tcp4", netip.AddrPortFrom(r.own, l.port).String())
		if err != nil {
			l.failed(r, "session-listen-failed", err)
			pause(ctx, redial)
			continue
		}
		stop := context.AfterFunc(ctx, func() { ln.Close() })
		l.accept(ctx, ln, r, places, all)
		stop()
		ln.Close()
	}
}

func (l *link) accept(ctx context.Context, ln net.Listener, r route, places chan struct{}, all *sync.WaitGroup) {
	for {
		raw, err := ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, say
			l.count.add("session-accept-failed")
			if !pause(ctx, redial) {
				return
			}
			continue
		}
		if from, err := netip.ParseAddrPort(raw.RemoteAddr().String()); err != nil || from.Addr() != r.other {
			l.count.add("session-stranger")
			raw.Close()
			continue
		}
		select {
		case places <- struct{}{}:
			all.Go(func() { l.serve(ctx, raw, r, places) })
		default:
			l.count.add("session-too-many")
			raw.Close()
		}
	}
}

// serve frees the place as soon as the session is up or refused.
func (l *link) serve(ctx context.Context, raw net.Conn, r route, places chan struct{}) {
	s, err := greet(ctx, raw, l.id, false)
	<-places
	l.converse(ctx, raw, r, s, err)
}

// converse keeps a session, if greet made one, until it ends; false if not.
func (l *link) converse(ctx context.Context, raw net.Conn, r route, s *session, err error) bool {
	if err != nil {
		raw.Close()
		switch {
		case errors.Is(err, keyring.ErrWrongKey):
			l.count.add("session-wrong-key")
		default:
			l.count.add("session-refused")
		}
		l.failed(r, "", err)
		return false
	}
	s.path = r.path
	stop := context.AfterFunc(ctx, s.end)
	defer stop()
	l.enter(s)
	l.log("session with %s over the %s", s.box.Name, pathName(r.path))
	var writer sync.WaitGroup
	writer.Go(func() {
		_ = s.write() // the reader tells why a session ends
		s.end()
	})
	err = s.read(l.to.receive)
	s.end()
	writer.Wait()
	if errors.Is(err, errBadFrame) || errors.Is(err, frame.ErrTooLong) {
		l.count.add("session-bad-frame")
	}
	l.leave(s, err)
	l.log("session with %s over the %s ended: %s", s.box.Name, pathName(r.path), reasonOf(err))
	return true
}

// enter makes s the session; an older one ends first, whole.
func (l *link) enter(s *session) {
	for {
		l.mu.Lock()
		old := l.current
		if old == nil {
			l.current = s
			clear(l.trouble)
			l.mu.Unlock()
			l.count.add("session-up")
			l.to.up(s)
			return
		}
		l.mu.Unlock()
		old.end()
		<-old.gone
	}
}

func (l *link) leave(s *session, err error) {
	l.to.down(s)
	l.mu.Lock()
	l.current, l.since, l.ended = nil, time.Now(), reasonOf(err)
	l.mu.Unlock()
	close(s.gone)
}

// failed notes why an attempt on a path made no session. Somebody answered if
// there is no counter for it.
func (l *link) failed(r route, counter string, err error) {
	if counter != "" {
		l.count.add(counter)
	}
	t := trouble{reasonOf(err), counter == "", time.Now()}
	l.mu.Lock()
	defer l.mu.Unlock()
	if t.answered && t.text != l.trouble[r.path].text {
		l.log("no session over the %s: %s", pathName(r.path), t.text)
	}
	l.trouble[r.path] = t
}

func pathName(p heartbeat.Path) string {
	if p == heartbeat.Direct {
		return "direct cable"
	}
	return "LAN"
}
