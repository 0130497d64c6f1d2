package node

import (
	"fmt"
	"slices"

	"tandem/failover"
	"tandem/failover/conf"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/wire"
)

// relation is one failover relationship of this node.
type relation struct {
	peer *conf.Peer
	end  *failover.Endpoint
}

// LinkDo is what the shell must do with the connections of a relationship.
type LinkDo uint8

// The things to do.
const (
	LinkDial LinkDo = iota + 1
	LinkSend
	LinkSecureClient
	LinkSecureServer
	LinkHangup
)

// Link is one thing to do, in order, after the records are durable.
type Link struct {
	Do      LinkDo
	Peer    string
	Conn    uint64
	Message wire.Message // LinkSend
	Why     string       // LinkHangup
}

// PeerPolicy is what an operator chooses for a relationship beside dhcpd.conf,
// whose language has no words for it.
type PeerPolicy struct {
	// Pinned is set when the partner's key is pinned: TLS or nothing.
	Pinned bool
	// ISC is set when the partner must be a dhcpd.
	ISC              bool
	Strict           bool
	Survivor         bool
	ServeAfterOutage bool
	FullLeasesAlone  bool
	Isolated         failover.Isolation
	// Authority is G; zero means MCLT.
	Authority lease.Seconds
}

// relate makes the endpoints of the configuration. Relationships that were
// there before keep theirs.
func (n *Node) relate() {
	before := n.relations
	n.relations = nil
	for _, p := range n.cfg.Peers {
		i := slices.IndexFunc(before, func(r *relation) bool { return sameRelation(r.peer, p) })
		if i >= 0 {
			r := before[i]
			r.peer = p
			r.end.SetPools(n.poolsOf(p))
			n.relations = append(n.relations, r)
			before = slices.Delete(before, i, i+1)
			continue
		}
		n.relations = append(n.relations, n.newRelation(p))
	}
	for _, r := range before {
		n.line(dhcp.LevelWarning, "failover peer %s: removed from the configuration or changed; its connections end", r.peer.Name)
		for _, c := range n.connsOf(r) {
			n.links = append(n.links, Link{Do: LinkHangup, Peer: r.peer.Name, Conn: c, Why: "removed from the configuration"})
			delete(n.conns, c)
		}
	}
}

// sameRelation tells whether an endpoint may go on under the new declaration.
func sameRelation(a, b *conf.Peer) bool {
	x, y := *a, *b
	x.Pos, y.Pos = conf.Pos{}, conf.Pos{}
	return x == y
}

func (n *Node) poolsOf(p *conf.Peer) []int {
	var ids []int
	for _, pool := range n.cfg.Pools {
		if pool.Peer != nil && pool.Peer.Name == p.Name {
			ids = append(ids, pool.ID)
		}
	}
	return ids
}

func (n *Node) newRelation(p *conf.Peer) *relation {
	pol := n.opt.Policy(p.Name)
	cfg := failover.Config{
		Name: p.Name, Secondary: p.Secondary,
		MaxResponseDelay: p.MaxResponseDelay, MaxUnacked: p.MaxUnackedUpdates,
		MCLT: p.MCLT, Authority: pol.Authority, HBA: wire.HBA(p.HBA),
		LoadBalanceMaxSeconds: p.LoadBalanceMaxSeconds,
		MaxMisbalance:         p.MaxLeaseMisbalance, MaxOwnership: p.MaxLeaseOwnership,
		MinBalance: p.MinBalance, MaxBalance: p.MaxBalance,
		Strict: pol.Strict, Survivor: pol.Survivor, AutoPartnerDown: p.AutoPartnerDown,
		ServeAfterOutage: pol.ServeAfterOutage, FullLeasesAlone: pol.FullLeasesAlone, Isolated: pol.Isolated,
		Software: "tandem " + n.opt.Version, Boot: n.opt.Boot.ID, Seed: n.opt.Seed,
		Without: n.opt.Without, Observe: n.opt.Observe,
	}
	if pol.Pinned {
		cfg.TLS = wire.TLSRequired
		cfg.Expect = failover.ExpectTandem
	}
	if pol.ISC {
		cfg.Expect = failover.ExpectISC
	}
	ids := n.poolsOf(p)
	ranges := make([][]lease.Range, 0, len(ids))
	all := dhcp.Pools(n.cfg)
	for _, id := range ids {
		ranges = append(ranges, all[id])
	}
	cfg.Digest = failover.Digest(ranges)
	boot := failover.Boot{LastAlive: n.boot.LastAlive, Origin: n.opt.Boot.StoreOrigin, Resets: n.opt.Boot.Resets}
	saved := n.saved[p.Name]
	saved.Name = p.Name
	return &relation{peer: p, end: failover.New(cfg, n.table, ids, saved, boot)}
}

func (n *Node) relation(name string) *relation {
	for _, r := range n.relations {
		if r.peer.Name == name {
			return r
		}
	}
	return nil
}

// connsOf lists the connections of a relationship in ascending order.
func (n *Node) connsOf(r *relation) []uint64 {
	var list []uint64
	for c, of := range n.conns {
		if of == r {
			list = append(list, c)
		}
	}
	slices.Sort(list)
	return list
}

// partnerOf is what the responder asks about a pool.
func (n *Node) partnerOf(p *conf.Pool) dhcp.Partner {
	if p.Peer == nil {
		return n.solo
	}
	// Every pool's peer is declared, and every declared peer has its endpoint
	// before the responder asks.
	return partner{n.relation(p.Peer.Name).end}
}

