package pairs

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"tandem/cmd/lab/peers"
)

// before makes the boxes of a pair what they replace: dhcpd, alone at the
// primary's address or as a pair.
func before(t *testing.T, single bool) *harness {
	kind := peers.Dhcpd
	h := build(t, combo{kind, kind}, Options{LeaseTime: 600, Ranges: []string{"10.0.1.1 10.0.1.120"}})
	h.crowd = h.newCrowd("crowd", 1, 60)
	if !single {
		must0(t, h.Start())
		must0(t, h.AwaitNormal(Patience))
		return h
	}
	h.Primary.conf = fmt.Sprintf("authoritative;\nping-check false;\ndefault-lease-time 600;\nsubnet %s netmask %s { range 10.0.1.1 10.0.1.120; }\n", clientNet, clientMask)
	must0(t, h.Primary.Start())
	return h
}

// retire ends the old servers, the primary last, and makes the boxes new ones
// with an empty store.
func (h *harness) retire() {
	h.Helper()
	for _, b := range []*Box{h.Secondary, h.Primary} {
		if b.Server != nil {
			_, err := b.Stop()
			if err != nil && b.Server.Alive() {
				h.Fatal(err)
			}
		}
		b.Kind, b.conf = peers.Dhcpfd, ""
	}
}

// adopt gives a box the lease file of a server that has ended.
func (h *harness) adopt(b, from *Box) {
	h.Helper()
	must0(h, os.MkdirAll(b.store(), 0o755))
	out := must(b.run(failctl("leases", "adopt", from.leaseFile(), b.store())...))(h)
	if !strings.Contains(out, " leases, ") {
		h.Fatal(out)
	}
}

// A new pair takes the place of a dhcpd, or of a pair of them, with its
// leases: it comes to NORMAL without waiting for MCLT, since what it does not
// remember nobody promised (R4); both boxes know every lease; every client
// keeps its address and no other client gets one of these.
func TestNewPairTakesLeases(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		single bool
		adopt  func(h *harness)
	}{
		{"of a single dhcpd", true, func(h *harness) { h.adopt(h.Primary, h.Primary) }},
		{"of a single dhcpd, on the secondary", true, func(h *harness) { h.adopt(h.Secondary, h.Primary) }},
		{"of a single dhcpd, on both", true, func(h *harness) { h.adopt(h.Primary, h.Primary); h.adopt(h.Secondary, h.Primary) }},
		{"of a pair, the half that stopped last", false, func(h *harness) { h.adopt(h.Primary, h.Primary) }},
		{"of a pair, each its own", false, func(h *harness) { h.adopt(h.Primary, h.Primary); h.adopt(h.Secondary, h.Secondary) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := before(t, c.single)
			h.acquire(0, h.crowd.Len())
			if !c.single { // the first lease of a pair is as short as MCLT
				must0(t, h.AwaitTold(Patience))
				must0(t, h.crowd.Renew(within(t), 0, h.crowd.Len(), 20))
				must0(t, h.AwaitTold(Patience))
			}
			first := h.addrs(0, h.crowd.Len())
			h.retire()
			c.adopt(h)
			must0(t, h.Start())
			must0(t, h.AwaitNormal(Patience))
			for _, b := range h.Boxes() {
				if got := strings.Join(b.States(0), " "); strings.Contains(got, "recover-wait") {
					t.Errorf("the %s went by %s", b.Name, got)
				}
			}
			must0(t, h.AwaitEqual(Patience))
			late := h.newCrowd("late", 2, 40)
			must0(t, late.Acquire(within(t), 0, late.Len(), 10))
			must0(t, h.crowd.Reboot(within(t), 0, h.crowd.Len(), 20))
			h.keep(first, 0, h.crowd.Len())
			held := map[netip.Addr]bool{}
			for _, had := range first {
				held[had.addr] = true
			}
			for i := range late.Len() {
				if held[late.Addr(i)] {
					t.Errorf("a new client got %v, which is promised", late.Addr(i))
				}
			}
			h.settled()
		})
	}
}

// A dhcpd that leaves a pair whose other half stays: the box that takes its
// place goes on with the relationship, and with the partner.
func TestBoxBesideDhcpdTakesLeases(t *testing.T) {
	t.Parallel()
	for _, r := range roles {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			h := before(t, false)
			h.acquire(0, h.crowd.Len())
			must0(t, h.AwaitTold(Patience))
			must0(t, h.crowd.Renew(within(t), 0, h.crowd.Len(), 20))
			must0(t, h.AwaitTold(Patience))
			first := h.addrs(0, h.crowd.Len())
			b := r.of(h.Pair)
			if _, err := b.Stop(); err != nil && b.Server.Alive() {
				t.Fatal(err)
			}
			b.Kind = peers.Dhcpfd
			must0(t, os.MkdirAll(b.store(), 0o755))
			must(b.run(failctl("leases", "adopt", "--partner-stays", b.leaseFile(), b.store())...))(t)
			must0(t, b.Start())
			must0(t, h.AwaitNormal(Patience))
			must0(t, h.crowd.Reboot(within(t), 0, h.crowd.Len(), 20))
			h.keep(first, 0, h.crowd.Len())
			h.settled()
		})
	}
}
