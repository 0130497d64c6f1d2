package setup

import (
	"fmt"
	"strconv"
	"strings"

	"tandem/init/setup/term"
)

// statusPage is the screen of the running box.
type statusPage struct{}

func (p *statusPage) title(u *UI) string {
	test := ""
	if u.facts.Debug {
		test = "TEST IMAGE  "
	}
	return fmt.Sprintf("%s%s (%s)  Tandem %s on %s", test, u.status.Name, u.status.Role, u.facts.Version, u.facts.Board)
}

func (p *statusPage) help() string { return "Enter menu" }

func (p *statusPage) draw(u *UI, g *term.Grid) {
	row := body - 1
	for i, l := range wrap(sentence(u.status), g.W-2) {
		if i == 3 {
			break
		}
		row++
		g.Put(row, 1, term.Bold, l)
	}
	row += 2
	const column = 11
	last := g.H - 3
	rows := statusRows(u.status)
	// Figures that belong to the line above are written behind it.
	for i := 0; i < len(rows) && row < last; i++ {
		r := rows[i]
		for i+1 < len(rows) && rows[i+1].joined {
			i++
			r.text += ", " + rows[i].text
		}
		a := term.Attr(0)
		if r.strong {
			a = term.Bold
		}
		g.Put(row, 1, a, r.label)
		parts := wrap(r.text, g.W-column-1)
		for j, l := range parts[:min(2, len(parts))] {
			if row >= last {
				break
			}
			if j == 1 && len(parts) > 2 {
				l = term.Clip(l+" ...", g.W-column-1)
			}
			g.Put(row, column, a, l)
			row++
		}
	}
	started := fmt.Sprintf("started %s ago by %s", human(u.status.Uptime), orUnknown(u.status.Started))
	if u.notice != "" {
		g.Put(g.H-2, 1, 0, term.Clip(u.notice, g.W-2))
	} else {
		g.Put(g.H-2, 1, 0, term.Clip(started, g.W-2))
	}
}

func (p *statusPage) key(u *UI, k term.Key) {
	switch k.Kind {
	case term.Enter, term.Down:
		u.open(menu())
	case term.Rune:
		for _, it := range menuItems(u) {
			if string(it.key) == strings.ToLower(string(k.Rune)) {
				(&listPage{}).choose(u, []item{it}, 0)
				return
			}
		}
	}
}

// text is the status for a terminal of lines; essence leaves out what changes
// all the time.
func (p *statusPage) text(u *UI) (lines []string, essence string) {
	s := u.status
	line := func(label, text string) {
		for i, part := range wrap(text, width-14) {
			if i > 0 {
				label = ""
			}
			lines = append(lines, fmt.Sprintf("| %-9s %s", label, part))
		}
	}
	lines = append(lines, "+"+strings.Repeat("-", width-2))
	line("box", fmt.Sprintf("%s (%s) on %s, Tandem %s", s.Name, s.Role, u.facts.Board, u.facts.Version))
	line("started", "by "+orUnknown(s.Started))
	line("state", sentence(s))
	rows := statusRows(s)
	for _, r := range rows {
		if !r.figure {
			line(r.label, r.text)
		}
	}
	essence = strings.Join(lines, "\n")
	for _, r := range rows {
		if r.figure && r.label != alarmLabel {
			line(r.label, r.text)
		}
	}
	return append(lines, "+"+strings.Repeat("-", width-2)), essence
}

func (p *statusPage) say(u *UI) []string {
	lines, essence := p.text(u)
	if essence == u.shown {
		return nil
	}
	first := u.shown == ""
	u.shown = essence
	if first {
		lines = append(lines, "Type menu, why, leases, status ... then Enter.")
	}
	return lines
}

func (p *statusPage) prompt(*UI) string { return "> " }

// line takes a command: a letter or word of the menu, a word with its
// arguments, or something that the box itself knows.
func (p *statusPage) line(u *UI, s string) {
	s = strings.TrimSpace(s)
	word, rest, _ := strings.Cut(s, " ")
	rest = strings.TrimSpace(rest)
	var a Action
	switch strings.ToLower(word) {
	case "", "status":
		lines, essence := p.text(u)
		u.shown = essence
		u.print(lines...)
		return
	case "<", ".":
		return
	case "menu", "m", "?", "help":
		u.open(menu())
		return
	case "lock":
		if u.facts.PasswordHash == "" {
			u.say("There is no password. The menu has: system, password.")
			return
		}
		u.lockUp()
		return
	case "why":
		a = Why{rest}
	case "leases":
		a = Leases{rest}
	case "log", "logs":
		n, err := strconv.Atoi(rest)
		if err != nil || n < 1 {
			n = 20
		}
		a = Logs{n}
	case "partner-down":
		u.askPartnerDown(false)
		return
	case "removed":
		u.askPartnerDown(true)
		return
	case "reboot":
		a = Reboot{}
	case "poweroff", "shutdown":
		a = Shutdown{}
	default:
		a = Typed{s}
	}
	u.do(term.Clip(s, 40), a, u.showAnswer(term.Clip(s, 40)))
}

// news shows the status on a terminal of lines when it has changed.
func (u *UI) news() {
	p, ok := u.top().(*statusPage)
	if !ok || u.size != nil || u.said != page(p) || len(u.buffer) > 0 {
		return
	}
	if lines, essence := p.text(u); essence != u.shown {
		u.shown = essence
		u.interrupt(strings.Join(lines, "\n"))
	}
}
