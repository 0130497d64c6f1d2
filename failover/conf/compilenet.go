package conf

import (
	"fmt"
	"math/bits"
	"slices"
	"sort"
	"strings"

	"tandem/failover/lease"
)

// poolBuilder is a pool while its block is compiled.
type poolBuilder struct {
	*Pool
	at    place
	after bool // it has a permit with a date
	// faulty is set if a range of it was refused.
	faulty bool
}

// placedRange is a range and where it was declared.
type placedRange struct {
	lease.Range
	at place
}

// shared compiles a shared-network.
func (c *compiler) shared(n *sharedNode, x *blockContext) {
	in := x.inner(inShared, n.name, n.place)
	in.network = &SharedNetwork{Name: n.name, Scope: in.scope}
	at := len(c.cfg.Networks)
	c.cfg.Networks = append(c.cfg.Networks, in.network)
	c.body(n.body, in)
	in.network.Authoritative = in.scope.authoritative
	if len(in.network.Subnets) == 0 {
		c.cfg.Networks = append(c.cfg.Networks[:at:at], c.cfg.Networks[at+1:]...)
		if !n.faulty {
			c.reports.fail(n.place, "declare its subnets in it", "shared-network %s has no subnet", n.name)
		}
	}
}

// subnet compiles a subnet; outside of a shared-network it makes a network of
// its own, with which it shares its scope.
func (c *compiler) subnet(n *subnetNode, x *blockContext) {
	in := x.inner(inSubnet, n.net.String(), n.place)
	s := &Subnet{Net: n.net, Mask: n.mask, Scope: in.scope}
	in.subnet = s
	if in.network = x.network; x.kind != inShared {
		in.network = &SharedNetwork{Name: fmt.Sprintf("%s/%s", n.net, maskText(n.mask)), Scope: in.scope, Implicit: true}
		c.cfg.Networks = append(c.cfg.Networks, in.network)
	}
	s.Network = in.network
	c.cfg.Subnets = append(c.cfg.Subnets, s)
	c.subnets.add(s)
	c.subnetPlaces[s] = n.place
	if len(c.subnets.masks) > maxMasks {
		c.reports.fail(n.place, "", "more than %d different netmasks", maxMasks)
	}
	if !contiguous(n.mask) {
		if c.gapped++; c.gapped > maxGapped {
			c.reports.fail(n.place, "", "more than %d subnets whose netmask has gaps", maxGapped)
		}
	}
	if len(in.network.byNet.masks) <= maxMasks {
		in.network.byNet.add(s)
	}
	// Pools inside refer to the subnet, so it is entered before its block.
	in.network.Subnets = append(in.network.Subnets, s)
	c.body(n.body, in)
	s.Authoritative = in.scope.authoritative
	if in.network.Implicit {
		in.network.Authoritative = s.Authoritative
	}
	s.Interface = in.network.Interface
}

// maskText is the prefix length of a mask, or the mask if it has gaps.
func maskText(mask lease.IP) string {
	if contiguous(mask) {
		return fmt.Sprint(bits.OnesCount32(uint32(mask)))
	}
	return mask.String()
}

// contiguous tells whether no one follows a zero in mask.
func contiguous(mask lease.IP) bool { m := ^uint32(mask); return m&(m+1) == 0 }

// checkOverlaps warns about subnets that have addresses in common.
func (c *compiler) checkOverlaps() {
	warn := func(s, o *Subnet) {
		if c.subnetPlaces[s].before(c.subnetPlaces[o]) {
			s, o = o, s
		}
		c.reports.warn(c.subnetPlaces[s], "", "subnet %s/%s overlaps subnet %s/%s (line %d)", s.Net, maskText(s.Mask), o.Net, maskText(o.Mask), o.Scope.Pos.Line)
	}
	list := sortedSubnets(c.cfg.Subnets)
	for i := 1; i < len(list); i++ {
		if list[i].Net <= list[i-1].Broadcast() {
			warn(list[i-1], list[i])
			if list[i].Broadcast() < list[i-1].Broadcast() {
				list[i] = list[i-1] // it may reach over the next one, too
			}
		}
	}
	for i, s := range c.cfg.Subnets {
		if contiguous(s.Mask) {
			continue
		}
		for j, o := range c.cfg.Subnets {
			if m := s.Mask & o.Mask; s.Net&m == o.Net&m && i != j && (j < i || contiguous(o.Mask)) {
				warn(s, o)
				break
			}
		}
	}
}

