package dhcp

import (
	"encoding/binary"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/failover/lease"
)

// lab is a large pool with usual options, as load generators use it.
const lab = `
default-lease-time 3600; max-lease-time 7200; ping-check off; authoritative;
option domain-name-servers 10.0.0.1, 10.0.0.2;
option domain-name "example.org";
subnet 10.0.0.0 netmask 255.0.0.0 {
  option routers 10.0.0.1;
  range 10.16.0.0 10.31.255.255;
}
`

// exchange is the two requests of a client's first lease, undecoded.
type exchange struct{ discover, request []byte }

func newExchange(g *rig) *exchange {
	prl := []byte{1, 3, 6, 15, 28, 51, 58, 59}
	d := g.from(0, msgDiscover).text(optHostName, "client").opt(optRequestList, prl...)
	r := g.from(0, msgRequest).text(optHostName, "client").opt(optRequestList, prl...).wants("10.16.0.0").server("10.0.0.1")
	return &exchange{d.m.ToBytes(), r.m.ToBytes()}
}

// patch makes the requests those of client n, for the address offered.
func patch(raw []byte, n uint32, offered lease.IP) {
	binary.BigEndian.PutUint32(raw[30:], n)
	binary.BigEndian.PutUint32(raw[4:], n)
	for i := headerSize; i < len(raw) && raw[i] != optEnd; i += 2 + int(raw[i+1]) {
		if raw[i] == optRequestedIP {
			binary.BigEndian.PutUint32(raw[i+2:], uint32(offered))
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	for _, decode := range []bool{false, true} {
		name := "answer"
		if decode {
			name = "decode+answer"
		}
		b.Run(name, func(b *testing.B) { benchExchange(b, decode) })
	}
}

// benchExchange measures DISCOVER, OFFER, REQUEST, ACK of ever new clients.
func benchExchange(b *testing.B, decode bool) {
	g := newRig(b, lab)
	x := newExchange(g)
	dm, _ := Decode(x.discover)
	rm, _ := Decode(x.request)
	step := func(raw []byte, m *dhcpv4.DHCPv4, n uint32, offered lease.IP) []byte {
		patch(raw, n, offered)
		p := Packet{If: g.iface, Dst: broadcastIP, Raw: raw, Msg: m}
		if decode {
			p.Msg, _ = Decode(raw)
		} else {
			binary.BigEndian.PutUint32(m.ClientHWAddr[2:], n)
			if v := m.Options[optRequestedIP]; v != nil {
				binary.BigEndian.PutUint32(v, uint32(offered))
			}
		}
		g.out.Reset()
		g.r.Answer(g.now, &p, &g.out)
		if len(g.out.Replies) != 1 {
			b.Fatalf("no reply: %v", g.out.Lines)
		}
		return g.out.Replies[0].Payload
	}
	b.ReportAllocs()
	n := uint32(0)
	for b.Loop() {
		n++
		if n%(1<<20) == 0 {
			// The pool is used up.
			b.StopTimer()
			g = newRig(b, lab)
			b.StartTimer()
		}
		offer := step(x.discover, dm, n, 0)
		step(x.request, rm, n, lease.IP(binary.BigEndian.Uint32(offer[16:])))
		g.now.Mono += 1e5
	}
}

// BenchmarkRenew measures renewals that change the lease.
func BenchmarkRenew(b *testing.B) {
	g := newRig(b, "dhcp-cache-threshold 0;"+lab)
	ack := g.bind(1, "")
	m := g.from(1, msgRequest).ciaddr(ack.String()).unicast().opt(optRequestList, 1, 3, 6, 15)
	m.p.Raw = m.m.ToBytes()
	m.p.Msg, _ = Decode(m.p.Raw)
	b.ReportAllocs()
	for b.Loop() {
		g.out.Reset()
		g.r.Answer(g.now, &m.p, &g.out)
		if len(g.out.Changed) != 1 {
			b.Fatal("not renewed")
		}
	}
}
