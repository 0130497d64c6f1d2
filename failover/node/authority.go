package node

import (
	"cmp"
	"slices"
	"strings"

	"tandem/failover"
	"tandem/failover/conf"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/omapi"
)

// authority is the node as OMAPI sees it. Changes go where the same change of
// a client or of failctl goes.
type authority struct{ n *Node }

// byOMAPI names managers in logs and in `why`.
const byOMAPI = "OMAPI"

// Peer implements omapi.Authority.
func (a *authority) Peer(name string) (omapi.Peer, bool) {
	r := a.n.relation(name)
	if r == nil {
		return omapi.Peer{}, false
	}
	c, p := r.peer, r.end.Peer()
	local, _ := lease.ParseIP(c.Address) // zero for a name
	partner, _ := lease.ParseIP(c.PeerAddress)
	return omapi.Peer{
		Name: c.Name, PartnerAddress: partner, LocalAddress: local,
		PartnerPort: uint16(c.PeerPort), LocalPort: uint16(c.Port),
		MaxUnacked: uint32(c.MaxUnackedUpdates), MCLT: cmp.Or(c.MCLT, p.MCLT),
		LoadBalance: lease.Seconds(c.LoadBalanceMaxSeconds), HBA: buckets(c, &p),
		Partner: p.Partner, Local: r.end.State(), PartnerSince: p.PartnerSince, LocalSince: p.Since,
		Secondary: c.Secondary, MaxResponseDelay: c.MaxResponseDelay, Unacked: uint32(r.end.Waiting()),
	}, true
}

// buckets are the primary's hash buckets; nil on a secondary that has not
// heard them yet.
func buckets(c *conf.Peer, p *lease.Peer) *[32]byte {
	hba := c.HBA
	if c.Secondary {
		hba = p.HBA
	}
	if c.Secondary && hba == ([32]byte{}) {
		return nil
	}
	return &hba
}

// maxLooks bounds the records that one search looks at: one hardware address
// with ever new client identifiers leaves many.
const maxLooks = 1024

// Leases implements omapi.Authority: in the order of their addresses.
func (a *authority) Leases(by omapi.Search) []omapi.Lease {
	var found []omapi.Lease
	looks := 0
	add := func(l *lease.Lease) bool {
		if out, ok := a.lease(l); ok {
			found = append(found, out)
		}
		looks++
		return looks < maxLooks
	}
	switch t := a.n.table; {
	case by.IP != 0:
		l := t.Look(by.IP)
		add(&l)
	case by.UID != "":
		t.EachByUID(by.UID, add)
	case by.HW != "":
		t.EachByHW(by.HW, add)
	}
	slices.SortFunc(found, func(x, y omapi.Lease) int { return cmp.Compare(x.IP, y.IP) })
	return found[:min(len(found), omapi.MaxMatches)]
}

// lease says where a lease belongs; false if its address is in no pool.
func (a *authority) lease(l *lease.Lease) (omapi.Lease, bool) {
	cfg := a.n.cfg
	pool, subnet := cfg.PoolOf(l.IP), cfg.SubnetOf(l.IP)
	if pool == nil {
		return omapi.Lease{}, false
	}
	out := omapi.Lease{Lease: *l, Pool: uint32(pool.ID) + 1, Subnet: uint32(slices.Index(cfg.Subnets, subnet)) + 1}
	if l.State == lease.Active {
		out.Host = hostOf(cfg, l)
	}
	return out, true
}

// hostOf names the host declaration of the client of l; empty if it has none.
func hostOf(cfg *conf.Config, l *lease.Lease) string {
	for _, hosts := range [][]*conf.Host{cfg.HostsByUID(l.UID), cfg.HostsByHW(l.HW)} {
		if len(hosts) > 0 {
			return hosts[0].Name
		}
	}
	return ""
}

// Hosts implements omapi.Authority: in the order of the configuration, then
// by name.
func (a *authority) Hosts(by omapi.Search) []omapi.Host {
	var hosts []*conf.Host
	switch cfg := a.n.cfg; {
	case by.Name != "":
		if h := cfg.Host(by.Name); h != nil {
			hosts = append(hosts, h)
		}
	case by.HW != "":
		hosts = cfg.HostsByHW(by.HW)
	case by.UID != "":
		hosts = cfg.HostsByUID(by.UID)
	}
	var found []omapi.Host
	for _, h := range hosts[:min(len(hosts), omapi.MaxMatches)] {
		found = append(found, a.n.objects.host(h))
	}
	return found
}

