package conf

import (
	"fmt"
	"sort"
)

// reports gathers diagnostics with their places.
type reports struct {
	list   []report
	errors int
	left   int // not kept
	mute   int // while above zero nothing is reported
}

type report struct {
	at place
	Diagnostic
}

// add keeps one diagnostic; of those at one place, only the first error.
func (r *reports) add(at place, d Diagnostic) {
	if r.mute > 0 {
		return
	}
	if d.Severity == Error {
		r.errors++
	}
	if len(r.list) >= maxReports {
		r.left++
		return
	}
	d.Pos, d.Source = at.Pos(), at.line()
	r.list = append(r.list, report{at, d})
}

// fail reports an error.
func (r *reports) fail(at place, remedy, format string, args ...any) {
	r.add(at, Diagnostic{Severity: Error, Message: fmt.Sprintf(format, args...), Remedy: remedy})
}

// unsupported reports a valid statement that this server does not do.
func (r *reports) unsupported(at place, remedy, format string, args ...any) {
	r.add(at, Diagnostic{Severity: Error, Unsupported: true, Message: fmt.Sprintf(format, args...), Remedy: remedy})
}

// warn reports a warning.
func (r *reports) warn(at place, remedy, format string, args ...any) {
	r.add(at, Diagnostic{Severity: Warning, Message: fmt.Sprintf(format, args...), Remedy: remedy})
}

// note reports a notice.
func (r *reports) note(at place, format string, args ...any) {
	r.add(at, Diagnostic{Severity: Notice, Message: fmt.Sprintf(format, args...)})
}

// sorted gives the diagnostics in the order of the text.
func (r *reports) sorted() []Diagnostic {
	sort.SliceStable(r.list, func(i, j int) bool { return r.list[i].at.before(r.list[j].at) })
	out := make([]Diagnostic, 0, len(r.list)+1)
	for _, x := range r.list {
		out = append(out, x.Diagnostic)
	}
	if r.left > 0 {
		last := out[len(out)-1]
		out = append(out, Diagnostic{Pos: last.Pos, Severity: last.Severity,
			Message: fmt.Sprintf("and %d more messages, not shown", r.left)})
	}
	return out
}
