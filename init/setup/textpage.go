package setup

import (
	"fmt"
	"strings"

	"tandem/init/setup/term"
)

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
