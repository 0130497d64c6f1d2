package sim

import (
	"fmt"
	"slices"
	"strings"

	"tandem/failover"
	"tandem/failover/lease"
)

// notStanding are states in which a box never has these postures, and why.
type notStanding struct {
	states   []lease.ServerState
	postures []failover.Posture
	why      string
}

// notMeeting are inputs that a box in one of these states never gets, and why.
type notMeeting struct {
	states []lease.ServerState
	inputs []happening
	why    string
}

var cannotStand = []notStanding{
	{[]lease.ServerState{lease.Startup, lease.Recover, lease.RecoverWait, lease.Shutdown},
		[]failover.Posture{failover.RenewOnly, failover.Full, failover.Alone},
		"serves nobody before it knows what the partner promised, or after it has handed over (R2)"},
	{[]lease.ServerState{lease.PotentialConflict, lease.ResolutionInterrupted, lease.RecoverDone},
		[]failover.Posture{failover.Full, failover.Alone},
		"gives nothing new before the two tables are one (R2)"},
	{[]lease.ServerState{lease.Normal, lease.CommunicationsInterrupt, lease.ConflictDone},
		[]failover.Posture{failover.Alone},
		"the partner has its half outside of PARTNER-DOWN"},
	{[]lease.ServerState{lease.PartnerDown},
		[]failover.Posture{failover.Full},
		"PARTNER-DOWN is ALONE, or has lapsed"},
}

// What the partner says on a connection counts once its STATE was heard; what
// comes on one that has ended is "message too late".
var (
	poolTalk  = []happening{heardPoolreq, heardPoolresp}
	requests  = []happening{heardUpdreq, heardUpdreqAll}
	exchanges = []happening{heardPoolreq, heardPoolresp, heardBndupd, heardBndack, heardUpdreq, heardUpdreqAll, heardUpddone, heardContact}
)

var cannotMeet = []notMeeting{
	{[]lease.ServerState{lease.Startup, lease.ResolutionInterrupted}, exchanges,
		"the partner's first STATE, which comes before anything else, ends these states"},
	{[]lease.ServerState{lease.Startup}, []happening{probed},
		"a probe ends with the process that began it, and STARTUP offers nothing"},
	{[]lease.ServerState{lease.CommunicationsInterrupt, lease.PartnerDown, lease.PotentialConflict, lease.ConflictDone,
		lease.Recover, lease.RecoverWait, lease.RecoverDone}, poolTalk,
		"only a partner in NORMAL asks for addresses, and hearing NORMAL ends these states"},
	{[]lease.ServerState{lease.Normal, lease.Shutdown}, requests,
		"only a partner in RECOVER or in a conflict asks, and its STATE ends NORMAL before"},
	{[]lease.ServerState{lease.Normal, lease.CommunicationsInterrupt, lease.PartnerDown, lease.ConflictDone, lease.RecoverWait,
		lease.RecoverDone, lease.Shutdown}, []happening{heardUpddone},
		"it is asked for in RECOVER and POTENTIAL-CONFLICT, which its coming ends"},
	{[]lease.ServerState{lease.CommunicationsInterrupt, lease.PartnerDown}, []happening{heardBndupd},
		"a partner that recovers tells nothing before NORMAL"},
	{[]lease.ServerState{lease.ConflictDone}, []happening{heardBndupd},
		"the secondary has told everything, and tells nothing new before NORMAL"},
	{[]lease.ServerState{lease.ConflictDone}, []happening{heardConnect},
		"CONNECT is the primary's to say, and CONFLICT-DONE the primary's state"},
	{[]lease.ServerState{lease.Normal, lease.PotentialConflict}, []happening{unheard},
		"the end of the connection ends these states"},
}

// whyNotPosture says why a box in a state never has a posture, "" if it may.
func whyNotPosture(s lease.ServerState, p failover.Posture) string {
	for _, x := range cannotStand {
		if slices.Contains(x.states, s) && slices.Contains(x.postures, p) {
			return x.why
		}
	}
	return ""
}

// whyNotMet says why a box in a state never gets an input, "" if it may.
func whyNotMet(s lease.ServerState, h happening) string {
	for _, x := range cannotMeet {
		if slices.Contains(x.states, s) && slices.Contains(x.inputs, h) {
			return x.why
		}
	}
	return ""
}

// Impossible lists what was visited although it is declared impossible.
func (c *Coverage) Impossible() []string {
	var found []string
	for s, state := range states {
		for p, posture := range postures {
			if c.inPosture(s, p) > 0 && whyNotPosture(state, posture) != "" {
				found = append(found, state.String()+" in "+posture.String())
			}
		}
		for h := range happenings {
			if c.met(s, h) > 0 && whyNotMet(state, h) != "" {
				found = append(found, state.String()+" x "+h.String())
			}
		}
	}
	return found
}

// String is the entry in words.
func (x notStanding) String() string {
	return fmt.Sprintf("%s in %s: %s", list(x.states), list(x.postures), x.why)
}

// String is the entry in words.
func (x notMeeting) String() string {
	return fmt.Sprintf("%s x %s: %s", list(x.states), list(x.inputs), x.why)
}

// list names things.
func list[T fmt.Stringer](things []T) string {
	var names []string
	for _, t := range things {
		names = append(names, t.String())
	}
	return strings.Join(names, ", ")
}
