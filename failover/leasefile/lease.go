package leasefile

import (
	"cmp"
	"slices"
	"strings"

	"tandem/failover/conf/token"
	"tandem/failover/lease"
)

// leaseRecord is one lease record while it is read.
type leaseRecord struct {
	lease lease.Lease
	extra lease.Extra
	what  string
	line  int
	seen  map[string]bool
	onEnd bool // it has an "on" block
}

// lease reads a lease record after its first word.
func (p *parser) lease(head token.Token) {
	r := leaseRecord{what: "a lease", line: head.Pos.Line, seen: map[string]bool{}}
	ip, f := p.address()
	if f == nil {
		r.what, r.lease.IP = "lease "+ip.String(), ip
		f = p.expect("{")
	}
	if f != nil {
		p.file.Report.Incomplete = p.file.Report.Incomplete || p.lex.Peek().Kind == token.EOF
		p.skipStatement()
		p.drop(r.what, f)
		return
	}
	f, cut := p.body(func(t token.Token) *fault {
		before := r
		f := p.leaseStatement(&r, t)
		if f != nil {
			r = before // half a number is another number
		}
		return f
	})
	_, earlier := p.leases[ip]
	if f == nil && cut && earlier && r.lease.State == 0 {
		// The times come before the state, so they may be missing too. Nobody
		// was promised what this record was going to say.
		p.file.Report.Incomplete = true
		f = &fault{r.line, "the file ends within this record, before its state"}
	}
	if f != nil {
		if earlier {
			f.reason += " (an earlier record of this address stays valid)"
		}
		p.drop(r.what, f)
		return
	}
	if cut {
		p.incomplete(r.line, r.what)
	}
	p.keepLease(&r)
}

// leaseStatement reads one statement of a lease record, whose first word is t.
func (p *parser) leaseStatement(r *leaseRecord, t token.Token) *fault {
	l := &r.lease
	word := strings.ToLower(t.Text)
	if t.Kind == token.String {
		word = ""
	}
	var f *fault
	switch word {
	case "starts":
		l.Starts, f = p.date()
	case "ends":
		l.Ends, f = p.date()
	case "tstp":
		l.TSTP, f = p.date()
	case "tsfp":
		l.TSFP, f = p.date()
	case "atsfp":
		l.ATSFP, f = p.date()
	case "cltt":
		l.CLTT, f = p.date()
	case "timestamp":
		_, f = p.date()
	case "binding":
		l.State, f = p.bindingState(r)
	case "next":
		f = p.nextState(r)
	case "rewind":
		f = p.rewindState(r)
	case "reserved":
		l.Flags |= lease.FlagReserved
	case "dynamic-bootp":
		l.Flags |= lease.FlagBOOTP
	case "abandoned":
		l.State = lease.Abandoned
	case "hardware":
		l.HW, f = p.hardware()
	case "uid":
		l.UID, f = p.octets()
	case "on":
		r.onEnd = true
		p.skipStatement()
		return nil
	default:
		return p.extraStatement(r, t, word)
	}
	if f != nil {
		return f
	}
	return p.end(r, t, word)
}

// extraStatement reads the statements about the client.
func (p *parser) extraStatement(r *leaseRecord, t token.Token, word string) (f *fault) {
	x := &r.extra
	switch word {
	case "client-hostname":
		x.Hostname, f = p.text()
	case "ddns-fwd-name", "ddns-rev-name":
		var name string
		name, f = p.text()
		r.set(word, name)
	case "class":
		_, f = p.name()
	case "billing":
		f = p.billing(r)
	case "set":
		f = p.variable(r)
	case "option":
		f = p.agentOption(r)
	default:
		return faultAt(t, "unknown statement %s", t.Describe())
	}
	if f != nil {
		return f
	}
	return p.end(r, t, word)
}

// repeated are the statements of which a record has any number.
var repeated = map[string]bool{"set": true, "option": true, "on": true}

// end ends a statement that began with t. It warns if there was one before; the
// later one is used.
func (p *parser) end(r *leaseRecord, t token.Token, word string) *fault {
	if f := p.expect(";"); f != nil {
		return f
	}
	if r.seen[word] && !repeated[word] {
		p.warn(t.Pos.Line, r.what, "a second %s in one record; the later one is used", word)
	}
	r.seen[word] = true
	return nil
}

