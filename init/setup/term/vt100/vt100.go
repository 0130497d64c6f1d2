// Package vt100 is a terminal for tests: it takes what is sent to a terminal
// and shows what a person would see. It knows the part of a VT100 that this
// module uses; whatever else comes is a fault that the test sees.
package vt100

import (
	"fmt"
	"strings"

	"tandem/init/setup/term"
)

// Terminal is a VT100, or a dumb terminal of the same size.
type Terminal struct {
	*term.Grid
	// Dumb: sequences are not understood; they show as they are.
	Dumb bool
	// Faults lists what no terminal should be sent.
	Faults []string
	// Scrolled are the lines that left the screen at the top.
	Scrolled []string

	row, col int
	attr     term.Attr
	noWrap   bool
	rest     []byte // an unfinished sequence
}

// New gives an empty terminal.
func New(w, h int) *Terminal { return &Terminal{Grid: term.NewGrid(w, h)} }

// Write shows octets and gives what the terminal answers.
func (t *Terminal) Write(octets []byte) (answer []byte) {
	octets = append(t.rest, octets...)
	t.rest = nil
	for len(octets) > 0 {
		if octets[0] != 0x1b {
			t.char(octets[0])
			octets = octets[1:]
			continue
		}
		if t.Dumb {
			octets = octets[1:] // the octet itself shows nothing
			continue
		}
		n := sequence(octets)
		if n == 0 {
			t.rest = octets
			break
		}
		answer = append(answer, t.control(string(octets[2:n-1]), octets[n-1])...)
		octets = octets[n:]
	}
	return answer
}

// sequence gives the length of the control sequence at the start, zero if it
// is not complete.
func sequence(octets []byte) int {
	for i := 2; i < len(octets); i++ {
		if octets[i] >= 0x40 && octets[i] <= 0x7e {
			return i + 1
		}
	}
	return 0
}

func (t *Terminal) fault(format string, args ...any) {
	t.Faults = append(t.Faults, fmt.Sprintf(format, args...))
}

func (t *Terminal) char(c byte) {
	switch {
	case c == '\r':
		t.col = 0
	case c == '\n':
		t.feed()
	case c == '\b':
		t.col = max(0, t.col-1)
	case c < ' ' || c > '~':
		t.fault("octet %#x", c)
	default:
		if t.col >= t.W {
			if t.noWrap {
				t.fault("text beyond the right edge in row %d", t.row+1)
				return
			}
			t.col = 0
			t.feed()
		}
		t.Put(t.row, t.col, t.attr, string(c))
		t.col++
	}
}

// feed goes to the next row; at the bottom everything moves up.
func (t *Terminal) feed() {
	if t.row < t.H-1 {
		t.row++
		return
	}
	t.Scrolled = append(t.Scrolled, t.Line(0))
	for row := range t.H {
		for col := range t.W {
			c := term.Cell{Char: ' '}
			if row < t.H-1 {
				c = t.At(row+1, col)
			}
			t.Put(row, col, c.Attr, string(c.Char))
		}
	}
}

func (t *Terminal) control(params string, final byte) (answer []byte) {
	switch final {
	case 'H':
		row, col := 1, 1
		fmt.Sscanf(params, "%d;%d", &row, &col)
		t.row, t.col = min(row, t.H)-1, min(col, t.W)-1
	case 'm':
		t.attr = 0
		for _, p := range strings.Split(params, ";") {
			t.attr |= map[string]term.Attr{"1": term.Bold, "4": term.Underline, "7": term.Reverse}[p]
		}
	case 'J':
		t.Grid = term.NewGrid(t.W, t.H)
	case 'K':
		t.Put(t.row, t.col, 0, strings.Repeat(" ", t.W-t.col))
	case 'n':
		return fmt.Appendf(nil, "\x1b[%d;%dR", t.row+1, t.col+1)
	case 'h', 'l':
		switch params {
		case "?25":
			t.Cursor = final == 'h'
		case "?7":
			t.noWrap = final == 'l'
		default:
			t.fault("mode %s%c", params, final)
		}
	default:
		t.fault("sequence ESC[%s%c", params, final)
	}
	return nil
}

// Position is where the cursor is, from zero.
func (t *Terminal) Position() (row, col int) { return t.row, t.col }

// Line is one row as text, without blanks at its end.
func (t *Terminal) Line(row int) string {
	var b strings.Builder
	for col := range t.W {
		b.WriteByte(t.At(row, col).Char)
	}
	return strings.TrimRight(b.String(), " ")
}

// String is the whole screen.
func (t *Terminal) String() string {
	var b strings.Builder
	for row := range t.H {
		b.WriteString(t.Line(row) + "\n")
	}
	return b.String()
}
