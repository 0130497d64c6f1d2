package main

import (
	"net/netip"
	"testing"

	"tandem/cmd/lab/clients"
	"tandem/cmd/lab/peers"
)

// Each server of the field serves in the laboratory, so that what is compared
// with it is compared with something that works.
func TestPeersServe(t *testing.T) {
	for _, k := range []peers.Kind{peers.Dhcpd, peers.Kea, peers.Dnsmasq} {
		t.Run(string(k), func(t *testing.T) {
			if k == peers.Dnsmasq {
				otherUser(t, string(k))
			}
			l := newLab(t)
			l.server = must(k.Start(l.box, l.dir, peers.Pool{
				Interface: "eth0", Server: netip.MustParseAddr("10.0.0.1"), Subnet: netip.MustParsePrefix("10.0.0.0/16"),
				First: netip.MustParseAddr("10.0.5.1"), Last: netip.MustParseAddr("10.0.5.9"), Seconds: 600,
			}))(t)
			got := l.lease(l.client(clients.Udhcpc, "client", clients.Options{}), 0, "10.0.5.1", "10.0.5.9")
			if got.Router.String() != "10.0.0.1" || got.Seconds != 600 {
				t.Errorf("%+v", got)
			}
		})
	}
}
