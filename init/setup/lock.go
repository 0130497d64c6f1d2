package setup

import (
	"fmt"
	"strings"
	"time"

	"tandem/images/layout"
	"tandem/init/setup/term"
)

// recovery is what to do without the password. Who can take the disk out, or
// the box away, needs none.
const recovery = "Forgotten? Switch the box off, put its disk or stick into any computer, make an empty file " +
	"named " + layout.WishNoPassword + " in the folder tandem of the partition " + layout.Boot + ", and start the box: " +
	"it then has no password, and everything else stays. The folder may also hold " + layout.WishReset +
	": the box then forgets everything."

// lockPage asks for the password.
type lockPage struct {
	value string
	tries int
	until time.Time // no try before it
	busy  bool      // a password is being compared
}

func (p *lockPage) title(u *UI) string { return u.status.Name + " is locked" }
func (p *lockPage) help() string       { return "type the password, then Enter" }
func (p *lockPage) secret() bool       { return true }

// summary is what may be seen without the password.
func (p *lockPage) summary(u *UI) []string {
	lines := []string{"Tandem " + u.facts.Version + " on " + u.facts.Board, "", sentence(u.status)}
	if n := len(u.status.Alarms); n > 0 {
		lines = append(lines, "", count(n, "alarm"))
	}
	return lines
}

func (p *lockPage) draw(u *UI, g *term.Grid) {
	row, _ := paragraphs(g, body, g.H-9, 0, p.summary(u))
	row = max(row+1, body+7)
	col := g.Put(row, 1, 0, "Password: ")
	col = g.Put(row, col, term.Underline, term.Clip(strings.Repeat("*", len(p.value)), g.W-col-1))
	g.Place(row, col)
	switch wait := p.until.Sub(u.now); {
	case p.busy:
		g.Put(row+2, 1, term.Bold, "Comparing ...")
	case wait > 0:
		g.Put(row+2, 1, term.Bold, fmt.Sprintf("That was not the password. Wait %d s before the next try.", seconds(wait)))
	case p.tries > 0:
		g.Put(row+2, 1, term.Bold, "That was not the password. Try again.")
	}
	paragraphs(g, row+4, g.H-1, 0, []string{recovery})
}

func (p *lockPage) key(u *UI, k term.Key) {
	switch k.Kind {
	case term.Rune:
		if len(p.value) < maxField {
			p.value += string(k.Rune)
		}
	case term.Backspace:
		if r := []rune(p.value); len(r) > 0 {
			p.value = string(r[:len(r)-1])
		}
	case term.Kill, term.Esc:
		p.value = ""
	case term.Enter:
		p.try(u, p.value)
	}
}

// try compares a password unless it comes too early.
func (p *lockPage) try(u *UI, password string) {
	p.value = ""
	if p.busy || password == "" {
		return
	}
	if wait := p.until.Sub(u.now); wait > 0 {
		u.say(fmt.Sprintf("Not before %d s have passed.", seconds(wait)))
		return
	}
	p.busy = true
	u.nextTask++
	id := u.nextTask
	u.tasks[id] = &busyPage{id: id, then: func(v any, err error) { p.judge(u, v == true, err) }}
	u.effects = append(u.effects, Effect{id, compare(u.facts.PasswordHash, password)})
}

func (p *lockPage) judge(u *UI, good bool, err error) {
	p.busy = false
	if good && err == nil {
		u.lock, u.lastKey = nil, u.now
		return
	}
	p.tries++
	p.until = u.now.Add(delay(p.tries))
	text := "That was not the password."
	if err != nil {
		text = capital(err.Error())
		u.note = text
	}
	u.interrupt(text)
}

func (p *lockPage) say(u *UI) []string {
	return append(append([]string{""}, p.summary(u)...), recovery)
}

func (p *lockPage) prompt(*UI) string {
	if p.busy {
		return ""
	}
	return "Password: "
}

func (p *lockPage) line(u *UI, s string) {
	if s = strings.TrimSpace(s); s == "<" || s == "." {
		s = ""
	}
	p.try(u, s)
}

// seconds rounds a wait up.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