// step gives an event to an endpoint and takes what it leads to.
func (n *Node) step(now lease.Now, r *relation, ev failover.Event) {
	r.end.Step(now, ev)
	n.take(r)
}

// take turns the endpoint's effects into the node's output.
func (n *Node) take(r *relation) {
	for _, x := range r.end.Effects() {
		switch x := x.(type) {
		case failover.Save:
			n.saved[r.peer.Name] = *x.Peer
			n.peers = append(n.peers, x.Peer)
		case failover.SaveLease:
			n.touch(x.Lease)
		case failover.Send:
			// CONTACT promises nothing; everything else must not be heard
			// before what it tells is durable.
			if _, contact := x.Message.(*wire.Contact); !contact {
				n.promised = true
			}
			n.links = append(n.links, Link{Do: LinkSend, Peer: r.peer.Name, Conn: uint64(x.Conn), Message: x.Message})
		case failover.Dial:
			n.links = append(n.links, Link{Do: LinkDial, Peer: r.peer.Name})
		case failover.Secure:
			do := LinkSecureServer
			if x.Client {
				do = LinkSecureClient
			}
			n.links = append(n.links, Link{Do: do, Peer: r.peer.Name, Conn: uint64(x.Conn)})
		case failover.Hangup:
			n.links = append(n.links, Link{Do: LinkHangup, Peer: r.peer.Name, Conn: uint64(x.Conn), Why: x.Why})
		case failover.Entered:
			n.line(dhcp.LevelInfo, "failover peer %s: I move from %v to %v: %s", r.peer.Name, x.From, x.To, x.Why)
		case failover.Log:
			n.line(levels[x.Level], "failover peer %s: %s", r.peer.Name, x.Text)
		}
	}
}

var levels = map[failover.Level]dhcp.Level{failover.Info: dhcp.LevelInfo, failover.Warning: dhcp.LevelWarning, failover.Alarm: dhcp.LevelError}

func (n *Node) line(level dhcp.Level, format string, args ...any) {
	n.events.Lines = append(n.events.Lines, dhcp.Line{Level: level, Text: fmt.Sprintf(format, args...)})
}

// link takes what happened to the connections of a relationship.
func (n *Node) link(now lease.Now, in Input) {
	switch in := in.(type) {
	case *PeerConnected:
		r := n.relation(in.Peer)
		if r == nil {
			n.links = append(n.links, Link{Do: LinkHangup, Peer: in.Peer, Conn: in.Conn, Why: "no such relationship"})
			return
		}
		n.conns[in.Conn] = r
		n.step(now, r, failover.Connected{Conn: failover.ConnID(in.Conn), Dialled: in.Dialled})
	case *PeerSecured:
		if r := n.conns[in.Conn]; r != nil {
			n.step(now, r, failover.Secured{Conn: failover.ConnID(in.Conn), Err: in.Err})
		}
	case *PeerReceived:
		if r := n.conns[in.Conn]; r != nil {
			n.step(now, r, failover.Received{Conn: failover.ConnID(in.Conn), Message: in.Message})
		}
	case *PeerClosed:
		r := n.relation(in.Peer)
		if in.Conn != 0 {
			r = n.conns[in.Conn]
			delete(n.conns, in.Conn)
		}
		if r != nil {
			n.step(now, r, failover.Closed{Conn: failover.ConnID(in.Conn), Why: in.Why})
		}
	}
}

// everywhere gives an event to every relationship.
func (n *Node) everywhere(now lease.Now, ev failover.Event) {
	for _, r := range n.relations {
		n.step(now, r, ev)
	}
}

// partner lets a failover endpoint answer the responder's questions.
type partner struct{ end *failover.Endpoint }

// Serve implements dhcp.Partner.
func (p partner) Serve(now lease.Now, q dhcp.Query) dhcp.Verdict {
	return dhcp.Verdict(p.end.Serve(now, failover.Query{
		Kind: failover.Kind(q.Kind), Key: q.Key, Secs: q.Secs, Lease: q.Lease, Addressed: q.Addressed,
	}))
}

// Available implements dhcp.Partner.
func (p partner) Available(now lease.Now, l *lease.Lease, sameClient bool) dhcp.Verdict {
	return dhcp.Verdict(p.end.Available(now, l, sameClient))
}

// FreeStates implements dhcp.Partner.
func (p partner) FreeStates(now lease.Now) []lease.State { return p.end.FreeStates(now) }

// Grant implements dhcp.Partner.
func (p partner) Grant(now lease.Now, l *lease.Lease, want lease.Seconds) (lease.Seconds, lease.Time, dhcp.Verdict) {
	granted, potential, v := p.end.Grant(now, l, want)
	return granted, potential, dhcp.Verdict(v)
}

// Ended implements dhcp.Partner.
func (p partner) Ended(now lease.Now, l *lease.Lease, to lease.State) (lease.State, lease.Time, dhcp.Verdict) {
	state, retry, v := p.end.Ended(now, l, to)
	return state, retry, dhcp.Verdict(v)
}

// Deny implements dhcp.Denier: in NORMAL, with the partner heard, a lease that
// both servers know as bound is nobody else's.
func (p partner) Deny(now lease.Now, l *lease.Lease) dhcp.Verdict {
	if p.end.State() == lease.Normal && p.end.Connected() && l.Binding(now.Time()) && !l.Flags.Has(lease.FlagPending) {
		return dhcp.Yes
	}
	return dhcp.Verdict{Rule: "certain", Why: "the partner may know more about this address"}
}
