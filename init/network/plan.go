// Package network brings up the ports of a box by netlink: names as printed on
// the case, VLANs, addresses, routes, MTU, duplicate address detection and
// gratuitous ARP. What should be is computed first and is pure; a port that is
// missing or dead is an alarm, never a hang.
package network

import (
	"fmt"
	"net/netip"
	"strings"

	"tandem/board"
	"tandem/init/box"
)

// Wanted is one interface as it should be.
type Wanted struct {
	// Use is "lan" or "direct".
	Use string
	// Label is the port as printed on the case, Parent the kernel's name of it.
	Label, Parent string
	// Name is the kernel's name of the interface that has the address: the
	// port itself, or its VLAN.
	Name   string
	VLAN   int
	MTU    int
	Prefix netip.Prefix
	// Gateway is the default route, on the LAN only.
	Gateway netip.Addr
}

// Plan finds the ports that the box configuration names among those of the
// case. A port is named by its label or by its hardware address; what cannot
// be found is reported with the names that can.
func Plan(c box.Config, ports []board.Named) (wanted []Wanted, problems []string) {
	add := func(use string, p box.Port, gateway netip.Addr) {
		named, err := Find(p.Name, ports)
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s: %v", use, err))
			return
		}
		w := Wanted{
			Use: use, Label: named.Label, Parent: named.NIC.Name, Name: named.NIC.Name,
			VLAN: p.VLAN, MTU: p.MTU, Prefix: p.Prefix, Gateway: gateway,
		}
		if p.VLAN != 0 {
			w.Name = fmt.Sprintf("%s.%d", named.NIC.Name, p.VLAN)
		}
		wanted = append(wanted, w)
	}
	add("lan", c.LAN, c.Gateway)
	if c.Direct.Configured() {
		add("direct", c.Direct, netip.Addr{})
	}
	return wanted, problems
}

// Find finds a port by its label, its hardware address or, at last, the
// kernel's name.
func Find(name string, ports []board.Named) (board.Named, error) {
	for _, p := range ports {
		if strings.EqualFold(p.Label, name) || strings.EqualFold(p.NIC.MAC, name) {
			return p, nil
		}
	}
	// The kernel's own name comes last: it may change with the next kernel.
	for _, p := range ports {
		if p.NIC.Name == name {
			return p, nil
		}
	}
	return board.Named{}, fmt.Errorf("there is no port %q; this box has %s", name, labels(ports))
}

func labels(ports []board.Named) string {
	if len(ports) == 0 {
		return "no network port at all"
	}
	var list []string
	for _, p := range ports {
		list = append(list, p.Label+" ("+p.NIC.MAC+")")
	}
	return strings.Join(list, ", ")
}
