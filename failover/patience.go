package failover

import (
	"time"

	"tandem/failover/lease"
)

// Limits of the memory for clients that were left to the partner.
const (
	maxPatience    = 4096
	patienceSpan   = 60 * time.Second // after which a client counts anew
	patienceAsks   = 3                // a DISCOVER heard so often is answered
	patienceRebind = 2                // and a REQUEST
)

// patience remembers the clients that were left to the partner, so that one
// which the partner does not hear or answer is served here all the same.
// Clients exist that never count up secs.
type patience struct {
	asked map[string]asking
}

type asking struct {
	first int64 // Mono
	times int
}

// tried notes one more request of a client and tells whether it has waited
// long enough.
func (p *patience) tried(e *Endpoint, now lease.Now, q Query) bool {
	if p.asked == nil {
		p.asked = map[string]asking{}
	}
	key := string(q.Key)
	a, ok := p.asked[key]
	if !ok && len(p.asked) >= maxPatience {
		clear(p.asked)
		e.counters.PatienceFull++
	}
	if !ok || now.Mono-a.first > int64(patienceSpan) {
		a = asking{first: now.Mono}
	}
	a.times++
	p.asked[key] = a
	if q.Kind == Discover || q.Kind == BOOTP {
		return a.times > patienceAsks
	}
	return a.times > patienceRebind
}

// forget ends the wait of a client that the partner has served.
func (p *patience) forget(l *lease.Lease) {
	if l.State != lease.Active || len(p.asked) == 0 {
		return
	}
	if l.UID != "" {
		delete(p.asked, l.UID)
	} else if l.HW != "" {
		delete(p.asked, l.HW[1:])
	}
}
