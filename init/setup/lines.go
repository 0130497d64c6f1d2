package setup

import (
	"strings"

	"tandem/init/setup/term"
)

// A terminal of lines: each page says what it has to say, then asks for a
// line; the line is edited here.

// maxLine bounds a typed line, in characters.
const maxLine = 1000

// goBack tells whether a line means "back", wherever one is asked for.
func goBack(s string) bool { return strings.TrimSpace(s) == "<" }

// print shows lines, wrapped to the terminal.
func (u *UI) print(lines ...string) {
	for _, l := range lines {
		for _, part := range wrap(l, width-1) {
			u.out.WriteString(safe(part) + "\r\n")
		}
	}
}

// safe replaces what is not printable ASCII.
func safe(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// settle brings a terminal of lines up to date after an event.
func (u *UI) settle() {
	if u.size != nil {
		return
	}
	for p := u.top(); p != u.said; p = u.top() {
		// A page may close itself as soon as it has said everything.
		u.said, u.buffer = p, nil
		u.print(p.say(u)...)
		if u.top() == p {
			u.ask()
		}
	}
}

// ask shows the prompt and what was typed so far.
func (u *UI) ask() {
	u.out.WriteString(safe(u.top().prompt(u)))
	u.out.WriteString(u.echo(u.buffer))
}

// echo is how typed characters look.
func (u *UI) echo(r []rune) string {
	if s, ok := u.top().(interface{ secret() bool }); ok && s.secret() {
		return strings.Repeat("*", len(r))
	}
	return safe(string(r))
}

// interrupt shows something in the middle of a line that is being typed.
func (u *UI) interrupt(text string) {
	if u.size != nil {
		return
	}
	u.out.WriteString("\r")
	if n := len(u.top().prompt(u)) + len(u.buffer); n > 0 {
		u.out.WriteString(strings.Repeat(" ", min(n, width-1)) + "\r")
	}
	// Lines are left whole: the terminal folds them, and who records them finds
	// them again.
	for _, l := range strings.Split(text, "\n") {
		u.out.WriteString(safe(l) + "\r\n")
	}
	if u.said != nil {
		u.ask()
	}
}

// pressLine takes a key of a terminal of lines.
func (u *UI) pressLine(k term.Key) {
	switch k.Kind {
	case term.Rune:
		if len(u.buffer) < maxLine {
			u.buffer = append(u.buffer, k.Rune)
			u.out.WriteString(u.echo([]rune{k.Rune}))
		}
	case term.Backspace, term.Delete:
		if n := len(u.buffer); n > 0 {
			u.buffer = u.buffer[:n-1]
			u.out.WriteString("\b \b")
		}
	case term.Kill:
		u.out.WriteString(strings.Repeat("\b \b", len(u.buffer)))
		u.buffer = nil
	case term.Tab:
		if len(u.buffer) < maxLine {
			u.buffer = append(u.buffer, ' ')
			u.out.WriteString(" ")
		}
	case term.Enter:
		u.enterLine(string(u.buffer))
	case term.Interrupt, term.Esc:
		u.enterLine("<")
	case term.Finish:
		u.enterLine(".")
	}
}

// enterLine hands a whole line to the page.
func (u *UI) enterLine(s string) {
	u.out.WriteString("\r\n")
	u.buffer = nil
	p := u.top()
	p.line(u, s)
	if u.top() == p && u.said == p {
		u.ask()
	}
}

// wrap breaks text into lines of at most n characters, at spaces where it
// can. Further lines of a paragraph are indented like its first.
func wrap(text string, n int) []string {
	var lines []string
	for _, p := range strings.Split(text, "\n") {
		p = strings.TrimRight(p, " \r")
		indent := p[:len(p)-len(strings.TrimLeft(p, " "))]
		if len(indent) > n/2 {
			indent = ""
		}
		for r := []rune(p); ; {
			if len(r) <= n {
				lines = append(lines, string(r))
				break
			}
			cut := n
			for i := n; i > len(indent); i-- {
				if r[i] == ' ' {
					cut = i
					break
				}
			}
			lines = append(lines, strings.TrimRight(string(r[:cut]), " "))
			r = []rune(indent + strings.TrimLeft(string(r[cut:]), " "))
		}
	}
	return lines
}
