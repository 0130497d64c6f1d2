package conf

import (
	"strings"

	"tandem/failover/conf/token"
)

// peerNumbers are the statements of a failover peer that take a number, with
// the largest one.
var peerNumbers = map[string]uint32{
	"port": 65535, "max-response-delay": 1<<31 - 1, "max-unacked-updates": 1<<31 - 1, "mclt": 1<<31 - 1,
	"max-lease-misbalance": 1<<31 - 1, "max-lease-ownership": 1<<31 - 1, "min-balance": 1<<31 - 1, "max-balance": 1<<31 - 1,
	"auto-partner-down": 1<<31 - 1, "split": 256,
}

// peerWords are all statements of a failover peer.
var peerWords = []string{
	"primary", "secondary", "address", "peer", "port", "max-response-delay", "max-unacked-updates", "mclt", "split", "hba",
	"load", "max-lease-misbalance", "max-lease-ownership", "min-balance", "max-balance", "auto-partner-down",
}

// failover reads a failover peer declaration, or a reference to one in a
// shared-network.
func (p *parser) failover(kind blockKind) (node, bool) {
	t := p.take()
	if !p.expect("peer", "peer after failover") {
		return nil, false
	}
	name := p.peek(0)
	if kind != inGlobal && kind != inShared {
		where := "to the top level; pools refer to it with failover peer \"NAME\";"
		if p.peek(1).Is(";") {
			where = "into the pools"
		}
		p.misplaced(t, kind, where)
	}
	if !name.Word() && name.Kind != token.String {
		p.fail(name, "", "expected the name of the failover peer, not %s", name.Describe())
		return nil, false
	}
	p.take()
	if p.peek(0).Is(";") {
		p.take()
		if kind == inGlobal {
			p.fail(t, "move it into a pool or a shared-network", "a reference to a failover peer cannot stand at the top level")
			return nil, true
		}
		return &peerRefNode{at: p.at(t), name: name.Text}, true
	}
	if s := p.peek(0); s.Is("state") {
		p.reports.note(p.place(s), "the state of a failover peer belongs into the lease file; it has no effect here")
		p.skip()
		return nil, true
	}
	n := &peerNode{at: p.at(t), name: name.Text}
	if !p.expect("{", "{ after the name of the failover peer") && !p.skipToBlockEnd() {
		return nil, true
	}
	open, before := p.prev, p.reports.errors
	p.untilBrace(open, func([]node) []node {
		begin := p.peek(0).Pos.Offset
		if !p.peerStatement(n) {
			p.skip()
		}
		if t := p.peek(0); t.Pos.Offset == begin && t.Kind != token.EOF && !t.Is("}") {
			p.take()
		}
		return nil
	})
	n.faulty = p.reports.errors > before
	return n, true
}

// peerStatement reads one statement of a failover peer.
func (p *parser) peerStatement(n *peerNode) bool {
	item := peerItem{at: p.place(p.peek(0))}
	for p.accept("peer") {
		item.partner = true
	}
	t := p.peek(0)
	item.word = strings.ToLower(t.Text)
	if t.Kind != token.Name && t.Kind != token.NumberOrName || !contains(peerWords, item.word) {
		remedy := ""
		if w := nearest(t.Text, peerWords); w != "" && t.Word() {
			remedy = "write " + w
		}
		p.fail(t, remedy, "%s is no statement of a failover peer", t.Describe())
		p.take()
		return t.Is(";")
	}
	p.take()
	ok := true
	switch item.word {
	case "primary", "secondary":
	case "address":
		item.addr, ok = p.address()
	case "hba":
		item.hba, ok = p.bucketMap()
	case "load":
		item.word = "load balance max seconds"
		ok = p.loadBalance(&item)
	default:
		item.number, ok = p.decimal(item.word, peerNumbers[item.word])
	}
	if !ok {
		return false
	}
	n.items = append(n.items, item)
	return p.semicolon()
}

// loadBalance reads `balance max seconds N`.
func (p *parser) loadBalance(item *peerItem) (ok bool) {
	for _, w := range []string{"balance", "max", "seconds"} {
		if t := p.peek(0); !t.Is(w) {
			p.fail(t, "write load balance max seconds NUMBER", "expected %s, not %s", w, t.Describe())
			return false
		}
		p.take()
	}
	item.number, ok = p.decimal("load balance max seconds", 1<<31-1)
	return ok
}

// bucketMap reads the 32 octets of hba.
func (p *parser) bucketMap() ([]byte, bool) {
	first := p.peek(0)
	b, ok := p.hex()
	if ok && len(b) != 32 {
		p.fail(first, "", "hba has %d octets; it needs exactly 32", len(b))
		ok = false
	}
	return b, ok
}
