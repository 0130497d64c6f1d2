package token

import (
	"strings"
	"unicode/utf8"
)

// Lexer reads the tokens of one text in order.
type Lexer struct {
	Source *Source

	off    int // offset of the next octet
	line   int // line of that octet
	start  int // offset of that line's first octet
	ahead  Token
	peeked bool
}

// New makes a lexer for src; name is kept for messages.
func New(name, src string) *Lexer {
	return &Lexer{Source: NewSource(name, src), line: 1}
}

// Peek gives the next token and leaves it where it is.
func (l *Lexer) Peek() Token {
	if !l.peeked {
		l.ahead, l.peeked = l.scan(), true
	}
	return l.ahead
}

// Next gives the next token; at the end of the text an EOF each time.
func (l *Lexer) Next() Token {
	if l.peeked {
		l.peeked = false
		return l.ahead
	}
	return l.scan()
}

// pos is the place of the next octet.
func (l *Lexer) pos() Pos { return Pos{Line: l.line, Col: l.off - l.start + 1, Offset: l.off} }

// scan cuts the next token off.
func (l *Lexer) scan() Token {
	l.space()
	t := Token{Pos: l.pos()}
	if l.off == len(l.Source.Text) {
		t.End = t.Pos
		return t
	}
	switch c := l.Source.Text[l.off]; {
	case c == '"':
		l.quoted(&t)
	case isDigit(c) || c == '-':
		l.number(&t)
	case isLetter(c):
		l.word(&t)
	case c < utf8.RuneSelf:
		t.Kind, t.Text = Mark, l.Source.Text[l.off:l.off+1]
		l.off++
	default:
		_, n := utf8.DecodeRuneInString(l.Source.Text[l.off:])
		t.Kind, t.Text = Alien, l.Source.Text[l.off:l.off+n]
		l.off += n
	}
	t.End = l.pos()
	return t
}

// space skips white space and comments.
func (l *Lexer) space() {
	src := l.Source.Text
	for l.off < len(src) {
		switch src[l.off] {
		case '\n':
			l.newline()
		case ' ', '\t', '\r', '\v', '\f':
			l.off++
		case '#':
			end := strings.IndexByte(src[l.off:], '\n')
			if end < 0 {
				l.off = len(src)
				return
			}
			l.off += end
		default:
			return
		}
	}
}

// newline steps over a line feed.
func (l *Lexer) newline() {
	l.off++
	l.line++
	l.start = l.off
}

// word reads a token that starts with a letter. It may be taken for a number
// only if hexadecimal digits follow the first letter, whatever that one is.
func (l *Lexer) word(t *Token) {
	src, begin := l.Source.Text, l.off
	t.Kind = NumberOrName
	for l.off++; l.off < len(src) && inWord(src[l.off]); l.off++ {
		if !isHex(src[l.off]) {
			t.Kind = Name
		}
	}
	l.bound(t, src[begin:l.off])
}

// number reads a token that starts with a digit or a minus: a Number as long
// as digits follow, a NumberOrName as long as hexadecimal ones do (0x counts
// as such), else a Name.
func (l *Lexer) number(t *Token) {
	src, begin := l.Source.Text, l.off
	t.Kind = Number
	for l.off++; l.off < len(src) && inWord(src[l.off]); l.off++ {
		switch c, n := src[l.off], l.off-begin; {
		case t.Kind == Number && isDigit(c):
		case t.Kind != Name && isHex(c):
			t.Kind = NumberOrName
		case n == 2 && isHex(c) && src[begin] == '0' && (src[begin+1] == 'x' || src[begin+1] == 'X'):
			t.Kind = NumberOrName
		default:
			t.Kind = Name
		}
	}
	l.bound(t, src[begin:l.off])
}

// bound stores the text of a word, and says if it is longer than dhcpd takes.
func (l *Lexer) bound(t *Token, text string) {
	t.Text = text
	if len(text) > MaxLength {
		t.Problem = "this word is longer than 1499 characters"
	}
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isHex(c byte) bool    { return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f' }
func inWord(c byte) bool   { return isDigit(c) || isLetter(c) || c == '-' || c == '_' }
