package sim

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Print writes the counts within 80 columns: for each state which inputs it
// met in which posture, the rules at work, what was done to the boxes, and
// what was never reached.
func (c *Coverage) Print(out io.Writer) {
	fmt.Fprintln(out, "Inputs by the state and posture in which they were handled.")
	fmt.Fprintln(out, "  .  never seen, although it could be     -  cannot be")
	for s := range states {
		c.printState(out, s)
	}
	c.printPlaces(out)
	c.printFaults(out)
	for _, what := range deeds {
		fmt.Fprintf(out, "%8d %s\n", c.deeds[what], what)
	}
	fmt.Fprintf(out, "\n%d clients without an address for a minute, each told why\n", c.Refused)
	fmt.Fprintf(out, "%d lives with both boxes declared the survivor\n", c.Excused)
	c.printNever(out)
}

// printState writes the block of one state.
func (c *Coverage) printState(out io.Writer, s int) {
	fmt.Fprintf(out, "\n%-28s", strings.ToUpper(states[s].String()))
	for _, p := range postures {
		fmt.Fprintf(out, "%12s", p)
	}
	fmt.Fprintln(out)
	for h := range happenings {
		if c.met(s, h) == 0 && whyNotMet(states[s], h) != "" {
			continue
		}
		fmt.Fprintf(out, "  %-26s", h)
		for p, posture := range postures {
			switch n := c.visits[s][h][p]; {
			case n > 0:
				fmt.Fprintf(out, "%12d", n)
			case whyNotPosture(states[s], posture) != "":
				fmt.Fprintf(out, "%12s", "-")
			default:
				fmt.Fprintf(out, "%12s", ".")
			}
		}
		fmt.Fprintln(out)
	}
}

// printPlaces writes how often each place was come to, by the rule that set
// the posture.
func (c *Coverage) printPlaces(out io.Writer) {
	fmt.Fprintf(out, "\n%-28s%12s  %-14s%12s\n", "STATE", "POSTURE", "BY", "COME TO")
	keys := slices.SortedFunc(maps.Keys(c.places), func(a, b place) int {
		return cmp.Or(cmp.Compare(stateAt[a.State], stateAt[b.State]), cmp.Compare(a.Posture, b.Posture), strings.Compare(a.Rule, b.Rule))
	})
	for _, k := range keys {
		fmt.Fprintf(out, "%-28s%12s  %-14s%12d\n", k.State, k.Posture, k.Rule, c.places[k])
	}
}

// printFaults writes what was done, three in a line.
func (c *Coverage) printFaults(out io.Writer) {
	fmt.Fprint(out, "\nFAULTS AND ORDERS")
	for i, what := range drawn() {
		if i%3 == 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%-17s%8d ", what, c.faults[what])
	}
	fmt.Fprintln(out)
}

// printNever writes what was never reached: what cannot be, with the reason,
// and what could.
func (c *Coverage) printNever(out io.Writer) {
	fmt.Fprintln(out, "\nNEVER REACHED, AND CANNOT BE")
	for _, x := range cannotStand {
		Paragraph(out, x.String())
	}
	for _, x := range cannotMeet {
		Paragraph(out, x.String())
	}
	fmt.Fprintln(out, "\nNEVER REACHED, ALTHOUGH IT COULD BE")
	never := c.Never()
	if len(never) == 0 {
		fmt.Fprintln(out, "  nothing")
	}
	for len(never) > 0 {
		of, what := never[0].Of, []string(nil)
		for len(never) > 0 && never[0].Of == of {
			what, never = append(what, never[0].What), never[1:]
		}
		Paragraph(out, of+": "+strings.Join(what, ", "))
	}
	for _, what := range c.Impossible() {
		fmt.Fprintln(out, "** reached, although it is declared impossible: "+what)
	}
}

// Paragraph writes text in lines of less than 80 columns.
func Paragraph(out io.Writer, text string) {
	line := "  "
	for _, w := range strings.Fields(text) {
		if len(line)+len(w) > 78 {
			fmt.Fprintln(out, strings.TrimRight(line, " "))
			line = "    "
		}
		line += w + " "
	}
	fmt.Fprintln(out, strings.TrimRight(line, " "))
}
