package setup

import (
	"fmt"
	"strings"

	"tandem/init/setup/term"
)

// field is one value that is typed.
type field struct {
	label string
	value *string // as typed; kept when the person goes back
	hint  string
	// check looks at a value that may still be being typed; nil takes any.
	check    func(string) error
	optional bool
	hidden   bool // shown as stars
}

// maxField bounds a value, in characters.
const maxField = 250

// wrong is what is wrong with the value as it is.
func (f *field) wrong() error {
	s := strings.TrimSpace(*f.value)
	switch {
	case s == "" && f.optional:
		return nil
	case s == "":
		return fmt.Errorf("%s is missing: %s", f.label, f.hint)
	case f.check == nil:
		return nil
	}
	return f.check(s)
}

// formPage asks for a few values.
type formPage struct {
	head   string
	intro  []string
	fields []*field
	at     int
	cursor int // in the value, in characters
	opened bool
	fresh  bool                          // nothing was typed into the value since the cursor came
	wrong  string                        // what is wrong with the value, as it stands on the screen
	check  func() (field int, err error) // what belongs together
	done   func(u *UI)
	onto   func(u *UI)
}

// labels is the column where values begin.
const labels = 24

func (p *formPage) title(*UI) string { return p.head }
func (p *formPage) help() string     { return "Tab/Up/Down move  Enter next  Ctrl-U clears  Esc back" }

func (p *formPage) left(u *UI) {
	if p.onto != nil {
		p.onto(u)
	}
}

// secret tells whether what is typed now is shown as stars.
func (p *formPage) secret() bool { return p.fields[p.at].hidden }

// begin puts the cursor behind the first value.
func (p *formPage) begin() {
	if !p.opened {
		p.opened = true
		p.move(p.at)
	}
}

func (p *formPage) draw(u *UI, g *term.Grid) {
	p.begin()
	row, _ := paragraphs(g, body, g.H-len(p.fields)-6, 0, p.intro)
	row++
	room := g.W - labels - 2
	for i, f := range p.fields {
		g.Put(row+i, 1, 0, term.Clip(f.label, labels-2))
		r := []rune(*f.value)
		from := 0
		if i == p.at {
			p.cursor = min(p.cursor, len(r))
			from = max(0, p.cursor-room+1)
		}
		r = r[from:min(len(r), from+room)]
		text := string(r)
		if f.hidden {
			text = strings.Repeat("*", len(r))
		}
		g.Put(row+i, labels, term.Underline, text+strings.Repeat(" ", room-len(r)))
		if i == p.at {
			g.Put(row+i, labels-2, term.Bold, ">")
			g.Place(row+i, labels+p.cursor-from)
		}
	}
	f := p.fields[p.at]
	row += len(p.fields) + 1
	p.wrong = ""
	if err := f.wrong(); *f.value != "" && err != nil && !p.fresh {
		p.wrong = capital(err.Error())
		for _, l := range wrap(p.wrong, g.W-2) {
			g.Put(row, 1, term.Bold, l)
			row++
		}
	}
	if row < g.H-3 {
		paragraphs(g, row, g.H-1, 0, []string{f.hint})
	}
}

func (p *formPage) key(u *UI, k term.Key) {
	p.begin()
	f := p.fields[p.at]
	r := []rune(*f.value)
	p.cursor = min(p.cursor, len(r))
	p.fresh = false
	switch k.Kind {
	case term.Rune:
		if len(r) < maxField {
			*f.value = string(r[:p.cursor]) + string(k.Rune) + string(r[p.cursor:])
			p.cursor++
		}
	case term.Backspace:
		if p.cursor > 0 {
			*f.value = string(r[:p.cursor-1]) + string(r[p.cursor:])
			p.cursor--
		}
	case term.Delete:
		if p.cursor < len(r) {
			*f.value = string(r[:p.cursor]) + string(r[p.cursor+1:])
		}
	case term.Kill:
		*f.value, p.cursor = "", 0
	case term.Left:
		p.cursor = max(0, p.cursor-1)
	case term.Right:
		p.cursor = min(len(r), p.cursor+1)
	case term.Home:
		p.cursor = 0
	case term.End:
		p.cursor = len(r)
	case term.Tab, term.Down:
		p.move((p.at + 1) % len(p.fields))
	case term.BackTab, term.Up:
		p.move((p.at + len(p.fields) - 1) % len(p.fields))
	case term.Enter:
		p.enter(u)
	case term.Esc:
		u.back()
	}
}

func (p *formPage) move(to int) {
	p.at, p.fresh = to, true
	p.cursor = len([]rune(*p.fields[to].value))
}

// enter goes to the next value, and on from the last.
func (p *formPage) enter(u *UI) {
	if err := p.fields[p.at].wrong(); err != nil {
		u.fail(err)
		return
	}
	if p.at < len(p.fields)-1 {
		p.move(p.at + 1)
		return
	}
	p.submit(u)
}

// submit goes on if everything is good, else to the first value that is not.
func (p *formPage) submit(u *UI) {
	for i, f := range p.fields {
		*f.value = strings.TrimSpace(*f.value)
		if err := f.wrong(); err != nil {
			p.move(i)
			u.fail(err)
			return
		}
	}
	if p.check != nil {
		if i, err := p.check(); err != nil {
			p.move(i)
			u.fail(err)
			return
		}
	}
	p.move(0)
	p.done(u)
}

func (p *formPage) say(*UI) []string {
	p.at = 0
	lines := append([]string{"", "== " + p.head}, p.intro...)
	return append(lines, "(Enter keeps the value in brackets, - empties it, < goes back.)")
}

func (p *formPage) prompt(*UI) string {
	f := p.fields[p.at]
	switch {
	case *f.value == "" && f.optional:
		return f.label + " []: "
	case *f.value == "":
		return f.label + ": "
	case f.hidden:
		return f.label + " [as typed]: "
	}
	return fmt.Sprintf("%s [%s]: ", f.label, term.Clip(*f.value, width-labels-len("[]: ")))
}

func (p *formPage) line(u *UI, s string) {
	f := p.fields[p.at]
	s = strings.TrimSpace(s)
	switch {
	case goBack(s) && p.at > 0:
		p.move(p.at - 1)
		return
	case goBack(s):
		if len(u.stack) == 1 {
			u.say("This is the first question.")
		}
		u.back()
		return
	case s == "?":
		u.say(f.hint)
		return
	}
	old := *f.value
	if s == "-" {
		*f.value = ""
	} else if s != "" {
		*f.value = s
		if r := []rune(s); len(r) > maxField {
			*f.value = string(r[:maxField])
		}
	}
	if err := f.wrong(); err != nil {
		*f.value = old
		u.fail(err)
		if s != "" && s != "-" {
			u.print("  (" + f.hint + ")")
		}
		return
	}
	if p.at < len(p.fields)-1 {
		p.move(p.at + 1)
		return
	}
	p.submit(u)
}
