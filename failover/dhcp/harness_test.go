package dhcp

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/iana"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// rig is a responder with its table, a clock and one interface.
type rig struct {
	t     testing.TB
	cfg   *conf.Config
	table *lease.Table
	r     *Responder
	now   lease.Now
	out   Out
	iface *Interface
	xid   uint32
}

// office is a small configuration; the network is 10.0.0.0/24 with ten
// addresses.
const office = `
default-lease-time 600; max-lease-time 7200; ping-check off; authoritative;
option domain-name-servers 10.0.0.1, 10.0.0.2;
option domain-name "example.org";
subnet 10.0.0.0 netmask 255.255.255.0 {
  option routers 10.0.0.1;
  range 10.0.0.100 10.0.0.109;
}
`

func compile(t testing.TB, text string) *conf.Config {
	t.Helper()
	cfg, diags := conf.Load("dhcpd.conf", func(string) ([]byte, error) { return []byte(text), nil })
	if cfg == nil {
		for _, d := range diags {
			t.Errorf("%d:%d: %s", d.Pos.Line, d.Pos.Col, d.Message)
		}
		t.Fatal("configuration refused")
	}
	return cfg
}

func newRig(t testing.TB, text string) *rig { return newRigWith(t, text, nil) }

func newRigWith(t testing.TB, text string, partner func(*conf.Pool) Partner) *rig {
	t.Helper()
	g := &rig{t: t, cfg: compile(t, text), table: lease.NewTable()}
	g.now = lease.Now{Wall: 1_800_000_000e9, Mono: 1000e9}
	g.iface = &Interface{Index: 2, Name: "eth0", Addrs: []lease.IP{ip("10.0.0.1")}}
	g.table.SetPools(Pools(g.cfg))
	g.r = New(g.cfg, g.table, partner, 1)
	return g
}

func ip(s string) lease.IP { return lease.MustIP(s) }

// wait lets time pass and does what falls due.
func (g *rig) wait(d time.Duration) {
	g.now = g.now.Add(d)
	g.r.Tick(g.now, &g.out)
}

// msg is a request under construction.
type msg struct {
	g *rig
	m *dhcpv4.DHCPv4
	p Packet
}

// from begins a request of the client with hardware address 02:00:00:00:00:N.
func (g *rig) from(n byte, typ byte) *msg {
	g.xid++
	m := &dhcpv4.DHCPv4{
		OpCode: dhcpv4.OpcodeBootRequest, HWType: iana.HWTypeEthernet,
		ClientHWAddr: net.HardwareAddr{2, 0, 0, 0, 0, n},
		ClientIPAddr: net.IPv4zero.To4(), YourIPAddr: net.IPv4zero.To4(),
		ServerIPAddr: net.IPv4zero.To4(), GatewayIPAddr: net.IPv4zero.To4(),
		Options: dhcpv4.Options{},
	}
	m.TransactionID = dhcpv4.TransactionID{byte(g.xid >> 24), byte(g.xid >> 16), byte(g.xid >> 8), byte(g.xid)}
	if typ != 0 {
		m.Options[optMessageType] = []byte{typ}
	}
	return &msg{g: g, m: m, p: Packet{If: g.iface, Dst: broadcastIP}}
}

func (m *msg) opt(code byte, v ...byte) *msg { m.m.Options[code] = v; return m }
func (m *msg) text(code byte, v string) *msg { return m.opt(code, []byte(v)...) }
func (m *msg) addr(code byte, a string) *msg { b := ip(a).As4(); return m.opt(code, b[:]...) }
func (m *msg) wants(a string) *msg           { return m.addr(optRequestedIP, a) }
func (m *msg) server(a string) *msg          { return m.addr(optServerID, a) }
func (m *msg) uid(s string) *msg             { return m.text(optClientID, s) }
func (m *msg) ciaddr(a string) *msg          { b := ip(a).As4(); m.m.ClientIPAddr = b[:]; return m }
func (m *msg) broadcast() *msg               { m.m.Flags |= flagBroadcast; return m }
func (m *msg) secs(n uint16) *msg            { m.m.NumSeconds = n; return m }
func (m *msg) relay(a string) *msg {
	b := ip(a).As4()
	m.m.GatewayIPAddr = b[:]
	m.p.Dst = m.g.iface.Addrs[0]
	return m
}
func (m *msg) unicast() *msg {
	m.p.Dst = m.g.iface.Addrs[0]
	m.p.Src = fromNet(m.m.ClientIPAddr)
	return m
}
func (m *msg) on(i *Interface) *msg { m.p.If = i; return m }

// send hands the request in, through the codec, and gives what came out.
func (m *msg) send() *result {
	m.g.t.Helper()
	m.p.Raw = m.m.ToBytes()
	decoded, err := Decode(m.p.Raw)
	if err != nil {
		m.g.t.Fatal(err)
	}
	m.p.Msg = decoded
	return m.g.answer(&m.p)
}

func (g *rig) answer(p *Packet) *result {
	g.out.Reset()
	g.r.Answer(g.now, p, &g.out)
	return g.result()
}

// result is what one input led to.
type result struct {
	g       *rig
	replies []Reply
	probes  []Probe
	changed []lease.Lease
	lines   []string
}

func (g *rig) result() *result {
	res := &result{g: g, probes: append([]Probe(nil), g.out.Probes...)}
	for _, rep := range g.out.Replies {
		rep.Payload = append([]byte(nil), rep.Payload...)
		res.replies = append(res.replies, rep)
	}
	for _, l := range g.out.Changed {
		res.changed = append(res.changed, *l)
	}
	for _, l := range g.out.Lines {
		res.lines = append(res.lines, l.Text)
	}
	return res
}

// reply gives the only reply, decoded, and checks its type.
func (res *result) reply(typ byte) *dhcpv4.DHCPv4 {
	res.g.t.Helper()
	if len(res.replies) != 1 {
		res.g.t.Fatalf("%d replies, want one of type %d; log: %q", len(res.replies), typ, res.lines)
	}
	m, err := dhcpv4.FromBytes(res.replies[0].Payload)
	if err != nil {
		res.g.t.Fatalf("reply does not decode: %v", err)
	}
	if got := byte(m.MessageType()); got != typ {
		res.g.t.Fatalf("reply of type %d, want %d; log: %q", got, typ, res.lines)
	}
	return m
}

// silent checks that there is no reply.
func (res *result) silent() *result {
	res.g.t.Helper()
	if len(res.replies) != 0 {
		m, _ := dhcpv4.FromBytes(res.replies[0].Payload)
		res.g.t.Fatalf("reply %v where none is due; log: %q", m, res.lines)
	}
	return res
}

// logs checks that a line is among those logged.
func (res *result) logs(want string) *result {
	res.g.t.Helper()
	for _, l := range res.lines {
		if l == want {
			return res
		}
	}
	res.g.t.Errorf("log lacks\n  %s\nit has\n  %s", want, strings.Join(res.lines, "\n  "))
	return res
}

// bind takes a client through DISCOVER and REQUEST, and gives its address.
func (g *rig) bind(n byte, uid string) lease.IP {
	g.t.Helper()
	d := g.from(n, msgDiscover)
	req := g.from(n, msgRequest)
	if uid != "" {
		d.uid(uid)
		req.uid(uid)
	}
	offer := d.send().reply(msgOffer)
	got := fromNet(offer.YourIPAddr)
	ack := req.wants(got.String()).server("10.0.0.1").send().reply(msgACK)
	if fromNet(ack.YourIPAddr) != got {
		g.t.Fatalf("ACK on %v for offer of %v", ack.YourIPAddr, got)
	}
	return got
}
