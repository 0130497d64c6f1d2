package conf

import (
	"sort"
	"strings"

	"tandem/failover/lease"
)

// index is what look-ups need, made once when everything is declared.
type index struct {
	dhcp, server *space
	widths       [256]int // of parameters, see paramWidths
	holders      []*optionDef
	spans        []span
	gapped       []*Subnet // subnets whose mask has gaps
	ranges       []poolSpan
	byName       map[string]*Host
	byHW, byUID  map[string][]*Host
	identifiers  []identifierIndex
}

// span is a stretch of addresses with the narrowest subnet that holds it.
type span struct {
	lease.Range
	subnet *Subnet
}

// poolSpan is a range with its pool.
type poolSpan struct {
	lease.Range
	pool *Pool
}

// identifierIndex are the hosts that name one option in host-identifier.
type identifierIndex struct {
	key   OptionKey
	hosts map[string][]*Host
}

// finish checks what only the whole configuration tells, and makes the index.
func (c *compiler) finish() {
	c.finishPools()
	c.finishClasses()
	c.checkReferences()
	c.finishOMAPI()
	c.finishHosts()
	markStatic(c.cfg)
	c.cfg.makeIndex()
	c.checkOverlaps()
	c.checkHosts()
}

// checkHosts warns about reservations that get in each other's or a pool's way.
func (c *compiler) checkHosts() {
	byHW := make(map[string]*Host)
	for _, h := range c.cfg.Hosts {
		at := c.hostPlaces[h]
		c.checkFixed(h, at)
		if h.HW == "" {
			continue
		}
		if o := byHW[h.HW]; o != nil && c.sameNetwork(o, h) {
			c.reports.warn(at, "delete one of them, or give them addresses in different networks",
				"host %s has the hardware address of host %s in line %d, and both are for the same network", h.Name, o.Name, o.Pos.Line)
		}
		byHW[h.HW] = h
	}
}

// checkFixed warns about fixed addresses in a range and outside of all subnets.
func (c *compiler) checkFixed(h *Host, at place) {
	for _, ip := range h.Fixed {
		i := sort.Search(len(c.ranges), func(i int) bool { return c.ranges[i].High >= ip })
		if i < len(c.ranges) && c.ranges[i].Contains(ip) {
			c.reports.warn(at, "take the address out of the range in line "+itoa(c.ranges[i].at.Pos().Line),
				"the fixed address %s of host %s lies in a range: it may be given to another client as well", ip, h.Name)
		}
		if len(c.cfg.Subnets) > 0 && c.cfg.SubnetOf(ip) == nil {
			c.reports.warn(at, "declare the subnet", "the fixed address %s of host %s is in no subnet: the host will not get it", ip, h.Name)
		}
	}
}

// sameNetwork tells whether two hosts may both be found for one client in one network.
func (c *compiler) sameNetwork(a, b *Host) bool {
	if len(a.Fixed) == 0 && len(b.Fixed) == 0 && len(a.FixedNames) == 0 && len(b.FixedNames) == 0 {
		return true
	}
	for _, x := range a.Fixed {
		for _, y := range b.Fixed {
			if s, t := c.cfg.SubnetOf(x), c.cfg.SubnetOf(y); s != nil && t != nil && s.Network == t.Network {
				return true
			}
		}
	}
	return false
}

// markStatic sets Scope.Static on every scope.
func markStatic(c *Config) {
	done := make(map[*Scope]bool)
	var mark func(s *Scope)
	mark = func(s *Scope) {
		if s == nil || done[s] {
			return
		}
		done[s] = true
		mark(s.Parent)
		s.Static = allStatic(s.statements) && (s.Parent == nil || s.Parent.Static)
	}
	mark(c.Global)
	for _, n := range c.Networks {
		mark(n.Scope)
	}
	for _, s := range c.Subnets {
		mark(s.Scope)
	}
	for _, p := range c.Pools {
		mark(p.Scope)
	}
	for _, h := range c.Hosts {
		mark(h.Scope)
	}
	for _, k := range c.Classes {
		mark(k.Scope)
		for _, sub := range k.children {
			mark(sub.Scope)
		}
	}
}

// makeIndex makes the index.
func (c *Config) makeIndex() {
	x := &c.index
	x.dhcp, x.server = c.options.space("dhcp"), c.options.space("server")
	for p, w := range paramWidths {
		x.widths[p] = w
	}
	c.indexOptions()
	c.indexSubnets()
	for _, p := range c.Pools {
		for _, r := range p.Ranges {
			x.ranges = append(x.ranges, poolSpan{r.Range, p})
		}
	}
	sort.Slice(x.ranges, func(i, j int) bool { return x.ranges[i].Low < x.ranges[j].Low })
	c.indexHosts()
}

// indexHosts makes the index of the hosts anew.
func (c *Config) indexHosts() {
	x := &c.index
	x.byName, x.identifiers = make(map[string]*Host, len(c.Hosts)), nil
	x.byHW, x.byUID = make(map[string][]*Host), make(map[string][]*Host)
	for _, h := range c.Hosts {
		x.byName[h.Name] = h
		if h.HW != "" {
			x.byHW[h.HW] = append(x.byHW[h.HW], h)
		}
		if h.UID != "" {
			x.byUID[h.UID] = append(x.byUID[h.UID], h)
		}
		if h.Identifier != (OptionKey{}) {
			x.identifier(h)
		}
	}
}

