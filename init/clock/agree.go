// Package clock is the time gate: nothing is served before the time of day is
// known from servers that agree, and service stops when it can no longer be
// trusted. The agreement over samples and the gate are pure; asking servers,
// steering the kernel's clock and the RTC are at the rim.
package clock

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Sample is one answer of one time server.
type Sample struct {
	Server string
	// Offset is what must be added to the local clock to get the server's.
	Offset time.Duration
	// Distance is the root distance: the true time lies within Offset plus
	// or minus Distance if the server does not lie (RFC 5905 section 11.2).
	Distance time.Duration
	Stratum  uint8
	// Err is set if the server did not answer or its answer was not usable.
	Err error
}

// Agreement is what the majority of the servers say.
type Agreement struct {
	// Offset is the middle of the interval that the agreeing servers share;
	// the true offset is within Bound of it.
	Offset, Bound time.Duration
	True, False   []string // servers that agree, and falsetickers
	Silent        []string // servers without a usable answer
}

// Need is how many servers must agree.
type Need struct {
	// AllowSingle lets one server do where only one is configured.
	AllowSingle bool
}

// maxDistance is the largest root distance at which an answer says anything
// (MAXDIST of RFC 5905 section 11.2.1 is 1.5 s).
const maxDistance = 1500 * time.Millisecond

// Agree finds the largest set of servers whose intervals share a moment
// (the intersection algorithm, RFC 5905 section 11.2.1, in Marzullo's form).
// They must be a majority of those that answered and at least two, unless one
// is allowed and only one is configured.
func Agree(samples []Sample, need Need) (Agreement, error) {
	a, usable := sift(samples)
	switch {
	case len(usable) == 0:
		return a, fmt.Errorf("no time server answers (%s)", strings.Join(a.Silent, ", "))
	case len(samples) == 1 && !need.AllowSingle:
		return a, fmt.Errorf("only one time server is configured (%s); name at least three, or allow a single one", samples[0].Server)
	case len(samples) > 1 && len(usable) == 1:
		return a, fmt.Errorf("only %s answers, nobody confirms it; silent: %s", usable[0].Server, strings.Join(a.Silent, ", "))
	}
	low, high, votes := intersect(usable)
	if len(usable) > 1 && (votes < 2 || 2*votes <= len(usable)) {
		return a, fmt.Errorf("time servers disagree: %s", tell(usable))
	}
	for _, s := range usable {
		if s.Offset-s.Distance <= low && high <= s.Offset+s.Distance {
			a.True = append(a.True, s.Server)
		} else {
			a.False = append(a.False, s.Server)
		}
	}
	a.Offset = low + (high-low)/2
	a.Bound = high - a.Offset
	return a, nil
}

// sift parts the samples that can vote from the rest.
func sift(samples []Sample) (Agreement, []Sample) {
	var a Agreement
	var usable []Sample
	for _, s := range samples {
		if s.Err != nil || s.Distance > maxDistance || s.Distance < 0 {
			a.Silent = append(a.Silent, s.Server)
			continue
		}
		usable = append(usable, s)
	}
	return a, usable
}

// intersect gives the interval that the most samples cover, and how many do.
func intersect(samples []Sample) (low, high time.Duration, votes int) {
	type edge struct {
		at   time.Duration
		step int // +1 an interval begins, -1 it ends
	}
	edges := make([]edge, 0, 2*len(samples))
	for _, s := range samples {
		edges = append(edges, edge{s.Offset - s.Distance, 1}, edge{s.Offset + s.Distance, -1})
	}
	// Where one interval ends at the moment another begins they still touch.
	slices.SortFunc(edges, func(a, b edge) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(b.step, a.step))
	})
	inside := 0
	for i, e := range edges {
		inside += e.step
		if e.step > 0 && inside > votes {
			votes = inside
			low, high = e.at, edges[i+1].at
		}
	}
	return low, high, votes
}

func tell(samples []Sample) string {
	var parts []string
	for _, s := range samples {
		parts = append(parts, fmt.Sprintf("%s %+.3fs±%.3fs", s.Server, s.Offset.Seconds(), s.Distance.Seconds()))
	}
	return strings.Join(parts, ", ")
}
