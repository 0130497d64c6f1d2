package conf

import (
	"fmt"
	"sort"

	"tandem/failover/lease"
)

// Values of a failover peer that its declaration leaves out, as in dhcpd.
const (
	defaultPeerPort          = 647
	defaultMaxResponseDelay  = 20
	defaultMaxUnackedUpdates = 100
	defaultMaxMisbalance     = 15
	defaultMaxOwnership      = 10
	defaultMinBalance        = 60
	defaultMaxBalance        = 3600
)

// peer compiles a failover peer declaration.
func (c *compiler) peer(n *peerNode, x *blockContext) {
	p := &Peer{Name: n.name, Pos: n.place.Pos()}
	if old := c.peers[n.name]; old != nil {
		c.reports.fail(n.place, "", "failover peer %q was declared in line %d already", n.name, old.Pos.Line)
		return
	}
	balance := false
	for _, i := range n.items {
		c.peerItem(p, i)
		now := i.word == "split" || i.word == "hba"
		balance = balance || now
		if p.Secondary && balance && (now || i.word == "secondary") {
			c.reports.fail(i.at, "delete split and hba: the primary says how the load is shared", "failover peer %q: a secondary has no split and no hba", p.Name)
		}
	}
	if !n.faulty {
		c.checkPeer(p, n, balance)
	}
	defaultTo(&p.Port, defaultPeerPort)
	defaultTo(&p.PeerPort, defaultPeerPort)
	defaultTo(&p.MaxResponseDelay, defaultMaxResponseDelay)
	defaultTo(&p.MaxUnackedUpdates, defaultMaxUnackedUpdates)
	defaultTo(&p.MaxLeaseMisbalance, defaultMaxMisbalance)
	defaultTo(&p.MaxLeaseOwnership, defaultMaxOwnership)
	defaultTo(&p.MinBalance, defaultMinBalance)
	defaultTo(&p.MaxBalance, defaultMaxBalance)
	c.cfg.Peers = append(c.cfg.Peers, p)
	c.peers[n.name] = p
	c.peerPlaces[p] = n.place
	if x.kind == inShared {
		x.network.peer = p
	}
}

// defaultTo gives a value that is still zero.
func defaultTo[T int | lease.Seconds](v *T, standard T) {
	if *v == 0 {
		*v = standard
	}
}

// peerItem takes one statement of a failover peer over. `peer` in front
// speaks of the partner's own values, of which only address and port matter.
func (c *compiler) peerItem(p *Peer, i peerItem) {
	number := int(i.number)
	switch i.word {
	case "primary":
		p.Secondary = false
	case "secondary":
		p.Secondary = true
	case "address":
		text := i.addr.name
		if text == "" {
			text = i.addr.ip.String()
		}
		if i.partner {
			p.PeerAddress = text
		} else {
			p.Address = text
		}
	case "port":
		if i.partner {
			p.PeerPort = number
		} else {
			p.Port = number
		}
	case "max-response-delay":
		if !i.partner {
			p.MaxResponseDelay = lease.Seconds(number)
		}
	case "max-unacked-updates":
		if !i.partner {
			p.MaxUnackedUpdates = number
		}
	case "mclt":
		p.MCLT = lease.Seconds(number)
	case "split":
		p.HBA = [32]byte{}
		for b := 0; b < number; b++ {
			p.HBA[b/8] |= 1 << (b & 7)
		}
	case "hba":
		copy(p.HBA[:], i.hba)
	case "load balance max seconds":
		p.LoadBalanceMaxSeconds = number
	case "max-lease-misbalance":
		p.MaxLeaseMisbalance = number
	case "max-lease-ownership":
		p.MaxLeaseOwnership = number
	case "min-balance":
		p.MinBalance = lease.Seconds(number)
	case "max-balance":
		p.MaxBalance = lease.Seconds(number)
	case "auto-partner-down":
		p.AutoPartnerDown = lease.Seconds(number)
	}
}

// checkPeer checks what a failover peer must and must not have; balance is
// set if there is a split or hba.
func (c *compiler) checkPeer(p *Peer, n *peerNode, balance bool) {
	if p.PeerAddress == "" {
		c.reports.fail(n.place, "add peer address ADDRESS;", "failover peer %q: the partner's address is missing", p.Name)
	}
	if p.Address == "" {
		c.reports.fail(n.place, "add address ADDRESS;", "failover peer %q: this server's own address is missing", p.Name)
	}
	switch {
	case p.Secondary && p.MCLT != 0:
		c.reports.warn(n.place, "delete it", "failover peer %q: mclt on a secondary has no effect; the primary's value is used", p.Name)
		p.MCLT = 0
	case !p.Secondary && !balance:
		c.reports.fail(n.place, "add split 128;", "failover peer %q: a primary needs split or hba", p.Name)
	case !p.Secondary && p.MCLT == 0:
		c.reports.fail(n.place, "add mclt 3600;", "failover peer %q: a primary needs an mclt above 0", p.Name)
	}
	if p.LoadBalanceMaxSeconds == 0 {
		c.reports.warn(n.place, "add load balance max seconds 3;", "failover peer %q: load balancing will be disabled, because load balance max seconds is 0", p.Name)
	}
}

// peerRef compiles a reference to a failover peer.
func (c *compiler) peerRef(n *peerRefNode, x *blockContext) {
	var p *Peer
	if !n.none {
		if p = c.peers[n.name]; p == nil {
			c.reports.fail(n.place, c.peerRemedy(n.name), "there is no failover peer %q", n.name)
			c.lostRef = true
			return
		}
	}
	switch {
	case x.pool != nil:
		x.pool.Peer = p
		if p != nil {
			c.poolRefs[p]++
		}
	case x.network != nil:
		x.network.peer = p
	}
}

// peerRemedy proposes a peer that exists.
func (c *compiler) peerRemedy(name string) string {
	var names []string
	for _, p := range c.cfg.Peers {
		names = append(names, p.Name)
	}
	if w := nearestName(name, names); w != "" {
		return fmt.Sprintf("write %q", w)
	}
	return "declare it before its use"
}

// checkReferences demands that each peer is used by a pool.
func (c *compiler) checkReferences() {
	for _, p := range c.cfg.Peers {
		switch {
		case c.poolRefs[p] > 0 || c.lostRef:
		case c.inherited[p]:
			c.reports.note(c.peerPlaces[p], "failover peer %q is only inherited by its pools: dhcpd would refuse this configuration", p.Name)
		default:
			c.reports.fail(c.peerPlaces[p], fmt.Sprintf("add failover peer %q; to each pool that the pair shares", p.Name),
				"no pool refers to failover peer %q", p.Name)
		}
	}
}

// Peer finds a failover peer by name; nil if there is none.
func (c *Config) Peer(name string) *Peer {
	for _, p := range c.Peers {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// nearestName is nearest for names, where case matters and blanks go astray.
func nearestName(name string, names []string) string {
	sorted := append([]string{}, names...)
	sort.Strings(sorted)
	lower := make([]string, len(sorted))
	for i, n := range sorted {
		lower[i] = lowerTrimmed(n)
	}
	w := nearest(lowerTrimmed(name), lower)
	for i, l := range lower {
		if l == w && w != "" {
			return sorted[i]
		}
	}
	return ""
}
