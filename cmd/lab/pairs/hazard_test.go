package pairs

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/cmd/lab/clients"
	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
)

// A hazard is a way in which B stops hearing A, so that A takes over all
// addresses, and comes back while A cannot be heard.
type hazard struct {
	name string
	// away takes B from A; back lets it serve on its island, where only its own
	// clients hear it.
	away, back func(h *harness)
	// state is B's then, rule what ours says it refuses by.
	state, rule string
	// boxed: B needs to be told of its cables.
	boxed bool
}

// restart is the hazard of the design: B is off, and comes back cut off from A.
var restart = hazard{name: "restart", state: "communications-interrupted", rule: "R3",
	away: func(h *harness) { h.Secondary.Kill() },
	back: func(h *harness) { must0(h, h.Secondary.Start()) },
}

// frozen: B stands still, and goes on as if nothing had been.
var frozen = hazard{name: "frozen", state: "communications-interrupted", rule: "R3",
	away: func(h *harness) { must0(h, h.Secondary.Server.Signal(syscall.SIGSTOP)) },
	back: func(h *harness) { must0(h, h.Secondary.Server.Signal(syscall.SIGCONT)) },
}

// cable: B lives, but all of its cables are out.
var cable = hazard{name: "cable", state: "communications-interrupted", rule: "R3", boxed: true,
	away: func(h *harness) {
		must0(h, h.Secondary.Node.Unplug("eth0"))
		h.carrier(h.Secondary, false)
		must0(h, h.Link.Cut())
		must0(h, h.Secondary.AwaitState("communications-interrupted", Patience))
	},
	back: func(h *harness) {
		must0(h, h.Secondary.Node.Replug("eth0"))
		h.carrier(h.Secondary, true)
	},
}

// partition: B lives and serves clients that A does not hear.
var partition = hazard{name: "partition", state: "communications-interrupted", rule: "R11",
	away: func(h *harness) {
		must0(h, h.Link.Cut())
		must0(h, h.Secondary.Node.Move("eth0", h.island))
	},
	back: func(*harness) {},
}

// goodbye: B hands over, and comes back cut off from A.
var goodbye = hazard{name: "goodbye", state: "recover", rule: "R2",
	away: func(h *harness) {
		if code := must(h.Secondary.Stop())(h); code != 0 {
			h.Errorf("exit code %d", code)
		}
	},
	back: func(h *harness) { must0(h, h.Secondary.Start()) },
}

// declared is how A comes to take over.
type declared uint8

const (
	byOperator declared = iota
	byItself            // automatic partner-down, or the partner's goodbye
)

