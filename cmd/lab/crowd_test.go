package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/cmd/lab/clients"
	"tandem/cmd/lab/load"
)

// wide serves the LAN from fifty thousand addresses.
const wide = head + `subnet 10.0.0.0 netmask 255.255.0.0 {
  range 10.0.10.0 10.0.200.255;
  option routers 10.0.0.1;
  allow leasequery;
}
`

// crowd puts raw clients on a machine of their own.
func (l *lab) crowd(name string, group byte, n int) *load.Crowd {
	l.Helper()
	node := must(l.net.Node(name))(l)
	must0(l, node.Plug(l.lan, "eth0"))
	c := must(load.NewCrowd(node, "eth0", group, n))(l)
	l.Cleanup(func() { c.Close() })
	return c
}

// querier puts a machine on the LAN that asks about leases.
func (l *lab) querier() *load.Querier {
	l.Helper()
	node := must(l.net.Node("querier"))(l)
	must0(l, node.Plug(l.lan, "eth0", "10.0.0.3/16"))
	q := must(load.NewQuerier(node, netip.MustParseAddr("10.0.0.3"), netip.MustParseAddr("10.0.0.1")))(l)
	l.Cleanup(func() { q.Close() })
	return q
}

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// noConflicts fails the test if an address was promised to two clients.
func noConflicts(t testing.TB, b *load.Books) {
	t.Helper()
	for _, c := range b.Conflicts {
		t.Error(c)
	}
}

// A crowd gets addresses, each its own; keeps them when it renews and when it
// comes back from a reboot.
func TestCrowdKeepsItsAddresses(t *testing.T) {
	// Below the thousand neighbours that a Linux box keeps by default.
	const n = 800
	l := newLab(t)
	l.serve(wide)
	c := l.crowd("crowd", 1, n)
	must0(t, c.Acquire(soon(t), 0, n, 100))
	first := make([]netip.Addr, n)
	for i := range n {
		first[i] = c.Addr(i)
	}
	for _, again := range []struct {
		name string
		ask  func(ctx context.Context, from, to, window int) error
	}{{"renewal", c.Renew}, {"reboot", c.Reboot}, {"new start", c.Acquire}} {
		must0(t, again.ask(soon(t), 0, n, 100))
		for i := range n {
			if c.Addr(i) != first[i] {
				t.Fatalf("%s changed the address of %v from %v to %v", again.name, c.MAC(i), first[i], c.Addr(i))
			}
		}
	}
	noConflicts(t, &c.Books)
	if len(c.Held(time.Now())) != n {
		t.Errorf("%d addresses held by %d clients", len(c.Held(time.Now())), n)
	}
	if c.NAKs > 0 {
		t.Errorf("%d NAKs", c.NAKs)
	}
	t.Logf("%d ACKs, %d repeats; ACK after p50 %v, p99 %v", len(c.Acks), c.Repeats, c.Answers.Percentile(50), c.Answers.Percentile(99))
}

// Twenty times the server is killed in the middle of load. Each lease that any
// client has seen acknowledged is there afterwards, with its client.
func TestKillUnderLoad(t *testing.T) {
	const rounds, perRound = 20, 300
	l := newLab(t)
	c := l.crowd("crowd", 2, rounds*perRound)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range rounds {
		l.serve(wide)
		ctx, cancel := context.WithCancel(soon(t))
		fatal := 1 + random.IntN(perRound)
		c.OnAck = func() {
			if fatal--; fatal == 0 {
				_ = l.server.Signal(syscall.SIGKILL)
				cancel()
			}
		}
		// New clients join, then all come back from a reboot.
		to := (round + 1) * perRound
		err := c.Acquire(ctx, round*perRound, to, 60)
		if err == nil {
			err = c.Reboot(ctx, 0, to, 60)
		}
		cancel()
		if err == nil || fatal > 0 {
			t.Fatalf("round %d was not interrupted (%v)", round, err)
		}
		if _, err := l.server.Wait(patience); err != nil {
			t.Fatal(err)
		}
		must0(t, c.Drain(20*time.Millisecond))
	}
	c.OnAck = nil
	l.serve(wide)
	noConflicts(t, &c.Books)
	held := c.Held(time.Now())
	t.Logf("%d ACKs seen, %d leases held, %d clients", len(c.Acks), len(held), c.Len())
	q := l.querier()
	for _, a := range held {
		r := must(q.QueryAddr(a.Addr))(t)
		if r.MessageType() != load.LeaseActive || load.MAC(r.ClientHWAddr) != a.Client {
			t.Errorf("%v was promised to %v, the server says %v %v", a.Addr, a.Client, r.MessageType(), r.ClientHWAddr)
		}
	}
	must0(t, c.Reboot(soon(t), 0, c.Len(), 100))
	noConflicts(t, &c.Books)
}

// Two hundred real clients start at the same time on one LAN.
func TestTwoHundredClients(t *testing.T) {
	const n = 200
	l := newLab(t)
	l.serve(wide)
	node := must(l.net.Node("clients"))(t)
	must0(t, node.Plug(l.lan, "trunk"))
	var links strings.Builder
	for i := range n {
		fmt.Fprintf(&links, "link add link trunk name m%d type macvlan mode bridge\nlink set m%d up\n", i, i)
	}
	must0(t, node.IP(links.String()))
	started := make([]*clients.Client, n)
	for i := range started {
		started[i] = must(clients.Udhcpc.Start(node, l.net.Dir, fmt.Sprintf("m%d", i), clients.Options{}))(t)
	}
	taken := map[netip.Addr]int{}
	for i, c := range started {
		got := l.lease(c, 0, "10.0.10.0", "10.0.200.255")
		if other, twice := taken[got.Addr]; twice {
			t.Errorf("%v was given to clients %d and %d", got.Addr, other, i)
		}
		taken[got.Addr] = i
	}
}
