package conf

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tandem/failover/conf/token"
)

// reader gives the tokens of one file. It repairs what word processors do to
// a configuration (typographic hyphens, quotes, spaces), reporting each, so
// that one such character is one error and no more.
type reader struct {
	lex   *token.Lexer
	out   *reports
	seq   uint32
	ahead []token.Token
}

// place is where t begins.
func (r *reader) place(t token.Token) place {
	return place{r.lex.Source, uint32(t.Pos.Offset), r.seq}
}

// after is the place right behind t.
func (r *reader) after(t token.Token) place {
	return place{r.lex.Source, uint32(t.End.Offset), r.seq}
}

// peek gives the token n places ahead; peek(0) is the next one.
func (r *reader) peek(n int) token.Token {
	for len(r.ahead) <= n {
		r.ahead = append(r.ahead, r.scan())
	}
	return r.ahead[n]
}

// next takes the next token.
func (r *reader) next() token.Token {
	t := r.peek(0)
	r.ahead = r.ahead[:copy(r.ahead, r.ahead[1:])]
	return t
}

// skipRaw takes everything up to and including the next `;` without a look at it.
func (r *reader) skipRaw() {
	for {
		var t token.Token
		if len(r.ahead) > 0 {
			t = r.next()
		} else {
			t = r.lex.Next()
		}
		if t.Kind == token.EOF || t.Is(";") {
			return
		}
	}
}

// scan reads one token, repaired.
func (r *reader) scan() token.Token {
	for {
		t := r.lex.Next()
		if r.out.full() {
			return token.Token{Pos: t.Pos, End: t.Pos}
		}
		if t.Problem != "" {
			r.out.fail(r.place(t), "", "%s", t.Problem)
		}
		switch {
		case t.Kind == token.Alien || t.Word() || t.Kind == token.Number:
			if fixed, ok := r.repair(t); ok {
				return fixed
			}
		case t.Is("/"):
			if !r.comment(t) {
				return t
			}
		default:
			return t
		}
	}
}

// repair joins words over typographic hyphens, makes strings of typographic
// quotes and drops odd spaces; ok is false if nothing is left.
func (r *reader) repair(t token.Token) (token.Token, bool) {
	if t.Kind == token.Alien {
		return r.alien(t)
	}
	for {
		n := r.lex.Peek()
		if n.Kind != token.Alien || n.Pos != t.End || likeness(n.Text) != '-' {
			return t, true
		}
		r.reportAlien(n, "-")
		r.lex.Next()
		t.Text, t.End, t.Kind = t.Text+"-", n.End, token.Name
		if n = r.lex.Peek(); (n.Word() || n.Kind == token.Number) && n.Pos == t.End {
			r.lex.Next()
			t.Text, t.End = t.Text+n.Text, n.End
		}
	}
}

// alien deals with a character outside of ASCII that stands by itself.
func (r *reader) alien(t token.Token) (token.Token, bool) {
	switch c := likeness(t.Text); c {
	case ' ':
		r.reportAlien(t, "a space")
		return t, false
	case '\'', '"':
		return r.quoted(t), true
	case 0:
		r.reportAlien(t, "")
		return t, false
	default:
		r.reportAlien(t, string(c))
		t.Kind, t.Text = token.Mark, string(c)
		return t, true
	}
}

// quoted reads on to the closing typographic quote, on the same line.
func (r *reader) quoted(open token.Token) token.Token {
	line := r.lex.Source.Line(open.Pos.Line)
	rest := line[min(open.End.Col-1, len(line)):]
	end, size := -1, 0
	for i, c := range rest {
		if l := likeness(string(c)); c == '"' || l == '"' || l == '\'' {
			end, size = i, utf8.RuneLen(c)
			break
		}
	}
	if end < 0 {
		r.reportAlien(open, "")
		return token.Token{Kind: token.String, Pos: open.Pos, End: open.End}
	}
	r.out.fail(r.place(open), fmt.Sprintf(`write "%s"`, rest[:end]),
		"%s: only the straight quote \" makes a string", codePoint(open.Text))
	close := open.End.Offset + end + size
	t := open
	for t.End.Offset < close {
		n := r.lex.Next()
		if n.Kind == token.EOF {
			break
		}
		t.End = n.End
	}
	t.Kind, t.Text = token.String, rest[:end]
	return t
}

