package sim

import (
	"bytes"
	"strings"
	"testing"
)

// TestEveryPlaceIsVisited keeps the simulation honest: every state in every
// posture, every rule and every fault that is not declared impossible is come
// to, and nothing that is.
func TestEveryPlaceIsVisited(t *testing.T) {
	n := uint64(600)
	if testing.Short() {
		n = 150
	}
	sum := Many(1, n, 0, 2, func(seed uint64, v *Violation) { t.Errorf("seed %d: %v", seed, v) })
	if list := sum.Cover.Impossible(); len(list) > 0 {
		t.Errorf("visited, although declared impossible: %v", list)
	}
	if sum.Cover.Refused == 0 || sum.Cover.Excused == 0 {
		t.Errorf("%d clients refused, %d lives excused: the world is too kind", sum.Cover.Refused, sum.Cover.Excused)
	}
}

// TestCoverageFitsTheScreen: no line of the report is longer than 79 columns.
func TestCoverageFitsTheScreen(t *testing.T) {
	var out bytes.Buffer
	Run(Draw(1), false).Cover.Print(&out)
	for _, line := range strings.Split(out.String(), "\n") {
		if len(line) > 79 {
			t.Errorf("%d columns: %q", len(line), line)
		}
	}
}
