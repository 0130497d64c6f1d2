package node

import (
	"tandem/failover"
	"tandem/failover/conf"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
)

// Options are what a node is made of.
type Options struct {
	Config *conf.Config
	// Seed feeds every random choice.
	Seed uint64
	// Version is reported by status.
	Version string
	// Boot is what is known of this run: ID, reason, resets, origin of the
	// store.
	Boot lease.Boot
	// Policy gives what dhcpd.conf has no words for, by relationship; nil for
	// the defaults.
	Policy func(peer string) PeerPolicy
	// Watched is set when the machine tells BoxFacts: until the first ones the
	// clock is not trusted.
	Watched bool
	// Draw gives numbers that nobody can predict; nil if there are none, and
	// then OMAPI is not served.
	Draw func() uint32
	// Lowest is the lowest level of log lines that is wanted.
	Lowest dhcp.Level
	// Without switches restart rules off. For simulation only.
	Without failover.Rule
	// Observe, if not nil, is called where each event of the machine, of the
	// partner and of time meets a relationship. For simulation only.
	Observe func(*failover.Endpoint, lease.Now)
}

// Node is one server. It is not safe for concurrent use: one loop owns it.
type Node struct {
	opt   Options
	file  *conf.Config // the configuration as it was read
	cfg   *conf.Config // with the objects made at run time over it
	table *lease.Table
	dhcp  *dhcp.Responder
	solo  solo

	ifaces    []dhcp.Interface
	started   lease.Now
	dropped   map[string]uint64
	clock     clockState
	boot      lease.Boot // as the last run left it
	nextAlive int64

	relations []*relation
	conns     map[uint64]*relation
	saved     map[string]lease.Peer

	omapi    manager
	objects  objects
	overlaid bool // the objects changed, and cfg has to be made anew

	// What the current batch has led to so far.
	events   dhcp.Out
	changed  []*lease.Lease
	dirty    map[lease.IP]struct{}
	peers    []*lease.Peer
	records  []lease.Record
	ledger   *lease.Boot
	links    []Link
	promised bool
	answers  []Answer
	listings []*listing
	out      Output
}

// New makes a node with an empty table. Restore and Start follow; before
// Start it must be given no input.
func New(opt Options) *Node {
	if opt.Policy == nil {
		opt.Policy = func(string) PeerPolicy { return PeerPolicy{} }
	}
	n := &Node{
		opt:     opt,
		file:    opt.Config,
		cfg:     opt.Config,
		table:   lease.NewTable(),
		dirty:   map[lease.IP]struct{}{},
		dropped: map[string]uint64{},
		conns:   map[uint64]*relation{},
		saved:   map[string]lease.Peer{},
		clock:   clockState{trusted: !opt.Watched, why: "the machine has not said anything about it yet"},
	}
	n.solo.node = n
	n.omapi, n.objects = newManager(n, opt.Draw), newObjects(n)
	n.events.Lowest = opt.Lowest
	n.table.SetPools(dhcp.Pools(opt.Config))
	return n
}

// Table gives the bindings to snapshots and exports; the caller must not
// change them.
func (n *Node) Table() *lease.Table { return n.table }

// Restore replays one record of the log. It must not be called after Start.
func (n *Node) Restore(r lease.Record) {
	switch r := r.(type) {
	case *lease.Lease:
		n.table.Apply(*r)
	case *lease.Peer:
		n.saved[r.Name] = *r
	case *lease.Boot:
		n.boot = *r
	case *lease.Object:
		n.objects.restore(r)
	}
}

// Start ends recovery: from now on the node serves.
func (n *Node) Start(now lease.Now) {
	n.started = now
	n.clock.apart = now.Wall - now.Mono
	// Replay brings leases back in the order of the log; service goes on in
	// the order of their ends.
	n.table.SetPools(dhcp.Pools(n.cfg))
	n.cfg = n.objects.lay(n.file)
	n.omapi.configure(n.file)
	n.relate()
	n.dhcp = dhcp.New(n.cfg, n.table, n.partnerOf, n.opt.Seed)
	n.everywhere(now, failover.Started{})
	if !n.opt.Watched {
		n.everywhere(now, failover.ClockFacts{Trusted: true})
	}
}

// Step takes one input. What it leads to comes out of the next Flush.
func (n *Node) Step(now lease.Now, in Input) {
	n.watchTime(now)
	if _, partner := in.(*PeerReceived); !partner {
		n.layOver() // once for all that a partner sends at a time
	}
	changed, replies := len(n.events.Changed), len(n.events.Replies)
	switch in := in.(type) {
	case *PacketIn:
		n.dhcp.Answer(now, &in.Packet, &n.events)
	case *ProbeResult:
		n.dhcp.ProbeDone(now, in.IP, in.InUse, in.By, &n.events)
	case *Links:
		n.ifaces = in.Interfaces
	case *Reconfigure:
		n.reconfigure(now, in.Config)
	case *Query:
		n.query(now, in)
	case *Dropped:
		n.dropped[in.What] += in.N
	case *BoxFacts:
		n.facts(now, in)
	case *WokenLate:
		n.everywhere(now, failover.WokenLate{Gap: in.Gap})
	case *PeerReceived:
		n.link(now, in)
		n.objects.hear(now, in)
	default:
		if !n.omapi.step(now, in) {
			n.link(now, in)
		}
	}
	// A reply to an input that changed a lease promises that change.
	if len(n.events.Changed) > changed && len(n.events.Replies) > replies {
		n.promised = true
	}
	n.bind(now, changed)
}

