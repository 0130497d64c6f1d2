package pairs

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"tandem/cmd/lab/clients"
	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
)

// The hazard that the restart rules are about: B is off, A takes over B's
// addresses, and B comes back cut off from A. Two dhcpd give addresses to two
// clients each, which is the control; two of ours do not.
func TestIsolatedRestart(t *testing.T) {
	long(t)
	t.Parallel()
	for _, c := range []struct {
		combo
		flags  []string
		double bool
	}{
		{combo{peers.Dhcpd, peers.Dhcpd}, nil, true},
		{ours, []string{"--peer", Relationship + ":strict"}, false},
		{ours, nil, false},
	} {
		t.Run(strings.TrimSpace(fmt.Sprintf("%v %s", c.combo, strings.Join(c.flags, " "))), func(t *testing.T) {
			t.Parallel()
			isolatedRestart(t, c.combo, c.flags, c.double)
		})
	}
}

// side is real clients on one LAN, each a machine of its own.
type side struct {
	nodes   []*netlab.Node
	clients []*clients.Client
}

func (h *harness) side(name string, lan *netlab.LAN, n int) side {
	h.Helper()
	var s side
	for i := range n {
		node := must(h.Net.Node(fmt.Sprintf("%s%d", name, i)))(h)
		must0(h, node.Plug(lan, "eth0"))
		s.nodes = append(s.nodes, node)
		s.clients = append(s.clients, must(clients.Udhcpc.Start(node, h.Net.Dir, "eth0", clients.Options{}))(h))
	}
	return s
}

func isolatedRestart(t *testing.T, c combo, flags []string, double bool) {
	const size = 4
	// udhcpc takes every lease for at least 16 s long, so MCLT must be longer.
	h := build(t, c, Options{MCLT: 20, LeaseTime: 120, Flags: flags, Ranges: []string{fmt.Sprintf("10.0.1.1 10.0.1.%d", size)}})
	must0(h, h.Start())
	must0(h, h.AwaitNormal(Patience))
	must0(h, h.AwaitEqual(Patience))
	h.Secondary.Kill()
	must0(h, h.Primary.AwaitState("communications-interrupted", Patience))
	must0(h, h.Primary.PartnerDown())
	here := h.side("here", h.LAN, size)
	held := map[netip.Addr]bool{}
	for _, one := range here.clients {
		held[must(one.AwaitLease(0, Patience))(h).Addr] = true
	}
	if len(held) != size {
		h.Fatalf("the survivor gave %d addresses of %d", len(held), size)
	}

	// B comes back on an island of its own.
	island := must(h.Net.LAN("island"))(h)
	must0(h, h.Secondary.Node.Move("eth0", island))
	must0(h, h.Link.Cut())
	there := h.side("there", island, 2)
	must0(h, h.Secondary.Start())
	must0(h, h.Secondary.AwaitState("communications-interrupted", Patience))
	twice := 0
	if double {
		twice = h.countDouble(here, there)
	} else {
		h.silent(there)
	}
	if (twice > 0) != double {
		h.Errorf("%d addresses are held by two clients", twice)
	}
	if double {
		return
	}
	// Together again, both agree and the clients have what they had.
	must0(h, h.Secondary.Node.Move("eth0", h.LAN))
	must0(h, h.Link.Heal())
	must0(h, h.AwaitNormal(Patience))
	must0(h, h.AwaitEqual(Patience))
}

// countDouble counts the addresses that clients on both sides hold, as they
// themselves say and as ARP shows when the sides are joined.
func (h *harness) countDouble(here, there side) int {
	h.Helper()
	for i, one := range there.clients {
		got := must(one.AwaitLease(0, Patience))(h)
		h.Logf("client %d on the island has %v, which a client of the other side has", i, got.Addr)
	}
	witness := must(h.Net.Node("witness"))(h)
	must0(h, witness.Plug(h.LAN, "eth0", "10.0.0.9/16"))
	for _, node := range there.nodes {
		must0(h, node.Move("eth0", h.LAN))
	}
	twice := 0
	for _, one := range there.clients {
		addr := must(one.AwaitLease(0, Patience))(h).Addr
		// arping fails if somebody stays silent; who answered is in its text.
		out, _ := witness.Run(within(h), "busybox", "arping", "-b", "-c", "3", "-w", "4", "-I", "eth0", addr.String())
		macs := map[string]bool{}
		for _, m := range regexp.MustCompile(`\[([0-9a-fA-F:]+)\]`).FindAllStringSubmatch(out, -1) {
			macs[m[1]] = true
		}
		h.Logf("%v is answered for by %d machines", addr, len(macs))
		if len(macs) == 2 {
			twice++
		}
	}
	return twice
}

// asks is how often a server must have left clients unanswered before it is
// believed that it will not answer.
const asks = 6

// silent waits until the isolated server has heard the island's clients often
// enough, and checks that it gave none of them an address, and says why.
func (h *harness) silent(there side) {
	h.Helper()
	mark := h.Secondary.Server.Mark()
	heard := regexp.MustCompile(`^DHCPDISCOVER from`)
	must0(h, poll(Patience, func() (bool, error) { return len(h.Secondary.Server.Find(mark, heard)) >= asks, nil }))
	if offers := h.Secondary.Server.Find(0, regexp.MustCompile(`^DHCP(OFFER|ACK)`)); len(offers) > 0 {
		h.Errorf("it gave an address: %s", offers[0].Text)
	}
	for _, one := range there.clients {
		if got, err := one.AwaitLease(0, time.Millisecond); err == nil {
			h.Errorf("a client on the island has %v", got.Addr)
		}
	}
	why := must(h.Secondary.Failctl("why"))(h)
	if !strings.Contains(why, "R3") {
		h.Errorf("why does not name the rule:\n%s", why)
	}
	h.Logf("the isolated server says:\n%s", why)
}
