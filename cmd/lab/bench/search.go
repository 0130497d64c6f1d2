package bench

// outcome is what a trial at some rate showed, in exchanges per second.
type outcome struct {
	sent, done int
	held       bool
}

const (
	// firstRate is where the search begins to double.
	firstRate = 400
	// maxTrials bounds the search.
	maxTrials = 14
	// keptPace is the part of the wanted rate below which the generator is at
	// its own limit.
	keptPace = 0.9
	// stepBack and maxConfirm are for a rate that is not held a second time.
	stepBack   = 0.85
	maxConfirm = 6
)

// search finds the highest rate that is held: doubling until one is not, then
// halving the gap until it is within the factor precision. A rate that fails
// gets a second chance, since the machine may have had other work. limited
// tells that the generator could not go higher. Once late says so, the best
// rate so far will do.
func search(trial func(rate int) (outcome, error), precision float64, late func() bool) (held int, limited bool, err error) {
	low, high := 0, 0
	rate := firstRate
	for n := 0; n < maxTrials && !late(); n++ {
		o, err := trial(rate)
		if err == nil && !o.held && n+1 < maxTrials && float64(o.done) > 0.8*float64(rate) {
			n++
			o, err = trial(rate)
		}
		if err != nil {
			return 0, false, err
		}
		switch {
		case o.held && float64(o.sent) < keptPace*float64(rate):
			return max(held, o.done), true, nil
		case o.held:
			low, held = rate, max(held, o.done)
		default:
			high = rate
		}
		switch {
		case high == 0:
			rate = 2 * low
		case float64(high) <= precision*float64(low), high <= 2:
			return held, false, nil
		default:
			rate = (low + high) / 2
		}
	}
	return held, false, nil
}

// confirm tries a found rate again and steps back until one is held: a server
// may hold a rate only as long as its tables are fresh.
func confirm(trial func(rate int) (outcome, error), rate int) (int, error) {
	for range maxConfirm {
		o, err := trial(rate)
		if err != nil {
			return 0, err
		}
		if o.held {
			return rate, nil
		}
		rate = max(1, int(stepBack*float64(rate)))
	}
	return rate, nil
}
