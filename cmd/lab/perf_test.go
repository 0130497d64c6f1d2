package main

import (
	"net/netip"
	"testing"
	"time"

	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/perf"
)

// generator is a machine on the LAN for perfdhcp.
func (l *lab) generator() *netlab.Node {
	l.Helper()
	node := must(l.net.Node("generator"))(l)
	must0(l, node.Plug(l.lan, "eth0", "10.0.0.2/16"))
	return node
}

var perfLoad = perf.Load{Interface: "eth0", Server: netip.MustParseAddr("10.0.0.1"), Seed: 1}

// No address goes to two of perfdhcp's clients, and none is refused.
func TestPerfdhcpUnique(t *testing.T) {
	l := newLab(t)
	l.serve(wide)
	load := perfLoad
	load.Clients, load.Rate, load.Period, load.Unique = 20_000_000, 400, 4*time.Second, true
	r := must(load.Run(l.generator(), patience))(t)
	if n := r.Offers.NonUnique + r.Acks.NonUnique; n > 0 {
		t.Errorf("%d addresses were given twice\n%s", n, r.Text)
	}
	if n := r.Offers.Rejected + r.Acks.Rejected; n > 0 {
		t.Errorf("%d leases were refused\n%s", n, r.Text)
	}
	// How fast is make bench's question; here the machine may have other work.
	if r.Acks.Received < 1000 {
		t.Errorf("only %d exchanges were completed\n%s", r.Acks.Received, r.Text)
	}
}

// A thousand clients that all ask at once are all served in the end.
func TestPerfdhcpAvalanche(t *testing.T) {
	l := newLab(t)
	l.serve(wide)
	load := perfLoad
	load.Clients, load.Avalanche = 1000, true
	r := must(load.Run(l.generator(), 2*patience))(t)
	if r.Acks.Received != load.Clients {
		t.Errorf("%d of %d clients were served\n%s", r.Acks.Received, load.Clients, r.Text)
	}
}