// subnetTable finds subnets by address: by their mask, the narrowest first,
// then by their number.
type subnetTable struct {
	masks []lease.IP
	byNet map[lease.Range]*Subnet // net and mask
}

// add enters a subnet; of two alike the first one stays.
func (t *subnetTable) add(s *Subnet) {
	if t.byNet == nil {
		t.byNet = make(map[lease.Range]*Subnet)
	}
	k := lease.Range{Low: s.Net, High: s.Mask}
	if t.byNet[k] == nil {
		t.byNet[k] = s
	}
	for _, m := range t.masks {
		if m == s.Mask {
			return
		}
	}
	t.masks = append(t.masks, s.Mask)
	sort.SliceStable(t.masks, func(i, j int) bool {
		return bits.OnesCount32(uint32(t.masks[i])) > bits.OnesCount32(uint32(t.masks[j]))
	})
}

// narrowest finds the narrowest subnet that holds ip, or nil.
func (t *subnetTable) narrowest(ip lease.IP) *Subnet {
	for _, m := range t.masks {
		if s := t.byNet[lease.Range{Low: ip & m, High: m}]; s != nil {
			return s
		}
	}
	return nil
}

// networkInterface compiles `interface NAME;`.
func (c *compiler) networkInterface(n *wordNode, x *blockContext) {
	if x.network.Interface != "" {
		c.reports.fail(n.place, "", "a network cannot be connected to two interfaces (%s and %s)", x.network.Interface, n.words[1])
		return
	}
	x.network.Interface = n.words[1]
}

// pool compiles a pool.
func (c *compiler) pool(n *poolNode, x *blockContext) {
	if x.network == nil {
		return // reported by the parser
	}
	p := &Pool{Network: x.network, Peer: x.network.peer, Pos: n.place.Pos()}
	p.Scope = newScope(inPool, "", x.network.Scope, n.place)
	in := &blockContext{kind: inPool, scope: p.Scope, network: x.network, subnet: x.subnet}
	in.pool = &poolBuilder{Pool: p, at: n.place}
	c.body(n.body, in)
	if len(p.Ranges) == 0 && !n.faulty && !in.pool.faulty {
		c.reports.fail(n.place, "add range FIRST LAST;", "this pool has no range")
	}
	c.inherited[p.Peer] = true
	if old := c.sameAs(p); old != nil {
		old.Ranges = append(old.Ranges, p.Ranges...)
		return
	}
	c.addPool(p)
}

// addPool enters a pool.
func (c *compiler) addPool(p *Pool) {
	p.Network.Pools = append(p.Network.Pools, p)
	c.cfg.Pools = append(c.cfg.Pools, p)
	if len(p.Scope.statements) == 0 {
		c.pools[poolKey(p)] = p
	}
}

// sameAs finds the pool of the same network that p may be made one with:
// neither has statements, and permits and peer are the same.
func (c *compiler) sameAs(p *Pool) *Pool {
	if len(p.Scope.statements) > 0 {
		return nil
	}
	return c.pools[poolKey(p)]
}

// poolIdentity is what pools without statements have in common if they are one.
type poolIdentity struct {
	network     *SharedNetwork
	peer        *Peer
	allow, deny string
}

// poolKey gives the identity of a pool.
func poolKey(p *Pool) poolIdentity {
	return poolIdentity{p.Network, p.Peer, permitsKey(p.Allow), permitsKey(p.Deny)}
}

// permitsKey is the same for lists of the same permits, in any order.
func permitsKey(list []Permit) string {
	var out []string
	for _, p := range list {
		name := ""
		if p.Class != nil {
			name = p.Class.Name
		}
		out = append(out, fmt.Sprintf("%d %d %q", p.Kind, p.After, name))
	}
	sort.Strings(out)
	return strings.Join(slices.Compact(out), ",")
}

