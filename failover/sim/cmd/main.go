// sim lives many lives of a pair and prints what was visited.
//
//	sim -for 10m             fresh seeds for ten minutes, on every core
//	sim -n 1000 -first 1     these seeds
//	sim -seed 77 [-shrink]   one seed, as a story
//	sim -plan FILE           a kept plan, as a story
//	sim -depth 5             every script of so many steps of the small world
//	sim -controls DIR        look for a life that needs each rule, and keep it there
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"tandem/failover/sim"
)

// garbage is the collector's pace: lives are short and leave much behind.
const garbage = 800

func main() {
	seed := flag.Uint64("seed", 0, "the one seed to live, as a story")
	plan := flag.String("plan", "", "a file with a plan to live, as a story")
	shrink := flag.Bool("shrink", false, "with -seed or -plan: shrink it first")
	n := flag.Uint64("n", 0, "how many seeds; 0 for as many as there is time for")
	first := flag.Uint64("first", uint64(time.Now().UnixNano()), "the first of them")
	d := flag.Duration("for", time.Minute, "how long to go on")
	workers := flag.Int("workers", runtime.NumCPU(), "lives at the same time")
	controls := flag.String("controls", "", "directory for lives that need a rule")
	rule := flag.String("rule", "", "with -controls: this rule alone")
	depth := flag.Int("depth", 0, "walk through every script of so many steps of the small world")
	flag.Parse()
	debug.SetGCPercent(garbage)
	switch {
	case *depth != 0:
		exhaust(*depth)
	case *seed != 0:
		story(sim.Draw(*seed), *shrink)
	case *plan != "":
		p, err := sim.Load(*plan)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		story(p, *shrink)
	case *controls != "":
		findControls(*controls, *rule, *first, *n)
	default:
		if !many(*first, *n, *d, *workers) {
			os.Exit(1)
		}
	}
}

// exhaust walks through the small world.
func exhaust(depth int) {
	for _, promise := range []sim.Promise{sim.Strict, sim.Auto, sim.Standard} {
		n, err := sim.Exhaust(depth, promise)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Printf("%s: all %d scripts of %d steps keep the promise\n", promise, n, depth)
	}
}

// story prints one life.
func story(p *sim.Plan, shrink bool) {
	if shrink {
		p = sim.Shrink(p, 3000)
	}
	text, err := json.Marshal(p)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	r := sim.Run(p, true)
	fmt.Printf("%s\n%s\n", text, strings.Join(r.Story, "\n"))
}

// many lives seeds and prints those that break a promise, and the coverage.
func many(first, n uint64, d time.Duration, workers int) bool {
	start := time.Now()
	sum := sim.Many(first, n, d, workers, func(seed uint64, v *sim.Violation) {
		fmt.Printf("seed %d: %v\n", seed, v)
	})
	sum.Cover.Print(os.Stdout)
	took := time.Since(start)
	fmt.Printf("%d lives, %d broke a promise; %.0f pair-hours in %v, %.0f a second and core\n", sum.Lives, sum.Broken,
		sum.Hours, took.Round(time.Second), sum.Hours/took.Seconds()/float64(workers))
	return sum.Broken == 0
}

// findControls keeps, for each rule, a life that needs it.
func findControls(dir, only string, first, n uint64) {
	for _, r := range sim.Rules() {
		if only == "" || r.String() == only {
			keep(dir, r.String(), sim.FindControl(r, first, n), n)
		}
	}
	if only == "" || only == "draft" {
		keep(dir, "draft", sim.FindDraft(first, n), n)
	}
}

func keep(dir, name string, p *sim.Plan, n uint64) {
	if p == nil {
		fmt.Printf("%-10s none of %d seeds needs it\n", name, n)
		return
	}
	if err := sim.Save(filepath.Join(dir, name+".json"), p); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	fmt.Printf("%-10s seed %d, %d faults, %d clients: %v\n", name, p.Seed, len(p.Faults), len(p.Clients), sim.Run(p, false).Violation)
}
