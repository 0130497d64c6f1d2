package sim

import (
	"slices"

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

var cannotMeet = []notMeeting{}

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
	var list []string
	for s, state := range states {
		for p, posture := range postures {
			if c.inPosture(s, p) > 0 && whyNotPosture(state, posture) != "" {
				list = append(list, state.String()+" x "+posture.String())
			}
		}
		for h := range happenings {
			if c.met(s, h) > 0 && whyNotMet(state, h) != "" {
				list = append(list, state.String()+" x "+h.String())
			}
		}
	}
	return list
}

func (x notStanding) names() []string {
	var list []string
	for _, s := range x.states {
		for _, p := range x.postures {
			list = append(list, s.String()+" x "+p.String()+";")
		}
	}
	return list
}

func (x notMeeting) names() []string {
	var list []string
	for _, s := range x.states {
		for _, h := range x.inputs {
			list = append(list, s.String()+" x "+h.String()+";")
		}
	}
	return list
}
