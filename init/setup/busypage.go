package setup

import (
	"fmt"
	"time"

	"tandem/init/setup/term"
)

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
