package pairs

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
	"tandem/failover/daemon/keyring"
	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/wire"
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

// storm is what strangers and impostors do to the failover port.
type storm struct {
	name   string
	pinned bool
	// from is where it comes from: a stranger's address, or the partner's own
	// while the partner is away.
	impostor bool
	attack   func(ctx context.Context, dial dialler) error
	// counts is the counter that tells of it.
	counts string
}

type dialler func(ctx context.Context) (net.Conn, error)

var storms = []storm{
	{"stranger connects 1000 times a second", false, false, connectFast, "failover-refused-address"},
	{"stranger connects 1000 times a second, pinned", true, false, connectFast, "failover-refused-address"},
	{"impostor connects 1000 times a second", false, true, connectFast, "failover-accepted"},
	{"impostor sends noise", false, true, noise, "failover-malformed"},
	{"impostor sends noise, pinned", true, true, noise, "failover-malformed"},
	{"impostor opens and says nothing", false, true, sayNothing, "failover-refused-open"},
	{"impostor opens and says nothing, pinned", true, true, sayNothing, "failover-refused-open"},
	{"impostor sends messages at random", false, true, messages, "failover-messages-in"},
	{"impostor sends messages at random, pinned", true, true, messages, "failover-accepted"},
	{"impostor with another key", true, true, otherKey, "failover-refused-tls"},
}

// stormTime is for how long each storm blows.
const stormTime = 4 * time.Second

// maxGrowth is by how many octets a storm may make a server grow.
const maxGrowth = 48 << 20

// Whatever comes to the failover port from others than the partner: no state
// changes, no lease changes, memory stays bounded, clients are served.
func TestStorms(t *testing.T) {
	t.Parallel()
	for _, s := range storms {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			h := fresh(t, ours, Options{Pinned: s.pinned, LeaseTime: 600}, 40)
			h.acquire(0, 20)
			h.settled()
			h.besieged(s.name, s.impostor, s.attack, s.counts)
		})
	}
}

// besieged lets an attack on the secondary's failover port run while clients
// renew, and checks that nothing comes of it. An impostor attacks from the
// primary's address while that one is away.
func (h *harness) besieged(name string, impostor bool, attack func(context.Context, dialler) error, counts string) {
	h.Helper()
	victim := h.Secondary
	away := h.strangerAt(impostor)
	if impostor {
		h.Primary.Kill()
		must0(h, h.Primary.Node.IP("link set eth1 down"))
		must0(h, victim.AwaitState("communications-interrupted", Patience))
	}
	leases := must(victim.Leases())(h)
	size := must(victim.Server.Resident())(h)
	mark := victim.Server.Mark()
	ctx, cancel := context.WithTimeout(context.Background(), stormTime)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- attack(ctx, away) }()
	before := h.addrs(0, 20)
	must0(h, h.crowd.Renew(within(h), 0, 20, 4))
	h.keep(before, 0, 20)
	must0(h, <-done)
	if counts != "" && h.counter(victim, counts) == 0 {
		h.Errorf("%s: %s is 0: nothing came", name, counts)
	}
	if moved := victim.States(mark); len(moved) > 0 {
		h.Errorf("%s made the server move to %v", name, moved)
	}
	for ip, e := range must(victim.Leases())(h) {
		if was := leases.at(ip); was.State != e.State || was.HW != e.HW {
			h.Errorf("%s: %v was %v and is %v", name, ip, was, e)
		}
	}
	now := must(victim.Server.Resident())(h)
	h.Logf("%s: resident memory %d MB before, %d MB after", name, size>>20, now>>20)
	if now > size+maxGrowth {
		h.Errorf("%s: it grew by more than %d MB", name, maxGrowth>>20)
	}
	must0(h, h.stranger.IP("link set eth0 down"))
	if impostor {
		must0(h, h.Primary.Node.IP("link set eth1 up"))
		must0(h, h.Primary.Start())
	}
	h.settled()
}

