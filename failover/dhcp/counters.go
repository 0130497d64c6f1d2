package dhcp

import "tandem/failover/lease"

// counter numbers the figures of a Responder.
type counter int

// The first ten are in the order of Kind.
const (
	cDiscover counter = iota
	cSelecting
	cInitReboot
	cRenewing
	cRebinding
	cDecline
	cRelease
	cInform
	cBOOTP
	cLeaseQuery
	cMalformed
	cOffer
	cACK
	cNAK
	cInformACK
	cBOOTPReply
	cLeaseQueryReply
	cReused
	cChanged
	cUnknownSegment
	cUnknownLease
	cNoFree
	cNotServed
	cNotOurs
	cRefused
	cNotCertain
	cLimit
	cAbandoned
	cReclaimed
	cReleased
	cEnded
	cProbe
	cProbeInUse
	cProbeLate
	cOfferLapsed
	cOfferEvicted
	cOfferRetracted
	cOptionsDropped
	cProfileEvicted
	counterCount
)

var counterNames = [counterCount]string{
	cDiscover:        "dhcp.discover",
	cSelecting:       "dhcp.request.selecting",
	cInitReboot:      "dhcp.request.init-reboot",
	cRenewing:        "dhcp.request.renewing",
	cRebinding:       "dhcp.request.rebinding",
	cDecline:         "dhcp.decline",
	cRelease:         "dhcp.release",
	cInform:          "dhcp.inform",
	cBOOTP:           "dhcp.bootp",
	cLeaseQuery:      "dhcp.leasequery",
	cMalformed:       "dhcp.malformed",
	cOffer:           "dhcp.offer",
	cACK:             "dhcp.ack",
	cNAK:             "dhcp.nak",
	cInformACK:       "dhcp.inform.ack",
	cBOOTPReply:      "dhcp.bootp.reply",
	cLeaseQueryReply: "dhcp.leasequery.reply",
	cReused:          "dhcp.lease.reused",
	cChanged:         "dhcp.lease.changed",
	cUnknownSegment:  "dhcp.refused.unknown-segment",
	cUnknownLease:    "dhcp.refused.unknown-lease",
	cNoFree:          "dhcp.refused.no-free-lease",
	cNotServed:       "dhcp.refused.partner",
	cNotOurs:         "dhcp.refused.other-server",
	cRefused:         "dhcp.refused.configuration",
	cNotCertain:      "dhcp.nak.withheld",
	cLimit:           "dhcp.refused.lease-limit",
	cAbandoned:       "dhcp.lease.abandoned",
	cReclaimed:       "dhcp.lease.reclaimed",
	cReleased:        "dhcp.lease.released",
	cEnded:           "dhcp.lease.ended",
	cProbe:           "dhcp.probe",
	cProbeInUse:      "dhcp.probe.in-use",
	cProbeLate:       "dhcp.probe.late",
	cOfferLapsed:     "dhcp.offer.lapsed",
	cOfferEvicted:    "dhcp.offer.evicted",
	cOfferRetracted:  "dhcp.offer.retracted",
	cOptionsDropped:  "dhcp.options.dropped",
	cProfileEvicted:  "dhcp.profile.evicted",
}

type counts [counterCount]uint64

// Counters calls fn with every figure since start, and with how full the
// bounded stores are, in a fixed order.
func (r *Responder) Counters(fn func(name string, value uint64)) {
	for i, name := range counterNames {
		fn(name, r.count[i])
	}
	fn("dhcp.offers", uint64(r.offers.n))
	fn("dhcp.offers.limit", maxOffers)
	fn("dhcp.profiles", uint64(len(r.profiles)))
	fn("dhcp.profiles.limit", maxProfiles)
}

// endGrace is how long after its end a lease stays bound, in seconds: records
// count in whole seconds, while the client counts from the moment at which it
// asked.
const endGrace lease.Seconds = 1

// Deadline is the monotonic moment in nanoseconds at which Tick has something
// to do, zero if never: an offer lapses or a lease ends.
func (r *Responder) Deadline() int64 {
	at := r.offers.deadline()
	if end, ok := r.table.NextEnd(); ok {
		// At least one: zero would mean never.
		mono := max(1, r.last.Mono+(int64(end.Add(endGrace))*1e9-r.last.Wall))
		if at == 0 || mono < at {
			at = mono
		}
	}
	return at
}

// Tick does what is due at now.
func (r *Responder) Tick(now lease.Now, out *Out) {
	r.last = now
	for o := r.offers.due(now.Mono); o != nil; o = r.offers.due(now.Mono) {
		r.count[cOfferLapsed]++
		r.dropOffer(o)
	}
	r.table.Ended(lease.Time(max(0, int64(now.Time())-int64(endGrace))), func(l *lease.Lease) { r.ended(now, l, out) })
}
