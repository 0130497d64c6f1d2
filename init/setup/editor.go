package setup

import (
	"fmt"
	"strconv"
	"strings"

	"tandem/init/setup/term"
)

// maxText bounds an edited text, in octets.
const maxText = 1 << 20

// tab is what the Tab key types: dhcpd.conf does not mind.
const tab = "    "

// editPage is a small editor for a text of lines.
type editPage struct {
	head     string
	text     *string // written back whenever the page is left
	lines    []string
	row, col int // of the cursor, in characters
	top      int
	size     int
	done     func(u *UI)
	loaded   bool
	// appending: a terminal of lines gives text until a dot.
	appending bool
}

func (p *editPage) load() {
	if p.loaded {
		return
	}
	p.loaded = true
	text := strings.ReplaceAll(strings.ReplaceAll(*p.text, "\r\n", "\n"), "\t", tab)
	p.lines = strings.Split(text, "\n")
	p.size = len(text)
}

// store writes the text back.
func (p *editPage) store() {
	if !p.loaded {
		return
	}
	*p.text = strings.Join(p.lines, "\n")
	if *p.text != "" && !strings.HasSuffix(*p.text, "\n") {
		*p.text += "\n"
	}
}

func (p *editPage) left(*UI) {
	if p.appending {
		p.appending = false
		p.lines = append(p.lines, "")
	}
	p.store()
}

func (p *editPage) title(*UI) string { return p.head }
func (p *editPage) help() string     { return "Ctrl-D done  Ctrl-U cuts a line  Esc back" }

func (p *editPage) draw(_ *UI, g *term.Grid) {
	p.load()
	room := g.H - 3
	p.top = max(min(p.top, p.row), p.row-room+1, 0)
	left := max(0, p.col-(g.W-8))
	for i := range min(room, len(p.lines)-p.top) {
		g.Put(1+i, 0, 0, fmt.Sprintf("%4d ", p.top+i+1))
		r := []rune(p.lines[p.top+i])
		g.Put(1+i, 5, 0, string(r[min(left, len(r)):]))
	}
	g.Put(g.H-2, 1, term.Bold, fmt.Sprintf("line %d of %d, column %d; a paste from the terminal goes where the cursor is", p.row+1, len(p.lines), p.col+1))
	g.Place(1+p.row-p.top, 5+p.col-left)
}

func (p *editPage) key(u *UI, k term.Key) {
	p.load()
	switch k.Kind {
	case term.Rune:
		p.insert(u, string(k.Rune))
	case term.Tab:
		p.insert(u, tab)
	case term.Enter:
		p.split(u)
	case term.Backspace:
		p.rub()
	case term.Delete:
		if p.col < len([]rune(p.lines[p.row])) || p.row < len(p.lines)-1 {
			p.right()
			p.rub()
		}
	case term.Kill:
		p.cut()
	case term.Up:
		p.row--
	case term.Down:
		p.row++
	case term.PageUp:
		p.row -= height - 4
	case term.PageDown:
		p.row += height - 4
	case term.Left:
		if p.col--; p.col < 0 && p.row > 0 {
			p.row--
			p.col = maxLine * maxLine
		}
	case term.Right:
		p.right()
	case term.Home:
		p.col = 0
	case term.End:
		p.col = maxLine * maxLine
	case term.Esc:
		u.back()
		return
	case term.Finish:
		p.store()
		p.done(u)
		return
	}
	p.row = max(0, min(p.row, len(p.lines)-1))
	p.col = max(0, min(p.col, len([]rune(p.lines[p.row]))))
}

func (p *editPage) right() {
	if p.col++; p.col > len([]rune(p.lines[p.row])) && p.row < len(p.lines)-1 {
		p.row++
		p.col = 0
	}
}

// full tells, and says, whether there is no room for more.
func (p *editPage) full(u *UI, more int) bool {
	if p.size+more > maxText {
		u.say("The text is full: at most 1 MiB. Use failctl config put for more.")
		return true
	}
	p.size += more
	return false
}

func (p *editPage) insert(u *UI, s string) {
	if p.full(u, len(s)) {
		return
	}
	r := []rune(p.lines[p.row])
	p.lines[p.row] = string(r[:p.col]) + s + string(r[p.col:])
	p.col += len([]rune(s))
}

func (p *editPage) split(u *UI) {
	if p.full(u, 1) {
		return
	}
	r := []rune(p.lines[p.row])
	p.lines[p.row] = string(r[:p.col])
	p.put(p.row+1, string(r[p.col:]))
	p.row++
	p.col = 0
}

