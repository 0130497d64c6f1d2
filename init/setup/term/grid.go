package term

// Attr is how a character looks.
type Attr uint8

// Looks that every VT100 has.
const (
	Bold Attr = 1 << iota
	Underline
	Reverse
)

// Cell is one character on the screen: printable ASCII.
type Cell struct {
	Char byte
	Attr Attr
}

var blank = Cell{Char: ' '}

// Grid is a whole screen. Rows and columns count from zero.
type Grid struct {
	W, H  int
	cells []Cell
	// The cursor, shown if Cursor is set.
	Row, Col int
	Cursor   bool
}

// NewGrid makes an empty screen.
func NewGrid(w, h int) *Grid {
	g := &Grid{W: max(w, 1), H: max(h, 1)}
	g.cells = make([]Cell, g.W*g.H)
	for i := range g.cells {
		g.cells[i] = blank
	}
	return g
}

// At gives the character at a place of the grid.
func (g *Grid) At(row, col int) Cell { return g.cells[row*g.W+col] }

// Put writes text from a place on and gives the column after it. What does
// not fit is left out; what is not printable ASCII becomes a question mark, so
// that nothing that came from outside can steer the terminal.
func (g *Grid) Put(row, col int, a Attr, text string) int {
	for _, r := range text {
		if r < ' ' || r > '~' {
			r = '?'
		}
		if row >= 0 && row < g.H && col >= 0 && col < g.W {
			g.cells[row*g.W+col] = Cell{byte(r), a}
		}
		col++
	}
	return col
}

// Bar fills a row with an attribute and writes text on its left and right.
func (g *Grid) Bar(row int, a Attr, left, right string) {
	for col := range g.W {
		g.Put(row, col, a, " ")
	}
	g.Put(row, 1, a, Clip(left, g.W-2))
	if room := g.W - len(left) - 4; len(right) <= room {
		g.Put(row, g.W-1-len(right), a, right)
	}
}

// Place puts the cursor, kept inside the grid.
func (g *Grid) Place(row, col int) {
	g.Row, g.Col, g.Cursor = min(max(row, 0), g.H-1), min(max(col, 0), g.W-1), true
}

// Clip shortens text to n characters; a cut is shown by dots.
func Clip(text string, n int) string {
	r := []rune(text)
	switch {
	case n <= 0:
		return ""
	case len(r) <= n:
		return text
	case n <= 3:
		return string(r[:n])
	}
	return string(r[:n-3]) + "..."
}
