package bench

import (
	"strings"
	"testing"
	"time"

	"tandem/cmd/lab/peers"
	"tandem/failover/lease"
	"tandem/failover/leasefile"
)

func TestPairTableSaysRatios(t *testing.T) {
	text := pairTable([]PairResult{
		{Kind: peers.Dhcpfd, Alone: true, Held: 5000, CPU: 30 * time.Microsecond},
		{Kind: peers.Dhcpfd, Held: 4000, CPU: 80 * time.Microsecond, Answer: 4 * time.Millisecond, Resync: 1300 * time.Millisecond},
		{Kind: peers.Dhcpd, Held: 400, CPU: 1600 * time.Microsecond, Answer: 2 * time.Second},
	}, "ext4")
	for _, want := range []string{
		"| dhcpfd alone | 5000 | 30 us |  |  |\n", "| pair of dhcpfd | 4000 | 80 us | 4 ms | 1.3 s |\n",
		"| pair of dhcpd | 400 | 1600 us | 2.0 s | > 240 s |\n", "holds 80 % of the rate of one server",
		"pair of dhcpd: rate x 10.0, CPU per exchange 1/20.0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

// The lease file that fills a dhcpd is one.
func TestLeaseText(t *testing.T) {
	starts := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	f, err := leasefile.Parse("text", leaseText(peers.Dhcpd, pairPool, 300, starts, starts.Add(time.Hour)), lease.FromUTC(starts))
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Leases) != 300 || f.Report.Dropped+f.Report.Warnings > 0 {
		t.Fatalf("%d leases; %v", len(f.Leases), f.Report.Problems)
	}
	if l := f.Leases[299]; l.State != lease.Active || l.IP.String() != "10.1.1.43" || l.HW != "\x01\x02\x03\x00\x00\x01\x2b" {
		t.Errorf("%+v", l)
	}
}
