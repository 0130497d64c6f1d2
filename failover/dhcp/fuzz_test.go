package dhcp

import (
	"testing"
	"time"

	"tandem/failover/lease"
)

// FuzzAnswer feeds datagrams to the decoder and to a responder with every kind
// of declaration, among live clients. Nothing may panic; every reply must
// decode; no reply may exceed what a datagram holds; and a promised address
// must be recorded.
func FuzzAnswer(f *testing.F) {
	g := newRig(f, worlds["authoritative"])
	for _, m := range []*msg{
		g.from(1, msgDiscover), g.from(1, msgRequest).wants("10.1.0.10").server("10.1.0.1"), g.from(1, msgRequest).ciaddr("10.1.0.10"),
		g.from(1, msgRelease).ciaddr("10.1.0.10"), g.from(1, msgDecline).wants("10.1.0.10"), g.from(1, msgInform).ciaddr("10.1.0.10"),
		g.from(1, 0), g.from(1, msgLeaseQuery).relay("10.2.0.1").opt(optRequestList, 51, 82, 92),
		g.from(6, msgDiscover).relay("10.2.0.1").opt(optAgent, 5, 4, 10, 2, 0, 0, 11, 4, 10, 2, 0, 1, 1, 1, 'x').opt(optSubnetSelect, 10, 1, 0, 0),
		g.from(3, msgDiscover).uid("x").text(optFQDN, "\x04\x00\x00\x02pc\x00").opt(optMaxSize, 2, 64).opt(optRequestList, 1, 3, 6, 15),
	} {
		f.Add(m.m.ToBytes())
	}
	cfg := compile(f, worlds["authoritative"]+`allow leasequery; echo-client-id on; allow client-updates;
		option root-path = concat(option vendor-class-identifier, packet(0, 300), option fqdn.hostname, option agent.circuit-id);`)
	f.Fuzz(func(t *testing.T, raw []byte) {
		g := &rig{t: t, cfg: cfg, table: lease.NewTable(), now: lease.Now{Wall: 1_800_000_000e9, Mono: 1e9}}
		g.iface = &Interface{Index: 1, Name: "eth0", Addrs: []lease.IP{ip("10.1.0.1")}}
		g.table.SetPools(Pools(cfg))
		g.r = New(cfg, g.table, nil, 1)
		g.from(1, msgDiscover).send()
		m, err := Decode(raw)
		if err != nil {
			return
		}
		for range 3 {
			for _, dst := range []lease.IP{broadcastIP, g.iface.Addrs[0]} {
				p := Packet{If: g.iface, Raw: raw, Msg: m, Dst: dst}
				g.checkFuzzed(g.answer(&p))
			}
			for _, p := range g.out.Probes {
				g.r.ProbeDone(g.now, p.IP, false, "", &g.out)
			}
			g.wait(time.Minute)
		}
		q := WhyQuery{HW: "\x01" + string(m.ClientHWAddr), UID: string(m.Options[optClientID])}
		g.r.Explain(g.now, q)
	})
}

func (g *rig) checkFuzzed(res *result) {
	for _, rep := range res.replies {
		if len(rep.Payload) < bootpSize && rep.DstPort != ServerPort || len(rep.Payload) > maxOctets {
			g.t.Fatalf("reply of %d octets", len(rep.Payload))
		}
		m, err := Decode(rep.Payload)
		if err != nil {
			g.t.Fatalf("reply does not decode: %v", err)
		}
		a := fromNet(m.YourIPAddr)
		if byte(m.MessageType()) != msgACK || a == 0 {
			continue
		}
		if l := g.table.Get(a); a != ip("10.1.0.12") && (l == nil || l.State != lease.Active) {
			g.t.Fatalf("%v promised but not recorded", a)
		}
	}
}
