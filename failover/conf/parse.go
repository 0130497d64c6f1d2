package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"tandem/failover/conf/token"
)

// parser turns text into a syntax tree, as far as it goes, and reports
// everything that is wrong with it. After an error it goes on with the next
// statement that it can make out.
type parser struct {
	*reader
	read     ReadFile
	reports  reports
	options  *options
	open     []string // files being read, the outermost first
	included int
	total    int // octets read
	parts    int // statements, values and operands read
	depth    int // of blocks and expressions
	prev     token.Token
	direct   bool          // the statement stands in its block itself, not in a file included there
	deep     bool          // the nesting limit was reported
	listed   bool          // the value in front of the semicolon was one of a list
	blocks   []token.Token // the { of the open blocks
	sealed   bool          // options and spaces belong to somebody else: none may be added
}

// blockKind is what a block belongs to; it decides which statements may stand in it.
type blockKind uint8

const (
	inGlobal blockKind = iota
	inShared
	inSubnet
	inPool
	inGroup
	inHost
	inClass
	inSubclass
)

var blockNames = [...]string{"at the top level", "in a shared-network", "in a subnet", "in a pool", "in a group", "in a host", "in a class", "in a subclass"}

// String says where a statement stands.
func (k blockKind) String() string { return blockNames[k] }

// isClass tells whether k is the block of a class or subclass.
func (k blockKind) isClass() bool { return k == inClass || k == inSubclass }

// Parse reads a configuration and everything it includes. The tree is there
// even if there are errors, with what could be read. Relative names are given
// to read as they are; a file that is not there by that name is looked for
// beside the file that includes it. Diagnostics are in the order of the text.
func Parse(name string, read ReadFile) (*File, []Diagnostic) {
	p := parse(name, read)
	return p.file, p.reports.sorted()
}

// parsed is what parse gives: the tree with its options and the reports, to
// which later stages add.
type parsed struct {
	file    *File
	options *options
	reports reports
}

// parse reads a configuration.
func parse(name string, read ReadFile) *parsed {
	p := &parser{read: read, options: newOptions()}
	f := &File{Name: name}
	if _, src, ok := p.load(name, place{src: token.NewSource(name, "")}); ok {
		f.body = p.readFile(name, src, inGlobal)
	}
	return &parsed{file: f, options: p.options, reports: p.reports}
}

// load reads the text of a file, within the limits; from is where it is asked for.
func (p *parser) load(name string, from place) (as, text string, ok bool) {
	src, err := p.read(name)
	as = name
	if errors.Is(err, fs.ErrNotExist) && !path.IsAbs(name) && len(p.open) > 0 {
		beside := path.Join(path.Dir(p.open[len(p.open)-1]), name)
		if there, berr := p.read(beside); berr == nil {
			src, err, as = there, nil, beside
		}
	}
	switch {
	case err != nil:
		if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
			err = pathErr.Err // the name is said already
		}
		p.reports.fail(from, "", "cannot read %s: %v", name, err)
		return "", "", false
	case len(src) > maxFile:
		p.reports.fail(from, "", "%s has %d octets; the limit is %d", name, len(src), maxFile)
		return "", "", false
	case p.total+len(src) > maxTotal:
		p.reports.fail(from, "", "all files together have more than %d octets", maxTotal)
		return "", "", false
	}
	p.total += len(src)
	return as, string(src), true
}

// readFile reads the statements of one file.
func (p *parser) readFile(name, src string, kind blockKind) []node {
	outer, prev, blocks := p.reader, p.prev, p.blocks
	p.blocks = nil
	seq := uint32(0)
	if outer != nil {
		seq = p.nextSeq()
	}
	p.open = append(p.open, path.Clean(name))
	p.reader = &reader{lex: token.New(name, src), out: &p.reports, seq: seq}
	var body []node
	for p.peek(0).Kind != token.EOF {
		if t := p.peek(0); t.Is("}") {
			p.take()
			p.fail(t, "delete it, or look for a block closed too early above", "this } closes nothing")
			continue
		}
		body = p.statement(body, kind, false)
	}
	p.open = p.open[:len(p.open)-1]
	p.prev, p.blocks = prev, blocks
	if outer != nil {
		outer.seq = p.nextSeq()
		p.reader = outer
	}
	return body
}

// nextSeq gives the number of the next stretch of text.
func (p *parser) nextSeq() uint32 { return p.seq + 1 }

// take takes the next token.
func (p *parser) take() token.Token {
	p.prev = p.next()
	return p.prev
}