// put inserts a line.
func (p *editPage) put(at int, s string) {
	p.lines = append(p.lines, "")
	copy(p.lines[at+1:], p.lines[at:])
	p.lines[at] = s
}

// rub takes away what is before the cursor.
func (p *editPage) rub() {
	r := []rune(p.lines[p.row])
	switch {
	case p.col > 0:
		p.size -= len(string(r[p.col-1]))
		p.lines[p.row] = string(r[:p.col-1]) + string(r[p.col:])
		p.col--
	case p.row > 0:
		p.size--
		above := p.lines[p.row-1]
		p.lines[p.row-1] = above + p.lines[p.row]
		p.lines = append(p.lines[:p.row], p.lines[p.row+1:]...)
		p.row--
		p.col = len([]rune(above))
	}
}

// cut takes the line away.
func (p *editPage) cut() {
	p.size -= len(p.lines[p.row])
	if len(p.lines) == 1 {
		p.lines[0] = ""
		return
	}
	p.size--
	p.lines = append(p.lines[:p.row], p.lines[p.row+1:]...)
}

const editHelp = "l [N]: list from line N   a: add at the end, or paste, until a line with a dot\n" +
	"i N TEXT: insert before line N   c N TEXT: change line N   d N [M]: delete\n" +
	"new: empty it   done: go on   <: back"

func (p *editPage) say(*UI) []string {
	p.load()
	lines := []string{"", "== " + p.head, p.count(), editHelp}
	if len(p.lines) == 1 && p.lines[0] == "" {
		p.append()
		lines = append(lines, "Paste or type the text now; end with a line that holds only a dot.")
	}
	return lines
}

func (p *editPage) prompt(*UI) string {
	if p.appending {
		return ""
	}
	return "edit> "
}

func (p *editPage) line(u *UI, s string) {
	p.load()
	if p.appending {
		p.add(u, s)
		return
	}
	word, rest, _ := strings.Cut(strings.TrimSpace(s), " ")
	switch word {
	case "":
	case "<", "back":
		u.back()
	case ".", "done":
		p.store()
		p.done(u)
	case "a":
		p.append()
	case "new":
		p.lines, p.size = []string{""}, 0
	case "l", "i", "c", "d":
		if err := p.command(u, word, rest); err != nil {
			u.fail(err)
		}
	default:
		u.say(fmt.Sprintf("%q is no command:\n%s", word, editHelp))
	}
}

// add takes a line of a paste.
func (p *editPage) add(u *UI, s string) {
	if s == "." {
		p.appending = false
		p.lines = append(p.lines, "")
		u.print(p.count())
		return
	}
	if !p.full(u, len(s)+1) {
		p.lines = append(p.lines, s)
	}
}

// append begins to take lines at the end.
func (p *editPage) append() {
	p.appending = true
	if last := len(p.lines) - 1; p.lines[last] == "" {
		p.lines = p.lines[:last]
	}
}

// count tells how long the text is; what follows the last line feed is no line
// of its own.
func (p *editPage) count() string {
	n := len(p.lines)
	if p.lines[n-1] == "" {
		n--
	}
	return count(n, "line") + "."
}

// command carries out one of the commands with line numbers.
func (p *editPage) command(u *UI, word, rest string) error {
	number, text, _ := strings.Cut(rest, " ")
	n := p.row + 1
	if number != "" {
		var err error
		if n, err = strconv.Atoi(number); err != nil || n < 1 || n > len(p.lines) {
			return fmt.Errorf("%q is no line: 1 to %d", number, len(p.lines))
		}
	} else if word != "l" {
		return fmt.Errorf("%s needs the number of a line", word)
	}
	switch word {
	case "l":
		for i := n - 1; i < min(len(p.lines), n-1+height-4); i++ {
			u.out.WriteString(safe(fmt.Sprintf("%4d %s", i+1, p.lines[i])) + "\r\n")
		}
		p.row = min(len(p.lines), n-1+height-4) - 1
	case "i":
		if !p.full(u, len(text)+1) {
			p.put(n-1, text)
		}
	case "c":
		if !p.full(u, len(text)-len(p.lines[n-1])) {
			p.lines[n-1] = text
		}
	case "d":
		m := n
		if text != "" {
			var err error
			if m, err = strconv.Atoi(strings.TrimSpace(text)); err != nil || m < n || m > len(p.lines) {
				return fmt.Errorf("%q is no line to delete to: %d to %d", text, n, len(p.lines))
			}
		}
		for range m - n + 1 {
			p.row = n - 1
			p.cut()
		}
		p.row = max(0, min(p.row, len(p.lines)-1))
	}
	return nil
}
