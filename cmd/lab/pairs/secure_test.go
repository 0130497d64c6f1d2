package pairs

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/cmd/lab/peers"
	"tandem/failover/node"
)

var ours = combo{peers.Dhcpfd, peers.Dhcpfd}

// With pinned keys the link is TLS, and life goes on as without.
func TestPinned(t *testing.T) {
	t.Parallel()
	h := fresh(t, ours, Options{Pinned: true}, 30)
	h.acquire(0, 20)
	h.settled()
	h.Secondary.Kill()
	h.acquire(20, 30)
	must0(h, h.Secondary.Start())
	h.settled()
	if text := h.sniff(); strings.Contains(text, "BNDUPD") || strings.Contains(text, " STATE ") || !strings.Contains(text, "TLS") {
		t.Errorf("the link is not TLS:\n%.2000s", text)
	}
}

// sniff is what the capture of the link shows so far.
func (h *harness) sniff() string {
	h.Helper()
	return must(h.Primary.run(peers.Failctl(h.Primary.Dir, "decode", filepath.Join(h.Net.Dir, "link.pcap"))...))(h)
}

// A partner with another key, and one that speaks clear text, are refused; the
// pinned server serves on as if the partner were not reached.
func TestWrongKeyAndClearText(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(ring string) error
		counts string
	}{
		{"wrong key", func(ring string) error { return os.Remove(filepath.Join(ring, "own.key")) }, "failover-refused-tls"},
		{"clear text", func(ring string) error { return os.RemoveAll(ring) }, ""},
	} {
		for _, r := range roles {
			t.Run(c.name+" of the "+r.name, func(t *testing.T) {
				t.Parallel()
				h := fresh(t, ours, Options{Pinned: true}, 20)
				h.acquire(0, 10)
				h.settled()
				bad := r.of(h.Pair)
				good := h.Other(bad)
				bad.Kill()
				must0(h, good.AwaitState("communications-interrupted", Patience))
				must0(h, c.change(bad.keys()))
				must0(h, bad.Start())
				h.refuses(good, 3, c.counts)
				if got := bad.State(); got == "normal" {
					h.Errorf("the %s, which proved no key, is in NORMAL", bad.Name)
				}
				if got := good.State(); got != "communications-interrupted" {
					h.Errorf("the pinned server is in %q", got)
				}
				h.acquire(10, 12) // of the pinned one's half
				// With the right keys again both come together.
				bad.Kill()
				must0(h, os.RemoveAll(bad.keys()))
				must0(h, h.pin())
				good.Kill()
				must0(h, good.Start())
				must0(h, bad.Start())
				h.settled()
			})
		}
	}
}

// refuses waits until a server has refused or lost so many connections that
// its partner tried, and counted them by name if that is given.
func (h *harness) refuses(b *Box, times int, name string) {
	h.Helper()
	accepted := h.counter(b, "failover-accepted") + h.counter(b, "failover-dialled")
	must0(h, poll(Patience, func() (bool, error) {
		now := h.counter(b, "failover-accepted") + h.counter(b, "failover-dialled")
		return now >= accepted+uint64(times) && (name == "" || h.counter(b, name) > 0), nil
	}))
}

// counter is one figure of a dhcpfd.
func (h *harness) counter(b *Box, name string) uint64 {
	h.Helper()
	var list []node.Counter
	must0(h, unmarshal(b, &list, "counters", "--json"))
	for _, c := range list {
		if c.Name == name {
			return c.Value
		}
	}
	h.Fatalf("there is no counter %s", name)
	return 0
}

// What one server knows of a client besides its lease the other one knows
// too: host name, vendor class.
func TestWholeLeaseIsReplicated(t *testing.T) {
	t.Parallel()
	h := build(t, ours, Options{Pinned: true})
	must0(h, h.Start())
	must0(h, h.AwaitNormal(Patience))
	h.crowd = h.newCrowd("crowd", 1, 20)
	h.crowd.Dress = func(i int, m *dhcpv4.DHCPv4) {
		m.UpdateOption(dhcpv4.OptHostName(fmt.Sprintf("desk-%d", i)))
		m.UpdateOption(dhcpv4.OptClassIdentifier("MSFT 5.0"))
		m.UpdateOption(dhcpv4.OptRelayAgentInfo(dhcpv4.OptGeneric(dhcpv4.AgentCircuitIDSubOption, []byte("port 7"))))
	}
	h.acquire(0, 20)
	h.settled()
	var lists [2][]node.LeaseInfo
	for i, b := range h.Boxes() {
		must0(h, unmarshal(b, &lists[i], "leases", "--json", "active"))
		if len(lists[i]) != 20 {
			t.Fatalf("the %s has %d leases", b.Name, len(lists[i]))
		}
	}
	find := map[string]node.LeaseInfo{}
	for _, l := range lists[1] {
		find[l.IP] = l
	}
	for _, a := range lists[0] {
		b := find[a.IP]
		if a.Hostname == "" || a.Hostname != b.Hostname || a.VendorClass == "" || a.VendorClass != b.VendorClass || a.RelayAgent != b.RelayAgent {
			t.Errorf("%+v against %+v", a, b)
		}
	}
}

// unmarshal puts a question to a dhcpfd and reads its answer.
func unmarshal(b *Box, into any, words ...string) error {
	out, err := b.Failctl(words...)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(out), into)
}
