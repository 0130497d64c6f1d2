package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tandem/failover/lease"
)

// column is one column of a table: its title, and its width, negative to
// align right.
type column struct {
	title string
	width int
}

// row writes cells under columns. A cell that is too long is cut, and marked;
// the last one may be as long as it likes up to its width.
func row(b *strings.Builder, cols []column, cells []string) {
	for i, c := range cols {
		if i > 0 {
			b.WriteString("  ")
		}
		cell := cut(cells[i], max(c.width, -c.width))
		switch {
		case c.width < 0:
			fmt.Fprintf(b, "%*s", -c.width, cell)
		case i == len(cols)-1:
			b.WriteString(cell)
		default:
			fmt.Fprintf(b, "%-*s", c.width, cell)
		}
	}
	b.WriteByte('\n')
}

// titles writes the head of a table.
func titles(b *strings.Builder, cols []column) {
	cells := make([]string, len(cols))
	for i, c := range cols {
		cells[i] = c.title
	}
	row(b, cols, cells)
}

// cut shortens s to width characters and keeps control characters out.
func cut(s string, width int) string {
	r := []rune(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '.'
		}
		return r
	}, s))
	if len(r) <= width {
		return string(r)
	}
	return string(r[:width-1]) + "~"
}

// wrap breaks a sentence into lines of at most width characters; what belongs
// to it is set in by two.
func wrap(s string, width int) string {
	var b strings.Builder
	at := 0
	for _, word := range strings.Fields(s) {
		n := len([]rune(word))
		switch {
		case at == 0:
		case at+1+n > width:
			b.WriteString("\n  ")
			at = 2
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	b.WriteByte('\n')
	return b.String()
}

// thousands writes a number with separators.
func thousands[N int | uint64](n N) string {
	s := strconv.FormatUint(uint64(n), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// span writes a length of time in its two largest units.
func span(d time.Duration) string {
	units := []struct {
		name string
		len  time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}}
	for i, u := range units {
		if d < u.len {
			continue
		}
		s := fmt.Sprintf("%d %s", d/u.len, u.name)
		if i+1 < len(units) {
			if rest := d % u.len / units[i+1].len; rest > 0 {
				s += fmt.Sprintf(" %d %s", rest, units[i+1].name)
			}
		}
		return s
	}
	return "0 s"
}

// end tells when a lease ends, as seen at now.
func end(t, now lease.Time) string {
	switch {
	case t == 0:
		return "-"
	case t == lease.Never:
		return "never"
	case t > now:
		return "in " + span(t.Sub(now).Duration())
	}
	return span(now.Sub(t).Duration()) + " ago"
}

// stateColours are ANSI colours; a state that needs no attention has none.
var stateColours = map[string]string{"active": "32", "abandoned": "31", "expired": "33", "released": "33", "reset": "33"}

// paint colours the word state in line, if that is wanted.
func (o *output) paint(line, state string) string {
	c := stateColours[state]
	if !o.colour || c == "" {
		return line
	}
	return strings.Replace(line, state, "\x1b["+c+"m"+state+"\x1b[0m", 1)
}

// bold marks a heading, if that is wanted.
func (o *output) bold(s string) string {
	if !o.colour {
		return s
	}
	return "\x1b[1m" + s + "\x1b[0m"
}

// wantColour tells whether f is a terminal whose owner has not forbidden
// colours (NO_COLOR).
func wantColour(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
