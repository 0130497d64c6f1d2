package setup

import (
	"fmt"
	"time"
)

// describe sums a lease file up in a line.
func (l *LeaseFile) describe() string {
	text := fmt.Sprintf("%s: %s, %d of them in use", l.Label, count(l.Leases, "lease"), l.Bound)
	if !l.Newest.IsZero() {
		text += ", newest " + l.Newest.UTC().Format(time.DateTime) + " UTC"
	}
	return text
}

// offerLeases offers to take the leases of the server whose dhcpd.conf was read.
// Who takes that server's place without them gives its addresses away again.
func (u *UI) offerLeases(files []File, l *LeaseFile) {
	lines := []string{"Beside the dhcpd.conf lies " + l.describe() + ".", ""}
	if len(l.Bad) > 0 {
		u.askWithout(files, append(append(append(lines, "It can not be taken:"), l.Bad...), "", "Remedy: "+l.Remedy+"."))
		return
	}
	lines = append(lines, "With it every client keeps its address. It must have been copied after that server was stopped for good: what was given later is not in it.", "")
	lines = append(lines, l.Notes...)
	u.open(&listPage{
		head:  "Set up: leases of the old server",
		intro: fixedText(lines...),
		items: func(*UI) []item {
			return []item{
				{text: "Take them (proposed)", pick: func(u *UI) {
					u.importFiles(files)
					u.first.leases = l
				}},
				{text: "Begin without leases", pick: func(u *UI) { u.askWithout(files, nil) }},
				{text: "Back: another source", pick: func(u *UI) { u.back() }},
			}
		},
	})
}

// askWithout makes sure that the leases of the old server are not wanted; the
// proposal is to go back.
func (u *UI) askWithout(files []File, lines []string) {
	lines = append(lines, "", "Without its leases this box gives addresses away that clients of the old server still use. That is right only for a network whose clients are all off, or in a laboratory.", "")
	u.open(&listPage{
		head:  "Set up: without the leases of the old server?",
		intro: fixedText(lines...),
		items: func(*UI) []item {
			return []item{
				{text: "Back", pick: func(u *UI) { u.back() }},
				{text: "Begin without leases", pick: func(u *UI) { u.importFiles(files) }},
			}
		},
	})
}
