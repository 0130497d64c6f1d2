package failover

import (
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// Timers that no configuration changes.
const (
	startupWait   = 15 * time.Second // STARTUP without partner (ISC)
	handshakeWait = 15 * time.Second // from connection to first STATE (ISC)
	redialWait    = 5 * time.Second  // between attempts to dial (ISC)
	dialWait      = 30 * time.Second // for the shell's answer to Dial
	stallWait     = 30 * time.Second // for news in a transfer
	reapWait      = 5 * time.Second  // between looks at leases that wait
	againWait     = 30 * time.Second // before a refused update is sent again
)

// Boot is what the machine knows of this run and the one before.
type Boot struct {
	// LastAlive is when the run before was last known alive; zero if unknown.
	LastAlive lease.Time
	// Origin of the store is "whole", "new" or "restored".
	Origin string
	// Resets are the latest restarts that nobody commanded, this one included.
	Resets []lease.Time
}

// Endpoint is one end of one relationship. It is not safe for concurrent use.
type Endpoint struct {
	cfg   Config
	table *lease.Table
	pools []int
	mine  []bool // by pool id

	now          lease.Now // of the current step
	peer         lease.Peer
	savedContact lease.Time // peer.LastContact as it was last saved
	state        lease.ServerState
	why          string // the state was entered
	effects      []Effect
	taken        bool
	random       uint64
	wanted       int64 // Mono moment by which the next step was wanted; 0 any

	boot     Boot
	started  lease.Now
	reckoned bool  // what the start needs the time for is done
	startBy  int64 // Mono moment at which STARTUP ends without a partner; 0 not yet
	judged   bool  // a partner's witness was held against the store

	// Connections (connect.go).
	conns    []*conn
	up       *conn // the one whose CONNECT was accepted
	dialling int64 // Mono moment of the unanswered Dial; 0 none
	redial   int64 // Mono moment of the next Dial; 0 none
	greeting wire.Greeting
	scolded  string // why the partner was last refused

	machine  machineFacts
	updates  updates
	transfer transfer
	balance  balancer
	parting  parting
	patience patience
	deferred []deferral
	settling settling
	reapAt   int64
	counters Counters
}

// settling holds the transitions that wait for something else than a message.
type settling struct {
	// drain: NORMAL follows PARTNER-DOWN once everything is told.
	drain bool
	// resolved: the transfer of POTENTIAL-CONFLICT is complete.
	resolved bool
}

// Counters count what was refused or dropped, and how often.
type Counters struct {
	Connections, Refused, Crowded       uint64
	UpdatesSent, UpdatesReceived        uint64
	RejectsSent, RejectsReceived, Stale uint64
	Requeued, AgainFull                 uint64
	PatienceFull, DeferredFull          uint64
	Unsafe                              uint64
	StateChanges                        uint64
}

// Each gives every counter with its name.
func (c Counters) Each(fn func(name string, value uint64)) {
	fn("failover-connections", c.Connections)
	fn("failover-connections-refused", c.Refused)
	fn("failover-connections-crowded", c.Crowded)
	fn("failover-updates-sent", c.UpdatesSent)
	fn("failover-updates-received", c.UpdatesReceived)
	fn("failover-rejects-sent", c.RejectsSent)
	fn("failover-rejects-received", c.RejectsReceived)
	fn("failover-stale-updates", c.Stale)
	fn("failover-requeued", c.Requeued)
	fn("failover-again-full", c.AgainFull)
	fn("failover-patience-full", c.PatienceFull)
	fn("failover-deferred-full", c.DeferredFull)
	fn("failover-unsafe-withheld", c.Unsafe)
	fn("failover-state-changes", c.StateChanges)
}

// New makes an endpoint. saved is what was last saved for the relationship;
// its zero value means that nothing ever was. The table is shared with the
// DHCP responder; pools are the numbers of this relationship's pools in it.
func New(cfg Config, table *lease.Table, pools []int, saved lease.Peer, boot Boot) *Endpoint {
	e := &Endpoint{cfg: cfg.defaulted(), table: table, peer: saved, boot: boot, random: cfg.Seed | 1}
	e.SetPools(pools)
	e.state = lease.Startup
	e.machine = machineFacts{lan: true, wary: waryRestart}
	e.updates = newUpdates()
	e.why = "started"
	return e
}

// SetPools says anew which pools belong to the relationship, after a
// reconfiguration.
func (e *Endpoint) SetPools(pools []int) {
	e.pools = pools
	e.mine = e.mine[:0]
	for _, id := range pools {
		for len(e.mine) <= id {
			e.mine = append(e.mine, false)
		}
		e.mine[id] = true
	}
}

// owns tells whether ip is in a pool of this relationship.
func (e *Endpoint) owns(ip lease.IP) bool {
	id := e.table.PoolOf(ip)
	return id >= 0 && id < len(e.mine) && e.mine[id]
}

// Name is the relationship name.
func (e *Endpoint) Name() string { return e.cfg.Name }

// State is the server state as it counts for service; STARTUP included.
func (e *Endpoint) State() lease.ServerState { return e.state }

// Peer is what the endpoint remembers of the relationship now.
func (e *Endpoint) Peer() lease.Peer { return e.peer }

// Counters gives the counters since start.
func (e *Endpoint) Counters() Counters { return e.counters }

// Connected tells whether the partner's state is known from a live connection.
func (e *Endpoint) Connected() bool { return e.up != nil && e.up.known }

// Waiting is the number of updates that the partner has not acknowledged.
func (e *Endpoint) Waiting() int {
	return len(e.updates.flight) + len(e.updates.todo) - e.updates.head
}

// Partner is the partner's state as it was last heard.
func (e *Endpoint) Partner() lease.ServerState { return e.peer.Partner }

// Step takes one event. What is due is done first, so that an event after a
// pause meets the endpoint as the pause has left it.
func (e *Endpoint) Step(now lease.Now, ev Event) {
	e.now = now
	defer e.want()
	if _, ok := ev.(Started); ok {
		e.start()
		return
	}
	e.watchTime()
	switch ev := ev.(type) {
	case WokenLate:
		e.wokenLate(ev.Gap)
	case ClockFacts:
		if !ev.Trusted { // before anything is due by that clock
			e.onClock(ev)
		}
	}
	e.due()
	if e.cfg.Observe != nil {
		e.cfg.Observe(e, now)
	}
	switch ev := ev.(type) {
	case Connected:
		e.onConnected(ev)
	case Secured:
		e.onSecured(ev)
	case Closed:
		e.onClosed(ev)
	case Received:
		e.onReceived(ev)
	case Bound:
		e.onBound(ev.Lease)
	case LinkFacts:
		e.onLink(ev)
	case ClockFacts:
		e.onClock(ev)
	case Heartbeat:
		e.onHeartbeat(ev)
	case Command:
		if err := e.Command(now, ev); err != nil {
			e.log(Warning, "%v refused: %v", ev.Order, err)
		}
	}
	e.settle()
}

// want notes by when the next step has to come. What is overdue already is
// wanted now.
func (e *Endpoint) want() {
	e.wanted = e.Deadline()
	if e.wanted != 0 {
		e.wanted = max(e.wanted, e.now.Mono)
	}
}

// after gives the Mono moment d from now.
func (e *Endpoint) after(d time.Duration) int64 { return e.now.Mono + int64(d) }

// passed tells whether the Mono moment at, if it is one, has come.
func (e *Endpoint) passed(at int64) bool { return at != 0 && e.now.Mono >= at }

// tandem tells whether the partner is, or last was, another Tandem.
func (e *Endpoint) tandem() bool { return dialectOf(&e.cfg, &e.peer) == wire.Tandem }

// dialectOf is the dialect to speak, by what the partner last was or must be.
func dialectOf(cfg *Config, p *lease.Peer) wire.Dialect {
	if cfg.Expect == ExpectTandem || cfg.Expect == ExpectAny && p.Facts&lease.PeerOurs != 0 {
		return wire.Tandem
	}
	return wire.ISC
}

// roll is the next random number below n (xorshift).
func (e *Endpoint) roll(n int) int {
	e.random ^= e.random << 13
	e.random ^= e.random >> 7
	e.random ^= e.random << 17
	return int(e.random % uint64(n))
}