// Group implements omapi.Authority.
func (a *authority) Group(name string) (omapi.Group, bool) {
	if name == "" || a.n.cfg.Group(name) == nil {
		return omapi.Group{}, false
	}
	return omapi.Group{Name: name, Statements: a.n.objects.statements("group", name)}, true
}

// Change implements omapi.Authority. Everything is decided at once; the
// answer leaves after the records are durable.
func (a *authority) Change(_ omapi.Ticket, c omapi.Change) (omapi.Result, bool) {
	return a.change(a.n.omapi.now, c), true
}

func (a *authority) change(now lease.Now, c omapi.Change) omapi.Result {
	switch c := c.(type) {
	case *omapi.SetPeerState:
		return a.partnerDown(now, c)
	case *omapi.Shutdown:
		return a.handOver(now)
	}
	if v, refused := a.n.clock.refuses(); refused {
		return refusal(v)
	}
	switch c := c.(type) {
	case *omapi.SetLease:
		return a.setLease(now, c)
	case *omapi.PutHost:
		return a.n.putHost(now, c)
	case *omapi.DropHost:
		return a.n.dropObject(now, "host", c.Name)
	case *omapi.PutGroup:
		return a.n.putGroup(now, c)
	case *omapi.DropGroup:
		return a.n.dropObject(now, "group", c.Name)
	}
	return omapi.Result{Code: omapi.NotImplemented}
}

// refusal is the text of a rule that refuses.
func refusal(v dhcp.Verdict) omapi.Result {
	return omapi.Result{Code: omapi.NoPermission, Text: strings.TrimPrefix(v.Rule+": ", ": ") + v.Why}
}

// partnerDown is `failctl partner-down`.
func (a *authority) partnerDown(now lease.Now, c *omapi.SetPeerState) omapi.Result {
	r := a.n.relation(c.Peer)
	if r == nil || c.State != lease.PartnerDown {
		return omapi.Result{Code: omapi.InvalidArgument}
	}
	return a.order(now, r, failover.OrderPartnerDown)
}

// handOver is `failctl maintenance` for every relationship.
func (a *authority) handOver(now lease.Now) omapi.Result {
	if len(a.n.relations) == 0 {
		return omapi.Result{Code: omapi.NoPermission, Text: "this server has no failover peer to hand over to; stop it through its service manager"}
	}
	for _, r := range a.n.relations {
		if res := a.order(now, r, failover.OrderMaintenance); res.Code != omapi.OK {
			return res
		}
	}
	return omapi.Result{}
}

func (a *authority) order(now lease.Now, r *relation, o failover.Order) omapi.Result {
	err := r.end.Command(now, failover.Command{Order: o, By: byOMAPI})
	a.n.take(r)
	if err != nil {
		return omapi.Result{Code: omapi.NoPermission, Text: err.Error()}
	}
	return omapi.Result{}
}

// setLease changes a lease as a client's request would.
func (a *authority) setLease(now lease.Now, c *omapi.SetLease) omapi.Result {
	n := a.n
	from := len(n.events.Changed)
	v := n.dhcp.Change(now, dhcp.Hand{IP: c.IP, State: c.State, Ends: c.Ends, Flags: c.Flags, Mask: c.Mask, Vars: c.Vars}, &n.events)
	if !v.OK {
		return refusal(v)
	}
	n.bind(now, from)
	n.events.Changed = n.events.Changed[:from]
	if l := n.table.Get(c.IP); l != nil && (l.State == lease.Free || l.State == lease.Backup) && !l.Flags.Has(lease.FlagPending) {
		if r := n.relationOf(c.IP); r != nil {
			r.end.Repeat(now, c.IP)
			n.take(r)
		}
	}
	n.line(dhcp.LevelInfo, "OMAPI: lease %v changed", c.IP)
	return omapi.Result{}
}
