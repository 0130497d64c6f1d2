// sim lives many lives of a pair and prints what was visited.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"tandem/failover/sim"
)

func main() {
	seed := flag.Uint64("seed", 0, "the one seed to live, with its story")
	n := flag.Uint64("n", 100, "how many seeds")
	first := flag.Uint64("first", 1, "the first of them")
	shrink := flag.Bool("shrink", false, "with -seed: shrink the plan first")
	flag.Parse()
	if *seed != 0 {
		p := sim.Draw(*seed)
		if *shrink {
			p = sim.Shrink(p, 2000)
		}
		r := sim.Run(p, true)
		text, _ := json.Marshal(p)
		fmt.Println(string(text))
		fmt.Println(strings.Join(r.Story, "\n"))
		return
	}
	start, hours, bad := time.Now(), 0.0, 0
	kinds := map[string]int{}
	for s := *first; s < *first+*n; s++ {
		r := sim.Run(sim.Draw(s), false)
		hours += r.Hours
		if r.Violation != nil {
			bad++
			kinds[r.Violation.Promise]++
			fmt.Fprintf(os.Stdout, "seed %d: %v\n", s, r.Violation)
		}
	}
	d := time.Since(start)
	fmt.Println(kinds)
	fmt.Printf("%d seeds, %d bad, %.1f pair-hours in %v: %.1f hours a second\n", *n, bad, hours, d, hours/d.Seconds())
}