// bind takes the leases that the responder changed, from the given one on: a
// relationship marks and replicates its own.
func (n *Node) bind(now lease.Now, from int) {
	for _, l := range n.events.Changed[from:] {
		n.touch(l)
		if r := n.relationOf(l.IP); r != nil {
			n.step(now, r, failover.Bound{Lease: *l})
		}
	}
}

func (n *Node) relationOf(ip lease.IP) *relation {
	if len(n.relations) == 0 {
		return nil
	}
	id := n.table.PoolOf(ip)
	if id < 0 || id >= len(n.cfg.Pools) || n.cfg.Pools[id].Peer == nil {
		return nil
	}
	return n.relation(n.cfg.Pools[id].Peer.Name)
}

// touch notes a lease for the log, once a batch.
func (n *Node) touch(l *lease.Lease) {
	if _, ok := n.dirty[l.IP]; !ok {
		n.dirty[l.IP] = struct{}{}
		n.changed = append(n.changed, l)
	}
}

// Deadline is the monotonic moment in nanoseconds at which Flush has
// something to do even without an input; zero if there is none.
func (n *Node) Deadline() int64 {
	if n.listingDue() {
		return 1
	}
	at := n.omapi.deadline()
	if n.clock.trusted {
		at = earlier(at, n.dhcp.Deadline())
	}
	for _, r := range n.relations {
		at = earlier(at, r.end.Deadline())
	}
	if len(n.relations) > 0 {
		at = earlier(at, n.nextAlive)
	}
	return at
}

// earlier gives the sooner of two moments, zero meaning none.
func earlier(a, b int64) int64 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// Flush does what is due and gives everything that the batch has led to. The
// output is valid until the next Step.
func (n *Node) Flush(now lease.Now) *Output {
	n.watchTime(now)
	n.layOver()
	n.out.Answers = append(n.out.Answers[:0], n.answers...)
	n.answers = n.answers[:0]
	n.list()
	n.due(now)
	n.objects.due(now)
	n.omapi.due(now)
	n.alive(now)
	n.gather()
	n.out.MustSync = n.promised && len(n.out.Records) > 0
	n.out.Replies = append(n.out.Replies[:0], n.events.Replies...)
	n.out.Links = append(n.out.Links[:0], n.links...)
	n.out.Probes = append(n.out.Probes[:0], n.events.Probes...)
	n.out.OMAPI = append(n.out.OMAPI[:0], n.omapi.replies...)
	n.out.Lines = append(n.out.Lines[:0], n.events.Lines...)
	n.reset()
	return &n.out
}

// due does what time alone brings about.
func (n *Node) due(now lease.Now) {
	changed := len(n.events.Changed)
	if n.clock.trusted {
		n.dhcp.Tick(now, &n.events) // no lease ends by a clock that is wrong
	}
	n.bind(now, changed)
	for _, r := range n.relations {
		if at := r.end.Deadline(); at != 0 && at <= now.Mono {
			n.step(now, r, failover.Tick{})
		}
	}
}

// gather makes the records of everything that changed.
func (n *Node) gather() {
	n.out.Records = n.out.Records[:0]
	for _, l := range n.changed {
		n.out.Records = append(n.out.Records, l)
	}
	for _, p := range n.peers {
		n.out.Records = append(n.out.Records, p)
	}
	n.out.Records = append(n.out.Records, n.records...)
	if n.ledger != nil {
		n.out.Records = append(n.out.Records, n.ledger)
		n.promised = true // what is not on disk proves nothing after a power cut
	}
}

// reset makes room for the next batch; the slices keep their memory.
func (n *Node) reset() {
	clear(n.dirty)
	n.changed, n.peers, n.links = n.changed[:0], n.peers[:0], n.links[:0]
	clear(n.omapi.replies) // the octets are the shell's now
	n.omapi.replies, n.records = n.omapi.replies[:0], n.records[:0]
	n.promised, n.ledger = false, nil
	n.events.Reset()
}

// reconfigure puts a validated configuration in force. Offers that are out
// lapse: their clients ask again.
func (n *Node) reconfigure(now lease.Now, cfg *conf.Config) {
	n.file = cfg
	cfg = n.objects.lay(cfg)
	n.cfg = cfg
	n.omapi.configure(cfg)
	n.table.SetPools(dhcp.Pools(cfg))
	known := append([]*relation(nil), n.relations...)
	n.relate()
	for _, r := range n.relations {
		if !contains(known, r) {
			n.step(now, r, failover.Started{})
			n.step(now, r, failover.ClockFacts{Trusted: n.clock.trusted})
		}
	}
	n.dhcp.Reconfigure(cfg, n.partnerOf)
}

func contains(list []*relation, r *relation) bool {
	for _, x := range list {
		if x == r {
			return true
		}
	}
	return false
}
