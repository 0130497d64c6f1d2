package main

import (
	"fmt"
	"regexp"
	"testing"

	"tandem/cmd/lab/clients"
	"tandem/cmd/lab/netlab"
)

// Two subnets behind relays, told apart by the relays' addresses; the pools of
// the second by the port that the relay saw (option 82).
const relayed = head + `
class "behind-eth0" { match if option agent.circuit-id = "eth0"; }
subnet 10.0.0.0 netmask 255.255.0.0 { }
subnet 10.1.0.0 netmask 255.255.255.0 {
  range 10.1.0.100 10.1.0.150;
  option routers 10.1.0.1;
}
subnet 10.2.0.0 netmask 255.255.255.0 {
  option routers 10.2.0.1;
  pool { range 10.2.0.100 10.2.0.120; deny members of "behind-eth0"; }
  pool { range 10.2.0.200 10.2.0.220; allow members of "behind-eth0"; }
}
`

// relay makes a router with dhcrelay between the server's LAN and a new LAN
// 10.N.0.0/24, and gives that LAN.
func (l *lab) relay(n int) *netlab.LAN {
	l.Helper()
	lan := must(l.net.LAN(fmt.Sprintf("lan%d", n)))(l)
	node := must(l.net.Node(fmt.Sprintf("relay%d", n)))(l)
	must0(l, node.Plug(l.lan, "eth1", fmt.Sprintf("10.0.0.1%d/16", n)))
	must0(l, node.Plug(lan, "eth0", fmt.Sprintf("10.%d.0.1/24", n)))
	must0(l, node.Forward())
	must0(l, l.box.IP(fmt.Sprintf("route add 10.%d.0.0/24 via 10.0.0.1%d", n, n)))
	p := must(node.Start(netlab.Command{Args: []string{
		"dhcrelay", "-4", "-d", "--no-pid", "-a", "-m", "replace", "-id", "eth0", "-iu", "eth1", "10.0.0.1"}}))(l)
	must(p.Await(0, regexp.MustCompile(`^Sending on +Socket/fallback`), patience))(l)
	return lan
}

func TestTwoRelays(t *testing.T) {
	l := newLab(t)
	l.serve(relayed)
	for _, one := range []struct {
		relay       int
		client      clients.Kind
		first, last string
	}{
		{1, clients.Udhcpc, "10.1.0.100", "10.1.0.150"},
		{2, clients.Dhclient, "10.2.0.200", "10.2.0.220"},
	} {
		lan := l.relay(one.relay)
		node := must(l.net.Node(fmt.Sprintf("client%d", one.relay)))(t)
		must0(t, node.Plug(lan, "eth0"))
		c := must(one.client.Start(node, l.net.Dir, "eth0", clients.Options{}))(t)
		got := l.lease(c, 0, one.first, one.last)
		if want := fmt.Sprintf("10.%d.0.1", one.relay); got.Router.String() != want {
			t.Errorf("router is %v, not %s", got.Router, want)
		}
		must(l.server.Await(0, regexp.MustCompile(fmt.Sprintf(
			`^DHCPACK on %v to [0-9a-f:]{17} (\(.*\) )?via 10\.%d\.0\.1`, got.Addr, one.relay)), patience))(t)
		mark := l.server.Mark()
		must0(t, c.Release(patience))
		must(l.server.Await(mark, regexp.MustCompile(`DHCPRELEASE of `+regexp.QuoteMeta(got.Addr.String())), patience))(t)
	}
}
