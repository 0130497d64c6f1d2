package sim

import (
	"flag"
	"testing"

	"tandem/failover"
)

var depth = flag.Int("sim.depth", 4, "steps of the scripts that are walked through completely")

// TestEveryScriptKeepsThePromise walks through all interleavings of the small
// world, with operators who may be wrong (strict, auto) and one who is right.
func TestEveryScriptKeepsThePromise(t *testing.T) {
	d := *depth
	if testing.Short() {
		d = min(d, 3)
	}
	for _, promise := range []Promise{Strict, Auto, Standard} {
		n, err := Exhaust(d, promise)
		if err != nil {
			t.Errorf("%s: %v", promise, err)
		}
		t.Logf("%s: %d scripts of %d steps", promise, n, d)
	}
}

// TestScriptsCanFail: the same world shows the hazard when nothing but the
// draft is kept to.
func TestScriptsCanFail(t *testing.T) {
	hazard := Script{2, 3, 0, 6, 5, 6, 1, 2, 6}
	if v := RunScript(hazard, Standard, failover.AllRules, false).Violation; v == nil || v.Promise != "I1" {
		t.Errorf("%v: with the draft alone: %v", hazard, v)
	}
	if v := RunScript(hazard, Standard, 0, false).Violation; v != nil {
		t.Errorf("%v: with the rules: %v", hazard, v)
	}
}
