package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"sync/atomic"
	"time"

	"tandem/failover/conf"
	"tandem/failover/daemon/keyring"
	"tandem/failover/daemon/peerlink"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/wire"
)

// pair is the connections with the partners, between the loop and the sockets.
type pair struct {
	links atomic.Pointer[peerlink.Links]
	peers []peerlink.Peer
	own   tls.Certificate
	ring  *keyring.Ring
	log   *Logger
	inbox *inbox
	down  <-chan struct{}
}

// resolveTime bounds the look-up of a peer's name at start.
const resolveTime = 5 * time.Second

// newPair reads the keys. Without a directory for keys every link is in clear
// text.
func newPair(opt Options, in *inbox, down <-chan struct{}) (*pair, error) {
	p := &pair{log: opt.Log, inbox: in, down: down}
	if opt.Keys == "" || len(opt.Config.Peers) == 0 {
		return p, nil
	}
	var err error
	if p.ring, err = keyring.Open(opt.Keys); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	if p.own, _, err = p.ring.Own(); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	return p, nil
}

// pinned tells whether the key of a relationship's partner is pinned.
func (p *pair) pinned(peer string) (*keyring.Pin, error) {
	if p.ring == nil {
		return nil, nil
	}
	pin, ok, err := p.ring.Partner(peer)
	if err != nil || !ok {
		return nil, err
	}
	return &pin, nil
}

// open makes the links that the configuration wants; those that are as they
// were stay as they are.
func (p *pair) open(cfg *conf.Config) error {
	var peers []peerlink.Peer
	for _, c := range cfg.Peers {
		lp, err := p.describe(c)
		if err != nil {
			return err
		}
		peers = append(peers, lp)
	}
	old := p.links.Load()
	if old != nil && reflect.DeepEqual(peers, p.peers) {
		return nil
	}
	if old != nil {
		p.links.Store(nil)
		old.Close()
	}
	p.peers = peers
	if len(peers) > 0 {
		p.links.Store(peerlink.New(peers, p.own, p, func(format string, args ...any) {
			p.log.Line(dhcp.Line{Level: dhcp.LevelWarning, Class: "failover link", Text: fmt.Sprintf(format, args...)})
		}))
	}
	return nil
}

func (p *pair) describe(c *conf.Peer) (peerlink.Peer, error) {
	lp := peerlink.Peer{Name: c.Name, Secondary: c.Secondary}
	own, err := resolve(c.Address)
	if err != nil {
		return lp, fmt.Errorf("failover peer %s: address: %w", c.Name, err)
	}
	partner, err := resolve(c.PeerAddress)
	if err != nil {
		return lp, fmt.Errorf("failover peer %s: peer address: %w", c.Name, err)
	}
	lp.Own = netip.AddrPortFrom(own, uint16(c.Port))
	lp.Partner = netip.AddrPortFrom(partner, uint16(c.PeerPort))
	if lp.Pin, err = p.pinned(c.Name); err != nil {
		return lp, fmt.Errorf("failover peer %s: %w", c.Name, err)
	}
	return lp, nil
}

// resolve gives the address that is written in the configuration, or looks up
// the name.
func resolve(text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, errors.New("it is missing in the failover peer block")
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return a, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), resolveTime)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%w; write an address instead of a name", err)
	}
	return found[0].Unmap(), nil
}

// close ends every connection.
func (p *pair) close() {
	if l := p.links.Load(); l != nil {
		l.Close()
	}
}

// figures gives every counter of the connections with its name.
func (p *pair) figures(fn func(name string, value uint64)) {
	if l := p.links.Load(); l != nil {
		l.Counters.Each(fn)
	}
}

// do carries out what the node wants of the connections.
func (p *pair) do(list []node.Link) {
	links := p.links.Load()
	if links == nil {
		return
	}
	for i := range list {
		switch l := &list[i]; l.Do {
		case node.LinkDial:
			links.Dial(l.Peer)
		case node.LinkSend:
			links.Send(peerlink.ID(l.Conn), l.Message)
		case node.LinkSecureClient:
			links.Secure(peerlink.ID(l.Conn), true)
		case node.LinkSecureServer:
			links.Secure(peerlink.ID(l.Conn), false)
		case node.LinkHangup:
			links.Hangup(peerlink.ID(l.Conn))
		}
	}
}

// abandon ends the connections on which something should have been sent.
func (p *pair) abandon(list []node.Link) {
	links := p.links.Load()
	if links == nil {
		return
	}
	for i := range list {
		if list[i].Do == node.LinkSend {
			links.Hangup(peerlink.ID(list[i].Conn))
		}
	}
}

// Connected implements peerlink.Sink.
func (p *pair) Connected(id peerlink.ID, peer string, dialled bool) {
	p.inbox.send(p.down, &node.PeerConnected{Peer: peer, Conn: uint64(id), Dialled: dialled})
}

// Secured implements peerlink.Sink.
func (p *pair) Secured(id peerlink.ID, err error) {
	in := &node.PeerSecured{Conn: uint64(id)}
	if err != nil {
		in.Err = err.Error()
	}
	p.inbox.send(p.down, in)
}

// Received implements peerlink.Sink.
func (p *pair) Received(id peerlink.ID, list []wire.Message) {
	in := make([]node.Input, len(list))
	for i, m := range list {
		in[i] = &node.PeerReceived{Conn: uint64(id), Message: m}
	}
	p.inbox.sendAll(p.down, in)
}

// Closed implements peerlink.Sink.
func (p *pair) Closed(id peerlink.ID, peer string, why error) {
	in := &node.PeerClosed{Peer: peer, Conn: uint64(id)}
	if why != nil {
		in.Why = why.Error()
	}
	p.inbox.send(p.down, in)
}

// policy completes what the command line says of a relationship by what the
// keys say.
func (p *pair) policy(of map[string]node.PeerPolicy) func(string) node.PeerPolicy {
	return func(peer string) node.PeerPolicy {
		pol := of[peer]
		if pin, err := p.pinned(peer); err == nil && pin != nil {
			pol.Pinned = true
		}
		return pol
	}
}

// storeOrigin says how the store was found, for rule R4.
func storeOrigin(isNew bool) string {
	if isNew {
		return "new"
	}
	return "whole"
}

// bootOf describes this run to the node.
func bootOf(opt Options, isNew bool) lease.Boot {
	b := opt.Boot
	if b.ID == "" {
		b.ID = fmt.Sprintf("%016x", seed())
	}
	if b.Reason == "" {
		b.Reason = "unknown"
	}
	if b.StoreOrigin == "" {
		b.StoreOrigin = storeOrigin(isNew)
	}
	return b
}
