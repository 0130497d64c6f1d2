package daemon

import (
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// asker is a network and a prober on it, with the turns that a loop would take.
type asker struct {
	*network
	*prober
	ifc     *dhcp.Interface
	results []*node.ProbeResult
}

func newAsker(t *testing.T) *asker {
	t.Helper()
	poller, err := newPoller()
	check(t, err)
	t.Cleanup(func() { check(t, poller.close()) })
	a := &asker{network: newNetwork(t)}
	a.prober = newProber(poller, new(counters), quiet(t), func(in node.Input) { a.results = append(a.results, in.(*node.ProbeResult)) })
	a.ifc = &dhcp.Interface{Index: a.server.Attrs().Index, Name: "srv0", Addrs: []lease.IP{ip(serverIP)}}
	return a
}

// ask starts a probe.
func (a *asker) ask(addr string, onLink bool, limit time.Duration) {
	a.start(readClock(), dhcp.Probe{IP: ip(addr), If: a.ifc, OnLink: onLink, Timeout: limit})
}

// result waits for the next result.
func (a *asker) result() *node.ProbeResult {
	a.t.Helper()
	for begun := time.Now(); len(a.results) == 0; a.expire(readClock()) {
		if time.Since(begun) > patience {
			a.t.Fatal("no result")
		}
		for _, s := range a.poller.wait(time.Millisecond, func() bool { return true }) {
			s.read()
		}
	}
	r := a.results[0]
	a.results = a.results[1:]
	return r
}

func TestProbeOnLink(t *testing.T) {
	if !alone(t) {
		return
	}
	a := newAsker(t)
	a.ask(relayIP, true, patience)
	got := a.result()
	if got.IP != ip(relayIP) || !got.InUse {
		t.Fatalf("%+v: the address is in use", got)
	}
	// Whoever was faster, both are who they should be.
	if hw := hardware(a.hw); got.By != "ICMP" && got.By != hw {
		t.Errorf("answered by %s, not by %s", got.By, hw)
	}
	begun := time.Now()
	a.ask("10.0.0.77", true, 50*time.Millisecond)
	a.ask("10.0.0.77", true, 50*time.Millisecond)
	if got := a.result(); got.IP != ip("10.0.0.77") || got.InUse || time.Since(begun) < 50*time.Millisecond {
		t.Errorf("%+v after %v: nobody has that address", got, time.Since(begun))
	}
	if len(a.results) != 0 || len(a.pending) != 0 || a.next() != 0 {
		t.Error("two results for one address, or something is left")
	}
}

// A host that does not answer echo requests, as many do not, answers ARP.
func TestProbeSilentHost(t *testing.T) {
	if !alone(t) {
		return
	}
	a := newAsker(t)
	a.ifc.Addrs = nil // an interface without addresses asks as RFC 5227 says
	check(t, netlink.AddrDel(a.server, addrOf(t, a.server)))
	a.ask(relayIP, true, patience)
	if got := a.result(); !got.InUse || got.By != hardware(a.hw) {
		t.Errorf("%+v, want an answer by %s", got, hardware(a.hw))
	}
}

func addrOf(t *testing.T, link netlink.Link) *netlink.Addr {
	t.Helper()
	list, err := netlink.AddrList(link, netlink.FAMILY_V4)
	check(t, err)
	return &list[0]
}

func TestProbeThroughRouter(t *testing.T) {
	if !alone(t) {
		return
	}
	a := newAsker(t)
	a.ask(relayIP, false, patience)
	if got := a.result(); !got.InUse || got.By != "ICMP" {
		t.Errorf("%+v, want an echo", got)
	}
	a.ask("192.0.2.1", false, 10*time.Millisecond) // no route
	if got := a.result(); got.InUse {
		t.Errorf("%+v: there is no way there", got)
	}
}

func TestProbesAreBounded(t *testing.T) {
	if !alone(t) {
		return
	}
	a := newAsker(t)
	for i := range lease.IP(maxProbes) {
		a.ask((ip("192.0.2.1") + i).String(), false, time.Hour)
	}
	a.ask(relayIP, false, time.Hour)
	if got := a.result(); got.IP != ip(relayIP) || got.InUse || a.count.get(probesSkipped) != 1 {
		t.Errorf("%+v, %d skipped", got, a.count.get(probesSkipped))
	}
}

// The time that runs out first is the one that is waited for.
func TestProbeDeadlines(t *testing.T) {
	p := newProber(nil, new(counters), quiet(t), func(node.Input) {})
	for i, due := range []int64{30, 10, 20} {
		p.pending[lease.IP(i)] = &probe{due: due}
	}
	p.soonest = 10
	for _, step := range []struct{ now, next, left int64 }{{9, 10, 3}, {10, 20, 2}, {29, 30, 1}, {30, 0, 0}} {
		p.expire(lease.Now{Mono: step.now})
		if p.next() != step.next || int64(len(p.pending)) != step.left {
			t.Errorf("at %d: next %d, %d left; want %d, %d", step.now, p.next(), len(p.pending), step.next, step.left)
		}
	}
}

// The request is what RFC 792 says: its sum with its checksum is all ones.
func TestEchoRequest(t *testing.T) {
	for _, id := range []uint16{0, 1, 0xffff, 0x1234} {
		msg := echoRequest(id, 0xfff0)
		sum := uint32(0)
		for i := 0; i < len(msg); i += 2 {
			sum += uint32(msg[i])<<8 | uint32(msg[i+1])
		}
		for sum>>16 != 0 {
			sum = sum>>16 + sum&0xffff
		}
		if sum != 0xffff {
			t.Errorf("ident %x: sum %x", id, sum)
		}
	}
}
