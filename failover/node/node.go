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
	cfg     *conf.Config
	table   *lease.Table
	dhcp    *dhcp.Responder
	out     Output
	events  dhcp.Out
	links   []dhcp.Interface
	version string
	started lease.Now
	dirty   map[lease.IP]struct{}
	dropped map[string]uint64
	listing []*listing
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
func (n *Node) Start(now lease.Now) { n.started = now }
