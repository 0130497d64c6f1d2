package daemon

import (
	"encoding/json"
	"net"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"

	"tandem/failover/conf"
	"tandem/failover/daemon/control"
	"tandem/failover/daemon/frame"
	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/store"
)

type confType = conf.Config

// discover makes a DISCOVER; request makes the REQUEST that takes an offer.
func (n *network) discover(t *testing.T, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	msg, err := dhcpv4.NewDiscovery(n.hw[:], mods...)
	check(t, err)
	return msg
}

func request(t *testing.T, offer *dhcpv4.DHCPv4, mods ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	msg, err := dhcpv4.NewRequestFromOffer(offer, mods...)
	check(t, err)
	return msg
}

func wantType(t *testing.T, msg *dhcpv4.DHCPv4, want dhcpv4.MessageType) {
	t.Helper()
	if msg.MessageType() != want {
		t.Fatalf("%s, want %s", msg.MessageType(), want)
	}
}

// obtain goes through the four messages on the link and gives the address.
func (n *network) obtain(t *testing.T) lease.IP {
	t.Helper()
	n.broadcast(n.discover(t))
	_, offer := n.await()
	wantType(t, offer, dhcpv4.MessageTypeOffer)
	n.broadcast(request(t, offer))
	_, ack := n.await()
	wantType(t, ack, dhcpv4.MessageTypeAck)
	return lease.From4([4]byte(ack.YourIPAddr.To4()))
}

// counter asks the server for one of its figures.
func counterOf(t *testing.T, path, name string) uint64 {
	t.Helper()
	c, err := control.Dial(path)
	check(t, err)
	defer c.Close()
	var list []node.Counter
	check(t, c.Ask([]string{"counters"}, func(body json.RawMessage) error { return json.Unmarshal(body, &list) }))
	for _, x := range list {
		if x.Name == name {
			return x.Value
		}
	}
	t.Fatalf("no counter %q in %v", name, list)
	return 0
}

// A client without an address gets its lease by frames to its hardware
// address, every message is answered once, and the lease is on disk.
func TestServeOnLink(t *testing.T) {
	if !alone(t) {
		return
	}
	n, dir := newNetwork(t), t.TempDir()
	p := startServer(t, dir, func(o *Options) { o.Interfaces = []string{"srv0"} })
	n.broadcast(n.discover(t))
	d, offer := n.await()
	wantType(t, offer, dhcpv4.MessageTypeOffer)
	if d.Src != ip(serverIP) || d.SrcPort != 67 || d.Dst != lease.From4([4]byte(offer.YourIPAddr.To4())) {
		t.Errorf("the offer came as %v:%d to %v", d.Src, d.SrcPort, d.Dst)
	}
	n.broadcast(request(t, offer, dhcpv4.WithBroadcast(true)))
	d, ack := n.await()
	wantType(t, ack, dhcpv4.MessageTypeAck)
	if d.Dst != limitedBroadcast {
		t.Errorf("broadcast was asked for, and the reply went to %v", d.Dst)
	}
	if got := counterOf(t, p.opt.Control, "received"); got != 2 {
		t.Errorf("%d datagrams received, want 2: one of them came twice", got)
	}
	if got := counterOf(t, p.opt.Control, "sent-frames"); got != 2 {
		t.Errorf("%d frames sent, want 2", got)
	}
	p.end(t)
	report, err := store.Check(store.OSDir(p.opt.Dir))
	if err != nil || report.Leases != 1 {
		t.Errorf("on disk: %+v, %v", report, err)
	}
}

