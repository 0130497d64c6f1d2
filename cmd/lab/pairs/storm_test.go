package pairs

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/failover/daemon/keyring"
)

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
			h := fresh(t, ours, Options{Pinned: s.pinned, MCLT: 300, LeaseTime: 600, ResponseDelay: 15}, 40)
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

// Noise by TLS under the right key, and what the right partner once sent, once
// more: neither changes anything.
func TestNoiseAfterTLSAndReplay(t *testing.T) {
	t.Parallel()
	h := fresh(t, ours, Options{Pinned: true, MCLT: 300, LeaseTime: 600, ResponseDelay: 15}, 20)
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