// strangerAt puts a machine on the link between the partners, with the
// primary's address or with a foreign one, that dials the secondary.
func (h *harness) strangerAt(impostor bool) dialler {
	h.Helper()
	from := netip.MustParseAddr("192.168.7.9")
	if impostor {
		from = h.Primary.LinkAddr
	}
	h.strangers++
	machine := must(h.Net.Node(fmt.Sprintf("stranger%d", h.strangers)))(h)
	must0(h, machine.Plug(h.Link, "eth0", from.String()+"/24"))
	h.stranger = machine
	to := netip.AddrPortFrom(h.Secondary.LinkAddr, failoverPort)
	return func(ctx context.Context) (net.Conn, error) { return dialFrom(ctx, machine, from, to) }
}

// dialFrom opens a connection inside of a machine.
func dialFrom(ctx context.Context, machine *netlab.Node, from netip.Addr, to netip.AddrPort) (c net.Conn, err error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0)), Timeout: time.Second, FallbackDelay: -1}
	err = machine.Do(func() error {
		c, err = d.DialContext(ctx, "tcp4", to.String())
		return err
	})
	return c, err
}

// unmarshal puts a question to a dhcpfd and reads its answer.
func unmarshal(b *Box, into any, words ...string) error {
	out, err := b.Failctl(words...)
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(out), into)
}

// connectFast opens a thousand connections a second and drops them.
func connectFast(ctx context.Context, dial dialler) error {
	opened := 0
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		<-tick.C
		c, err := dial(ctx)
		if err != nil {
			continue
		}
		opened++
		c.Close()
	}
	if want := 200 * int(stormTime/time.Second); opened < want {
		return fmt.Errorf("only %d connections were opened", opened)
	}
	return nil
}

// noise sends random octets.
func noise(ctx context.Context, dial dialler) error {
	random := rand.New(rand.NewPCG(1, 2))
	return again(ctx, dial, func(c net.Conn) error {
		_, err := c.Write(octets(random))
		return err
	})
}

