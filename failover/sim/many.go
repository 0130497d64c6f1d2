package sim

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"
)

// Sum is what came of many lives.
type Sum struct {
	Lives, Broken uint64
	// Hours of true time that pairs lived.
	Hours float64
	Cover *Coverage
}

// Many lives n seeds from first on, or with n zero as many as d allows, some
// at the same time. broken is called for each that breaks a promise.
func Many(first, n uint64, d time.Duration, workers int, broken func(seed uint64, v *Violation)) Sum {
	sum := Sum{Cover: newCoverage()}
	next, end := first, time.Now().Add(d)
	var mu sync.Mutex
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		if n != 0 && next == first+n || n == 0 && time.Now().After(end) {
			return 0, false
		}
		next++
		return next - 1, true
	}
	var wg sync.WaitGroup
	for range max(workers, 1) {
		wg.Go(func() {
			for seed, ok := take(); ok; seed, ok = take() {
				r := Run(Draw(seed), false)
				mu.Lock()
				sum.Lives++
				sum.Hours += r.Hours
				sum.Cover.Add(r.Cover)
				if r.Violation != nil {
					sum.Broken++
					broken(seed, r.Violation)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return sum
}

// Load reads a kept plan.
func Load(name string) (*Plan, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	p := &Plan{}
	if err := json.Unmarshal(raw, p); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// Save keeps a plan.
func Save(name string, p *Plan) error {
	raw, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(raw, '\n'), 0o644)
}
