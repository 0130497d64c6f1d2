package conf

import (
	"fmt"
	"slices"
	"sort"
)

// hostBuilder is a host while its block is compiled.
type hostBuilder struct {
	*Host
	at       place
	uidAt    place
	optionID string // dhcp-client-identifier
	fixed    []address
}

// host compiles a host.
func (c *compiler) host(n *hostNode, x *blockContext) {
	if (x.kind == inSubnet || x.kind == inShared) && !c.hostInside {
		c.hostInside = true
		c.reports.warn(n.place, "", "a host counts everywhere, wherever it is declared; this one and others are not limited to the network that they stand in")
	}
	in := x.inner(inHost, n.name, n.place)
	h := &hostBuilder{Host: &Host{Name: n.name, Scope: in.scope, Pos: n.place.Pos()}, at: n.place}
	in.host = h
	c.body(n.body, in)
	if h.Group != nil {
		h.Scope.Parent = h.Group
	}
	switch {
	case h.UID != "" && h.optionID != "":
		c.reports.warn(h.uidAt, "delete one of them", "host %s has a uid and a dhcp-client-identifier; the uid counts", n.name)
	case h.UID == "":
		h.UID = h.optionID
	}
	if h.Deleted {
		if old := c.hosts[n.name]; old != nil {
			old.Deleted = true // finishHosts takes it away
			delete(c.hosts, n.name)
		}
		return
	}
	if old := c.hosts[n.name]; old != nil {
		c.reports.fail(n.place, "give it another name", "host %s was declared in line %d already", n.name, old.Pos.Line)
		return
	}
	c.hosts[n.name] = h.Host
	c.cfg.Hosts = append(c.cfg.Hosts, h.Host)
	c.hostPlaces[h.Host] = n.place
	if h.HW == "" && h.UID == "" && h.Identifier == (OptionKey{}) && !n.faulty {
		c.reports.warn(n.place, "add hardware ethernet ADDRESS; or uid", "host %s can match no client: it has no hardware address, uid or host-identifier", n.name)
	}
}

// finishHosts takes deleted hosts away.
func (c *compiler) finishHosts() {
	c.cfg.Hosts = slices.DeleteFunc(c.cfg.Hosts, func(h *Host) bool { return h.Deleted })
}

// hostPart compiles a statement that only hosts have.
func (c *compiler) hostPart(n node, x *blockContext) {
	h := x.host
	if h == nil {
		return // reported by the parser
	}
	switch n := n.(type) {
	case *hardwareNode:
		if h.HW != "" {
			c.reports.fail(n.place, "declare a second host", "host %s has a hardware address already", h.Name)
			return
		}
		h.HW = string(append([]byte{n.htype}, n.addr...))
	case *fixedNode:
		c.fixed(n, h)
	case *uidNode:
		if h.UID != "" {
			c.reports.fail(n.place, "declare a second host", "host %s has a uid already", h.Name)
			return
		}
		h.UID, h.uidAt = string(n.value.data), n.place
	case *identifierNode:
		if h.Identifier != (OptionKey{}) {
			c.reports.fail(n.place, "declare a second host", "host %s has a host-identifier already", h.Name)
			return
		}
		h.Identifier, h.IdentifierValue = n.option.key(), encodeValues(n.values)
		if c.identifiers[h.Identifier] = true; len(c.identifiers) > maxIdentifiers {
			c.reports.fail(n.place, "", "more than %d different options in host-identifier", maxIdentifiers)
		}
		c.lookedUp(n.values, n.place, "host-identifier")
	case *memberNode:
		if h.Group = c.groups[n.group]; h.Group == nil {
			c.reports.fail(n.place, c.groupRemedy(n.group), "there is no group %q", n.group)
		}
	}
}

// groupRemedy proposes a group that exists.
func (c *compiler) groupRemedy(name string) string {
	var names []string
	for n := range c.groups {
		names = append(names, n)
	}
	if w := nearestName(name, names); w != "" {
		return fmt.Sprintf("write %q", w)
	}
	return "declare the group, with this name, before the host"
}

// fixed takes the fixed addresses of a host over.
func (c *compiler) fixed(n *fixedNode, h *hostBuilder) {
	if h.fixed != nil {
		c.reports.fail(n.place, "give all addresses in one statement, with commas between", "host %s has a fixed-address already", h.Name)
		return
	}
	h.fixed = n.addrs
	for _, a := range n.addrs {
		if a.name != "" {
			h.FixedNames = append(h.FixedNames, a.name)
			c.reports.unsupported(a.at, "write the address", "fixed-address %s: names are not looked up, so that the answer depends on no other server", a.name)
			continue
		}
		h.Fixed = append(h.Fixed, a.ip)
	}
}

// class compiles a class; one that was declared before is gone on with.
func (c *compiler) class(n *classNode, x *blockContext) {
	k := c.classes[n.name]
	if k == nil {
		in := x.inner(inClass, n.name, n.place)
		k = &Class{Name: n.name, Scope: in.scope, Pos: n.place.Pos()}
		c.classes[n.name], c.classPlaces[k] = k, n.place
		c.cfg.Classes = append(c.cfg.Classes, k)
	}
	c.body(n.body, &blockContext{kind: inClass, scope: k.Scope, class: k, once: &classOnce{}})
}

// classOnce remembers what one declaration of a class has said.
type classOnce struct{ matchIf, match bool }

// subclass compiles a subclass; one with the same value is gone on with.
func (c *compiler) subclass(n *subclassNode, x *blockContext) {
	super := c.classes[n.class]
	if super == nil {
		c.reports.fail(n.place, c.classRemedy(n.class), "there is no class %q", n.class)
		return
	}
	value := string(n.value.data)
	k := super.children[value]
	if k == nil {
		k = &Class{Name: n.class, Value: value, Super: super, Scope: super.Scope, LeaseLimit: super.LeaseLimit, Pos: n.place.Pos()}
		if super.children == nil {
			super.children = make(map[string]*Class)
		}
		super.children[value] = k
	}
	if n.bare {
		return
	}
	if k.Scope == super.Scope {
		k.Scope = newScope(inSubclass, n.class, super.Scope, n.place)
	}
	c.body(n.body, &blockContext{kind: inSubclass, scope: k.Scope, class: k, once: &classOnce{}})
}

// classPart compiles the statements that make a class.
func (c *compiler) classPart(n node, x *blockContext) {
	switch n := n.(type) {
	case *limitNode:
		x.class.LeaseLimit = n.limit
	case *matchNode:
		c.checkExpr(n.expr)
		if n.verb == "match if" {
			if x.once.matchIf {
				c.reports.fail(n.place, "join the conditions with or", "class %q has a match if already", x.class.Name)
			}
			x.class.matchIf, x.once.matchIf = n.expr, true
			return
		}
		if x.once.match {
			c.reports.fail(n.place, "", "class %q has a match or spawn already", x.class.Name)
		}
		x.class.match, x.once.match = n.expr, true
		if n.verb == "spawn with" {
			x.class.Spawning = true
		}
	}
}

// finishClasses warns about classes that nobody can be in.
func (c *compiler) finishClasses() {
	names := make([]string, 0, len(c.classes))
	for name := range c.classes {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		k := c.classes[name]
		if k.match == nil && len(k.children) > 0 {
			c.reports.warn(c.classPlaces[k], "add match EXPRESSION; to the class", "the subclasses of %q match nobody: the class has no match", name)
		}
	}
}
