package setup

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tandem/init/setup/term"
)

// page is one thing on show, for both kinds of terminal.
type page interface {
	title(u *UI) string
	// help is the line of keys at the bottom of a screen.
	help() string
	draw(u *UI, g *term.Grid)
	key(u *UI, k term.Key)
	// say is what a terminal of lines shows when the page opens, prompt what
	// stands before the line that is asked for.
	say(u *UI) []string
	prompt(u *UI) string
	line(u *UI, s string)
}

// body is the first row below the title and the gap.
const body = 2

// paragraphs draws wrapped text from a row on, at most to row end, and gives
// the row after it. skip leaves lines out at the top; more tells that lines
// were left out at the bottom.
func paragraphs(g *term.Grid, row, end, skip int, text []string) (next int, more bool) {
	for _, p := range text {
		for _, l := range wrap(p, g.W-2) {
			if skip > 0 {
				skip--
				continue
			}
			if row >= end {
				return row, true
			}
			g.Put(row, 1, 0, l)
			row++
		}
	}
	return row, false
}

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
		g.Put(row, 2, a, term.Clip(fmt.Sprintf(" %s  %s ", keys[first+i], text), g.W-4))
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

// textPage shows lines.
type textPage struct {
	head  string
	lines []string
	top   int
	room  int
	shown int // of a terminal of lines
}

// showText opens a page of text.
func (u *UI) showText(head, text string) {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		text = "Nothing."
	}
	u.open(&textPage{head: head, lines: wrap(strings.ReplaceAll(text, "\t", "    "), width-2), room: height - 3})
}

// showAnswer shows what an action yields, or its error.
func (u *UI) showAnswer(head string) func(Answer, error) {
	return func(a Answer, err error) {
		text := a.Text
		if err != nil {
			text = strings.TrimRight("It did not work: "+err.Error()+"\n\n"+text, "\n")
		} else if text == "" {
			text = "Done."
		}
		u.showText(head, text)
	}
}

func (p *textPage) title(*UI) string { return p.head }
func (p *textPage) help() string     { return "Up/Down PgUp/PgDn scroll  Esc back" }

func (p *textPage) draw(_ *UI, g *term.Grid) {
	p.room = g.H - body - 2
	p.top = max(0, min(p.top, len(p.lines)-p.room))
	for i, l := range p.lines[p.top:min(len(p.lines), p.top+p.room)] {
		g.Put(body+i, 1, 0, l)
	}
	if len(p.lines) > p.room {
		g.Put(g.H-2, 1, term.Bold, fmt.Sprintf("lines %d to %d of %d", p.top+1, min(len(p.lines), p.top+p.room), len(p.lines)))
	}
}

func (p *textPage) key(u *UI, k term.Key) {
	last := max(0, len(p.lines)-p.room)
	switch k.Kind {
	case term.Up:
		p.top--
	case term.Down:
		p.top++
	case term.PageUp:
		p.top -= p.room
	case term.PageDown:
		p.top += p.room
	case term.Home:
		p.top = 0
	case term.End:
		p.top = last
	case term.Enter:
		if p.top >= last {
			u.back()
			return
		}
		p.top += p.room
	case term.Rune:
		if k.Rune == ' ' {
			p.top += p.room
		} else if k.Rune == 'q' {
			u.back()
			return
		}
	case term.Esc, term.Left:
		u.back()
		return
	}
	p.top = max(0, min(p.top, last))
}

// linesAtOnce is what a terminal of lines shows before it waits.
const linesAtOnce = 40

func (p *textPage) say(u *UI) []string {
	p.shown = 0
	return append([]string{"", "== " + p.head}, p.next(u)...)
}

// next gives further lines and leaves the page after the last.
func (p *textPage) next(u *UI) []string {
	from := p.shown
	p.shown = min(len(p.lines), from+linesAtOnce)
	if p.shown == len(p.lines) {
		u.back()
	}
	return p.lines[from:p.shown]
}

func (p *textPage) prompt(*UI) string {
	return fmt.Sprintf("(%d of %d lines; Enter: more, <: enough) ", p.shown, len(p.lines))
}

func (p *textPage) line(u *UI, s string) {
	if goBack(s) {
		u.back()
		return
	}
	u.print(p.next(u)...)
}

// busyPage waits for a task.
type busyPage struct {
	head  string
	must  bool // it may not be given up
	since time.Time
	id    int
	told  []string
	then  func(any, error)
}

// keptTold bounds the progress lines that are shown.
const keptTold = 12

func (p *busyPage) tell(u *UI, text string) {
	p.told = append(p.told, text)
	p.told = p.told[max(0, len(p.told)-keptTold):]
	if u.size == nil && u.top() == page(p) {
		u.print("  " + text)
	}
}

func (p *busyPage) title(*UI) string { return p.head }

func (p *busyPage) help() string {
	if p.must {
		return "please wait"
	}
	return "please wait  Esc gives up"
}

func (p *busyPage) draw(u *UI, g *term.Grid) {
	g.Put(body, 1, 0, fmt.Sprintf("Working, %d s ...", int(u.now.Sub(p.since)/time.Second)))
	paragraphs(g, body+2, g.H-2, 0, p.told)
}

func (p *busyPage) key(u *UI, k term.Key) {
	if k.Kind != term.Esc {
		return
	}
	if p.must {
		u.say("This can not be given up half-way.")
		return
	}
	u.back()
}

func (p *busyPage) left(u *UI) {
	if u.tasks[p.id] != nil {
		u.cancel(p.id)
	}
}

func (p *busyPage) say(*UI) []string  { return []string{p.head + " ..."} }
func (p *busyPage) prompt(*UI) string { return "" }

func (p *busyPage) line(u *UI, s string) {
	if goBack(s) {
		p.key(u, term.Key{Kind: term.Esc})
	}
}