// octets are some at random.
func octets(random *rand.Rand) []byte {
	b := make([]byte, 100+random.IntN(5000))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// sayNothing opens connections and holds them.
func sayNothing(ctx context.Context, dial dialler) error {
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for len(open) < 50 && ctx.Err() == nil {
		c, err := dial(ctx)
		if err != nil {
			return err
		}
		open = append(open, c)
	}
	<-ctx.Done()
	return nil
}

// messages sends well-formed messages that fit nothing.
func messages(ctx context.Context, dial dialler) error {
	random := rand.New(rand.NewPCG(3, 4))
	return again(ctx, dial, func(c net.Conn) error {
		for range 20 {
			frame, err := wire.Frame(anyMessage(random))
			if err != nil {
				return err
			}
			if _, err := c.Write(frame); err != nil {
				return err
			}
		}
		return nil
	})
}

// anyMessage is a message as only somebody would send who knows neither the
// name of the relationship nor where it stands.
func anyMessage(random *rand.Rand) wire.Message {
	switch random.IntN(8) {
	case 0:
		return &wire.Connect{Relationship: wire.Some("another"), MaxUnacked: wire.Some(uint32(1)), ReceiveTimer: wire.Some(wire.MinReceiveTimer)}
	case 1:
		return &wire.State{State: wire.Some(lease.ServerState(2 + random.IntN(10)))}
	case 2:
		return &wire.UpdreqAll{}
	case 3:
		return &wire.Poolreq{}
	case 4:
		return &wire.Upddone{}
	case 5:
		return &wire.Contact{}
	case 6:
		m := &wire.Bndack{}
		m.IP = wire.Some(poolIP)
		return m
	}
	m := &wire.Bndupd{}
	m.IP, m.Status = wire.Some(poolIP), wire.Some(lease.State(1+random.IntN(7)))
	return m
}

// poolIP is an address of the pool.
const poolIP lease.IP = 10<<24 | 1<<8 | 30

// otherKey does the handshake with a key that nobody has pinned.
func otherKey(ctx context.Context, dial dialler) error {
	dir, err := os.MkdirTemp("", "tandem-lab-key-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	ring, err := keyring.Open(dir)
	if err != nil {
		return err
	}
	own, _, err := ring.Own()
	if err != nil {
		return err
	}
	return again(ctx, dial, func(c net.Conn) error {
		_, err := greetByTLS(ctx, c, own)
		return err
	})
}

// greetByTLS is the primary's part up to the handshake (draft section 11.2).
func greetByTLS(ctx context.Context, c net.Conn, own tls.Certificate) (*tls.Conn, error) {
	frame, err := wire.Frame(&wire.Connect{
		Relationship: wire.Some(Relationship), MaxUnacked: wire.Some(uint32(10)), ReceiveTimer: wire.Some(lease.Seconds(6)),
		Version: wire.Some(uint8(wire.Version)), TLSRequest: wire.Some(wire.TLSRequired),
		MCLT: wire.Some(lease.Seconds(15)), HBA: wire.Some(wire.HBA{}),
	})
	if err != nil {
		return nil, err
	}
	if _, err := c.Write(frame); err != nil {
		return nil, err
	}
	if _, err := c.Read(make([]byte, wire.MaxMessage)); err != nil { // CONNECTACK
		return nil, err
	}
	secured := tls.Client(c, &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{own}, InsecureSkipVerify: true})
	return secured, secured.HandshakeContext(ctx)
}

// Noise by TLS under the right key, and what the right partner once sent, once
// more: neither changes anything.
func TestNoiseAfterTLSAndReplay(t *testing.T) {
	t.Parallel()
	h := fresh(t, ours, Options{Pinned: true, LeaseTime: 600}, 20)
	h.acquire(0, 20)
	h.settled()
	recorded := h.recorded()
	h.besieged("replay", true, func(ctx context.Context, dial dialler) error {
		return again(ctx, dial, func(c net.Conn) error {
			_, err := c.Write(recorded)
			return err
		})
	}, "failover-refused-tls")
	own, _, err := must(keyring.Open(h.Primary.keys()))(t).Own()
	must0(t, err)
	random := rand.New(rand.NewPCG(5, 6))
	h.besieged("noise", true, func(ctx context.Context, dial dialler) error {
		return again(ctx, dial, func(c net.Conn) error {
			secured, err := greetByTLS(ctx, c, own)
			if err != nil {
				return err
			}
			_, err = secured.Write(octets(random))
			return err
		})
	}, "failover-malformed")
}

// recorded is every octet that the primary sent on the longest connection so
// far.
func (h *harness) recorded() []byte {
	h.Helper()
	var longest []byte
	for stream := range 4 {
		out, err := h.Primary.run("tshark", "-r", filepath.Join(h.Net.Dir, "link.pcap"), "-q", "-z", fmt.Sprintf("follow,tcp,raw,%d", stream))
		must0(h, err)
		dialled := strings.Contains(out, "Node 0: "+h.Primary.LinkAddr.String())
		var sent []byte
		for line := range strings.Lines(out) {
			raw, err := hex.DecodeString(strings.TrimSpace(line))
			if answer := strings.HasPrefix(line, "\t"); err == nil && answer != dialled {
				sent = append(sent, raw...)
			}
		}
		if len(sent) > len(longest) {
			longest = sent
		}
	}
	if len(longest) < 500 {
		h.Fatalf("only %d octets of the primary were recorded", len(longest))
	}
	return longest
}

// again opens a connection, does something, and reads what comes, again and
// again. What the server does with the connection is its right.
func again(ctx context.Context, dial dialler, do func(net.Conn) error) error {
	times := 0
	var failed error
	for ctx.Err() == nil {
		c, err := dial(ctx)
		if err != nil {
			failed = err
			continue
		}
		times++
		_ = c.SetDeadline(time.Now().Add(200 * time.Millisecond))
		_ = do(c)
		_, _ = io.Copy(io.Discard, c)
		c.Close()
	}
	if times < 3 {
		return fmt.Errorf("only %d connections were opened: %w", times, failed)
	}
	return nil
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
