package netlab

import (
	"context"
	"fmt"
)

// Cut stops all traffic of a LAN; the machines' links keep their carrier, so
// that only silence tells them.
func (l *LAN) Cut() error {
	return ip(fmt.Sprintf("-n %s link set %s down", l.net.switches.ns, l.name))
}

// Heal ends a Cut.
func (l *LAN) Heal() error {
	return ip(fmt.Sprintf("-n %s link set %s up", l.net.switches.ns, l.name))
}

// Unplug takes the carrier away from an interface of a machine, as if its
// cable were pulled at the other end.
func (node *Node) Unplug(ifname string) error { return node.carrier(ifname, "down") }

// Replug ends an Unplug.
func (node *Node) Replug(ifname string) error { return node.carrier(ifname, "up") }

func (node *Node) carrier(ifname, way string) error {
	port, ok := node.ports[ifname]
	if !ok {
		return fmt.Errorf("%s has no interface %s", node.Name, ifname)
	}
	return ip(fmt.Sprintf("-n %s link set %s %s", node.net.switches.ns, port, way))
}

// Deafen makes what the machine sends to an address vanish, while what comes
// from there still arrives: half of a connection is open.
func (node *Node) Deafen(addr, ifname string) error {
	return node.IP(fmt.Sprintf("neigh replace %s lladdr 02:de:ad:00:00:01 dev %s nud permanent", addr, ifname))
}

// Undeafen ends a Deafen.
func (node *Node) Undeafen(addr, ifname string) error {
	return node.IP(fmt.Sprintf("neigh del %s dev %s", addr, ifname))
}

// Slow bounds the rate at which a machine sends by an interface ("64kbit");
// an empty rate ends that.
func (node *Node) Slow(ifname, rate string) error {
	tc := func(args ...string) error {
		out, err := node.Run(context.Background(), append([]string{"tc", "qdisc"}, args...)...)
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	if rate == "" {
		return tc("del", "dev", ifname, "root")
	}
	return tc("replace", "dev", ifname, "root", "tbf", "rate", rate, "burst", "4000", "latency", "2s")
}

// Move plugs a cable of the machine into another LAN, without loss of carrier.
func (node *Node) Move(ifname string, to *LAN) error {
	port, ok := node.ports[ifname]
	if !ok {
		return fmt.Errorf("%s has no interface %s", node.Name, ifname)
	}
	return ip(fmt.Sprintf("-n %s link set %s master %s", node.net.switches.ns, port, to.name))
}
