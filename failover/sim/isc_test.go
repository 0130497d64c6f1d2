package sim

import (
	"flag"
	"path/filepath"
	"slices"
	"testing"
)

var (
	besideMany = flag.Uint64("sim.isc", 0, "how many lives beside a dhcpd, in each place; 0 for a few")
	besideFrom = flag.Uint64("sim.iscfrom", 0, "first of their seeds")
)

// besideDhcpd makes a life beside a dhcpd: nobody is declared dead, no disk is
// lost and no clock is wrong, since dhcpd has no means against any of these.
func besideDhcpd(seed uint64, promise Promise) *Plan {
	p := Draw(seed)
	p.Promise, p.Bound = promise, 0
	hopeless := []string{"declare", "removed", "restore", "restore-silently", "disk-lost"}
	p.Faults = slices.DeleteFunc(p.Faults, func(f Fault) bool { return slices.Contains(hopeless, f.What) })
	return p
}

// TestNothingHarmsDhcpd: no message and no state of ours makes dhcpd exit or
// shut itself down, whatever happens; and where nobody lies to it no address
// gets two clients.
func TestNothingHarmsDhcpd(t *testing.T) {
	n := uint64(120)
	if testing.Short() {
		n = 30
	}
	if *besideMany != 0 {
		n = *besideMany
	}
	for _, promise := range []Promise{ISC, ISCPrimary} {
		for seed := *besideFrom; seed < *besideFrom+n; seed++ {
			if v := Run(besideDhcpd(seed, promise), false).Violation; v != nil {
				t.Errorf("%s, seed %d: %v", promise, seed, v)
			}
			p := Draw(seed)
			p.Promise = promise
			if v := Run(p, false).Violation; v != nil && (v.Promise == "fatal" || v.Promise == "wire") {
				t.Errorf("%s, seed %d, with lies: %v", promise, seed, v)
			}
		}
	}
}

// TestDhcpdPairHasTheHazard: one of two dhcpds stops, the other one takes over
// and stops, and the first one comes back alone. With a Tandem in the place of
// either no address gets two clients.
func TestDhcpdPairHasTheHazard(t *testing.T) {
	p, err := Load(filepath.Join("testdata", "dhcpd", "pair.json"))
	if err != nil {
		t.Fatal(err)
	}
	if v := Run(p, false).Violation; v == nil || v.Promise != "I1" {
		t.Errorf("two dhcpds: %v", v)
	}
	for _, p.Promise = range []Promise{ISC, ISCPrimary} {
		if v := Run(p, false).Violation; v != nil {
			t.Errorf("%s: %v", p.Promise, v)
		}
	}
}