// rangeIn compiles a range in a pool or directly in a subnet.
func (c *compiler) rangeIn(n *rangeNode, x *blockContext) {
	if x.network == nil {
		return
	}
	if x.pool != nil {
		before := c.reports.errors
		defer func() { x.pool.faulty = x.pool.faulty || c.reports.errors > before }()
	}
	s := x.subnet
	if s == nil {
		if s = x.network.byNet.narrowest(n.low); s == nil {
			c.reports.fail(n.place, "put the pool behind the subnet that it takes addresses from", "the address %s is in no subnet of shared-network %s declared above", n.low, x.network.Name)
			return
		}
	}
	for _, ip := range []lease.IP{n.low, n.high} {
		if !s.Contains(ip) {
			c.reports.fail(n.place, "", "the address %s is not in subnet %s netmask %s", ip, s.Net, s.Mask)
			return
		}
	}
	r := PoolRange{Range: lease.Range{Low: n.low, High: n.high}, Subnet: s, DynamicBOOTP: n.dynamicBOOTP}
	if !contiguous(s.Mask) && n.low != n.high {
		c.reports.unsupported(n.place, "give each address a range of its own", "ranges of more than one address in a subnet whose netmask has gaps are not supported")
	}
	if !c.count(r.Range, n.place) {
		return
	}
	if x.pool != nil {
		if x.pool.Peer != nil && n.dynamicBOOTP {
			c.reports.fail(n.place, "move the range into a pool of its own without a failover peer", "dynamic-bootp is not possible where a failover peer is in force: a lease without end cannot be shared")
		}
		x.pool.Ranges = append(x.pool.Ranges, r)
		return
	}
	p := c.implicitPool(x.network, n)
	p.Ranges = append(p.Ranges, r)
}

// count adds a range to the total, within the limit.
func (c *compiler) count(r lease.Range, at place) bool {
	size := uint64(r.High) - uint64(r.Low) + 1
	if size > maxAddresses || c.addresses+size > maxAddresses {
		c.reports.fail(at, "make the ranges smaller", "all ranges together have more than %d addresses", maxAddresses)
		return false
	}
	c.addresses += size
	c.ranges = append(c.ranges, placedRange{r, at})
	return true
}

// narrower tells whether a has fewer addresses than b.
func narrower(a, b *Subnet) bool {
	return bits.OnesCount32(uint32(a.Mask)) > bits.OnesCount32(uint32(b.Mask))
}

// implicitPool gives the pool of the ranges outside of pool statements: one
// for each network that refuses BOOTP, one that is open to everybody for
// ranges with dynamic-bootp.
func (c *compiler) implicitPool(network *SharedNetwork, n *rangeNode) *Pool {
	p := &Pool{Network: network, Pos: n.place.Pos()}
	if n.dynamicBOOTP {
		p.Allow = []Permit{{Kind: PermitAll, Pos: p.Pos}}
	} else {
		p.Deny = []Permit{{Kind: PermitDynamicBOOTP, Pos: p.Pos}}
	}
	p.Scope = newScope(inPool, "", network.Scope, n.place)
	if old := c.sameAs(p); old != nil {
		return old
	}
	c.addPool(p)
	return p
}

// permit compiles an allow or deny statement of a pool.
func (c *compiler) permit(n *permitNode, x *blockContext) {
	if x.pool == nil {
		return
	}
	p := Permit{Kind: n.kind, After: n.after, Pos: n.place.Pos()}
	switch n.kind {
	case PermitMembers:
		if p.Class = c.classes[n.class]; p.Class == nil {
			c.reports.fail(n.place, c.classRemedy(n.class), "there is no class %q", n.class)
			return
		}
	case PermitAfter:
		if x.pool.after {
			c.reports.fail(n.place, "", "a pool can have only one permit with a date")
			return
		}
		x.pool.after = true
	case PermitAuthenticated, PermitUnauthenticated:
		c.reports.warn(n.place, "", "no client is ever authenticated: DHCP authentication (RFC 3118) is not in use")
	}
	if n.allow {
		x.pool.Allow = append(x.pool.Allow, p)
	} else {
		x.pool.Deny = append(x.pool.Deny, p)
	}
}

// classRemedy proposes a class that exists.
func (c *compiler) classRemedy(name string) string {
	var names []string
	for n := range c.classes {
		names = append(names, n)
	}
	sort.Strings(names)
	if w := nearestName(name, names); w != "" {
		return fmt.Sprintf("write %q", w)
	}
	return "declare the class before its use"
}

// finishPools sorts the ranges of each pool and numbers the pools.
func (c *compiler) finishPools() {
	for i, p := range c.cfg.Pools {
		p.ID = i
		sort.SliceStable(p.Ranges, func(i, j int) bool { return p.Ranges[i].Low < p.Ranges[j].Low })
	}
	sort.SliceStable(c.ranges, func(i, j int) bool { return c.ranges[i].Low < c.ranges[j].Low })
	var widest placedRange
	for i, r := range c.ranges {
		if i > 0 && r.Low <= widest.High {
			first, second := widest, r
			if second.at.before(first.at) {
				first, second = second, first
			}
			c.reports.fail(second.at, "", "the address %s is in two ranges; the other one is in line %d", r.Low, first.at.Pos().Line)
		}
		if i == 0 || r.High > widest.High {
			widest = r
		}
	}
}
