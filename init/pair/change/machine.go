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
	"fmt"
	"slices"
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
	PrepareTime        = 2 * time.Minute  // the check here and at the partner
	SettleTime         = 10 * time.Second // the partner's promise
	ActivateTime       = 30 * time.Second // the partner's reload
	MinConfirmTime     = time.Minute
	MaxConfirmTime     = 24 * time.Hour
	Grace              = 10 * time.Second // a participant goes back so much later
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
	now time.Duration
	out []Effect

	begun   time.Duration
	synced  bool
	attempt *attempt // the change under way, nil if there is none
	serving serving
	partner partner
	orders  []order
	report  *report
	back    []held

	// refused is a version of the partner that this box cannot use.
	refused    version.ID
	refusedWhy string
	fetchAfter time.Duration
	disk       string // what differs on disk
	health     string // what ails dhcpfd
	healthAt   time.Duration
}

// serving is by what dhcpfd serves.
type serving struct {
	id      version.ID
	known   bool // id is what it serves by
	busy    bool // Activate is under way
	problem string
	retryAt time.Duration
}

// New gives a machine that goes on from what was saved last. Started is to be
// its first event.
func New(cfg Config, memory Memory) *Machine {
	if cfg.ConfirmTime == 0 {
		cfg.ConfirmTime = DefaultConfirmTime
	}
	if cfg.Partner == "" {
		cfg.Partner = "the partner"
	}
	return &Machine{cfg: cfg, mem: memory}
}

// Step handles one event, and whatever is due; now is the time since boot.
func (m *Machine) Step(now time.Duration, e Event) []Effect {
	m.now, m.out = now, nil
	switch e := e.(type) {
	case Started:
		m.start()
	case Link:
		m.onLink(e.Up)
	case Received:
		m.onMessage(e.Message)
	case Examined:
		m.onExamined(e)
	case Activated:
		m.onActivated(e)
	case Health:
		m.health, m.healthAt = e.Problem, now
	case Disk:
		m.onDisk(e.Problem)
	case Propose:
		m.onPropose(e)
	case Confirm:
		m.onConfirm(e)
	case Cancel:
		m.onCancel(e)
	case Take:
		m.onTake(e)
	}
	m.advance()
	return m.out
}

// Tick does what is due.
func (m *Machine) Tick(now time.Duration) []Effect {
	m.now, m.out = now, nil
	m.advance()
	return m.out
}

// Deadline is when Tick is due at the latest, false if nothing is. What waits
// is measured in seconds, so one beat of a second does for all of it.
func (m *Machine) Deadline() (time.Duration, bool) {
	waits := m.attempt != nil || m.partner.up || len(m.orders) > 0 || m.report != nil || len(m.back) > 0 || !m.synced || m.serving.problem != ""
	return m.now + StateEvery, waits
}

// start takes up what was saved: a trial that the restart cut short is over.
func (m *Machine) start() {
	m.begun, m.healthAt = m.now, m.now
	if t := m.mem.Trying; t.ID != (version.ID{}) {
		m.mem.Trying = version.Ref{}
		m.save()
		if t.ID != m.mem.Settled.ID {
			m.do(Note{t.ID, RolledBack, "this box, or its pair service, restarted during the trial"})
			m.say(true, "%v is taken back: this box restarted during its trial", t)
		}
	}
}

// maxRounds bounds the steps that one event can lead to; each is a new phase.
const maxRounds = 12

// advance does all that can be done now.
func (m *Machine) advance() {
	for range maxRounds {
		if !m.progress() {
			break
		}
	}
	m.serve()
	m.tellBack()
	m.synchronise()
	m.expireOrders()
	m.tellReport()
	m.beat()
}

// progress takes one step of the change under way; false if nothing moved.
func (m *Machine) progress() bool {
	switch a := m.attempt; {
	case a == nil:
		return m.reconcile()
	case a.phase == CatchUp:
		return m.catchUp(a)
	case a.coordinator:
		return m.lead(a)
	default:
		return m.follow(a)
	}
}

// wanted is the version that should be in force.
func (m *Machine) wanted() version.ID {
	if m.mem.Trying.ID != (version.ID{}) {
		return m.mem.Trying.ID
	}
	return m.mem.Settled.ID
}

// serve has dhcpfd serve by the version that should be in force.
func (m *Machine) serve() {
	s := &m.serving
	if s.busy || s.known && s.id == m.wanted() || m.now < s.retryAt {
		return
	}
	s.busy = true
	m.do(Activate{m.wanted()})
}

func (m *Machine) onActivated(e Activated) {
	s := &m.serving
	s.busy, s.known = false, e.Problem == ""
	a := m.attempt
	tried := a != nil && a.ref.ID == e.ID && m.mem.Trying.ID == e.ID
	switch {
	case e.Problem == "":
		s.id, s.problem = e.ID, ""
		m.partner.stale = true
		if tried && !a.active {
			a.active, a.activeAt, m.healthAt = true, m.now, m.now
		}
	case tried && a.phase == CatchUp:
		m.refuse(a.ref.ID, e.Problem)
		m.end(RolledBack, "dhcpfd does not take it: "+e.Problem)
	case tried:
		m.end(RolledBack, "dhcpfd does not take it: "+e.Problem)
	default:
		s.problem, s.retryAt = e.Problem, m.now+RetryTime
	}
}

// synchronise decides when there is no more reason to wait with service.
func (m *Machine) synchronise() {
	waited := m.now - m.begun
	settled := m.attempt == nil && m.serving.known && m.serving.id == m.mem.Settled.ID
	heard := m.reachable() && (m.relation() != behind || m.partner.state.Settled.ID == m.refused)
	if m.cfg.Solo || settled && heard || waited >= SyncWait && settled || waited >= 3*SyncWait {
		m.synced = true
	}
}

func (m *Machine) onDisk(problem string) {
	if problem != m.disk {
		m.partner.stale = true
		if problem != "" {
			m.say(true, "the configuration on disk was changed behind the pair's back: %s", problem)
		}
	}
	m.disk = problem
}

func (m *Machine) do(e Effect) { m.out = append(m.out, e) }

// save makes the memory durable, before whatever comes after it.
func (m *Machine) save() {
	memory := m.mem
	memory.Chain = slices.Clone(memory.Chain)
	m.do(Save{memory})
}

func (m *Machine) say(alarm bool, format string, args ...any) {
	m.do(Say{alarm, fmt.Sprintf(format, args...)})
}
