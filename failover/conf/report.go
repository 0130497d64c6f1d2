package conf

import (
	"fmt"
	"sort"
)

// reports gathers diagnostics with their places.
type reports struct {
	list   []report
	errors int
	others int // warnings and notices
	left   int // not kept
	mute   int // while above zero nothing is reported
	halted bool
}

type report struct {
	at place
	Diagnostic
}

// full tells whether reading is to stop: no more errors are kept, or a limit
// was passed.
func (r *reports) full() bool { return r.errors > maxReports || r.halted }

// add keeps one diagnostic, within the limit.
func (r *reports) add(at place, d Diagnostic, format string, args []any) {
	if r.mute > 0 {
		return
	}
	count := &r.others
	if d.Severity == Error {
		count = &r.errors
	}
	if *count++; *count > maxReports {
		r.left++
		return
	}
	d.Message = fmt.Sprintf(format, args...)
	d.Pos, d.Source = at.Pos(), at.line()
	r.list = append(r.list, report{at, d})
}

// fail reports an error.
func (r *reports) fail(at place, remedy, format string, args ...any) {
	r.add(at, Diagnostic{Severity: Error, Remedy: remedy}, format, args)
}

// unsupported reports a valid statement that this server does not do.
func (r *reports) unsupported(at place, remedy, format string, args ...any) {
	r.add(at, Diagnostic{Severity: Error, Unsupported: true, Remedy: remedy}, format, args)
}

// warn reports a warning.
func (r *reports) warn(at place, remedy, format string, args ...any) {
	r.add(at, Diagnostic{Severity: Warning, Remedy: remedy}, format, args)
}

// note reports a notice.
func (r *reports) note(at place, format string, args ...any) {
	r.add(at, Diagnostic{Severity: Notice}, format, args)
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
		out = append(out, Diagnostic{Pos: last.Pos, Severity: Notice,
			Message: fmt.Sprintf("there are more messages; %d of each kind are shown", maxReports)})
	}
	return out
}
