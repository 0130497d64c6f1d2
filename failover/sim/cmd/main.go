// Sim lives many lives of a simulated pair and prints what was visited.
//
//	go run ./failover/sim/cmd -for 10m        fresh seeds for ten minutes
//	go run ./failover/sim/cmd -seed 77        one seed, as a story
//	go run ./failover/sim/cmd -help           everything else
//
// A search prints the seeds that break a promise as it finds them, and at its
// end (or when it is interrupted) the coverage and the hours that were lived.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"tandem/failover/sim"
)

// garbage is the collector's pace: lives are short and leave much behind.
const garbage = 1600

// Exit codes.
const (
	exitBroken = 1
	exitMisuse = 2
)

// help is shown before the flags.
const help = `Lives many lives of a simulated pair and prints what was visited.

  go run ./failover/sim/cmd [flags]

  -for 10m               fresh seeds for ten minutes, on every core
  -first 1 -n 1000       these seeds
  -seed 77               one seed, as a story
  -seed 77 -shrink       the same, with as few faults and clients as break it
  -plan FILE             a kept plan, as a story
  -depth 5               every script of so many steps of the small world
  -controls DIR -rule R3 -first 1 -n 500
                         look in these seeds for a life that needs rule R3,
                         and keep it in DIR; without -rule for every rule

Exit status: 0 every promise held; 1 one broke, something was reached that is
declared impossible, or a rule has no life that needs it; 2 called wrongly, or
a file could not be read or written.

`

// choices are the flags.
type choices struct {
	seed, first, n uint64
	plan, controls string
	rule           string
	shrink         bool
	length         time.Duration
	workers, depth int
}

func main() {
	c := choices{}
	flag.Uint64Var(&c.seed, "seed", 0, "the one `seed` to live, as a story")
	flag.StringVar(&c.plan, "plan", "", "a `file` with a plan to live, as a story")
	flag.BoolVar(&c.shrink, "shrink", false, "with -seed or -plan: shrink it first")
	flag.Uint64Var(&c.n, "n", 0, "how many `seeds`; 0 for as many as -for allows")
	flag.Uint64Var(&c.first, "first", 0, "the first `seed`; 0 for one made of the time")
	flag.DurationVar(&c.length, "for", time.Minute, "how long to go on, without -n")
	flag.IntVar(&c.workers, "workers", runtime.NumCPU(), "`lives` at the same time")
	flag.StringVar(&c.controls, "controls", "", "`directory` for lives that need a rule")
	flag.StringVar(&c.rule, "rule", "", "with -controls: this rule alone")
	flag.IntVar(&c.depth, "depth", 0, "walk through every script of so many `steps`")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), help)
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := c.check(flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "sim:", err, "(-help shows examples)")
		os.Exit(exitMisuse)
	}
	debug.SetGCPercent(garbage)
	if !c.do() {
		os.Exit(exitBroken)
	}
}

// check gives what is wrong with the flags.
func (c *choices) check(args []string) error {
	modes := 0
	for _, set := range []bool{c.seed != 0, c.plan != "", c.controls != "", c.depth != 0} {
		if set {
			modes++
		}
	}
	switch {
	case len(args) > 0:
		return fmt.Errorf("%q is no flag", args[0])
	case modes > 1:
		return fmt.Errorf("only one of -seed, -plan, -controls and -depth at a time")
	case c.shrink && c.seed == 0 && c.plan == "":
		return fmt.Errorf("-shrink wants -seed or -plan")
	case c.rule != "" && c.controls == "":
		return fmt.Errorf("-rule wants -controls")
	case c.rule != "" && !slices.Contains(ruleNames(), c.rule):
		return fmt.Errorf("there is no rule %q; there are %s", c.rule, strings.Join(ruleNames(), ", "))
	case c.controls != "" && c.n == 0:
		return fmt.Errorf("-controls wants -n, the number of seeds to look through")
	case c.workers < 1 || c.depth < 0:
		return fmt.Errorf("-workers and -depth must be positive")
	}
	if c.first == 0 {
		c.first = uint64(time.Now().UnixNano())
	}
	return nil
}

// draftLife is what the control of all rules together is called.
const draftLife = "draft"

func ruleNames() []string {
	var names []string
	for _, r := range sim.Rules() {
		names = append(names, r.String())
	}
	return append(names, draftLife)
}

// do tells whether every promise held.
func (c *choices) do() bool {
	switch {
	case c.depth != 0:
		return exhaust(c.depth)
	case c.seed != 0:
		return story(sim.Draw(c.seed), c.shrink)
	case c.plan != "":
		p, err := sim.Load(c.plan)
		if err != nil {
			fail(err)
		}
		return story(p, c.shrink)
	case c.controls != "":
		return findControls(c)
	}
	return search(c)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "sim:", err)
	os.Exit(exitMisuse)
}

// exhaust walks through the small world.
func exhaust(depth int) bool {
	for _, promise := range []sim.Promise{sim.Strict, sim.Auto, sim.Standard} {
		n, err := sim.Exhaust(depth, promise)
		if err != nil {
			sim.Paragraph(os.Stdout, err.Error())
			return false
		}
		fmt.Printf("%s: all %d scripts of %d steps keep the promise\n", promise, n, depth)
	}
	return true
}

// story prints one life.
func story(p *sim.Plan, shrink bool) bool {
	if shrink {
		p = sim.Shrink(p, 3000)
	}
	text, err := json.Marshal(p)
	if err != nil {
		fail(err)
	}
	r := sim.Run(p, true)
	fmt.Printf("%s\n%s\n", text, strings.Join(r.Story, "\n"))
	return r.Violation == nil
}

// findControls keeps, for each rule, a life that needs it.
func findControls(c *choices) bool {
	all := true
	for _, r := range sim.Rules() {
		if c.rule == "" || r.String() == c.rule {
			all = keep(c, r.String(), sim.FindControl(r, c.first, c.n)) && all
		}
	}
	if c.rule == "" || c.rule == draftLife {
		all = keep(c, draftLife, sim.FindDraft(c.first, c.n)) && all
	}
	return all
}

func keep(c *choices, name string, p *sim.Plan) bool {
	if p == nil {
		fmt.Printf("%-10s none of %d seeds needs it\n", name, c.n)
		return false
	}
	if err := sim.Save(filepath.Join(c.controls, name+".json"), p); err != nil {
		fail(err)
	}
	text := fmt.Sprintf("%-10s seed %d, %d faults, %d clients: %v", name, p.Seed, len(p.Faults), len(p.Clients), sim.Run(p, false).Violation)
	sim.Paragraph(os.Stdout, text)
	return true
}
