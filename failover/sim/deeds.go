package sim

import (
	"strings"

	"tandem/failover/lease"
)

// What boxes do for reasons that neither a state nor a posture shows.
const (
	deedByTime     = "automatic partner-down of the survivor"
	deedByEvidence = "automatic partner-down of the other box, by evidence"
	deedResumed    = "PARTNER-DOWN resumed after a restart, nothing heard on any path"
	deedBeating    = "PARTNER-DOWN resumed after a restart, the partner's machine heard"
	deedRefused    = "partner-down refused because of heartbeats"
)

var deeds = []string{deedByTime, deedByEvidence, deedResumed, deedBeating, deedRefused}

// did counts what entering a state out of another one means.
func (b *Box) did(from, to lease.ServerState, connected bool) {
	if b.isDhcpd() || to != lease.PartnerDown || connected {
		return
	}
	beating := b.w.now-b.beatAt < Moment(factsStale)
	switch {
	case from == lease.Startup && beating:
		b.w.Cover.deeds[deedBeating]++
	case from == lease.Startup:
		b.w.Cover.deeds[deedResumed]++
	case from != lease.CommunicationsInterrupt || b.declared || b.w.plan.Promise != Auto:
	case b.i == 0:
		b.w.Cover.deeds[deedByTime]++
	default:
		b.w.Cover.deeds[deedByEvidence]++
		if b.misled = 0; b.partner().powered {
			b.misled = b.w.now
		}
	}
}

// wasRefused counts why an operator may not declare the partner down.
func (c *Coverage) wasRefused(why string) {
	if strings.Contains(why, "on another path") {
		c.deeds[deedRefused]++
	}
}
