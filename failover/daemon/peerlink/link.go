// Package peerlink makes and keeps the TCP connections of the failover
// relationships: it dials, listens, does the TLS handshake where the partner's
// key is pinned, and carries messages both ways. What the messages mean is not
// its business.
//
// On a connection to a partner whose key is pinned, exactly one message is
// taken in clear text, the one that negotiates TLS (draft section 11.2). The
// reader then waits for Secure; nothing else is read before the handshake has
// proved the key.
package peerlink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/failover/wire"
)

// ID names one connection for its whole life.
type ID uint64

// lastID makes connection numbers unique in the process: links that are made
// anew after a change of the configuration share the Sink with the old ones.
var lastID atomic.Uint64

// Sink takes what happens. Its calls may block: then the partner's data wait
// in TCP.
type Sink interface {
	// Connected: the connection is open, in clear text.
	Connected(id ID, peer string, dialled bool)
	// Secured: the handshake that Secure asked for is over; err is nil if the
	// partner proved the pinned key.
	Secured(id ID, err error)
	// Received: messages came in, in this order.
	Received(id ID, list []wire.Message)
	// Closed: a connection that was Connected is gone, or a Dial failed (id 0).
	Closed(id ID, peer string, why error)
}

// Peer is one relationship.
type Peer struct {
	Name      string
	Secondary bool
	// Own is the address to listen on and to dial from; Partner is the
	// partner's.
	Own, Partner netip.AddrPort
	// Pin is the pin of the partner's key; nil means clear text.
	Pin *keyring.Pin
}

// Limits. Each has a counter of what it refused.
const (
	// maxOpen is how many connections of a peer may be open at once: both
	// sides dial, so two are normal for a moment.
	maxOpen = 4
	// maxQueue is how many messages may wait to be sent on a connection. The
	// window of unacknowledged updates is far smaller.
	maxQueue = 4096
	// lingerTime is how long an update or its answer waits for others to be
	// sent with it; gathered is how many are enough not to wait.
	lingerTime = time.Millisecond
	gathered   = 32
	// handshakeTime bounds dialling, and everything up to Secured where a key
	// is pinned; dhcpd closes a connection that is not set up after 15 s.
	handshakeTime = 15 * time.Second
	// writeTime bounds one write; a partner that takes nothing for so long
	// is gone.
	writeTime = 20 * time.Second
	// listenAgain is the pause before listening is tried again, when the
	// address is not there yet.
	listenAgain = 5 * time.Second
)

// Counters are figures since start.
type Counters struct {
	Accepted, Dialled        atomic.Uint64
	RefusedAddress           atomic.Uint64 // not the partner's address
	RefusedOpen              atomic.Uint64 // maxOpen
	RefusedTLS               atomic.Uint64 // no handshake, or a wrong key, where one is pinned
	Malformed                atomic.Uint64 // closed because of octets that are no message
	Overflow                 atomic.Uint64 // closed because of maxQueue
	MessagesIn, MessagesOut  atomic.Uint64
	ListenFailed, DialFailed atomic.Uint64
}

// Each gives every counter with its name.
func (c *Counters) Each(fn func(name string, value uint64)) {
	fn("failover-accepted", c.Accepted.Load())
	fn("failover-dialled", c.Dialled.Load())
	fn("failover-dial-failed", c.DialFailed.Load())
	fn("failover-listen-failed", c.ListenFailed.Load())
	fn("failover-refused-address", c.RefusedAddress.Load())
	fn("failover-refused-open", c.RefusedOpen.Load())
	fn("failover-refused-tls", c.RefusedTLS.Load())
	fn("failover-malformed", c.Malformed.Load())
	fn("failover-send-overflow", c.Overflow.Load())
	fn("failover-messages-in", c.MessagesIn.Load())
	fn("failover-messages-out", c.MessagesOut.Load())
}

// Links is all connections of a server.
type Links struct {
	Counters Counters

	sink   Sink
	own    tls.Certificate
	report func(format string, args ...any)
	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	peers   map[string]*peer
	conns   map[ID]*conn
	listens map[netip.AddrPort]net.Listener
}

type peer struct {
	Peer
	open     int
	dialling bool
}

// New makes the links of the given relationships and starts to listen. own is
// this server's certificate; it may be empty if no peer is pinned. report gets
// what the log should have.
func New(peers []Peer, own tls.Certificate, sink Sink, report func(string, ...any)) *Links {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Links{
		sink: sink, own: own, report: report, ctx: ctx, cancel: cancel,
		peers: map[string]*peer{}, conns: map[ID]*conn{}, listens: map[netip.AddrPort]net.Listener{},
	}
	addrs := map[netip.AddrPort]bool{}
	for _, p := range peers {
		l.peers[p.Name] = &peer{Peer: p}
		addrs[p.Own] = true
	}
	for a := range addrs {
		l.wg.Add(1)
		go l.listen(a)
	}
	return l
}

