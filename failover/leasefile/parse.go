package leasefile

import (
	"fmt"
	"strings"

	"tandem/failover/conf/token"
	"tandem/failover/lease"
)

// Parse reads the text of a lease file. now stands in where a record does not
// say when, as in dhcpd. The error says that nothing at all could be read; all
// else is in the File's Report.
func Parse(name, text string, now lease.Time) (*File, error) {
	p := &parser{lex: token.New(name, text), now: now, file: &File{Name: name},
		leases: map[lease.IP]int{}, peers: map[string]int{}, objects: map[string]int{}}
	for p.record() {
	}
	p.settle()
	r := &p.file.Report
	if r.Records == 0 && r.Skipped == 0 && r.Dropped > 0 {
		return p.file, fmt.Errorf("%s: this is no lease file, or nothing in it can be read: %s", name, r.Problems[0])
	}
	return p.file, nil
}

type parser struct {
	lex  *token.Lexer
	now  lease.Time
	file *File
	// Where in the File the record of a thing is.
	leases  map[lease.IP]int
	peers   map[string]int
	objects map[string]int
	// unsaid are leases without a binding state: what they are depends on
	// whether the file speaks of failover, which may come later.
	unsaid map[lease.IP]bool
}

// fault is why a statement or record can not be read.
type fault struct {
	line   int
	reason string
}

func (f *fault) Error() string { return fmt.Sprintf("line %d: %s", f.line, f.reason) }

func faultAt(t token.Token, format string, args ...any) *fault {
	return &fault{t.Pos.Line, fmt.Sprintf(format, args...)}
}

// record reads one record of the top level; false at the end of the file.
func (p *parser) record() bool {
	t := p.lex.Next()
	switch {
	case t.Kind == token.EOF:
		return false
	case t.Is("lease"):
		p.lease(t)
	case t.Is("failover"):
		p.peer(t)
	case t.Is("host"), t.Is("group"), t.Is("class"), t.Is("subclass"):
		p.object(t)
	case t.Is("authoring-byte-order"), t.Is("server-duid"):
		p.skipStatement()
	case t.Is("ia-na"), t.Is("ia-ta"), t.Is("ia-pd"):
		p.skipStatement()
		p.file.Report.Skipped++
	case t.Is(";"):
	default:
		p.garbage(t)
	}
	return true
}

// garbage passes over text that is no record, up to the next ; or } or to
// something that looks like a record.
func (p *parser) garbage(t token.Token) {
	p.file.Report.add(Problem{Line: t.Pos.Line, What: "text that is no record", Dropped: true,
		Reason: "unexpected " + t.Describe() + "; the file may be damaged"})
	for !t.Is(";") && !t.Is("}") {
		if p.lex.Peek().Kind == token.EOF || p.atRecord() {
			return
		}
		t = p.lex.Next()
	}
}

// atRecord tells whether what follows is the head of a lease or of a failover
// peer: lease and a number, or failover peer. Neither can be part of another
// record.
func (p *parser) atRecord() bool {
	t := p.lex.Peek()
	if !t.Is("lease") && !t.Is("failover") {
		return false
	}
	ahead := *p.lex
	ahead.Next()
	second := ahead.Next()
	return t.Is("lease") && second.Kind == token.Number || second.Is("peer")
}

// drop reports a record that is lost.
func (p *parser) drop(what string, f *fault) {
	p.file.Report.add(Problem{Line: f.line, What: what, Reason: f.reason, Dropped: true})
}

func (p *parser) warn(line int, what, format string, args ...any) {
	p.file.Report.add(Problem{Line: line, What: what, Reason: fmt.Sprintf(format, args...)})
}

// incomplete notes that the file ends within a record.
func (p *parser) incomplete(line int, what string) {
	p.file.Report.Incomplete = true
	p.warn(line, what, "the file ends within this record; what there is of it is used")
}

// skipStatement passes over the rest of a statement: up to its ; or its block,
// but not over a } that belongs to the record around it.
func (p *parser) skipStatement() {
	for {
		t := p.lex.Peek()
		if t.Kind == token.EOF || t.Is("}") || p.atRecord() {
			return
		}
		p.lex.Next()
		if t.Is(";") {
			return
		}
		if t.Is("{") {
			p.skipBlock()
			return
		}
	}
}

