package conf

import "strings"

// key names the parameter as an option.
func (p Param) key() OptionKey { return OptionKey{"server", uint32(p)} }

// encodeValues joins the encoded values of an option.
func encodeValues(values []datum) []byte {
	out := []byte{}
	for _, v := range values {
		out = append(out, v.data...)
	}
	return out
}

// option compiles a statement that sets an option or a parameter.
func (c *compiler) option(n *optionNode, x *blockContext) statement {
	a := &assign{def: n.option, expr: n.expr}
	switch n.verb {
	case "default":
		a.verb = defaultValue
	case "append":
		a.verb = appendValue
	case "prepend":
		a.verb = prependValue
	}
	if n.expr == nil {
		a.value = encodeValues(n.values)
		c.lookedUp(n.values, n.place, n.option.label())
	} else {
		c.checkExpr(n.expr)
		if n.expr.op == opText || n.expr.op == opHex {
			a.value, a.expr = n.expr.data, nil
		}
	}
	if !c.fits(n) {
		return nil
	}
	switch n.option.space.name {
	case "server":
		return c.parameter(n, a, x)
	case "dhcp6", "vsio", "isc6":
		c.reports.note(n.place, "option %s belongs to DHCPv6, which is not served", n.option.fullName())
		return nil
	case "dhcp":
		c.dhcpOption(n, a, x)
	}
	return a
}

// fits tells whether the option can be sent at all, and counts it.
func (c *compiler) fits(n *optionNode) bool {
	s, code := n.option.space, n.option.code
	if uint64(code) >= 1<<(8*s.codeWidth) || s.end != 0 && code >= s.end || code == 0 {
		c.reports.warn(n.place, "", "option %s is never sent: the code %d does not fit", n.option.label(), code)
		return false
	}
	set := c.optionsSet[s]
	if set == nil {
		set = make(map[uint32]bool)
		c.optionsSet[s] = set
	}
	if set[code] = true; len(set) > maxSet {
		c.reports.fail(n.place, "", "more than %d different options of the space %s are set", maxSet, s.name)
	}
	return true
}

// lookedUp refuses names of hosts.
func (c *compiler) lookedUp(values []datum, at place, what string) {
	for _, v := range values {
		if v.kind == kindAddress && v.name != "" {
			c.reports.unsupported(at, "write the address", "%s %s: names are not looked up, so that the answer depends on no other server", what, v.name)
		}
	}
}

// clientIdentifierCode is dhcp-client-identifier; in a host it says whom the
// host is for.
const clientIdentifierCode = 61

// reserved are the options that the server makes itself.
var reserved = map[uint32]string{
	53: "the server sets it in each reply",
	82: "the server returns what the relay sent",
}

// dhcpOption looks at a DHCP option that is set.
func (c *compiler) dhcpOption(n *optionNode, a *assign, x *blockContext) {
	if n.option.code == clientIdentifierCode && x.host != nil && a.expr == nil && a.verb == replaceValue {
		x.host.optionID = string(a.value)
	}
	if why := reserved[n.option.code]; why != "" {
		c.reports.note(n.place, "option %s has no effect: %s", n.option.fullName(), why)
	}
}

// parameter compiles a server parameter.
func (c *compiler) parameter(n *optionNode, a *assign, x *blockContext) statement {
	p := Param(n.option.code)
	name := n.option.name
	switch info := parameters[p]; info.effect {
	case refused:
		if a.expr != nil || len(a.value) != 1 || a.value[0] == 1 {
			c.reports.unsupported(n.place, "delete it", "%s is not supported: %s", name, info.why)
		}
	case harmless:
		c.reports.note(n.place, "%s has no effect: %s", name, info.why)
	case otherFamily:
		c.reports.note(n.place, "%s has no effect: it belongs to DHCPv6, which is not served", name)
	case forDNS:
		if p == DDNSUpdateStyle && a.expr == nil && string(a.value) == "\x01" && x.atTop() {
			c.reports.fail(n.place, "write ddns-update-style standard", "ddns-update-style ad-hoc is no longer known")
			break
		}
		c.reports.note(n.place, "%s is kept for dynamic DNS; no updates are sent", name)
	}
	c.checkWidth(n, a, p, x)
	switch {
	case p == OMAPIPort || p == OMAPIKey:
		c.omapi(n, a, p, x)
	case p == VendorOptionSpace || p == SiteOptionSpace:
		if s := strings.TrimRight(string(a.value), "\x00"); a.expr == nil && c.cfg.options.space(s) == nil {
			c.reports.warn(n.place, "declare it: option space "+s+";", "there is no option space %s", s)
		}
	}
	return a
}

// startParams are the parameters that the server takes from the top level
// when it starts; dhcpd does not start with a wrong length of theirs.
var startParams = map[Param]bool{
	OMAPIPort: true, LocalPort: true, RemotePort: true, LimitedBroadcastAddress: true, LocalAddress: true,
	DDNSUpdateStyle: true, LogFacility: true, AbandonLeaseTime: true, 58: true, 59: true,
}

// checkWidth checks the length of a constant given as an expression.
func (c *compiler) checkWidth(n *optionNode, a *assign, p Param, x *blockContext) {
	want := paramWidths[p]
	if n.expr == nil || a.expr != nil || want == 0 || len(a.value) == want {
		return
	}
	if startParams[p] && x.atTop() {
		c.reports.fail(n.expr.at, "write the value without =", "%s needs %d octets, this gives %d", p, want, len(a.value))
		return
	}
	c.reports.warn(n.expr.at, "write the value without =", "%s needs %d octets, this gives %d: it is ignored", p, want, len(a.value))
}

// paramWidths are the lengths of the values of parameters with a fixed one.
var paramWidths = func() map[Param]int {
	m := make(map[Param]int)
	for _, d := range parseTable(serverTable) {
		m[Param(d.code)] = map[fieldKind]int{kindSeconds: 4, kindUint32: 4, kindUint16: 2, kindUint8: 1, kindBoolean: 1, kindWord: 1,
			kindAddress: 4, kindAddress6: 16}[d.typ.fields[0].kind]
	}
	return m
}()