// Close ends every connection and waits until nothing runs any more.
func (l *Links) Close() {
	l.cancel()
	l.mu.Lock()
	for _, ln := range l.listens {
		ln.Close()
	}
	for _, c := range l.conns {
		c.close(errClosing)
	}
	l.mu.Unlock()
	l.wg.Wait()
}

var errClosing = errors.New("this server is stopping")

// listen accepts on one address for as long as the links live. The address
// may be missing at first, and go away and come back.
func (l *Links) listen(at netip.AddrPort) {
	defer l.wg.Done()
	told := false
	for l.ctx.Err() == nil {
		ln, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(at))
		if err != nil {
			l.Counters.ListenFailed.Add(1)
			if !told {
				l.report("failover: cannot listen on %s: %v; trying again every %s", at, err, listenAgain)
				told = true
			}
			l.pause(listenAgain)
			continue
		}
		told = false
		l.mu.Lock()
		l.listens[at] = ln
		l.mu.Unlock()
		if l.ctx.Err() != nil {
			ln.Close()
		}
		l.accept(ln, at)
		ln.Close()
	}
}

func (l *Links) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.ctx.Done():
	}
}

func (l *Links) accept(ln *net.TCPListener, at netip.AddrPort) {
	for {
		tc, err := ln.AcceptTCP()
		if err != nil {
			if l.ctx.Err() == nil && !errors.Is(err, net.ErrClosed) {
				l.report("failover: accept on %s: %v", at, err)
				l.pause(time.Second) // out of file descriptors, most likely
				if errors.Is(err, errTemporary) {
					continue
				}
			}
			return
		}
		l.Counters.Accepted.Add(1)
		l.welcome(tc, at)
	}
}

// welcome hands an accepted connection to its peer, found by the address that
// it comes from, before one octet is read from it.
func (l *Links) welcome(tc *net.TCPConn, at netip.AddrPort) {
	from := tc.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.peers {
		if p.Own == at && p.Partner.Addr() == from {
			l.begin(p, tc, false)
			return
		}
	}
	l.Counters.RefusedAddress.Add(1)
	tc.Close()
}

// Dial tries to connect to the partner of the relationship once; the outcome
// comes as Connected or as Closed with ID 0. A Dial while another one is
// under way does nothing.
func (l *Links) Dial(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[name]
	if p == nil || p.dialling || l.ctx.Err() != nil {
		return
	}
	p.dialling = true
	l.wg.Add(1)
	go l.dial(p)
}

func (l *Links) dial(p *peer) {
	defer l.wg.Done()
	d := net.Dialer{
		Timeout:   handshakeTime,
		LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(p.Own.Addr(), 0)),
	}
	nc, err := d.DialContext(l.ctx, "tcp4", p.Partner.String())
	l.mu.Lock()
	p.dialling = false
	begun := err == nil && l.begin(p, nc.(*net.TCPConn), true)
	l.mu.Unlock()
	if err != nil {
		l.Counters.DialFailed.Add(1)
	} else if !begun {
		err = fmt.Errorf("%d connections with the partner are open already", maxOpen)
	} else {
		l.Counters.Dialled.Add(1)
		return
	}
	if l.ctx.Err() == nil {
		l.sink.Closed(0, p.Name, err)
	}
}

// begin takes a connection into service, unless too many are. l.mu is held.
func (l *Links) begin(p *peer, tc *net.TCPConn, dialled bool) bool {
	if p.open >= maxOpen || l.ctx.Err() != nil {
		l.Counters.RefusedOpen.Add(1)
		tc.Close()
		return false
	}
	p.open++
	c := &conn{
		id: ID(lastID.Add(1)), peer: p, links: l, tcp: tc, net: tc, dialled: dialled,
		more: make(chan struct{}, 1), press: make(chan struct{}, 1), done: make(chan struct{}), drained: make(chan struct{}), secured: make(chan struct{}),
	}
	l.conns[c.id] = c
	l.wg.Add(1)
	go c.run()
	return true
}

// Send queues m on a connection; one that is gone already swallows it.
func (l *Links) Send(id ID, m wire.Message) {
	if c := l.find(id); c != nil {
		c.put(item{msg: m})
	}
}

// Secure does the TLS handshake after everything that was queued before has
// been sent. client tells which side speaks first.
func (l *Links) Secure(id ID, client bool) {
	if c := l.find(id); c != nil {
		c.client.Store(client)
		c.put(item{what: secureNow})
	}
}

// Hangup closes a connection once everything that was queued has been sent.
func (l *Links) Hangup(id ID) {
	if c := l.find(id); c != nil {
		c.put(item{what: hangupNow})
	}
}

func (l *Links) find(id ID) *conn {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conns[id]
}
