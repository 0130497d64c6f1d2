package failover

import "strings"

// Rule is one of the restart rules, or a set of them. Every place in this
// package that obeys one carries its name. A rule can be switched off
// (Config.Without) so that the simulation shows what it is needed for;
// nothing else does that.
type Rule uint32

// The restart rules. RuleR2 (the states of the draft) and RuleR12 (everything
// can be asked) have no switch, RuleR8 (the watchdog) is the machine's.
const (
	// RuleR1: without trusted time nothing is served.
	RuleR1 Rule = 1 << iota
	// RuleR3: after a restart without contact new addresses are given only
	// while now < Q, the last proven contact + G.
	RuleR3
	// RuleR4: a store that is new, lost or restored goes through RECOVER.
	RuleR4
	// RuleR4Wait: and waits MCLT after it was last alive (RECOVER-WAIT).
	RuleR4Wait
	// RuleR4Lost: renewals that nobody remembers after a store was lost may
	// run until MCLT after the latest potential expiry, or after the loss.
	RuleR4Lost
	// RuleR4Witness: a store that is older than what the partner witnessed is
	// a restored one.
	RuleR4Witness
	// RuleR5: PARTNER-DOWN survives a restart only if the box was off for
	// less than G.
	RuleR5
	// RuleR6: PARTNER-DOWN counts only from G of observed silence on.
	RuleR6
	// RuleR6Wait: what the partner could have touched is given to another
	// client only MCLT after everything that it could have promised.
	RuleR6Wait
	// RuleR6Limit: leases given in PARTNER-DOWN keep the MCLT limit.
	RuleR6Limit
	// RuleR6Heard: an operator's partner-down is refused while the partner is heard.
	RuleR6Heard
	// RuleR7: time without carrier is no silence, and a long loss of carrier
	// or a flapping one ends the right to give new addresses.
	RuleR7
	// RuleR9: a box that did not run for a while is treated as restarted.
	RuleR9
	// RuleR10: after a reset storm only renewals.
	RuleR10
	// RuleR11: in `strict` authority lapses without a restart as well.
	RuleR11
	// RuleHorizon: without authority a renewal ends at the horizon H at the latest.
	RuleHorizon
	// RuleDrain: PARTNER-DOWN is left only after everything that was given
	// from the partner's half has been told.
	RuleDrain
	// RuleSlack: clock error is added to every wait for the end of a promise.
	RuleSlack
	// RuleStale: news that would free an address in use is refused.
	RuleStale

	rulesEnd
)

var ruleNames = [...]string{"R1", "R3", "R4", "R4-wait", "R4-lost", "R4-witness", "R5", "R6", "R6-wait",
	"R6-limit", "R6-heard", "R7", "R9", "R10", "R11", "H", "drain", "slack", "stale"}

// AllRules is every rule that has a switch.
const AllRules = rulesEnd - 1

// String lists the names.
func (r Rule) String() string {
	var names []string
	for i, n := range ruleNames {
		if r&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return strings.Join(names, "+")
}

// obeys tells whether rule r is in force.
func (e *Endpoint) obeys(r Rule) bool { return e.cfg.Without&r == 0 }