// bindingState reads "state S" after "binding". Old files have the flags
// reserved and bootp in its place.
func (p *parser) bindingState(r *leaseRecord) (lease.State, *fault) {
	if f := p.expect("state"); f != nil {
		return 0, f
	}
	t := p.lex.Peek()
	switch {
	case t.Is("reserved"):
		r.lease.Flags |= lease.FlagReserved
	case t.Is("bootp"):
		r.lease.Flags |= lease.FlagBOOTP
	default:
		s, ok := lease.ParseState(strings.ToLower(t.Text))
		if !ok || !t.Word() {
			return 0, faultAt(t, "unknown binding state %s", t.Describe())
		}
		p.lex.Next()
		return s, nil
	}
	p.lex.Next()
	return lease.Active, nil
}

func (p *parser) nextState(r *leaseRecord) *fault {
	if f := p.expect("binding"); f != nil {
		return f
	}
	_, f := p.bindingState(r)
	return f
}

func (p *parser) rewindState(r *leaseRecord) (f *fault) {
	if f := p.expect("binding"); f != nil {
		return f
	}
	r.lease.Rewind, f = p.bindingState(r)
	return f
}

// billing reads class NAME or subclass NAME DATA.
func (p *parser) billing(r *leaseRecord) (f *fault) {
	t := p.lex.Peek()
	if !t.Is("class") && !t.Is("subclass") {
		return faultAt(t, "class or subclass is expected, not %s", t.Describe())
	}
	p.lex.Next()
	if r.extra.Billing, f = p.name(); f != nil || t.Is("class") {
		return f
	}
	r.extra.BillingSub, f = p.octets()
	return f
}

// variable reads NAME = VALUE after "set". A boolean is kept as true or false, a
// number as %N, which is how the variables of a lease are kept everywhere.
func (p *parser) variable(r *leaseRecord) *fault {
	name, f := p.name()
	if f != nil {
		return f
	}
	if f := p.expect("="); f != nil {
		return f
	}
	var value string
	switch t := p.lex.Peek(); {
	case t.Is("true"), t.Is("false"):
		p.lex.Next()
		value = strings.ToLower(t.Text)
	case t.Is("%"):
		p.lex.Next()
		n := p.lex.Peek()
		if _, f := p.number("a number", 0, 1<<32-1); f != nil {
			return f
		}
		value = "%" + n.Text
	default:
		if value, f = p.octets(); f != nil {
			return f
		}
	}
	r.set(name, value)
	return nil
}

// set makes name a variable of the lease, which may be known by a field too.
func (r *leaseRecord) set(name, value string) {
	i, found := slices.BinarySearchFunc(r.extra.Vars, name, func(v lease.Var, n string) int { return cmp.Compare(v.Name, n) })
	if found {
		r.extra.Vars[i].Value = value
	} else {
		r.extra.Vars = slices.Insert(slices.Clip(r.extra.Vars), i, lease.Var{Name: name, Value: value})
	}
	switch name {
	case "vendor-class-identifier":
		r.extra.VendorClass = value
	case "ddns-client-fqdn":
		r.extra.FQDN = value
	}
}

// keepLease puts what is known of a lease into the file.
func (p *parser) keepLease(r *leaseRecord) {
	l := &r.lease
	l.STOS = l.Starts
	if !r.seen["tstp"] {
		l.TSTP = l.Ends
	}
	if l.State == 0 {
		if p.unsaid == nil {
			p.unsaid = map[lease.IP]bool{}
		}
		p.unsaid[l.IP] = true
		if l.State = lease.Expired; l.Ends > p.now || r.onEnd {
			l.State = lease.Active
		}
	} else {
		delete(p.unsaid, l.IP)
	}
	if l.Rewind == 0 {
		l.Rewind = l.State
	}
	if x := r.extra; x.Hostname != "" || x.FQDN != "" || x.VendorClass != "" || x.RelayAgent != "" ||
		x.Billing != "" || len(x.Vars) > 0 {
		l.Extra = &x
	}
	p.file.Report.Records++
	if i, ok := p.leases[l.IP]; ok {
		p.file.Report.Superseded++
		p.file.Leases[i] = *l
		return
	}
	p.leases[l.IP] = len(p.file.Leases)
	p.file.Leases = append(p.file.Leases, *l)
}

// settle decides what depends on whether the file speaks of failover.
func (p *parser) settle() {
	failover := len(p.file.Peers) > 0
	for i := range p.file.Leases {
		l := &p.file.Leases[i]
		if !failover && p.unsaid[l.IP] && l.State == lease.Expired {
			if l.Rewind == l.State {
				l.Rewind = lease.Free
			}
			l.State = lease.Free
		}
		if failover && l.ATSFP < l.TSTP {
			l.Flags |= lease.FlagPending
		}
	}
	p.file.sort()
}