// Unicast messages come in by the UDP socket: a renewal and a relay's.
func TestServeUnicast(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNetwork(t)
	p := startServer(t, t.TempDir(), func(o *Options) { o.Interfaces = []string{"srv0"} })
	to := &net.UDPAddr{IP: net.ParseIP(serverIP), Port: 67}
	relay := dhcpv4.WithRelay(net.ParseIP(relayIP))
	_, err := n.udp.WriteToUDP(n.discover(t, relay).ToBytes(), to)
	check(t, err)
	offer := n.awaitRelay()
	wantType(t, offer, dhcpv4.MessageTypeOffer)
	_, err = n.udp.WriteToUDP(request(t, offer, relay).ToBytes(), to)
	check(t, err)
	ack := n.awaitRelay()
	wantType(t, ack, dhcpv4.MessageTypeAck)

	// A relay on the link may broadcast as well: an answer, and one only.
	n.inject(frame.Datagram{Src: ip(relayIP), Dst: limitedBroadcast, SrcPort: 67, DstPort: 67, Payload: n.discover(t, relay).ToBytes()})
	wantType(t, n.awaitRelay(), dhcpv4.MessageTypeOffer)
	if got := counterOf(t, p.opt.Control, "received"); got != 3 {
		t.Errorf("%d datagrams received, want 3", got)
	}
	if got := counterOf(t, p.opt.Control, "sent-datagrams"); got != 3 {
		t.Errorf("%d datagrams sent, want 3", got)
	}
	p.end(t)
}

// A restart goes on with the leases.
func TestRestart(t *testing.T) {
	if !alone(t) {
		return
	}
	n, dir := newNetwork(t), t.TempDir()
	p := startServer(t, dir, nil)
	first := n.obtain(t)
	p.end(t)
	startServer(t, dir, nil)
	if again := n.obtain(t); again != first {
		t.Errorf("%v after the restart, %v before", again, first)
	}
}

// status asks until the server's picture is as wanted.
func (p *process) status(t *testing.T, want func(node.Status) bool) {
	t.Helper()
	c, err := control.Dial(p.opt.Control)
	check(t, err)
	defer c.Close()
	var s node.Status
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		check(t, c.Ask([]string{"status"}, func(body json.RawMessage) error {
			s = node.Status{}
			return json.Unmarshal(body, &s)
		}))
		if want(s) {
			return
		}
	}
	t.Fatalf("the server's interfaces are %+v", s.Interfaces)
}

// Interfaces may go down, come back, change addresses and vanish.
func TestInterfacesComeAndGo(t *testing.T) {
	if !alone(t) {
		return
	}
	n := newNetwork(t)
	p := startServer(t, t.TempDir(), func(o *Options) { o.Interfaces = []string{"srv0", "late0"} })
	n.obtain(t)

	check(t, netlink.LinkSetDown(n.server))
	p.status(t, func(s node.Status) bool { return len(s.Interfaces) == 0 })
	check(t, netlink.LinkSetUp(n.server))
	p.status(t, func(s node.Status) bool { return len(s.Interfaces) == 1 })
	n.obtain(t)

	addAddr(t, n.server, "10.0.0.2/24")
	p.status(t, func(s node.Status) bool { return len(s.Interfaces) == 1 && len(s.Interfaces[0].Addrs) == 2 })
	n.obtain(t)

	check(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "late0"}, PeerName: "late1"}))
	late, err := netlink.LinkByName("late0")
	check(t, err)
	check(t, netlink.LinkSetUp(late))
	p.status(t, func(s node.Status) bool { return len(s.Interfaces) == 2 })
	check(t, netlink.LinkDel(late))
	p.status(t, func(s node.Status) bool { return len(s.Interfaces) == 1 })
	n.obtain(t)
	p.end(t)
}

// Two servers on one machine are one too many, and the second says so.
func TestPortInUse(t *testing.T) {
	if !alone(t) {
		return
	}
	newNetwork(t)
	startServer(t, t.TempDir(), nil)
	log := quiet(t)
	dir := t.TempDir()
	err := Run(t.Context(), Options{Config: config(t, testConf), Port: 67, Dir: dir, Control: dir + "/sock", Log: log})
	if err == nil || !containsAll(err.Error(), "UDP port 67", "another DHCP server") {
		t.Errorf("%v", err)
	}
}
