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

// Search lives many seeds, some at the same time.
type Search struct {
	// First is the first seed, N how many; with N zero as many as For allows.
	First, N uint64
	For      time.Duration
	Workers  int
	// Broken, if not nil, is called for each life that breaks a promise.
	Broken func(seed uint64, v *Violation)
	// Lived, if not nil, is called after each life; false ends the search.
	Lived func(*Sum) bool
}

// Many lives n seeds from first on, or with n zero as many as d allows.
func Many(first, n uint64, d time.Duration, workers int, broken func(seed uint64, v *Violation)) Sum {
	return Search{First: first, N: n, For: d, Workers: workers, Broken: broken}.Run()
}

// Run lives them all.
func (s Search) Run() Sum {
	sum := Sum{Cover: newCoverage()}
	next, end, over := s.First, time.Now().Add(s.For), false
	var mu sync.Mutex
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		if over || s.N != 0 && next == s.First+s.N || s.N == 0 && time.Now().After(end) {
			return 0, false
		}
		next++
		return next - 1, true
	}
	lived := func(seed uint64, r Result) {
		mu.Lock()
		defer mu.Unlock()
		sum.take(r)
		if r.Violation != nil && s.Broken != nil {
			s.Broken(seed, r.Violation)
		}
		if s.Lived != nil && !s.Lived(&sum) {
			over = true
		}
	}
	var wg sync.WaitGroup
	for range max(s.Workers, 1) {
		wg.Go(func() {
			for seed, ok := take(); ok; seed, ok = take() {
				lived(seed, Run(Draw(seed), false))
			}
		})
	}
	wg.Wait()
	return sum
}

// take adds one life.
func (sum *Sum) take(r Result) {
	sum.Lives++
	sum.Hours += r.Hours
	sum.Cover.Add(r.Cover)
	if r.Violation != nil {
		sum.Broken++
	}
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
