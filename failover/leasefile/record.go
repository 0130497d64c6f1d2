package leasefile

import (
	"strings"

	"tandem/failover/conf/token"
	"tandem/failover/lease"
)

// peer reads peer "NAME" state { ... } after "failover".
func (p *parser) peer(head token.Token) {
	r := lease.Peer{}
	what := "a failover peer"
	f := p.expect("peer")
	if f == nil {
		if r.Name, f = p.name(); f == nil {
			what = "failover peer " + r.Name
			f = p.expect("state")
		}
	}
	if f == nil {
		f = p.expect("{")
	}
	if f != nil {
		p.file.Report.Incomplete = p.file.Report.Incomplete || p.lex.Peek().Kind == token.EOF
		p.skipStatement()
		p.drop(what, f)
		return
	}
	f, cut := p.body(func(t token.Token) *fault { return p.peerStatement(&r, t) })
	if f != nil {
		p.drop(what, f)
		return
	}
	if cut {
		p.incomplete(head.Pos.Line, what)
	}
	p.file.Report.Records++
	if i, ok := p.peers[r.Name]; ok {
		p.file.Report.Superseded++
		p.file.Peers[i] = r
		return
	}
	p.peers[r.Name] = len(p.file.Peers)
	p.file.Peers = append(p.file.Peers, r)
}

func (p *parser) peerStatement(r *lease.Peer, t token.Token) *fault {
	var f *fault
	switch {
	case t.Is("my"):
		r.State, r.Since, f = p.serverState()
	case t.Is("partner"):
		r.Partner, r.PartnerSince, f = p.serverState()
	case t.Is("mclt"):
		var n int64
		n, f = p.number("the MCLT", 0, 1<<32-1)
		r.MCLT = lease.Seconds(n)
	default:
		return faultAt(t, "unknown statement %s", t.Describe())
	}
	if f != nil {
		return f
	}
	return p.expect(";")
}

// serverState reads "state S at DATE"; without a date it is since now.
func (p *parser) serverState() (lease.ServerState, lease.Time, *fault) {
	if f := p.expect("state"); f != nil {
		return 0, 0, f
	}
	t := p.lex.Peek()
	s, ok := lease.ParseServerState(strings.ToLower(t.Text))
	if !ok || !t.Word() {
		return 0, 0, faultAt(t, "unknown server state %s", t.Describe())
	}
	p.lex.Next()
	if !p.lex.Peek().Is("at") {
		return s, p.now, nil
	}
	p.lex.Next()
	when, f := p.date()
	return s, when, f
}

// object reads a host, group, class or subclass after its first word.
func (p *parser) object(head token.Token) {
	o := lease.Object{Kind: strings.ToLower(head.Text)}
	f := p.objectName(&o)
	what := o.Kind + " " + o.Name
	if f == nil && p.lex.Peek().Is(";") {
		p.lex.Next() // subclass "C" DATA;
		p.keepObject(o)
		return
	}
	if f == nil {
		f = p.expect("{")
	}
	if f != nil {
		p.file.Report.Incomplete = p.file.Report.Incomplete || p.lex.Peek().Kind == token.EOF
		p.skipStatement()
		p.drop(what, f)
		return
	}
	var text []string
	f, cut := p.body(func(t token.Token) *fault { return p.objectStatement(&o, &text, t) })
	if f != nil {
		p.drop(what, f)
		return
	}
	if cut {
		p.incomplete(head.Pos.Line, what)
	}
	o.Text = strings.Join(text, "\n")
	p.keepObject(o)
}

// objectName reads the name of an object up to its brace. That of a subclass
// is its class and its data; a host's may have dots.
func (p *parser) objectName(o *lease.Object) (f *fault) {
	if o.Name, f = p.name(); f != nil || o.Kind == "class" {
		return f
	}
	if o.Kind == "subclass" {
		data, f := p.octets()
		o.Name = string(appendData(append(appendQuoted(nil, o.Name), ' '), data))
		return f
	}
	for p.lex.Peek().Is(".") {
		p.lex.Next()
		t := p.lex.Peek()
		if !t.Word() && t.Kind != token.Number {
			return faultAt(t, "the name goes on with %s after the dot", t.Describe())
		}
		p.lex.Next()
		o.Name += "." + t.Text
	}
	return nil
}

// between gives the source from one token to another, both included.
func (p *parser) between(from, to token.Token) string {
	return p.lex.Source.Text[from.Pos.Offset:to.End.Offset]
}

// objectStatement takes one statement as it is written.
func (p *parser) objectStatement(o *lease.Object, text *[]string, first token.Token) *fault {
	if first.Is("deleted") && p.lex.Peek().Is(";") {
		p.lex.Next()
		o.Deleted = true
		return nil
	}
	last, depth := first, 0
	for {
		switch {
		case last.Problem != "":
			return faultAt(last, "%s", last.Problem)
		case last.Is("{"):
			depth++
		case last.Is("}"):
			depth--
		}
		if depth == 0 && (last.Is(";") || last.Is("}")) {
			break
		}
		next := p.lex.Peek()
		if next.Kind == token.EOF || p.atRecord() || depth == 0 && next.Is("}") {
			return faultAt(next, "; is missing before %s", next.Describe())
		}
		last = p.lex.Next()
	}
	*text = append(*text, p.between(first, last))
	return nil
}

// keepObject puts an object into the file.
func (p *parser) keepObject(o lease.Object) {
	p.file.Report.Records++
	key := o.Kind + " " + o.Name
	if i, ok := p.objects[key]; ok {
		p.file.Report.Superseded++
		p.file.Objects[i] = o
		return
	}
	p.objects[key] = len(p.file.Objects)
	p.file.Objects = append(p.file.Objects, o)
}
