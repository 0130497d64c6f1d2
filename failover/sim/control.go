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
		for _, p := range candidates(r, seed) {
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

// extremes are tales for rules that no drawn life needs: of a disk that lies,
// and of a dhcpd that comes back while the link is slow.
var extremes = map[failover.Rule]func(t *tale){
	// A box that is cut off is reset again and again, and its disk forgets
	// every time what it gave since.
	failover.RuleR10: func(t *tale) {
		at, box := t.begin(), t.r.IntN(2)
		t.p.MCLT, t.p.Lease, t.p.Bound, t.p.Authority = 240, 480, 0, 0
		t.add(diskLies, box, at, 0)
		t.add("link", 0, at+1, 8*t.m)
		t.add("storm", box, at+5, 0)
		for i := range 4 {
			t.p.Clients = append(t.p.Clients, ClientSpec{N: 100 + i, Kind: Steady, From: at + t.r.IntN(240)})
		}
	},
	// A survivor beside a dhcpd gives many addresses in the moment in which
	// the dhcpd has recovered.
	failover.RuleDrain: func(t *tale) {
		t.p.Promise = []Promise{ISC, ISCPrimary}[t.r.IntN(2)]
		t.p.Pool, t.p.Bound, t.p.Authority = 40, 0, 0
		at, box := t.begin(), 1
		if t.p.Promise == ISCPrimary {
			box = 0
		}
		off := 4*t.m + t.r.IntN(t.m)
		t.add("power", box, at, off)
		t.add("declare", 1-box, at+20, 0)
		t.add("link-slow", 0, at+30, 8*t.m)
		back := at + off + 20 + t.r.IntN(40)
		for i := range 50 {
			s := ClientSpec{N: 100 + i, Kind: Steady, From: at + off + t.r.IntN(10)} // has the survivor's half
			switch {
			case i >= 40: // new, for whoever serves
				s.From = back + 4 + t.r.IntN(6)
			case i >= 20: // takes what was the dhcpd's
				s.From = back + t.r.IntN(3)
			}
			t.p.Clients = append(t.p.Clients, s)
		}
	},
}

// candidates are the plans of a seed for a rule: one that is drawn and one for
// each tale, unless the rule has a tale of its own.
func candidates(r failover.Rule, seed uint64) []*Plan {
	if told := extremes[r]; told != nil {
		return []*Plan{tell(told, seed)}
	}
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
