// Package change is how the two boxes change their configuration together: a
// pure state machine of which each box runs one.
//
// A box has one version that is *settled*. A change takes it to the next:
//
//	coordinator (where it was typed)        participant (the partner)
//	examine: store, check
//	Prepare ------------------------------> examine; its settled version must
//	                                        be the parent
//	State{prepared} <---------------------- prepared
//	save "trying", activate
//	State{trying} ------------------------> save "trying", activate
//	State{trying, healthy} <--------------- both are watched for HealthTime
//	wait for the operator's confirmation
//	State{settling} ----------------------> promise: no going back by itself
//	State{promised} <---------------------- (unless the coordinator does)
//	save "settled" = the commit record
//	State{settled} -----------------------> save "settled"
//
// Whatever goes wrong before the commit record takes both back to the settled
// version: a refusal, a lost partner, dhcpfd unwell, no confirmation in time, a
// restart of either box (presumed abort). After it the version is never lost:
// a participant that did not hear of it finds its own settled version among
// the ancestors of the coordinator's and fetches what is missing. If neither
// version is an ancestor of the other, both boxes were changed alone: this fork
// is an alarm that only an operator ends (Take).
//
// Messages may be lost: everything that counts is in State, which is repeated.
package change

import (
	"time"

	"tandem/init/pair/version"
)

// Config is what a machine is told once.
type Config struct {
	// First is set on one box of a pair and not on the other: its proposal
	// goes first when both propose at once. The primary's is.
	First bool
	// Solo is set where there is no partner of our own make.
	Solo bool
	// Partner is the partner's name, for texts.
	Partner string
	// ConfirmTime is the usual time for a confirmation; zero for the default.
	ConfirmTime time.Duration
}

// Times, by the clock since boot.
const (
	HealthTime         = 30 * time.Second // both must be well for so long
	DefaultConfirmTime = 5 * time.Minute
	PrepareTime        = 60 * time.Second // the partner's answer to Prepare
	SettleTime         = 10 * time.Second // the partner's promise
	ActivateTime       = 30 * time.Second // a reload
	StateEvery         = time.Second
	PartnerSilence     = 5 * time.Second  // a partner that says no State is lost
	HealthSilence      = 10 * time.Second // so is the health of dhcpfd
	RetryTime          = 5 * time.Second  // Prepare, Fetch and failed activations are repeated
	OrderTime          = 90 * time.Second // the answer to an order given to the partner
	SyncWait           = 20 * time.Second // the partner's State after the start
)

// ChainLength bounds the ancestors that are remembered. Boxes that were apart
// for more changes than that see a fork.
const ChainLength = 64

// Memory is what outlives a restart.
type Memory struct {
	Settled version.Ref  `json:"settled"`
	Chain   []version.ID `json:"chain,omitempty"` // its ancestors, the latest first
	Highest uint64       `json:"highest"`         // highest number of a version seen
	// Trying is a version that is in force without being settled.
	Trying version.Ref `json:"trying,omitzero"`
}

// Phase is how far a change is.
type Phase string

// The phases, in order.
const (
	Proposing Phase = "proposing" // coordinator: examined here, then by the partner
	Examining Phase = "examining" // participant: stored and checked here
	Prepared  Phase = "prepared"  // participant: waits for the coordinator
	Trying    Phase = "trying"    // in force, watched
	Healthy   Phase = "healthy"   // in force, well for HealthTime
	Settling  Phase = "settling"  // coordinator: waits for the promise
	Promised  Phase = "promised"  // participant: goes back only with the coordinator
	CatchUp   Phase = "catch-up"  // takes over what the partner has settled
)

// Status is all that can be told about the configuration of the pair.
type Status struct {
	Settled version.Ref `json:"settled"`
	Active  version.ID  `json:"active"`
	// State is "in force", or what is going on.
	State  string        `json:"state"`
	Change *Progress     `json:"change,omitempty"`
	Until  time.Duration `json:"until,omitempty"` // since boot; when it goes back by itself
	// Partner is the partner's settled version, as last heard.
	Partner version.Ref `json:"partner"`
	// Drift is empty while both boxes are the same, or says how they differ.
	Drift  string   `json:"drift,omitempty"`
	Alarms []string `json:"alarms,omitempty"`
	// Synchronised is set once there is no more reason to wait with service:
	// this box has what the partner has settled, or the partner was not heard
	// within SyncWait.
	Synchronised bool `json:"synchronised"`
}

// Machine is one box's part. The zero value is not usable; see New.
type Machine struct {
	cfg Config
	mem Memory
}

// New gives a machine that goes on from what was saved last. Started is to be
// its first event.
func New(cfg Config, memory Memory) *Machine { return &Machine{cfg: cfg, mem: memory} }

// Step handles one event; now is the time since boot.
func (m *Machine) Step(now time.Duration, e Event) []Effect { return nil }

// Deadline is when Tick is due at the latest; false if never.
func (m *Machine) Deadline() (time.Duration, bool) { return 0, false }

// Tick does what is due.
func (m *Machine) Tick(now time.Duration) []Effect { return nil }

// Status tells how things are.
func (m *Machine) Status(now time.Duration) Status { return Status{} }
