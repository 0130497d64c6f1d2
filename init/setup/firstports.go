package setup

import (
	"fmt"

	"tandem/init/box"
)

// describe is one port in one line.
func (p Port) describe() string {
	state := "no carrier"
	if p.Carrier {
		state = "carrier"
		if p.Speed > 0 {
			state += fmt.Sprintf(", %d Mbit/s", p.Speed)
		}
	}
	return fmt.Sprintf("%-6s %-17s  %-22s %s", p.Name, p.MAC, state, p.Driver)
}

// portItems offers the ports, and then what else there is to choose; taken is
// the port that another answer uses.
func portItems(u *UI, taken, takenBy string, pick func(u *UI, name string), more ...item) []item {
	var items []item
	for _, p := range u.ports {
		it := item{text: p.describe(), pick: func(u *UI) { pick(u, p.Name) }}
		if p.Name == taken {
			it.off = takenBy
		}
		items = append(items, it)
	}
	items = append(items, more...)
	switch {
	case len(items) == 0:
		items = append(items, item{text: "No network port was found. Look again", pick: lookAgain})
	case u.size == nil: // a screen shows changes by itself
		items = append(items, item{key: 'l', text: "Look again", pick: lookAgain})
	}
	return items
}

// lookAgain shows the page anew on a terminal of lines.
func lookAgain(u *UI) { u.said = nil }

// portAt is the place of the port to propose: the one chosen before, else the
// first with a carrier that is free, else what follows the ports.
func portAt(u *UI, chosen, taken string) int {
	best := -1
	for i, p := range u.ports {
		if p.Name == chosen {
			return i
		}
		if p.Name != taken && (best < 0 || p.Carrier && !u.ports[best].Carrier) {
			best = i
		}
	}
	if best < 0 {
		return len(u.ports)
	}
	return best
}

const portText = "Plug a cable in or out and watch the carrier change to find a port."

func (u *UI) askLAN() {
	f := &u.first
	u.open(&listPage{
		head:  "Set up: which port is the LAN?",
		intro: fixedText("The LAN is where the clients or their relays are.", portText, ""),
		at:    portAt(u, f.lan, ""),
		items: func(u *UI) []item {
			return portItems(u, "", "", func(u *UI, name string) {
				f.lan = name
				if f.direct == name {
					f.direct = ""
				}
				if f.role == box.Single || f.isc {
					f.direct = ""
					u.askAddresses()
					return
				}
				u.askDirect()
			})
		},
	})
}

func (u *UI) askDirect() {
	f := &u.first
	none := item{key: 'n', text: "None: the boxes speak over the LAN alone"}
	none.pick = func(u *UI) {
		f.direct = ""
		u.askAddresses()
	}
	u.open(&listPage{
		head: "Set up: which port is the direct cable?",
		intro: fixedText("A cable from this box straight to its partner lets each know that the other is alive when the LAN fails. Recommended.",
			portText, ""),
		at: portAt(u, f.direct, f.lan),
		items: func(u *UI) []item {
			return portItems(u, f.lan, "the LAN port", func(u *UI, name string) {
				f.direct = name
				u.askAddresses()
			}, none)
		},
	})
}
