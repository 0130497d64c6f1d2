package board

import (
	"cmp"
	"slices"
	"strconv"
)

// NIC is one network device that the kernel found.
type NIC struct {
	Name   string // kernel's name: "eth0"
	MAC    string // "00:0d:b9:01:02:03", lower case
	Bus    string // name of the device's directory below the bus: "0000:01:00.0"
	Driver string // "igb"
}

// Named is a port of the case and the device behind it.
type Named struct {
	Label string
	NIC   NIC
	Fixed bool // the board says which socket it is; false: numbered by bus address
}

// Assign gives each device the name of its socket, in the order of the case.
// Devices that no port of the board fits follow, numbered by bus address and
// MAC. Missing lists the labels of the board's ports that no device was found
// for: an alarm, not an error. The result depends on nothing but the arguments;
// the order of nics does not matter.
func Assign(b Board, nics []NIC) (named []Named, missing []string) {
	free := slices.Clone(nics)
	slices.SortFunc(free, func(x, y NIC) int {
		return cmp.Or(cmp.Compare(x.MAC, y.MAC), cmp.Compare(x.Bus, y.Bus), cmp.Compare(x.Name, y.Name))
	})
	// Nth counts among all devices, also those that earlier ports took.
	taken := make([]bool, len(free))
	for _, p := range b.Ports {
		i := p.find(free)
		if i < 0 || taken[i] {
			missing = append(missing, p.Label)
			continue
		}
		taken[i] = true
		named = append(named, Named{Label: p.Label, NIC: free[i], Fixed: true})
	}
	var rest []NIC
	for i, n := range free {
		if !taken[i] {
			rest = append(rest, n)
		}
	}
	slices.SortStableFunc(rest, func(x, y NIC) int { return cmp.Compare(x.Bus, y.Bus) })
	for i, n := range rest {
		named = append(named, Named{Label: b.Prefix + strconv.Itoa(len(b.Ports)+1+i), NIC: n})
	}
	return named, missing
}

// find returns the index of the port's device among nics sorted by MAC, or -1.
func (p Port) find(nics []NIC) int {
	seen := 0
	for i, n := range nics {
		if p.Bus != "" && p.Bus != n.Bus || p.Driver != "" && p.Driver != n.Driver {
			continue
		}
		seen++
		if p.Nth == 0 || p.Nth == seen {
			return i
		}
	}
	return -1
}
