package token

import (
	"fmt"
	"strings"
)

// quoted reads a string. Without escapes the text is a part of the source.
func (l *Lexer) quoted(t *Token) {
	src := l.Source.Text
	t.Kind = String
	l.off++
	begin := l.off
	for l.off < len(src) {
		switch src[l.off] {
		case '"':
			t.Text = src[begin:l.off]
			l.off++
			checkLength(t)
			return
		case '\\':
			l.escaped(t, begin)
			checkLength(t)
			return
		case '\n':
			l.newline()
		default:
			l.off++
		}
	}
	t.Text, t.Problem = src[begin:], unterminated
}

const unterminated = "this string has no closing quote"

func checkLength(t *Token) {
	if len(t.Text) > MaxLength && t.Problem == "" {
		t.Problem = "this string is longer than 1499 characters"
	}
}

// escaped reads on from the first backslash of a string that began at begin.
func (l *Lexer) escaped(t *Token, begin int) {
	src := l.Source.Text
	var out strings.Builder
	out.WriteString(src[begin:l.off])
	for l.off < len(src) {
		switch c := src[l.off]; c {
		case '"':
			l.off++
			t.Text = out.String()
			return
		case '\\':
			l.off++
			l.escape(t, &out)
		case '\n':
			out.WriteByte(c)
			l.newline()
		default:
			out.WriteByte(c)
			l.off++
		}
	}
	t.Text, t.Problem = out.String(), unterminated
}

var letterEscapes = map[byte]byte{'t': '\t', 'r': '\r', 'n': '\n', 'b': '\b'}

// escape reads what follows a backslash.
func (l *Lexer) escape(t *Token, out *strings.Builder) {
	src := l.Source.Text
	if l.off == len(src) {
		return
	}
	c := src[l.off]
	switch {
	case letterEscapes[c] != 0:
		out.WriteByte(letterEscapes[c])
		l.off++
	case '0' <= c && c <= '3':
		l.digits(t, out, 8, 3, "an octal escape needs three digits 0-7 after the backslash")
	case c == 'x':
		l.off++
		l.digits(t, out, 16, 2, "a hexadecimal escape needs two digits after \\x")
	case c == '\n':
		out.WriteByte(c)
		l.newline()
	default:
		out.WriteByte(c)
		l.off++
	}
}

// digits reads exactly n digits to the base as one octet.
func (l *Lexer) digits(t *Token, out *strings.Builder, base, n int, problem string) {
	src, value := l.Source.Text, 0
	for i := 0; i < n; i++ {
		d := -1
		if l.off < len(src) {
			d = digit(src[l.off])
		}
		if d < 0 || d >= base {
			if t.Problem == "" {
				t.Problem = fmt.Sprintf("%s (column %d)", problem, l.pos().Col)
			}
			return
		}
		value = value*base + d
		l.off++
	}
	out.WriteByte(byte(value))
}

// digit is the value of a hexadecimal digit, -1 for any other octet.
func digit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case isHex(c):
		return int(c|0x20-'a') + 10
	}
	return -1
}