// identifier enters a host by its host-identifier.
func (x *index) identifier(h *Host) {
	for i := range x.identifiers {
		if x.identifiers[i].key == h.Identifier {
			m := x.identifiers[i].hosts
			m[string(h.IdentifierValue)] = append(m[string(h.IdentifierValue)], h)
			return
		}
	}
	x.identifiers = append(x.identifiers, identifierIndex{h.Identifier, map[string][]*Host{string(h.IdentifierValue): {h}}})
}

// indexOptions finds out which options hold option spaces. Option 82 is made
// of what the relay sent, and is left out.
func (c *Config) indexOptions() {
	for _, s := range c.options.order {
		if c.options.space(s.name) != s {
			continue // another declaration took its place
		}
		codes := make([]uint32, 0, len(s.byCode))
		for code, d := range s.byCode {
			if len(d.typ.fields) == 1 && d.typ.fields[0].kind == kindSub && d.typ.fields[0].space != "" {
				codes = append(codes, code)
			}
		}
		sort.Slice(codes, func(i, j int) bool { return codes[i] < codes[j] })
		for _, code := range codes {
			d := s.byCode[code]
			inner := c.options.space(d.typ.fields[0].space)
			if inner == nil || inner == s || inner.name == "agent" {
				continue
			}
			s.holders = append(s.holders, d)
			inner.outer = d
		}
	}
	c.index.holders = c.options.space("dhcp").holders
}

// indexSubnets cuts the addresses into spans, each with the narrowest subnet
// that holds it. Subnets lie in each other or apart, so widest first a stack
// is enough.
func (c *Config) indexSubnets() {
	x := &c.index
	for _, s := range c.Subnets {
		if !contiguous(s.Mask) {
			x.gapped = append(x.gapped, s)
		}
	}
	list := sortedSubnets(c.Subnets)
	var open []*Subnet
	next := uint64(0) // the first address not covered yet
	emit := func(to uint64) {
		if top := len(open) - 1; top >= 0 && next < to {
			x.spans = append(x.spans, span{lease.Range{Low: lease.IP(next), High: lease.IP(to - 1)}, open[top]})
		}
		next = max(next, to)
	}
	closeTo := func(to uint64) {
		for len(open) > 0 {
			end := uint64(open[len(open)-1].Broadcast()) + 1
			if end > to {
				break
			}
			emit(end)
			open = open[:len(open)-1]
		}
	}
	for i, s := range list {
		closeTo(uint64(s.Net))
		emit(uint64(s.Net))
		if i > 0 && list[i-1].Net == s.Net && list[i-1].Mask == s.Mask {
			continue // declared twice: the first one counts
		}
		open = append(open, s)
	}
	closeTo(1 << 32)
}

// sortedSubnets gives the subnets whose masks have no gaps by their number,
// the wider one first.
func sortedSubnets(subnets []*Subnet) []*Subnet {
	var list []*Subnet
	for _, s := range subnets {
		if contiguous(s.Mask) {
			list = append(list, s)
		}
	}
	sort.SliceStable(list, func(i, j int) bool {
		if list[i].Net != list[j].Net {
			return list[i].Net < list[j].Net
		}
		return narrower(list[j], list[i])
	})
	return list
}

// SubnetOf is the narrowest declared subnet that holds ip, or nil.
func (c *Config) SubnetOf(ip lease.IP) *Subnet {
	x := &c.index
	var best *Subnet
	if i := sort.Search(len(x.spans), func(i int) bool { return x.spans[i].High >= ip }); i < len(x.spans) && x.spans[i].Contains(ip) {
		best = x.spans[i].subnet
	}
	for _, s := range x.gapped {
		if s.Contains(ip) && (best == nil || narrower(s, best)) {
			best = s
		}
	}
	return best
}

// PoolOf is the pool whose ranges hold ip, or nil.
func (c *Config) PoolOf(ip lease.IP) *Pool {
	r := c.index.ranges
	if i := sort.Search(len(r), func(i int) bool { return r[i].High >= ip }); i < len(r) && r[i].Contains(ip) {
		return r[i].pool
	}
	return nil
}

// HostsByHW lists the hosts with a hardware address (type octet and address),
// in order of declaration.
func (c *Config) HostsByHW(hw string) []*Host { return c.index.byHW[hw] }

// HostsByUID lists the hosts with a client identifier.
func (c *Config) HostsByUID(uid string) []*Host { return c.index.byUID[uid] }

// HostsByIdentifier lists the hosts whose host-identifier the request has.
func (c *Config) HostsByIdentifier(env Env) []*Host {
	var out []*Host
	for _, x := range c.index.identifiers {
		if v, ok := env.Option(x.key); ok {
			out = append(out, x.hosts[string(v)]...)
		}
	}
	return out
}

// OptionName is the name of an option as statements write it; unknown-CODE if
// it has none.
func (c *Config) OptionName(k OptionKey) string {
	s := c.options.space(k.Space)
	if s != nil {
		if d := s.byCode[k.Code]; d != nil {
			return d.fullName()
		}
	}
	name := "unknown-" + itoa(int(k.Code))
	if k.Space == "dhcp" {
		return name
	}
	return k.Space + "." + name
}

// OptionByName finds an option by its name, with its space in front unless
// that is dhcp.
func (c *Config) OptionByName(name string) (OptionKey, bool) {
	sp, rest, dotted := strings.Cut(name, ".")
	if !dotted {
		sp, rest = "dhcp", name
	}
	s := c.options.space(sp)
	if s == nil {
		return OptionKey{}, false
	}
	d := s.find(rest)
	if d == nil {
		return OptionKey{}, false
	}
	return d.key(), true
}
