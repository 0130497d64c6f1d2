// Package token cuts text in the language of dhcpd.conf and dhcpd.leases into
// tokens.
//
// White space and comments (# to the end of the line) separate tokens and are
// dropped. Words, numbers and quoted strings are tokens; every other octet is
// a token of its own, except that the octets of one non-ASCII character stay
// together. The lexer never fails: what is wrong with a token is told in
// Token.Problem, and the token is usable all the same.
package token

import (
	"sort"
	"strconv"
	"strings"
)

// Kind is the class of a token.
type Kind uint8

const (
	// EOF ends every text; it is returned again and again.
	EOF Kind = iota
	// Name is a word: a letter, then letters, digits, - and _; or a number
	// that goes on with characters no number has (1h, 02-dhcpd).
	Name
	// Number is decimal digits, with an optional - in front. A lone - is a
	// Number, as in dhcpd.
	Number
	// NumberOrName is a word made of hexadecimal digits only (a1, ff, 0x1f).
	NumberOrName
	// String is a quoted string.
	String
	// Mark is one ASCII character such as { } ; , . : / = ( ).
	Mark
	// Alien is a character outside of ASCII, outside of strings and comments;
	// it never means anything in this language.
	Alien
)

var kindNames = [...]string{"end of file", "name", "number", "number or name", "string", "mark", "non-ASCII character"}

// String names the kind for messages.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "invalid"
}

// MaxLength is the longest word or string, in octets, that dhcpd can hold.
const MaxLength = 1499

// Pos is a place in a text: line and column count from 1, columns in octets.
type Pos struct {
	Line, Col int
	// Offset counts octets from 0.
	Offset int
}

// Token is one token.
type Token struct {
	Kind Kind
	// Text is a word or a mark as written. Of a String it is the contents as
	// raw octets, quotes gone and escapes undone.
	Text string
	Pos  Pos
	// End is the place right behind the token's last octet.
	End Pos
	// Problem is what is wrong with the token; empty for a good one.
	Problem string
}

// Is tells whether t is the given word (in any case) or mark. A string is never one.
func (t Token) Is(word string) bool {
	return t.Kind != String && strings.EqualFold(t.Text, word)
}

// Word tells whether t is a Name or a NumberOrName.
func (t Token) Word() bool { return t.Kind == Name || t.Kind == NumberOrName }

// Describe gives the token for a message: `"text"`, `string "text"` or
// "end of file".
func (t Token) Describe() string {
	switch t.Kind {
	case EOF:
		return "the end of the file"
	case String:
		return "the string " + clip(strconv.Quote(t.Text))
	}
	return clip(strconv.Quote(t.Text))
}

// clip keeps a quoted text short enough for a message.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + `..."`
}

// Source is one text with its line starts.
type Source struct {
	// Name is the file name, for messages.
	Name string
	// Text is the whole text.
	Text  string
	lines []int32 // offset of the first octet of every line
}

// NewSource indexes the lines of src.
func NewSource(name, src string) *Source {
	s := &Source{Name: name, Text: src, lines: make([]int32, 1, 1+strings.Count(src, "\n"))}
	for i := 0; i < len(src); i++ {
		if src[i] == '\n' {
			s.lines = append(s.lines, int32(i+1))
		}
	}
	return s
}

// Pos gives the place of an offset.
func (s *Source) Pos(offset int) Pos {
	n := sort.Search(len(s.lines), func(i int) bool { return int(s.lines[i]) > offset })
	return Pos{Line: n, Col: offset - int(s.lines[n-1]) + 1, Offset: offset}
}

// Line gives the text of a line, without its end; "" if there is none such.
func (s *Source) Line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	end := len(s.Text)
	if n < len(s.lines) {
		end = int(s.lines[n]) - 1
	}
	return strings.TrimSuffix(s.Text[s.lines[n-1]:end], "\r")
}
