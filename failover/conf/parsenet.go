package conf

import (
	"fmt"
	"math/bits"
	"strconv"

	"tandem/failover/conf/token"
	"tandem/failover/lease"
)

// shared reads a shared-network.
func (p *parser) shared(kind blockKind) (node, bool) {
	t := p.take()
	n := &sharedNode{at: p.at(t)}
	switch kind {
	case inShared, inSubnet, inHost, inClass, inSubclass:
		p.misplaced(t, kind, "to the top level or into a group")
	}
	if name := p.peek(0); name.Kind == token.String {
		p.take()
		if n.name = name.Text; name.Text == "" {
			p.fail(name, "", "the name of the shared-network is empty")
		}
	} else if n.name = p.dotted(); n.name == "" {
		p.fail(name, "", "expected the name of the shared-network, not %s", name.Describe())
	}
	before := p.reports.errors
	n.body = p.block(inShared)
	n.faulty = p.reports.errors > before
	return n, true
}

// subnet reads a subnet.
func (p *parser) subnet(kind blockKind) (node, bool) {
	t := p.take()
	n := &subnetNode{at: p.at(t)}
	switch kind {
	case inHost, inSubnet, inClass, inSubclass:
		p.misplaced(t, kind, "to the top level or into a shared-network")
	}
	if p.subnetHead(n) {
		n.body = p.block(inSubnet)
		return n, true
	}
	if p.skipToBlock() {
		p.block(inSubnet)
	}
	return nil, true
}

// subnetHead reads `ADDRESS netmask MASK`.
func (p *parser) subnetHead(n *subnetNode) bool {
	first := p.peek(0)
	var ok bool
	if n.net, ok = p.ip(); !ok {
		return false
	}
	if t := p.peek(0); !t.Is("netmask") {
		remedy := ""
		if length, err := strconv.Atoi(p.peek(1).Text); t.Is("/") && err == nil && 0 <= length && length <= 32 {
			mask := lease.IP(uint64(0xffffffff) << (32 - length))
			remedy = fmt.Sprintf("write subnet %s netmask %s", n.net&mask, mask)
		}
		p.fail(t, remedy, "expected netmask, not %s", t.Describe())
		return false
	}
	p.take()
	if n.mask, ok = p.ip(); !ok {
		return false
	}
	if n.net&^n.mask != 0 {
		p.fail(first, fmt.Sprintf("the subnet's number is %s", n.net&n.mask), "subnet %s netmask %s: the address has bits that the mask has not", n.net, n.mask)
		n.net &= n.mask
	}
	if m := ^uint32(n.mask); m&(m+1) != 0 && p.reports.mute == 0 {
		p.reports.warn(p.place(first), "", "netmask %s is not contiguous (%d bits with gaps)", n.mask, bits.OnesCount32(uint32(n.mask)))
	}
	return true
}

// pool reads a pool.
func (p *parser) pool(kind blockKind) (node, bool) {
	t := p.take()
	if kind != inSubnet && kind != inShared {
		p.misplaced(t, kind, "into a subnet or a shared-network")
	}
	before := p.reports.errors
	n := &poolNode{at: p.at(t), body: p.block(inPool)}
	n.faulty = p.reports.errors > before
	return n, true
}

// misplacedRange reads a range where none may stand.
func (p *parser) misplacedRange(kind blockKind) (node, bool) {
	p.misplaced(p.peek(0), kind, "into a subnet or a pool")
	p.reports.mute++
	p.rangeStatement()
	p.reports.mute--
	return nil, true
}

// rangeStatement reads `range [dynamic-bootp] LOW [HIGH];`.
func (p *parser) rangeStatement() (node, bool) {
	n := &rangeNode{at: p.at(p.take())}
	n.dynamicBOOTP = p.accept("dynamic-bootp")
	var ok bool
	if n.low, ok = p.ip(); !ok {
		return nil, false
	}
	n.high = n.low
	switch t := p.peek(0); {
	case t.Is("/"):
		p.fail(t, "give the first and the last address", "a range is not written with a prefix length")
		return nil, false
	case t.Is("-"):
		p.fail(t, "separate the two addresses by a space", "a range is not written with a -")
		return nil, false
	case t.Kind == token.Number:
		if n.high, ok = p.ip(); !ok {
			return nil, false
		}
	}
	if n.low > n.high {
		n.low, n.high = n.high, n.low
	}
	return n, p.semicolon()
}

// networkInterface reads `interface NAME;`.
func (p *parser) networkInterface() (node, bool) {
	n := &wordNode{at: p.at(p.take())}
	name := p.take()
	n.words = []string{"interface", name.Text}
	if name.Kind == token.Mark || name.Kind == token.EOF {
		p.fail(name, "", "expected the name of an interface, not %s", name.Describe())
		return nil, name.Is(";")
	}
	return n, p.semicolon()
}
