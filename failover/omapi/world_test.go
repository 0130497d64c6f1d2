package omapi

import (
	"slices"

	"tandem/failover/lease"
)

// world is an Authority for tests: a server whose facts are plain fields.
type world struct {
	now    lease.Time
	peers  []Peer
	leases []Lease
	hosts  []Host
	groups []Group

	// slow puts the outcome of every change off until settle.
	slow    bool
	pending []outcome
	changes []Change
}

// outcome is what became of a change.
type outcome struct {
	ticket Ticket
	result Result
}

// settle tells the oldest outcome that was put off, as after a sync.
func (w *world) settle(server *Server, now lease.Now) (*Session, Output) {
	o := w.pending[0]
	w.pending = w.pending[1:]
	return server.Resolve(now, o.ticket, o.result)
}

func (w *world) Peer(name string) (Peer, bool) {
	i := slices.IndexFunc(w.peers, func(p Peer) bool { return p.Name == name })
	if i < 0 {
		return Peer{}, false
	}
	return w.peers[i], true
}

func (w *world) Leases(by Search) (found []Lease) {
	for _, l := range w.leases {
		if by != (Search{}) && (by.IP == 0 || by.IP == l.IP) && (by.HW == "" || by.HW == l.HW) && (by.UID == "" || by.UID == l.UID) {
			found = append(found, l)
		}
	}
	return found
}

func (w *world) Hosts(by Search) (found []Host) {
	for _, h := range w.hosts {
		if by != (Search{}) && (by.Name == "" || by.Name == h.Name) && (by.HW == "" || by.HW == h.HW) && (by.UID == "" || by.UID == h.UID) {
			found = append(found, h)
		}
	}
	return found
}

func (w *world) Group(name string) (Group, bool) {
	i := slices.IndexFunc(w.groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return Group{}, false
	}
	return w.groups[i], true
}

func (w *world) Change(t Ticket, c Change) (Result, bool) {
	w.changes = append(w.changes, c)
	r := w.carryOut(c)
	if w.slow {
		w.pending = append(w.pending, outcome{t, r})
		return Result{InvalidArgument, "an unsettled result must not be looked at"}, false
	}
	return r, true
}

func (w *world) carryOut(c Change) Result {
	switch c := c.(type) {
	case *SetPeerState:
		p := &w.peers[slices.IndexFunc(w.peers, func(p Peer) bool { return p.Name == c.Peer })]
		if p.Local == lease.Normal {
			return refuse(NoPermission, "partner-down is refused while the partner is heard")
		}
		p.Local, p.LocalSince = c.State, w.now
	case *SetLease:
		return w.setLease(c)
	case *PutHost:
		if c.Statements == "filename 12;" {
			return refuse(ParseErrors, "line 1: filename needs a text in quotes")
		}
		w.hosts = append(slices.DeleteFunc(w.hosts, func(h Host) bool { return h.Name == c.Name }), c.Host)
	case *DropHost:
		w.hosts = slices.DeleteFunc(w.hosts, func(h Host) bool { return h.Name == c.Name })
	case *PutGroup:
		w.groups = append(slices.DeleteFunc(w.groups, func(g Group) bool { return g.Name == c.Name }), c.Group)
	case *DropGroup:
		w.groups = slices.DeleteFunc(w.groups, func(g Group) bool { return g.Name == c.Name })
	}
	return Result{}
}

func (w *world) setLease(c *SetLease) Result {
	l := &w.leases[slices.IndexFunc(w.leases, func(l Lease) bool { return l.IP == c.IP })]
	if c.State != 0 {
		l.State = c.State
	}
	if c.Ends != 0 {
		l.Ends = c.Ends
	}
	l.Flags = l.Flags&^c.Mask | c.Flags
	extra := lease.Extra{}
	if l.Extra != nil {
		extra = *l.Extra
	}
	for _, v := range c.Vars {
		extra.Vars = slices.DeleteFunc(slices.Clone(extra.Vars), func(o lease.Var) bool { return o.Name == v.Name })
		if v.Value != "" {
			extra.Vars = append(extra.Vars, v)
		}
	}
	slices.SortFunc(extra.Vars, func(a, b lease.Var) int { return slices.Compare([]byte(a.Name), []byte(b.Name)) })
	l.Extra = &extra
	return Result{}
}

// splitHBA is the hash bucket array of "split 128".
func splitHBA() *[32]byte {
	var b [32]byte
	for i := range 16 {
		b[i] = 0xff
	}
	return &b
}

// samplePeer is the relationship of the vectors, seen from the primary.
func samplePeer() Peer {
	return Peer{
		Name: "dhcp", PartnerAddress: lease.MustIP("10.77.0.3"), LocalAddress: lease.MustIP("10.77.0.2"),
		PartnerPort: 847, LocalPort: 647, MaxUnacked: 10, MCLT: 20, LoadBalance: 3, HBA: splitHBA(),
		Partner: lease.Normal, Local: lease.CommunicationsInterrupt,
		PartnerSince: 0x6b00d473, LocalSince: 0x6b00d4fa, MaxResponseDelay: 30,
	}
}

// sampleLease is a lease of the vectors.
func sampleLease() Lease {
	return Lease{
		Lease: lease.Lease{
			IP: lease.MustIP("10.77.0.120"), State: lease.Active,
			Ends: 0x6b00d5e0, Starts: 0x6b00d4b4, TSTP: 0x6b00d676, TSFP: 0x6b00d676, ATSFP: 0x6b00d676, CLTT: 0x6b00d4b4,
			HW: "\x01\x02\x77\x00\x00\x00\x11", UID: "\x01\x02\x77\x00\x00\x00\x11",
			Extra: &lease.Extra{
				Hostname: "voip-0011",
				Vars:     []lease.Var{{Name: "vendor-class-identifier", Value: "AastraIPPhone"}},
			},
		},
		Subnet: 1, Pool: 1,
	}
}

// sampleWorld has one relationship, two leases and one host.
func sampleWorld() *world {
	free := Lease{Lease: lease.Lease{IP: lease.MustIP("10.77.0.125"), State: lease.Free}, Subnet: 1, Pool: 1}
	return &world{
		now: 0x6b00d667, peers: []Peer{samplePeer()}, leases: []Lease{sampleLease(), free},
		hosts: []Host{{Name: "printer1", HW: "\x01\x02\x77\x00\x00\x01\x01", Fixed: []lease.IP{lease.MustIP("10.77.0.50")}}},
	}
}