// Two dhcpd give addresses to two clients each, which is the control; two of
// ours do not. Real clients say so by their leases, and by ARP.
func TestHazards(t *testing.T) {
	long(t)
	t.Parallel()
	isc := combo{peers.Dhcpd, peers.Dhcpd}
	strict := []string{"--peer", Relationship + ":strict"}
	survivor := []string{"--peer", Relationship + ":survivor"}
	for _, c := range []struct {
		hazard
		combo
		flags  []string // of A, and of B but for "survivor"
		by     declared
		double bool
	}{
		{restart, isc, nil, byOperator, true},
		{restart, ours, strict, byOperator, false},
		{restart, ours, nil, byOperator, false},
		{restart, ours, survivor, byItself, false},
		{frozen, isc, nil, byOperator, true},
		{frozen, ours, nil, byOperator, false},
		{cable, isc, nil, byOperator, true},
		{cable, ours, nil, byOperator, false},
		{partition, isc, nil, byOperator, true},
		{partition, ours, strict, byOperator, false},
		{partition, ours, survivor, byItself, false},
		{goodbye, ours, []string{"--handover"}, byItself, false},
	} {
		name := strings.TrimSpace(fmt.Sprintf("%s %v %s", c.name, c.combo, strings.Join(c.flags, " ")))
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := Options{Flags: c.flags}
			if c.by == byItself && c.name != goodbye.name {
				o.Peer = "  auto-partner-down 20;\n"
			}
			befalls(t, c.hazard, c.combo, o, c.by, c.double)
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

// size is the number of addresses in a hazard.
const size = 4

func befalls(t *testing.T, z hazard, c combo, o Options, by declared, double bool) {
	// udhcpc takes every lease for at least 16 s long, so MCLT must be longer.
	o.MCLT, o.LeaseTime, o.Ranges = 20, 120, []string{fmt.Sprintf("10.0.1.1 10.0.1.%d", size)}
	h := build(t, c, o)
	if slices.Contains(o.Flags, Relationship+":survivor") {
		h.Secondary.Flags = nil
	}
	if z.boxed && c == ours {
		h.boxed(h.Secondary)
	}
	h.island = must(h.Net.LAN("island"))(h)
	must0(h, h.Start())
	must0(h, h.AwaitNormal(Patience))
	must0(h, h.AwaitEqual(Patience))
	z.away(h)
	if by == byOperator {
		must0(h, h.Primary.AwaitState("communications-interrupted", Patience))
		must0(h, h.Primary.PartnerDown())
	}
	must0(h, h.Primary.AwaitState("partner-down", Patience))
	here := h.side("here", h.LAN, size)
	if held := here.held(h); len(held) != size {
		h.Fatalf("the survivor gave %d addresses of %d", len(held), size)
	}

	// B comes back on an island of its own.
	must0(h, h.Secondary.Node.Move("eth0", h.island))
	must0(h, h.Link.Cut())
	there := h.side("there", h.island, 2)
	z.back(h)
	must0(h, h.Secondary.AwaitState(z.state, Patience))
	if double {
		for i, one := range there.clients {
			got := must(one.AwaitLease(0, Patience))(h)
			h.Logf("client %d on the island has %v, which a client of the other side has", i, got.Addr)
		}
	} else {
		h.silent(there, z.rule)
	}
	h.wantTwice(here, there, double)
	if double {
		return
	}
	// Together again, both agree and the clients have what they had.
	must0(h, h.Secondary.Node.Move("eth0", h.LAN))
	must0(h, h.Link.Heal())
	must0(h, h.AwaitNormal(2*Patience))
	must0(h, h.AwaitEqual(Patience))
}

// held waits until every client of a side has a lease, and gives the addresses.
func (s side) held(h *harness) map[netip.Addr]bool {
	h.Helper()
	held := map[netip.Addr]bool{}
	for _, one := range s.clients {
		held[must(one.AwaitLease(0, 2*Patience))(h).Addr] = true
	}
	return held
}

// leases are the addresses that the clients of a side have now.
func (s side) leases() map[netip.Addr]bool {
	held := map[netip.Addr]bool{}
	for _, one := range s.clients {
		if l, err := one.AwaitLease(0, time.Millisecond); err == nil {
			held[l.Addr] = true
		}
	}
	return held
}

// wantTwice joins the sides and looks for addresses that clients on both hold,
// as they themselves say and as ARP shows.
func (h *harness) wantTwice(here, there side, double bool) {
	h.Helper()
	witness := must(h.Net.Node("witness"))(h)
	must0(h, witness.Plug(h.LAN, "eth0", "10.0.0.9/8"))
	one, other := here.leases(), there.leases()
	for _, node := range there.nodes {
		must0(h, node.Move("eth0", h.LAN))
	}
	twice, answered := 0, 0
	for last := range size {
		addr := netip.AddrFrom4([4]byte{10, 0, 1, byte(last + 1)})
		want := 0
		for _, held := range []map[netip.Addr]bool{one, other} {
			if held[addr] {
				want++
			}
		}
		macs := h.owners(witness, addr, want)
		h.Logf("%v: %d clients say that they have it, %d machines answer for it", addr, want, macs)
		// A client whose server is on the island may lose its lease while the
		// witness asks; nobody may ever be the second.
		if !double && (want > 1 || macs > 1) {
			h.Errorf("%v: %d clients say that they have it, %d machines answer for it", addr, want, macs)
		}
		answered += macs
		if want > 1 && macs > 1 {
			twice++
		}
	}
	if answered == 0 {
		h.Error("no machine answers for any address: the witness sees nothing")
	}
	if double && twice == 0 {
		h.Error("no address is held by two clients: the control shows nothing")
	}
}

// owners asks by ARP who has an address, until as many machines as wanted have
// answered, and gives how many did.
func (h *harness) owners(witness *netlab.Node, addr netip.Addr, want int) int {
	h.Helper()
	macs := map[string]bool{}
	for round := 0; round == 0 || len(macs) < want && round < 10; round++ {
		// arping fails if somebody stays silent; who answered is in its text.
		out, _ := witness.Run(within(h), "busybox", "arping", "-b", "-c", "2", "-w", "3", "-I", "eth0", addr.String())
		for _, m := range regexp.MustCompile(`\[([0-9a-fA-F:]+)\]`).FindAllStringSubmatch(out, -1) {
			macs[m[1]] = true
		}
	}
	return len(macs)
}

// asks is how often a server must have left clients unanswered before it is
// believed that it will not answer.
const asks = 6

// silent waits until the isolated server has heard the island's clients often
// enough, and checks that it gave none of them an address, and says why.
func (h *harness) silent(there side, rule string) {
	h.Helper()
	began := h.Secondary.Server.Mark()
	heard := regexp.MustCompile(`^DHCPDISCOVER from`)
	must0(h, poll(Patience, func() (bool, error) { return len(h.Secondary.Server.Find(began, heard)) >= asks, nil }))
	for _, l := range h.Secondary.Server.Find(0, regexp.MustCompile(`^DHCP(OFFER|ACK)`)) {
		h.Errorf("it gave an address: %s", l.Text)
	}
	for addr := range there.leases() {
		h.Errorf("a client on the island has %v", addr)
	}
	why := must(h.Secondary.Failctl("why"))(h)
	if !strings.Contains(why, "by rule "+rule+":") {
		h.Errorf("why does not name rule %s:\n%s", rule, why)
	}
	h.Logf("the isolated server says:\n%s", why)
}

// Both are declared the survivor in a partition, which no rule repairs in the
// end: two dhcpd give addresses twice after MCLT, ours not before G more.
// Whoever notices by then loses nothing.
func TestBothDeclaredInAPartition(t *testing.T) {
	long(t)
	t.Parallel()
	const mclt = 60 // a slow machine must be through before two of them have passed
	for _, c := range []struct {
		combo
		double bool
	}{{combo{peers.Dhcpd, peers.Dhcpd}, true}, {ours, false}} {
		t.Run(c.combo.String(), func(t *testing.T) {
			t.Parallel()
			h := build(t, c.combo, Options{MCLT: mclt, LeaseTime: 240, Ranges: []string{fmt.Sprintf("10.0.1.1 10.0.1.%d", size)}})
			h.island = must(h.Net.LAN("island"))(h)
			must0(h, h.Start())
			must0(h, h.AwaitNormal(Patience))
			must0(h, h.AwaitEqual(Patience))
			partition.away(h)
			cut := time.Now()
			for _, b := range h.Boxes() {
				must0(h, b.AwaitState("communications-interrupted", Patience))
				must0(h, b.PartnerDown())
				must0(h, b.AwaitState("partner-down", Patience))
			}
			declared := time.Now()
			here, there := h.side("here", h.LAN, size), h.side("there", h.island, size)
			if c.double {
				here.held(h)
				there.held(h)
			} else {
				must0(h, poll(2*Patience, func() (bool, error) { return time.Since(declared) > mclt*time.Second*9/8, nil }))
				if n := len(here.leases()) + len(there.leases()); n != size {
					h.Errorf("%d addresses of %d are given", n, size)
				}
			}
			if late := time.Since(cut); !c.double && late > 2*mclt*time.Second {
				h.Skipf("the machine is too slow: %v after the cut nothing is promised any more", late)
			}
			h.wantTwice(here, there, c.double)
			if c.double {
				return
			}
			must0(h, h.Secondary.Node.Move("eth0", h.LAN))
			must0(h, h.Link.Heal())
			must0(h, h.Primary.AwaitState("potential-conflict|conflict-done|normal", Patience))
			must0(h, h.AwaitNormal(Patience))
			must0(h, h.AwaitEqual(Patience))
		})
	}
}

// The box that is not the survivor stays where it is for as long as nothing
// proves the other one dead.
func TestOnlyTheSurvivorDeclaresByTime(t *testing.T) {
	long(t)
	t.Parallel()
	h := build(t, ours, Options{MCLT: 15, Peer: "  auto-partner-down 15;\n"})
	h.Primary.Flags = []string{"--peer", Relationship + ":survivor"}
	must0(h, h.Start())
	must0(h, h.AwaitNormal(Patience))
	h.Primary.Kill()
	must0(h, h.Secondary.AwaitState("communications-interrupted", Patience))
	// Twice the time that the survivor needs.
	why, silence := "", regexp.MustCompile(`silent for (\S+);`)
	must0(h, poll(2*Patience, func() (bool, error) {
		var err error
		why, err = h.Secondary.Failctl("why")
		if m := silence.FindStringSubmatch(why); m != nil {
			d, bad := time.ParseDuration(m[1])
			return d >= 30*time.Second, bad
		}
		return false, err
	}))
	if !strings.Contains(strings.Join(strings.Fields(why), " "), "the other box is the survivor, and nothing proves it dead") {
		h.Errorf("why says\n%s", why)
	}
	if got := h.Secondary.State(); got != "communications-interrupted" {
		h.Errorf("it is in %q", got)
	}
	must0(h, h.Primary.Start())
	must0(h, h.AwaitNormal(Patience))
}
