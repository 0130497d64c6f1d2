package node

import (
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
}

// Node is one server. It is not safe for concurrent use: one loop owns it.
type Node struct {
	cfg   *conf.Config
	table *lease.Table
	dhcp  *dhcp.Responder

	links   []dhcp.Interface
	version string
	started lease.Now
	dropped map[string]uint64

	// What the current batch has led to so far.
	events   dhcp.Out
	changed  []*lease.Lease
	dirty    map[lease.IP]struct{}
	promised bool
	answers  []Answer
	listings []*listing
	out      Output
}

// New makes a node with an empty table.
func New(opt Options) *Node {
	n := &Node{
		cfg:     opt.Config,
		table:   lease.NewTable(),
		version: opt.Version,
		dirty:   map[lease.IP]struct{}{},
		dropped: map[string]uint64{},
	}
	n.table.SetPools(dhcp.Pools(opt.Config))
	n.dhcp = dhcp.New(opt.Config, n.table, nil, opt.Seed)
	return n
}

// Table gives the bindings to snapshots and exports; the caller must not
// change them.
func (n *Node) Table() *lease.Table { return n.table }

// Restore replays one record of the log. It must not be called after Start.
func (n *Node) Restore(r lease.Record) {
	if l, ok := r.(*lease.Lease); ok {
		n.table.Apply(*l)
	}
}

// Start ends recovery: from now on the node serves.
func (n *Node) Start(now lease.Now) {
	n.started = now
	// Replay brings leases back in the order of the log; service goes on in
	// the order of their ends.
	n.table.SetPools(dhcp.Pools(n.cfg))
}

// Step takes one input. What it leads to comes out of the next Flush.
func (n *Node) Step(now lease.Now, in Input) {
	changed, replies := len(n.events.Changed), len(n.events.Replies)
	switch in := in.(type) {
	case *PacketIn:
		n.dhcp.Answer(now, &in.Packet, &n.events)
	case *ProbeResult:
		n.dhcp.ProbeDone(now, in.IP, in.InUse, in.By, &n.events)
	case *Links:
		n.links = in.Interfaces
	case *Reconfigure:
		n.reconfigure(in.Config)
	case *Query:
		n.query(now, in)
	case *Dropped:
		n.dropped[in.What] += in.N
	}
	// A reply to an input that changed a lease promises that change.
	if len(n.events.Changed) > changed && len(n.events.Replies) > replies {
		n.promised = true
	}
}

// Deadline is the monotonic moment in nanoseconds at which Flush has
// something to do even without an input; zero if there is none.
func (n *Node) Deadline() int64 {
	if len(n.listings) > 0 {
		return 1
	}
	return n.dhcp.Deadline()
}

// Flush does what is due and gives everything that the batch has led to. The
// output is valid until the next Step.
func (n *Node) Flush(now lease.Now) *Output {
	n.out.Answers = append(n.out.Answers[:0], n.answers...)
	n.answers = n.answers[:0]
	n.list()
	n.dhcp.Tick(now, &n.events)
	for _, l := range n.events.Changed {
		if _, ok := n.dirty[l.IP]; !ok {
			n.dirty[l.IP] = struct{}{}
			n.changed = append(n.changed, l)
		}
	}
	n.out.Records = n.out.Records[:0]
	for _, l := range n.changed {
		n.out.Records = append(n.out.Records, l)
	}
	n.out.MustSync = n.promised && len(n.out.Records) > 0
	n.out.Replies = append(n.out.Replies[:0], n.events.Replies...)
	n.out.Probes = append(n.out.Probes[:0], n.events.Probes...)
	n.out.Lines = append(n.out.Lines[:0], n.events.Lines...)
	n.reset()
	return &n.out
}

// reset makes room for the next batch; the slices keep their memory.
func (n *Node) reset() {
	clear(n.dirty)
	n.changed = n.changed[:0]
	n.promised = false
	n.events.Changed = n.events.Changed[:0]
	n.events.Replies = n.events.Replies[:0]
	n.events.Probes = n.events.Probes[:0]
	n.events.Lines = n.events.Lines[:0]
}

// reconfigure puts a validated configuration in force. Offers that are out
// lapse: their clients ask again.
func (n *Node) reconfigure(cfg *conf.Config) {
	n.cfg = cfg
	n.table.SetPools(dhcp.Pools(cfg))
	n.dhcp.Reconfigure(cfg, nil)
}
