package term

import (
	"bytes"
	"strconv"
)

// Screen knows what a VT100 shows. The zero value knows nothing.
type Screen struct {
	shown    *Grid // nil: not known
	row, col int   // where the cursor is; row < 0: not known
	attr     Attr
	cursor   bool
}

// Probe asks a terminal for its size: the cursor goes as far as it can and
// reports where it is (Report). A terminal that does not understand shows a
// few characters, which are wiped at once.
const Probe = "\r\x1b[999;999H\x1b[6n\r                    \r"

// Leave puts a VT100 back as it was found, at the start of an empty screen.
const Leave = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[2J\x1b[H"

// Forget makes the next Paint draw everything.
func (s *Screen) Forget() { s.shown = nil }

// gap is how many unchanged characters are sent again rather than skipped: a
// jump of the cursor takes more.
const gap = 4

// Paint gives the octets that make the terminal show g.
func (s *Screen) Paint(g *Grid) []byte {
	var b bytes.Buffer
	if s.shown == nil || s.shown.W != g.W || s.shown.H != g.H {
		// No wrap at the right edge: the last place may then be drawn.
		b.WriteString("\x1b[0m\x1b[?7l\x1b[?25l\x1b[2J")
		s.shown, s.row, s.attr, s.cursor = NewGrid(g.W, g.H), -1, 0, false
	}
	for row := range g.H {
		s.line(&b, g, row)
	}
	if s.attr != 0 {
		s.look(&b, 0)
	}
	if g.Cursor {
		s.move(&b, g.Row, g.Col)
	}
	if g.Cursor != s.cursor {
		b.WriteString(map[bool]string{true: "\x1b[?25h", false: "\x1b[?25l"}[g.Cursor])
		s.cursor = g.Cursor
	}
	copy(s.shown.cells, g.cells)
	return b.Bytes()
}

// line brings one row up to date.
func (s *Screen) line(b *bytes.Buffer, g *Grid, row int) {
	end := g.W // from here on the row is blank
	for end > 0 && g.At(row, end-1) == blank {
		end--
	}
	for col := 0; col < end; col++ {
		if g.At(row, col) == s.shown.At(row, col) {
			continue
		}
		if s.row == row && s.col < col && col-s.col <= gap {
			for c := s.col; c < col; c++ {
				s.write(b, g.At(row, c))
			}
		}
		s.move(b, row, col)
		s.write(b, g.At(row, col))
	}
	for col := end; col < g.W; col++ {
		if s.shown.At(row, col) != blank {
			s.move(b, row, end)
			s.look(b, 0)
			b.WriteString("\x1b[K")
			return
		}
	}
}

func (s *Screen) write(b *bytes.Buffer, c Cell) {
	s.look(b, c.Attr)
	b.WriteByte(c.Char)
	if s.col++; s.col >= s.shown.W {
		s.row = -1 // at the edge terminals differ
	}
}

func (s *Screen) move(b *bytes.Buffer, row, col int) {
	if s.row == row && s.col == col {
		return
	}
	b.WriteString("\x1b[" + strconv.Itoa(row+1) + ";" + strconv.Itoa(col+1) + "H")
	s.row, s.col = row, col
}

func (s *Screen) look(b *bytes.Buffer, a Attr) {
	if a == s.attr {
		return
	}
	b.WriteString("\x1b[0")
	for _, m := range []struct {
		attr Attr
		code string
	}{{Bold, ";1"}, {Underline, ";4"}, {Reverse, ";7"}} {
		if a&m.attr != 0 {
			b.WriteString(m.code)
		}
	}
	b.WriteByte('m')
	s.attr = a
}
