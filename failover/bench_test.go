package failover

import (
	"testing"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// BenchmarkResync transfers 100,000 leases to a partner that lost its store,
// through encoding and decoding, without disk and network.
func BenchmarkResync(b *testing.B) {
	const leases = 100_000
	for range b.N {
		b.StopTimer()
		from, to := resyncEnd(false, leases), resyncEnd(true, 0)
		b.StartTimer()
		if got := transferAll(b, from, to); got != leases {
			b.Fatalf("%d leases arrived, want %d", got, leases)
		}
	}
	b.ReportMetric(float64(leases)*float64(b.N)/b.Elapsed().Seconds(), "leases/s")
}

// resyncEnd is one end of a connection between two Tandem boxes.
func resyncEnd(secondary bool, leases int) *Endpoint {
	table := lease.NewTable()
	table.SetPools([][]lease.Range{{{Low: 1 << 24, High: 1<<24 + 200_000}}})
	for i := range leases {
		table.Apply(lease.Lease{IP: 1<<24 + lease.IP(i), State: lease.Active, Rewind: lease.Active, HW: "\x01abc" + string(rune(i)),
			Starts: epoch, CLTT: epoch, Ends: epoch + 9000, TSTP: epoch + 9000,
			Extra: &lease.Extra{Hostname: "client", VendorClass: "vendor", Requested: "\x01\x03\x06\x0f"}})
	}
	saved := lease.Peer{Name: "pair", State: lease.Normal, LastContact: epoch - 5}
	boot := Boot{LastAlive: epoch - 3, Origin: "whole"}
	if secondary {
		saved, boot = lease.Peer{}, Boot{Origin: "new"}
	}
	e := New(Config{Name: "pair", Secondary: secondary, MCLT: 3600, HBA: wire.Split(128), Expect: ExpectTandem}, table, []int{0}, saved, boot)
	now := lease.Now{Wall: int64(epoch) * 1e9, Mono: 1e9}
	e.Step(now, ClockFacts{Trusted: true})
	e.Step(now, Started{})
	e.Effects()
	return e
}

// transferAll carries messages to and fro until nothing moves.
func transferAll(b *testing.B, from, to *Endpoint) int {
	ends := [2]*Endpoint{from, to}
	for _, e := range ends {
		e.Step(e.now, Connected{Conn: 1})
	}
	for moved := true; moved; {
		moved = false
		for i, e := range ends {
			for _, m := range sends(e.Effects()) {
				frame, err := wire.Encode(m, wire.Tandem)
				if err != nil {
					b.Fatal(err)
				}
				if m, err = wire.Decode(frame); err != nil {
					b.Fatal(err)
				}
				ends[1-i].Step(e.now, Received{1, m})
				moved = true
			}
		}
	}
	return to.table.Count(0, lease.Active)
}

// BenchmarkStance is asked for every packet.
func BenchmarkStance(b *testing.B) {
	e := New(Config{Name: "pair", MCLT: 60}, lease.NewTable(), nil, lease.Peer{LastContact: 5000}, Boot{})
	e.state, e.machine.clock, e.machine.wary = lease.Normal, true, ""
	e.up = &conn{known: true, heard: 1, partner: lease.Normal}
	now := lease.Now{Wall: 6000e9, Mono: 2}
	for b.Loop() {
		if s := e.Stance(now); s.Posture != Full {
			b.Fatal(s)
		}
	}
}
