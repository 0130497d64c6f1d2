package daemon

import (
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// probeNetwork is a network and a prober on it.
func probeNetwork(t *testing.T) (*network, *prober, chan *node.ProbeResult, *dhcp.Interface) {
	t.Helper()
	n := newNetwork(t)
	results := make(chan *node.ProbeResult, maxProbes+2)
	p := newProber(nil, new(counters), quiet(t), func(r *node.ProbeResult) { results <- r })
	t.Cleanup(p.close)
	ifc := &dhcp.Interface{Index: n.server.Attrs().Index, Name: "srv0", Addrs: []lease.IP{ip(serverIP)}}
	return n, p, results, ifc
}

func (n *network) result(results chan *node.ProbeResult) *node.ProbeResult {
	n.t.Helper()
	select {
	case r := <-results:
		return r
	case <-time.After(patience):
		n.t.Fatal("no result")
	}
	panic("unreachable")
}

func TestProbeOnLink(t *testing.T) {
	if !alone(t) {
		return
	}
	n, p, results, ifc := probeNetwork(t)
	p.start(dhcp.Probe{IP: ip(relayIP), If: ifc, OnLink: true, Timeout: patience})
	got := n.result(results)
	if got.IP != ip(relayIP) || !got.InUse {
		t.Fatalf("%+v: the address is in use", got)
	}
	// Whoever was faster, both are who they should be.
	if hw := hardware(n.hw); got.By != "ICMP" && got.By != hw {
		t.Errorf("answered by %s, not by %s", got.By, hw)
	}
	begun := time.Now()
	p.start(dhcp.Probe{IP: ip("10.0.0.77"), If: ifc, OnLink: true, Timeout: 50 * time.Millisecond})
	p.start(dhcp.Probe{IP: ip("10.0.0.77"), If: ifc, OnLink: true, Timeout: 50 * time.Millisecond})
	if got := n.result(results); got.IP != ip("10.0.0.77") || got.InUse || time.Since(begun) < 50*time.Millisecond {
		t.Errorf("%+v after %v: nobody has that address", got, time.Since(begun))
	}
	if len(results) != 0 {
		t.Error("two results for one address")
	}
}

// A host that does not answer echo requests, as many do not, answers ARP.
func TestProbeSilentHost(t *testing.T) {
	if !alone(t) {
		return
	}
	n, p, results, ifc := probeNetwork(t)
	other := *ifc
	other.Addrs = nil // an interface without addresses asks as RFC 5227 says
	check(t, netlink.AddrDel(n.server, addrOf(t, n.server)))
	p.start(dhcp.Probe{IP: ip(relayIP), If: &other, OnLink: true, Timeout: patience})
	if got := n.result(results); !got.InUse || got.By != hardware(n.hw) {
		t.Errorf("%+v, want an answer by %s", got, hardware(n.hw))
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
	n, p, results, ifc := probeNetwork(t)
	p.start(dhcp.Probe{IP: ip(relayIP), If: ifc, Timeout: patience})
	if got := n.result(results); !got.InUse || got.By != "ICMP" {
		t.Errorf("%+v, want an echo", got)
	}
	p.start(dhcp.Probe{IP: ip("192.0.2.1"), If: ifc, Timeout: 10 * time.Millisecond}) // no route
	if got := n.result(results); got.InUse {
		t.Errorf("%+v: there is no way there", got)
	}
}

func TestProbesAreBounded(t *testing.T) {
	if !alone(t) {
		return
	}
	n, p, results, ifc := probeNetwork(t)
	for i := range lease.IP(maxProbes) {
		p.start(dhcp.Probe{IP: ip("192.0.2.1") + i, If: ifc, Timeout: time.Hour})
	}
	p.start(dhcp.Probe{IP: ip(relayIP), If: ifc, Timeout: time.Hour})
	if got := n.result(results); got.IP != ip(relayIP) || got.InUse || p.count.get(probesSkipped) != 1 {
		t.Errorf("%+v, %d skipped", got, p.count.get(probesSkipped))
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
