package sim

import (
	"fmt"
	"testing"
)

// TestSingleFaultsLeaveClientsServed is I4: every fault on either box, under
// every promise.
func TestSingleFaultsLeaveClientsServed(t *testing.T) {
	seeds := uint64(3)
	if testing.Short() {
		seeds = 1
	}
	for _, promise := range []Promise{Standard, Strict, Auto} {
		for i, f := range SingleFaults() {
			for box := range 2 {
				f.Box = box
				t.Run(fmt.Sprintf("%s/%s-%d-%s", promise, f.What, i, boxName(box)), func(t *testing.T) {
					for seed := range seeds {
						if v := Run(ServicePlan(seed+1, promise, f), false).Violation; v != nil {
							t.Fatalf("seed %d: %v", seed+1, v)
						}
					}
				})
			}
		}
	}
}
