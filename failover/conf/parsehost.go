package conf

import (
	"strconv"
	"strings"

	"tandem/failover/conf/token"
)

// host reads a host.
func (p *parser) host(kind blockKind) (node, bool) {
	t := p.take()
	n := &hostNode{at: p.at(t)}
	if kind == inHost || kind.isClass() {
		p.misplaced(t, kind, "outside")
	}
	name := p.peek(0)
	if n.name = p.dotted(); n.name == "" {
		remedy := ""
		if name.Kind == token.String {
			p.take()
			n.name, remedy = name.Text, "write the name without quotes, of letters, digits, - _ and ."
		}
		p.fail(name, remedy, "expected the name of the host, not %s", name.Describe())
	}
	before := p.reports.errors
	n.body = p.block(inHost)
	n.faulty = p.reports.errors > before
	return n, true
}

// hostLocal reads a statement of a host.
func (p *parser) hostLocal(word string) (node, bool, bool) {
	var n node
	var ok bool
	switch word {
	case "dynamic", "deleted":
		n, ok = p.words()
	case "group":
		n, ok = p.hostGroup()
	case "uid":
		n, ok = p.uid()
	case "host-identifier":
		n, ok = p.hostIdentifier()
	default:
		return nil, false, false
	}
	return n, ok, true
}

// hostGroup reads `group NAME;`.
func (p *parser) hostGroup() (node, bool) {
	t := p.take()
	name := p.peek(0)
	if !name.Word() && name.Kind != token.String {
		p.fail(name, "", "expected the name of a group, not %s", name.Describe())
		return nil, false
	}
	p.take()
	return &memberNode{at: p.at(t), group: name.Text}, p.semicolon()
}

// uid reads `uid VALUE;`.
func (p *parser) uid() (node, bool) {
	t := p.take()
	value, ok := p.data("the client identifier as a string or hexadecimal octets")
	if !ok {
		return nil, false
	}
	return &uidNode{at: p.at(t), value: value}, p.semicolon()
}

// hostIdentifier reads `host-identifier option NAME VALUE;`.
func (p *parser) hostIdentifier() (node, bool) {
	t := p.take()
	relayed := p.accept("v6relopt")
	if relayed {
		if _, ok := p.decimal("the number of a relay", 1<<31-1); !ok {
			return nil, false
		}
		p.reports.note(p.place(t), "host-identifier v6relopt belongs to DHCPv6, which is not served")
	} else if !p.expect("option", "option after host-identifier") {
		return nil, false
	}
	def, ok := p.knownOption()
	if !ok {
		return nil, false
	}
	n := &identifierNode{at: p.at(t), option: def}
	if n.values, ok = p.optionValue(def); !ok {
		return nil, false
	}
	if relayed {
		return nil, p.semicolon()
	}
	return n, p.semicolon()
}

// hardwareTypes are the words for hardware types and their numbers (RFC 1700).
var hardwareTypes = []struct {
	word  string
	htype byte
}{{"ethernet", 1}, {"token-ring", 6}, {"fddi", 8}, {"infiniband", 32}}

// maxHardware is the longest hardware address, in octets.
const maxHardware = 20

// hardware reads `hardware TYPE ADDRESS;`.
func (p *parser) hardware(kind blockKind) (node, bool) {
	t := p.take()
	p.hostOnly(t, kind)
	n := &hardwareNode{at: p.at(t)}
	if !p.hardwareType(n) {
		return nil, false
	}
	if p.accept(";") {
		return n, true
	}
	first := p.peek(0)
	var ok bool
	if n.addr, ok = p.hex(); !ok {
		return nil, false
	}
	if len(n.addr) > maxHardware {
		p.fail(first, "", "this hardware address has %d octets; %d is the most", len(n.addr), maxHardware)
		n.addr = n.addr[:maxHardware]
	} else if n.htype == 1 && len(n.addr) != 6 {
		p.reports.warn(p.place(first), "", "an Ethernet address has 6 octets, this one has %d: it will match no client", len(n.addr))
	}
	return n, p.semicolon()
}

// hardwareType reads the word for the type of hardware.
func (p *parser) hardwareType(n *hardwareNode) bool {
	t := p.peek(0)
	for _, h := range hardwareTypes {
		if t.Is(h.word) {
			p.take()
			n.htype = h.htype
			return true
		}
	}
	if rest, ok := strings.CutPrefix(t.Text, "unknown-"); ok && t.Kind != token.String {
		if v, err := strconv.ParseUint(rest, 10, 8); err == nil {
			p.take()
			n.htype = byte(v)
			return true
		}
	}
	remedy := ""
	switch {
	case t.Kind == token.Number || t.Kind == token.NumberOrName || hexRemedy(t.Text) != "":
		remedy = "write hardware ethernet in front of the address"
	case t.Word():
		if w := nearest(t.Text, []string{"ethernet", "token-ring", "fddi", "infiniband"}); w != "" {
			remedy = "write " + w
		}
	}
	p.fail(t, remedy, "expected ethernet, token-ring, fddi, infiniband or unknown-NUMBER, not %s", t.Describe())
	return false
}

// fixed reads a fixed-address statement.
func (p *parser) fixed(kind blockKind) (node, bool) {
	t := p.take()
	p.hostOnly(t, kind)
	addrs, ok := p.addresses()
	if !ok {
		return nil, false
	}
	return &fixedNode{at: p.at(t), addrs: addrs}, p.semicolon()
}

// hostOnly reports a statement that stands elsewhere than in a host itself.
func (p *parser) hostOnly(t token.Token, kind blockKind) {
	switch {
	case kind != inHost:
		p.misplaced(t, kind, "into a host")
	case !p.direct:
		p.fail(t, "write it in the host itself", "%s cannot stand in a file that a host includes", t.Describe())
	}
}

// fixed6 reads a fixed-address6 statement, which is passed over.
func (p *parser) fixed6(kind blockKind) (node, bool) {
	t := p.take()
	p.hostOnly(t, kind)
	if _, ok := p.addresses6(); !ok {
		return nil, false
	}
	p.reports.note(p.place(t), "fixed-address6 belongs to DHCPv6, which is not served")
	return nil, p.semicolon()
}