// accept takes the next token if it is the given word or mark.
func (p *parser) accept(word string) bool {
	if p.peek(0).Is(word) {
		p.take()
		return true
	}
	return false
}

// fail reports an error at t.
func (p *parser) fail(t token.Token, remedy, format string, args ...any) {
	p.reports.fail(p.place(t), remedy, format, args...)
}

// expect takes the given word or mark; else it reports that what was expected.
func (p *parser) expect(word, what string) bool {
	if p.accept(word) {
		return true
	}
	t := p.peek(0)
	p.fail(t, "", "expected %s, not %s", what, t.Describe())
	return false
}

// semicolon takes the `;` that ends a statement. If it is missing, it is
// reported where it should stand, and reading goes on with what looks like
// the next statement.
func (p *parser) semicolon() bool {
	t := p.peek(0)
	if t.Is(";") {
		p.take()
		return true
	}
	if p.prev.Problem != "" {
		return t.Kind == token.EOF || t.Is("}") // reported already
	}
	fresh := t.Pos.Line > p.prev.End.Line || t.Is("}") || t.Kind == token.EOF
	if fresh || startsStatement(t) {
		p.reports.fail(p.after(p.prev), "add ; here", "missing semicolon after %s", p.prev.Describe())
		return true
	}
	p.fail(t, p.surplusRemedy(t), "expected ; after %s, not %s", p.prev.Describe(), t.Describe())
	return false
}

// end reads the semicolon behind a statement that was read if ok.
func (p *parser) end(n node, ok bool) (node, bool) {
	if !ok {
		return nil, false
	}
	return n, p.semicolon()
}

// surplusRemedy says what to do about something between a value and its semicolon.
func (p *parser) surplusRemedy(t token.Token) string {
	n := p.peek(1)
	switch {
	case t.Is("/") && n.Kind == token.Number:
		return "prefix lengths are not known here; write the address alone"
	case t.Is(".") && p.prev.Word():
		return "put the text in quotes"
	case t.Is("%"):
		return "write the number without %"
	case t.Is(","):
		return "only one value can be given"
	case p.prev.Kind == token.String && p.prev.End.Line > p.prev.Pos.Line:
		return fmt.Sprintf("the string begins in line %d: is its closing quote missing there?", p.prev.Pos.Line)
	case p.listed && t.Kind == p.prev.Kind:
		return "separate the values by commas"
	case p.prev.Kind == token.Number && t.Word():
		return "write the number alone, in seconds if it is a time"
	}
	return ""
}

// skip passes over the rest of a statement: to behind its `;` or its block,
// or up to the `}` of the enclosing block.
func (p *parser) skip() {
	depth := 0
	for {
		t := p.peek(0)
		switch {
		case t.Kind == token.EOF:
			return
		case t.Is(";") && depth == 0:
			p.take()
			return
		case t.Is("{"):
			depth++
		case t.Is("}"):
			if depth == 0 {
				return
			}
			if depth--; depth == 0 {
				p.take()
				return
			}
		}
		p.take()
	}
}

// skipToBlock passes over a bad head of a declaration. It tells whether a
// block follows.
func (p *parser) skipToBlock() bool {
	for {
		t := p.peek(0)
		switch {
		case t.Is("{"):
			return true
		case t.Is(";"):
			p.take()
			return false
		case t.Is("}"), t.Kind == token.EOF:
			return false
		}
		p.take()
	}
}

// block reads `{ ... }` as statements that may stand in kind.
func (p *parser) block(kind blockKind) []node {
	if !p.expect("{", "{") && !p.skipToBlockEnd() {
		return nil
	}
	open := p.prev
	var body []node
	p.nested(open, func() {
		body = p.untilBrace(open, func(body []node) []node { return p.statement(body, kind, true) })
	})
	return body
}

// skipToBlockEnd looks for the { of a block whose head was bad, and takes it.
func (p *parser) skipToBlockEnd() bool {
	if p.skipToBlock() {
		p.take()
		return true
	}
	return false
}

// untilBrace reads statements up to the } that closes open.
func (p *parser) untilBrace(open token.Token, one func([]node) []node) []node {
	p.blocks = append(p.blocks, open)
	defer func() { p.blocks = p.blocks[:len(p.blocks)-1] }()
	var body []node
	for {
		t := p.peek(0)
		if t.Is("}") {
			p.take()
			return body
		}
		if t.Kind == token.EOF {
			if p.prev.Problem != "" || p.deep || p.reports.halted {
				return body // an open string took the rest, or it was passed over
			}
			p.fail(open, "add } where the block ends", "this { is never closed")
			return body
		}
		body = one(body)
	}
}