// comment reports and skips a comment of another language.
func (r *reader) comment(t token.Token) bool {
	n := r.lex.Peek()
	if n.Pos != t.End {
		return false
	}
	switch {
	case n.Is("/"):
		r.out.fail(r.place(t), "begin the comment with #", "// does not begin a comment here")
		for r.lex.Peek().Pos.Line == t.Pos.Line && r.lex.Peek().Kind != token.EOF {
			r.lex.Next()
		}
		return true
	case n.Is("*"):
		r.out.fail(r.place(t), "begin each line of the comment with #", "/* does not begin a comment here")
		for star := false; ; {
			n := r.lex.Next()
			if n.Kind == token.EOF || star && n.Is("/") {
				return true
			}
			star = n.Is("*")
		}
	}
	return false
}

// reportAlien reports a character outside of ASCII.
func (r *reader) reportAlien(t token.Token, instead string) {
	remedy := ""
	switch instead {
	case "":
		remedy = "delete it"
	case "a space":
		if likeness(t.Text) == ' ' && strings.HasPrefix(t.Text, "\ufeff") {
			remedy = "save the file without a byte order mark"
		} else {
			remedy = "replace it by a space"
		}
	default:
		remedy = "replace it by " + instead
	}
	r.out.fail(r.place(t), remedy, "%s: outside of strings and comments only ASCII is allowed", codePoint(t.Text))
}

// codePoint names the character that begins s.
func codePoint(s string) string {
	c, n := utf8.DecodeRuneInString(s)
	if c == utf8.RuneError && n <= 1 {
		return fmt.Sprintf("octet 0x%02x", s[0])
	}
	if name := alienNames[c]; name != "" {
		return fmt.Sprintf("%s (U+%04X)", name, c)
	}
	return fmt.Sprintf("character U+%04X", c)
}

var alienNames = map[rune]string{
	'\u00a0': "no-break space", '\u2007': "figure space", '\u202f': "narrow no-break space",
	'\u3000': "ideographic space", '\u200b': "zero-width space", '\ufeff': "byte order mark",
	'\u2010': "typographic hyphen", '\u2011': "non-breaking hyphen", '\u2012': "figure dash",
	'\u2013': "en dash", '\u2014': "em dash", '\u2015': "horizontal bar", '\u2212': "minus sign",
	'\u00ad': "soft hyphen", '\u201c': "left double quotation mark", '\u201d': "right double quotation mark",
	'\u201e': "low double quotation mark", '\u00ab': "left guillemet", '\u00bb': "right guillemet",
	'\u2018': "left single quotation mark", '\u2019': "right single quotation mark",
	'\uff1b': "full-width semicolon", '\u037e': "Greek question mark", '\uff0c': "full-width comma",
	'\uff1a': "full-width colon", '\uff5b': "full-width left brace", '\uff5d': "full-width right brace",
	'\u2024': "one dot leader",
}

// likeness gives the ASCII character that a typographic one stands for, a
// space for those that should go, 0 if there is none.
func likeness(s string) rune {
	c, _ := utf8.DecodeRuneInString(s)
	switch c {
	case '\u2010', '\u2011', '\u2012', '\u2013', '\u2014', '\u2015', '\u2212', '\u00ad':
		return '-'
	case '\u201c', '\u201d', '\u201e', '\u00ab', '\u00bb':
		return '"'
	case '\u2018', '\u2019':
		return '\''
	case '\u00a0', '\u2007', '\u202f', '\u3000', '\u200b', '\ufeff', '\u2002', '\u2003', '\u2009', '\u0085':
		return ' '
	case '\uff1b', '\u037e':
		return ';'
	case '\uff0c':
		return ','
	case '\uff1a':
		return ':'
	case '\uff5b':
		return '{'
	case '\uff5d':
		return '}'
	case '\u2024':
		return '.'
	}
	return 0
}
