package sim

import (
	"slices"

	"tandem/failover"
)

// Rules lists every rule that has a switch.
func Rules() []failover.Rule {
	var list []failover.Rule
	for r := failover.Rule(1); r&failover.AllRules != 0; r <<= 1 {
		list = append(list, r)
	}
	return list
}

// breaks tells whether a life breaks one of the promises that rules keep.
func breaks(p *Plan) bool {
	v := Run(p, false).Violation
	return v != nil && slices.Contains([]string{"I1", "I3", "lease lost"}, v.Promise)
}

// NeedsRule tells whether a plan shows what the rules that it switches off
// are for: with them the promise holds, without them it does not.
func NeedsRule(p *Plan) bool {
	if !breaks(p) {
		return false
	}
	with := clonePlan(p)
	with.Without = 0
	return Run(with, false).Violation == nil
}

// FindControl looks through seeds for a life that needs the rule, and shrinks
// it; nil if there is none among them. Lives in which an address gets two
// clients are preferred.
func FindControl(r failover.Rule, first, n uint64) *Plan {
	var other *Plan
	for seed := first; seed < first+n; seed++ {
		for _, p := range candidates(seed) {
			p.Without = r
			if !NeedsRule(p) {
				continue
			}
			if Run(p, false).Violation.Promise == "I1" {
				return shrink(p, 1500, func(c *Plan) bool { return NeedsRule(c) && Run(c, false).Violation.Promise == "I1" })
			}
			if other == nil {
				other = p
			}
		}
	}
	if other == nil {
		return nil
	}
	return shrink(other, 1500, NeedsRule)
}

// candidates are the plans of a seed: one that is drawn and one for each tale.
func candidates(seed uint64) []*Plan {
	list := []*Plan{Draw(seed)}
	for _, name := range Tales() {
		list = append(list, Tell(name, seed))
	}
	return list
}

// FindDraft looks for a life in which two servers that keep to the draft
// alone, serving 15 s after a lone restart, give one address to two clients,
// and two Tandem boxes do not.
func FindDraft(first, n uint64) *Plan {
	for seed := first; seed < first+n; seed++ {
		p := Tell("lonely", seed)
		p.Promise, p.Without = Standard, failover.AllRules
		hazard := func(c *Plan) bool { return NeedsRule(c) && Run(c, false).Violation.Promise == "I1" }
		if hazard(p) {
			return shrink(p, 1500, hazard)
		}
	}
	return nil
}
