package sim

import "slices"

// Shrink gives the smallest plan that it finds which breaks the same promise:
// fewer faults, fewer clients, a shorter life. It looks at no more than tries
// plans.
func Shrink(p *Plan, tries int) *Plan {
	first := Run(p, false).Violation
	if first == nil {
		return p
	}
	return shrink(p, tries, func(c *Plan) bool {
		v := Run(c, false).Violation
		return v != nil && v.Promise == first.Promise
	})
}

// shrink gives the smallest plan that it finds for which holds is true.
func shrink(p *Plan, tries int, holds func(*Plan) bool) *Plan {
	s := &shrinker{best: clonePlan(p), holds: holds, left: tries}
	for again := true; again && s.left > 0; {
		again = s.cutFaults()
		again = s.cutClients() || again
		again = s.shorten() || again
		again = s.simplify() || again
	}
	return s.best
}

type shrinker struct {
	best  *Plan
	holds func(*Plan) bool
	left  int
}

func clonePlan(p *Plan) *Plan {
	c := *p
	c.Clients, c.Faults = slices.Clone(p.Clients), slices.Clone(p.Faults)
	return &c
}

// try keeps a candidate that still does it.
func (s *shrinker) try(c *Plan) bool {
	if s.left--; s.left < 0 || !s.holds(c) {
		return false
	}
	s.best = c
	return true
}

// cutFaults leaves out faults, many at a time at first.
func (s *shrinker) cutFaults() (better bool) {
	for n := max(1, len(s.best.Faults)/2); n >= 1; n /= 2 {
		for at := 0; at+n <= len(s.best.Faults); {
			c := clonePlan(s.best)
			c.Faults = slices.Delete(c.Faults, at, at+n)
			if s.try(c) {
				better = true
				continue
			}
			at += n
		}
	}
	return better
}

func (s *shrinker) cutClients() (better bool) {
	for at := 0; at < len(s.best.Clients); {
		c := clonePlan(s.best)
		c.Clients = slices.Delete(c.Clients, at, at+1)
		if s.try(c) {
			better = true
			continue
		}
		at++
	}
	return better
}

// shorten ends the life right after the promise was broken.
func (s *shrinker) shorten() bool {
	v := Run(s.best, false).Violation
	c := clonePlan(s.best)
	if v == nil {
		return false
	}
	if c.Seconds = int(v.At/1e9) + 1; c.Seconds >= s.best.Seconds {
		return false
	}
	return s.try(c)
}

// simplify takes out what is not needed of the setting.
func (s *shrinker) simplify() (better bool) {
	for _, edit := range []func(*Plan){
		func(p *Plan) { p.Bound = 0 },
		func(p *Plan) { p.Far = 0 },
		func(p *Plan) { p.Watchdog = 0 },
		func(p *Plan) { p.Authority = 0 },
		func(p *Plan) { p.Beats, p.Gateway = "", false },
		func(p *Plan) { p.Gateway = false },
		func(p *Plan) {
			for i := range p.Clients {
				p.Clients[i].Kind, p.Clients[i].UID = "", ""
			}
		},
	} {
		c := clonePlan(s.best)
		edit(c)
		if !equalPlans(c, s.best) && s.try(c) {
			better = true
		}
	}
	return better
}

func equalPlans(a, b *Plan) bool {
	return a.Bound == b.Bound && a.Far == b.Far && a.Watchdog == b.Watchdog && a.Authority == b.Authority &&
		a.Beats == b.Beats && a.Gateway == b.Gateway &&
		slices.Equal(a.Clients, b.Clients)
}
