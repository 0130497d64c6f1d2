package sim

import (
	"path/filepath"
	"slices"
	"testing"
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
	for _, promise := range []Promise{ISC, ISCPrimary} {
		for seed := range n {
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

// TestDhcpdPairHasTheHazard: one of two dhcpds stops, the other is put into
// partner-down, and the first one comes back alone. With a Tandem in its
// place no address gets two clients.
func TestDhcpdPairHasTheHazard(t *testing.T) {
	p, err := Load(filepath.Join("testdata", "controls", "draft.json"))
	if err != nil {
		t.Fatal(err)
	}
	p.Without, p.Promise = 0, ISCPair
	if v := Run(p, false).Violation; v == nil || v.Promise != "I1" {
		t.Errorf("two dhcpds: %v", v)
	}
	p.Promise = ISC
	if v := Run(p, false).Violation; v != nil {
		t.Errorf("a Tandem that comes back alone: %v", v)
	}
}