// skipBlock passes over what follows a { up to its }.
func (p *parser) skipBlock() {
	for depth := 1; depth > 0; {
		if p.atRecord() {
			return // a brace was lost
		}
		switch t := p.lex.Next(); {
		case t.Kind == token.EOF:
			return
		case t.Is("{"):
			depth++
		case t.Is("}"):
			depth--
		}
	}
}

// body reads the statements of a record after its {. statement gets the first
// token of each. The first fault is returned after the whole record was
// passed; cut is set when the file ends before the record does.
func (p *parser) body(statement func(token.Token) *fault) (first *fault, cut bool) {
	for {
		t := p.lex.Peek()
		switch {
		case t.Kind == token.EOF:
			return first, true
		case p.atRecord():
			if first == nil {
				first = faultAt(t, "the next record begins before this one has ended: a } is missing")
			}
			return first, false
		}
		p.lex.Next()
		if t.Is("}") {
			return first, false
		}
		f := statement(t)
		if f == nil {
			continue
		}
		p.skipStatement()
		if p.lex.Peek().Kind == token.EOF {
			return first, true // the fault is that the file ends
		}
		if first == nil {
			first = f
		}
	}
}

// expect takes the next token if it is the given word or mark.
func (p *parser) expect(word string) *fault {
	t := p.lex.Peek()
	if !t.Is(word) {
		return faultAt(t, "%s is missing before %s", word, t.Describe())
	}
	p.lex.Next()
	return nil
}

// text takes a string.
func (p *parser) text() (string, *fault) {
	t := p.lex.Peek()
	if t.Kind != token.String {
		return "", faultAt(t, "a string in quotes is expected, not %s", t.Describe())
	}
	if t.Problem != "" {
		return "", faultAt(t, "%s", t.Problem)
	}
	p.lex.Next()
	return t.Text, nil
}

// name takes a word or a string.
func (p *parser) name() (string, *fault) {
	t := p.lex.Peek()
	if t.Kind == token.String && t.Text != "" {
		return p.text()
	}
	if !t.Word() && t.Kind != token.Number {
		return "", faultAt(t, "a name is expected, not %s", t.Describe())
	}
	p.lex.Next()
	return t.Text, nil
}

// octets takes data: a string, or hexadecimal octets with colons.
func (p *parser) octets() (string, *fault) {
	if p.lex.Peek().Kind == token.String {
		return p.text()
	}
	var b strings.Builder
	for {
		t := p.lex.Peek()
		n, ok := hexOctet(t)
		if !ok {
			return "", faultAt(t, "a hexadecimal octet is expected, not %s", t.Describe())
		}
		p.lex.Next()
		b.WriteByte(n)
		if !p.lex.Peek().Is(":") {
			return b.String(), nil
		}
		p.lex.Next()
	}
}

func hexOctet(t token.Token) (n byte, ok bool) {
	if t.Kind == token.String || len(t.Text) == 0 || len(t.Text) > 2 {
		return 0, false
	}
	for i := range len(t.Text) {
		d := strings.IndexByte("0123456789abcdef", t.Text[i]|0x20)
		if d < 0 {
			return 0, false
		}
		n = n<<4 | byte(d)
	}
	return n, true
}

// number takes a decimal number that is at most most.
func (p *parser) number(what string, least, most int64) (int64, *fault) {
	t := p.lex.Peek()
	n, ok := decimal(t)
	if !ok {
		return 0, faultAt(t, "%s is expected, not %s", what, t.Describe())
	}
	if n < least || n > most {
		return 0, faultAt(t, "%s is %s, which is not within %d and %d", what, t.Text, least, most)
	}
	p.lex.Next()
	return n, nil
}

// decimal gives the value of a number token; more than 18 digits are none.
func decimal(t token.Token) (int64, bool) {
	digits, negative := strings.CutPrefix(t.Text, "-")
	if t.Kind != token.Number || digits == "" || len(digits) > 18 {
		return 0, false
	}
	var n int64
	for i := range len(digits) {
		n = n*10 + int64(digits[i]-'0')
	}
	if negative {
		n = -n
	}
	return n, true
}

// address takes dotted decimal notation.
func (p *parser) address() (lease.IP, *fault) {
	var ip lease.IP
	for i := range 4 {
		if i > 0 {
			if f := p.expect("."); f != nil {
				return 0, f
			}
		}
		n, f := p.number("a part of an IPv4 address", 0, 255)
		if f != nil {
			return 0, f
		}
		ip = ip<<8 | lease.IP(n)
	}
	return ip, nil
}
