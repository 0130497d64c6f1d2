// Package term speaks to a terminal on a serial line: octets to keys, and a
// grid of characters to the fewest octets that bring a VT100 from what it
// shows to what it should show. It is pure: nothing here reads, writes or
// waits.
package term

import "unicode/utf8"

// Kind is what a key is.
type Kind uint8

// Kinds of keys.
const (
	Rune Kind = iota // a character, in Key.Rune
	Enter
	Tab
	BackTab
	Backspace
	Delete
	Up
	Down
	Left
	Right
	Home
	End
	PageUp
	PageDown
	Esc
	Interrupt // Ctrl-C
	Redraw    // Ctrl-L
	Finish    // Ctrl-D
	Kill      // Ctrl-U
	Report    // the terminal's answer to Probe: Key.Row, Key.Col
)

// Key is one key, or the terminal's report of its cursor.
type Key struct {
	Kind     Kind
	Rune     rune
	Row, Col int // from 1
}

// maxSequence bounds an escape sequence, in octets; a longer one is dropped.
const maxSequence = 32

// Decoder makes keys of octets. The zero value is ready.
type Decoder struct {
	buf []byte // an unfinished sequence or character
	cr  bool   // the last octet was CR: a LF after it is the same Enter
}

// Feed takes octets in any pieces and gives the keys that are complete.
func (d *Decoder) Feed(octets []byte) []Key {
	var keys []Key
	d.buf = append(d.buf, octets...)
	for len(d.buf) > 0 {
		k, n, ok := d.next()
		if n == 0 {
			break
		}
		d.cr = d.buf[0] == '\r'
		d.buf = d.buf[n:]
		if ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// Pending tells whether octets wait for their continuation: an ESC that stays
// alone is the Esc key, and only time tells.
func (d *Decoder) Pending() bool { return len(d.buf) > 0 }

// Flush gives what is pending as it stands, after enough time without a
// continuation.
func (d *Decoder) Flush() []Key {
	alone := len(d.buf) > 0 && d.buf[0] == 0x1b
	d.buf, d.cr = nil, false
	if alone {
		return []Key{{Kind: Esc}}
	}
	return nil
}

// plain are the keys of one octet.
var plain = map[byte]Kind{
	'\r': Enter, '\n': Enter, '\t': Tab, 0x7f: Backspace, 0x08: Backspace,
	0x03: Interrupt, 0x0c: Redraw, 0x04: Finish, 0x15: Kill, 0x01: Home, 0x05: End,
}

// next reads one key at the start of the buffer: its length, zero if it is
// not complete; ok is false for octets that are no key.
func (d *Decoder) next() (k Key, n int, ok bool) {
	c := d.buf[0]
	switch {
	case c == 0x1b:
		return d.escape()
	case c == '\n' && d.cr:
		return k, 1, false
	case c < 0x20 || c == 0x7f:
		kind, known := plain[c]
		return Key{Kind: kind}, 1, known
	case c < utf8.RuneSelf:
		return Key{Rune: rune(c)}, 1, true
	case !utf8.FullRune(d.buf):
		return k, 0, false
	}
	r, n := utf8.DecodeRune(d.buf)
	return Key{Rune: r}, n, r != utf8.RuneError
}

// finals are the keys of ESC [ letter and ESC O letter (ECMA-48, DEC).
var finals = map[byte]Kind{
	'A': Up, 'B': Down, 'C': Right, 'D': Left, 'H': Home, 'F': End, 'Z': BackTab, 'M': Enter,
}

// numbered are the keys of ESC [ number ~.
var numbered = map[int]Kind{1: Home, 3: Delete, 4: End, 5: PageUp, 6: PageDown, 7: Home, 8: End}

// escape reads a sequence that begins with ESC.
func (d *Decoder) escape() (k Key, n int, ok bool) {
	if len(d.buf) == 1 {
		return k, 0, false
	}
	if d.buf[1] != '[' && d.buf[1] != 'O' {
		return Key{Kind: Esc}, 1, true // a lone ESC, then something else
	}
	for i := 2; i < len(d.buf); i++ {
		if i >= maxSequence {
			return k, i, false
		}
		c := d.buf[i]
		if c >= 0x40 && c <= 0x7e {
			return sequence(d.buf[2:i], c, i+1)
		}
		if c < 0x20 {
			return k, i, false // broken off
		}
	}
	return k, 0, false
}

// sequence gives the key of a complete sequence of n octets.
func sequence(params []byte, final byte, n int) (Key, int, bool) {
	numbers := parse(params)
	switch final {
	case 'R':
		if len(numbers) == 2 && numbers[0] > 0 && numbers[1] > 0 {
			return Key{Kind: Report, Row: numbers[0], Col: numbers[1]}, n, true
		}
		return Key{}, n, false
	case '~':
		kind := numbered[numbers[0]]
		return Key{Kind: kind}, n, kind != Rune
	}
	kind, known := finals[final]
	return Key{Kind: kind}, n, known
}

// parse reads numbers parted by semicolons; there is at least one.
func parse(params []byte) []int {
	numbers := []int{0}
	for _, c := range params {
		switch last := len(numbers) - 1; {
		case c == ';':
			numbers = append(numbers, 0)
		case c >= '0' && c <= '9' && numbers[last] < 10000:
			numbers[last] = numbers[last]*10 + int(c-'0')
		}
	}
	return numbers
}