// nested runs fn one level deeper, or skips the block or parenthesis that
// began with open if that is too deep.
func (p *parser) nested(open token.Token, fn func()) {
	if p.depth >= maxNesting {
		if !p.deep {
			p.fail(open, "", "blocks and parentheses are nested more than %d deep", maxNesting)
			p.deep = true
		}
		for p.peek(0).Kind != token.EOF {
			p.take()
		}
		return
	}
	p.depth++
	fn()
	p.depth--
}

// statement reads one statement or declaration and appends it. direct is set
// if it stands in the block itself, not in a file included there: some
// statements are known only then.
func (p *parser) statement(body []node, kind blockKind, direct bool) []node {
	start := p.peek(0)
	before := start.Pos.Offset
	n, ok := p.dispatch(kind, direct)
	if n != nil {
		body = append(body, n)
	}
	if !ok {
		p.skip()
	}
	if t := p.peek(0); t.Pos.Offset == before && t.Kind != token.EOF && !t.Is("}") {
		p.take() // never stand still
	}
	return body
}

// dispatch chooses the parser of a statement by its first word. It returns
// the node, or nil, and whether the statement was read to its end.
func (p *parser) dispatch(kind blockKind, direct bool) (node, bool) {
	t := p.peek(0)
	p.part(t)
	p.direct = direct
	if t.Is("%") {
		p.take()
		p.skipRaw()
		return nil, true
	}
	if t.Is(";") {
		p.take()
		remedy := "delete it"
		if p.prev.Is("}") {
			remedy = "delete it: no semicolon follows a }"
		}
		p.fail(t, remedy, "a semicolon without a statement")
		return nil, true
	}
	if t.Kind == token.Name || t.Kind == token.NumberOrName {
		word := strings.ToLower(t.Text)
		if direct {
			if n, ok, known := p.local(word, kind); known {
				return n, ok
			}
		}
		if n, ok, known := p.declaration(word, kind); known {
			return n, ok
		}
	}
	n, ok, known := p.executable(caseNone)
	if !known {
		p.unknown(kind)
		return nil, false
	}
	return n, ok
}

// part counts a statement, value or operand that begins with t.
func (p *parser) part(t token.Token) {
	if p.parts++; p.parts == maxParts+1 {
		p.fail(t, "", "more than %d statements, values and operands", maxParts)
		p.reports.halted = true
	}
}

// at makes the head of a node that begins with t.
func (p *parser) at(t token.Token) at { return at{p.place(t)} }

// include reads `include "NAME";`.
func (p *parser) include(kind blockKind) (node, bool) {
	t := p.take()
	name := p.peek(0)
	if name.Kind != token.String {
		p.fail(name, quoteRemedy(p.wordsAhead()), "expected the name of a file in quotes, not %s", name.Describe())
		return nil, false
	}
	p.take()
	n := &includeNode{at: p.at(t), name: name.Text}
	clean := path.Clean(name.Text)
	for i, o := range p.open {
		if o == clean {
			p.fail(name, "", "%s includes itself: %s", clean, strings.Join(append(p.open[i:len(p.open):len(p.open)], clean), " includes "))
			return nil, p.semicolon()
		}
	}
	p.included++
	switch {
	case len(p.open) > maxIncludeDepth:
		p.fail(name, "", "include statements are nested more than %d deep", maxIncludeDepth)
		return nil, p.semicolon()
	case p.included > maxIncludes:
		p.fail(name, "", "more than %d include statements", maxIncludes)
		return nil, p.semicolon()
	}
	if as, src, ok := p.load(name.Text, p.place(name)); ok {
		n.body = p.readFile(as, src, kind)
	}
	return n, p.semicolon()
}

// wordsAhead joins the tokens up to the end of the statement or line, for a remedy.
func (p *parser) wordsAhead() string {
	var out strings.Builder
	first := p.peek(0)
	for i := 0; i < 20; i++ {
		t := p.peek(i)
		if t.Kind == token.EOF || t.Is(";") || t.Is("{") || t.Is("}") || t.Pos.Line != first.Pos.Line {
			break
		}
		if i > 0 && t.Pos != p.peek(i-1).End {
			break
		}
		out.WriteString(t.Text)
	}
	return out.String()
}

// quoteRemedy proposes to put text in quotes.
func quoteRemedy(text string) string {
	if text == "" {
		return ""
	}
	return fmt.Sprintf("write %s", quote(text))
}
