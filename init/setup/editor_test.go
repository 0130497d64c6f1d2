package setup

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tandem/init/setup/term"
)

// TestEditorAgainstModel types at random and compares with a text and a
// position in it.
func TestEditorAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 6))
	u := New(noon, Refresh{})
	for range 200 {
		text := "one\ntwo\n\nfour"
		p := &editPage{text: &text, done: func(*UI) {}}
		p.load()
		model, at := []rune(text), 0
		for range 300 {
			switch k := r.IntN(12); k {
			case 0, 1, 2:
				p.key(u, term.Key{Rune: 'x'})
				model = append(model[:at], append([]rune{'x'}, model[at:]...)...)
				at++
			case 3:
				p.key(u, term.Key{Kind: term.Enter})
				model = append(model[:at], append([]rune{'\n'}, model[at:]...)...)
				at++
			case 4, 5:
				p.key(u, term.Key{Kind: term.Backspace})
				if at > 0 {
					model = append(model[:at-1], model[at:]...)
					at--
				}
			case 6:
				p.key(u, term.Key{Kind: term.Delete})
				if at < len(model) {
					model = append(model[:at], model[at+1:]...)
				}
			case 7, 8:
				p.key(u, term.Key{Kind: term.Left})
				at = max(0, at-1)
			case 9, 10:
				p.key(u, term.Key{Kind: term.Right})
				at = min(len(model), at+1)
			case 11:
				p.key(u, term.Key{Kind: term.Home})
				for at > 0 && model[at-1] != '\n' {
					at--
				}
			}
			if got := strings.Join(p.lines, "\n"); got != string(model) {
				t.Fatalf("the text is\n%s\nwant\n%s", got, string(model))
			}
			before := string(model[:at])
			if row, col := strings.Count(before, "\n"), at-strings.LastIndex(before, "\n")-1; p.row != row || p.col != col {
				t.Fatalf("the cursor is at %d,%d, want %d,%d", p.row, p.col, row, col)
			}
		}
		g := term.NewGrid(80, 24)
		p.draw(u, g)
		if g.Row < 1 || g.Row > 21 {
			t.Fatalf("the cursor is drawn in row %d", g.Row)
		}
	}
}

func TestEditorKeepsTheText(t *testing.T) {
	for _, text := range []string{"", "a", "a\n", "a\n\n", "\n\na\n"} {
		got := text
		p := &editPage{text: &got}
		p.load()
		p.store()
		want := text
		if want != "" && !strings.HasSuffix(want, "\n") {
			want += "\n"
		}
		if got != want {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

func TestEditorIsBounded(t *testing.T) {
	text := strings.Repeat("0123456789\n", maxText/11)
	u := New(noon, Refresh{})
	p := &editPage{text: &text, done: func(*UI) {}}
	p.load()
	for range 30 {
		p.key(u, term.Key{Rune: 'x'})
		p.key(u, term.Key{Kind: term.Enter})
	}
	p.store()
	if len(text) > maxText+1 || !strings.Contains(u.note, "full") {
		t.Errorf("%d octets, %q", len(text), u.note)
	}
}

// TestPasteOverASerialLine: while a large text comes in nothing is drawn, and
// then all at once.
func TestPasteOverASerialLine(t *testing.T) {
	m := runningBox()
	r := sit(t, m)
	r.keys("f", "p")
	r.wait(time.Second)
	r.log.Reset()
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "host h%d { fixed-address 10.0.%d.%d; }\r", i, i/250, i%250+1)
	}
	rest := text.String()
	for len(rest) > 0 {
		n := min(200, len(rest))
		r.now = r.now.Add(15 * time.Millisecond)
		r.step(Octets(rest[:n]))
		rest = rest[n:]
	}
	if n := r.log.Len(); n > 2000 {
		t.Errorf("%d octets are drawn while %d come in", n, text.Len())
	}
	r.now = r.u.Deadline()
	r.step(Tick{})
	r.sees("host h999 { fixed-address 10.0.3.250; }", "line 1001 of 1001")
	// A key that is held down is drawn at once.
	for range 100 {
		r.keys(up)
	}
	r.sees("line 901 of 1001")
}
