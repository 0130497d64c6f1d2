package main

import (
	"regexp"
	"testing"

	"tandem/cmd/lab/clients"
)

// Each client program that people have gets a lease, keeps it when it asks
// again, and gives it back.
func TestClientsGetRenewRelease(t *testing.T) {
	for _, k := range clients.Kinds {
		t.Run(string(k), func(t *testing.T) {
			if k == clients.Networkd {
				otherUser(t, string(k))
			}
			l := newLab(t)
			l.serve(simple)
			c := l.client(k, "client", clients.Options{Hostname: "desk"})
			got := l.lease(c, 0, "10.0.1.1", "10.0.1.100")
			if got.Router.String() != "10.0.0.1" {
				t.Errorf("router is %v", got.Router)
			}
			if got.Seconds != 0 && got.Seconds != 600 {
				t.Errorf("lease time is %d, not 600", got.Seconds)
			}
			if k == clients.Udhcpc || k == clients.Dhcpcd {
				mark := c.Mark()
				must0(t, c.Renew())
				if again := l.lease(c, mark, "10.0.1.1", "10.0.1.100"); again.Addr != got.Addr {
					t.Errorf("renewal gave %v instead of %v", again.Addr, got.Addr)
				}
			}
			mark := l.server.Mark()
			must0(t, c.Release(patience))
			want := regexp.MustCompile(`DHCPRELEASE of ` + regexp.QuoteMeta(got.Addr.String()) + ` from .* via eth0 \(found\)`)
			must(l.server.Await(mark, want, patience))(t)
		})
	}
}
