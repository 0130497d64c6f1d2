package term_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	. "tandem/init/setup/term"
	"tandem/init/setup/term/vt100"
)

// same tells whether two screens show the same.
func same(a, b *Grid) bool {
	for row := range a.H {
		for col := range a.W {
			if a.At(row, col) != b.At(row, col) {
				return false
			}
		}
	}
	return a.Cursor == b.Cursor
}

func TestKeys(t *testing.T) {
	for in, want := range map[string][]Key{
		"a\r\nb\n":         {{Rune: 'a'}, {Kind: Enter}, {Rune: 'b'}, {Kind: Enter}},
		"\r\r\n":           {{Kind: Enter}, {Kind: Enter}},
		"\x1b[A\x1bOB":     {{Kind: Up}, {Kind: Down}},
		"\x1b[1;5C":        {{Kind: Right}},
		"\x1b[5~\x1b[3~":   {{Kind: PageUp}, {Kind: Delete}},
		"\x1b[24;80R":      {{Kind: Report, Row: 24, Col: 80}},
		"\x1b[0;80R":       nil,
		"\x1bx":            {{Kind: Esc}, {Rune: 'x'}},
		"\x1b\x1b[B":       {{Kind: Esc}, {Kind: Down}},
		"\x1b[Z\t\x7f\b":   {{Kind: BackTab}, {Kind: Tab}, {Kind: Backspace}, {Kind: Backspace}},
		"\x03\x0c\x04\x15": {{Kind: Interrupt}, {Kind: Redraw}, {Kind: Finish}, {Kind: Kill}},
		"\x00\x1b[99x":     nil,
		"\xc3\xa4\xff":     {{Rune: 'ä'}},
		"\x1b[12\r":        {{Kind: Enter}},
	} {
		var whole, pieces Decoder
		got := whole.Feed([]byte(in))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
		var one []Key
		for i := range len(in) {
			one = append(one, pieces.Feed([]byte{in[i]})...)
		}
		if !slices.Equal(one, got) {
			t.Errorf("%q octet by octet: got %v, want %v", in, one, got)
		}
	}
}

func TestLongSequenceIsDropped(t *testing.T) {
	var d Decoder
	keys := d.Feed([]byte("\x1b[" + strings.Repeat("1", 30) + "~a"))
	if !slices.Equal(keys, []Key{{Rune: '~'}, {Rune: 'a'}}) {
		t.Fatalf("%v", keys)
	}
}

func TestLoneEscape(t *testing.T) {
	var d Decoder
	if keys := d.Feed([]byte{0x1b}); len(keys) != 0 || !d.Pending() {
		t.Fatalf("%v, pending %v", keys, d.Pending())
	}
	if keys := d.Flush(); !slices.Equal(keys, []Key{{Kind: Esc}}) || d.Pending() {
		t.Fatalf("%v", keys)
	}
	d.Feed([]byte("\xc3"))
	if keys := d.Flush(); keys != nil {
		t.Fatalf("half a character is the key %v", keys)
	}
}

// TestPaint compares what a terminal shows with what it should show, after
// many changes, and counts octets.
func TestPaint(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	v := vt100.New(80, 24)
	var s Screen
	g := NewGrid(80, 24)
	for i := range 2000 {
		next := NewGrid(80, 24)
		for row := range g.H {
			for col := range g.W {
				c := g.At(row, col)
				next.Put(row, col, c.Attr, string(c.Char))
			}
		}
		for range r.IntN(6) {
			row, col := r.IntN(24), r.IntN(80)
			next.Put(row, col, Attr(r.IntN(8)), strings.Repeat([]string{"x", " ", "ab"}[r.IntN(3)], r.IntN(40)))
		}
		if r.IntN(2) == 0 {
			next.Place(r.IntN(24), r.IntN(80))
		}
		if r.IntN(100) == 0 {
			s.Forget()
		}
		v.Write(s.Paint(next))
		if len(v.Faults) > 0 {
			t.Fatalf("step %d: %v", i, v.Faults)
		}
		if !same(v.Grid, next) {
			t.Fatalf("step %d: the terminal shows something else", i)
		}
		if row, col := v.Position(); next.Cursor && (row != next.Row || col != next.Col) {
			t.Fatalf("step %d: cursor at %d,%d, want %d,%d", i, row, col, next.Row, next.Col)
		}
		g = next
	}
	if more := s.Paint(g); len(more) != 0 {
		t.Errorf("nothing changed, and %q is sent", more)
	}
}

func TestPaintIsShort(t *testing.T) {
	var s Screen
	g := NewGrid(80, 24)
	g.Bar(0, Reverse, "Tandem", "14:03:22")
	first := s.Paint(g)
	g2 := NewGrid(80, 24)
	g2.Bar(0, Reverse, "Tandem", "14:03:23")
	if again := s.Paint(g2); len(again) > 24 {
		t.Errorf("one digit takes %d octets (%q), the whole %d", len(again), again, len(first))
	}
}

func TestPutKeepsTheTerminalSafe(t *testing.T) {
	g := NewGrid(10, 2)
	g.Put(0, 0, 0, "\x1b[2Jé")
	g.Put(1, 8, 0, "abc")
	g.Put(5, 5, 0, "x")
	g.Put(0, -1, 0, "xy")
	for row := range g.H {
		for col := range g.W {
			if c := g.At(row, col).Char; c < ' ' || c > '~' {
				t.Errorf("%d,%d holds %#x", row, col, c)
			}
		}
	}
	if g.At(1, 9).Char != 'b' || g.At(0, 0).Char != 'y' {
		t.Error("text is misplaced")
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		in   string
		n    int
		want string
	}{{"abcdef", 6, "abcdef"}, {"abcdefg", 6, "abc..."}, {"abcd", 2, "ab"}, {"abcd", 0, ""}, {"abcd", -1, ""}} {
		if got := Clip(c.in, c.n); got != c.want {
			t.Errorf("%q to %d: %q, want %q", c.in, c.n, got, c.want)
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add([]byte("\x1b[A\r\nabc\x1bO"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var d Decoder
		n := len(d.Feed(in)) + len(d.Flush())
		if n > len(in) || d.Pending() {
			t.Fatalf("%d keys of %d octets, pending %v", n, len(in), d.Pending())
		}
	})
}
