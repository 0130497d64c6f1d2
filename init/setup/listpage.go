package setup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tandem/init/setup/term"
)

// item is one choice of a list.
type item struct {
	key  rune // chooses it at once; zero: its number
	text string
	pick func(u *UI)
	// off says why it cannot be chosen now.
	off string
}

// listPage asks to choose one of a few things.
type listPage struct {
	head  string
	intro func(u *UI) []string
	items func(u *UI) []item
	at    int
	skip  int  // lines of the intro that are scrolled away
	more  bool // lines of the intro below
	onto  func(u *UI)
}

// paged is how far a page of the intro scrolls.
const paged = 8

func (p *listPage) title(*UI) string { return p.head }
func (p *listPage) help() string     { return "Up/Down move  Enter chooses  Esc back" }

// left runs what belongs to leaving the page.
func (p *listPage) left(u *UI) {
	if p.onto != nil {
		p.onto(u)
	}
}

// keysOf gives the key of each item: its own, or a number in order.
func keysOf(items []item) []string {
	keys := make([]string, len(items))
	n := 0
	for i, it := range items {
		if it.key != 0 {
			keys[i] = string(it.key)
			continue
		}
		n++
		keys[i] = strconv.Itoa(n)
	}
	return keys
}

func (p *listPage) draw(u *UI, g *term.Grid) {
	items := p.items(u)
	p.at = max(0, min(p.at, len(items)-1))
	intro := p.intro(u)
	for len(intro) > 0 && intro[len(intro)-1] == "" {
		intro = intro[:len(intro)-1]
	}
	end := max(g.H-len(items)-3, body+2)
	var row int
	if row, p.more = paragraphs(g, body, end, p.skip, intro); p.more {
		g.Put(row, 1, term.Bold, "PgDn shows more")
	}
	row++
	// With many items those around the chosen one are shown.
	first := max(0, min(p.at-(g.H-1-row)+1, len(items)))
	keys := keysOf(items)
	for i, it := range items[first:] {
		if row >= g.H-1 {
			break
		}
		a := term.Attr(0)
		if first+i == p.at {
			a = term.Reverse
		}
		text := it.text
		if it.off != "" {
			text += " (" + it.off + ")"
		}
		if row == g.H-2 && first+i < len(items)-1 {
			g.Put(row, g.W-5, term.Bold, "more")
		}
		g.Put(row, 2, a, term.Clip(fmt.Sprintf(" %s  %s ", keys[first+i], text), g.W-8))
		row++
	}
}

func (p *listPage) key(u *UI, k term.Key) {
	items := p.items(u)
	switch k.Kind {
	case term.Up, term.BackTab:
		p.at = (p.at + len(items) - 1) % len(items)
	case term.Down, term.Tab:
		p.at = (p.at + 1) % len(items)
	case term.Home:
		p.at = 0
	case term.End:
		p.at = len(items) - 1
	case term.PageDown:
		if p.more {
			p.skip += paged
		}
	case term.PageUp:
		p.skip = max(0, p.skip-paged)
	case term.Enter:
		p.choose(u, items, min(p.at, len(items)-1))
	case term.Esc, term.Left:
		u.back()
	case term.Rune:
		if i := slices.Index(keysOf(items), strings.ToLower(string(k.Rune))); i >= 0 {
			p.at = i
			p.choose(u, items, i)
		}
	}
}

func (p *listPage) choose(u *UI, items []item, i int) {
	if off := items[i].off; off != "" {
		u.say("Not now: " + off + ".")
		return
	}
	p.at = i
	items[i].pick(u)
}

func (p *listPage) say(u *UI) []string {
	lines := append([]string{"", "== " + p.head}, p.intro(u)...)
	items := p.items(u)
	keys := keysOf(items)
	for i, it := range items {
		text := it.text
		if it.off != "" {
			text += " (" + it.off + ")"
		}
		lines = append(lines, term.Clip(fmt.Sprintf("  %s) %s", keys[i], text), width-1))
	}
	return lines
}

func (p *listPage) prompt(u *UI) string {
	items := p.items(u)
	p.at = max(0, min(p.at, len(items)-1))
	return fmt.Sprintf("Choose [%s]: ", keysOf(items)[p.at])
}

func (p *listPage) line(u *UI, s string) {
	items := p.items(u)
	s = strings.ToLower(strings.TrimSpace(s))
	if goBack(s) {
		if len(u.stack) == 1 {
			u.say("This is the first question.")
		}
		u.back()
		return
	}
	if s == "" {
		p.choose(u, items, min(p.at, len(items)-1))
		return
	}
	fits := slices.IndexFunc(items, func(it item) bool { return strings.HasPrefix(strings.ToLower(it.text), s) })
	if i := slices.Index(keysOf(items), s); i >= 0 {
		fits = i
	}
	if fits < 0 {
		u.say(fmt.Sprintf("%q is none of the choices: type what stands before the ), or < to go back.", s))
		return
	}
	p.choose(u, items, fits)
}
