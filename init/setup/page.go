package setup

import (
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
