package heartbeat

import "time"

// Times of the rules.
const (
	// Every is the pause between two datagrams on a path.
	Every = time.Second
	// Recent is how old a number of ours may be that proves a new run.
	Recent = 10 * time.Second
	// Silence is for how long a partner may be silent before datagrams of
	// another run are echoed in the place of its own.
	Silence = 3 * time.Second
)

// remembered is how many moments of sending are kept.
const remembered = 64

// seen is a run of the partner, as far as we heard of it.
type seen struct{ run, highest uint64 }

// Rules are one path's. Moments are nanoseconds of the clock since boot.
type Rules struct {
	path   Path
	run    uint64
	number uint64
	sent   [remembered]int64 // moment of number n at n % remembered

	partner   seen   // the run that is proven
	candidate seen   // the last run that was not
	echoed    uint64 // highest number of ours that came back
	heard     int64
	proven    int64
}

// NewRules begins a path; run is a fresh random number, not zero.
func NewRules(path Path, run uint64) *Rules { return &Rules{path: path, run: run} }

// Heard is when the partner's last sign of life came, zero if there was none.
func (r *Rules) Heard() int64 { return r.heard }

// Proven is the latest moment at which the partner is known to have still
// heard us on this path, zero if there is none.
func (r *Rules) Proven() int64 { return r.proven }

// Next gives what is to be sent now.
func (r *Rules) Next(now int64) Beat {
	r.number++
	r.sent[r.number%remembered] = now
	echo := r.partner
	if r.candidate.run != 0 && now-r.heard > int64(Silence) {
		echo = r.candidate
	}
	return Beat{Path: r.path, Run: r.run, Number: r.number, EchoRun: echo.run, EchoNumber: echo.highest}
}

// Take judges a datagram that the partner signed.
func (r *Rules) Take(now int64, b Beat) Verdict {
	sentAt, known := r.sentAt(b)
	switch {
	case b.Path != r.path:
		return WrongPath
	case b.Run == 0 || b.Number == 0:
		return Malformed
	case b.Run == r.partner.run && b.Number <= r.partner.highest:
		return Replayed
	case b.Run == r.partner.run:
	case known && b.EchoNumber <= r.echoed:
		return Replayed
	case !known || now-sentAt > int64(Recent):
		return r.unproven(b)
	default:
		r.candidate = seen{}
	}
	r.partner = seen{b.Run, b.Number}
	r.heard = now
	if known {
		r.echoed = max(r.echoed, b.EchoNumber)
		r.proven = max(r.proven, sentAt)
	}
	return Fresh
}

// unproven remembers a run so that it can be proven.
func (r *Rules) unproven(b Beat) Verdict {
	if b.Run == r.candidate.run && b.Number <= r.candidate.highest {
		return Replayed
	}
	r.candidate = seen{b.Run, b.Number}
	return Unproven
}

// sentAt is when we sent the number that b echoes; false if b echoes none of
// this run's that is still remembered.
func (r *Rules) sentAt(b Beat) (int64, bool) {
	n := b.EchoNumber
	if b.EchoRun != r.run || n == 0 || n > r.number || r.number-n >= remembered {
		return 0, false
	}
	return r.sent[n%remembered], true
}
