package sim

import (
	"time"

	"tandem/failover/conf"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/wire"
)

// server is what a box runs: a node, or a dhcpd.
type server interface {
	Table() *lease.Table
	Restore(lease.Record)
	Start(lease.Now)
	Step(lease.Now, node.Input)
	Deadline() int64
	Flush(lease.Now) *node.Output
	Status(lease.Now) node.Status
	Parted() bool
}

// Timers of dhcpd 4.4.
const (
	dhcpdStartup   = int64(15 * time.Second)
	dhcpdHandshake = int64(15 * time.Second)
	dhcpdRedial    = int64(5 * time.Second)
	dhcpdWindow    = 10
	dhcpdEarly     = lease.Seconds(65) // an end may be taken for come so much too early
)

// dhcpd behaves as ISC dhcpd 4.4.3 does towards its failover partner: its
// states, whom it serves, how long, and what it believes. It is a model of
// what was measured; the DHCP side is the responder's, which was compared with
// dhcpd packet by packet. Where dhcpd would exit or shut itself down for good,
// fatal is called.
type dhcpd struct {
	cfg   *conf.Config
	def   *conf.Peer
	table *lease.Table
	resp  *dhcp.Responder
	fatal func(string)

	now     lease.Now
	peer    lease.Peer
	startup bool
	startBy int64
	waitTil lease.Time // end of RECOVER-WAIT

	up, pending uint64 // the connection, and one that is not through
	since       int64  // of pending
	known       bool   // the partner's state was heard on up
	heard, sent int64
	timer       lease.Seconds
	window      int
	dialAt      int64
	xid         uint32

	todo   []lease.IP
	flight map[uint32]lease.IP
	wanted bool   // an UPDDONE is awaited
	owed   bool   // one is owed
	owedTo uint32 // for this xid

	events dhcp.Out
	dirty  []lease.Record
	links  []node.Link
	out    node.Output
}

func newDhcpd(cfg *conf.Config, seed uint64, fatal func(string)) *dhcpd {
	d := &dhcpd{cfg: cfg, def: cfg.Peers[0], table: lease.NewTable(), fatal: fatal, flight: map[uint32]lease.IP{}, timer: 20}
	d.table.SetPools(dhcp.Pools(cfg))
	d.resp = dhcp.New(cfg, d.table, func(*conf.Pool) dhcp.Partner { return d }, seed)
	return d
}

func (d *dhcpd) Table() *lease.Table { return d.table }
func (d *dhcpd) Parted() bool        { return false }

func (d *dhcpd) Restore(r lease.Record) {
	switch r := r.(type) {
	case *lease.Lease:
		d.table.Apply(*r)
	case *lease.Peer:
		d.peer = *r
	}
}

func (d *dhcpd) Start(now lease.Now) {
	d.now = now
	d.table.SetPools(dhcp.Pools(d.cfg))
	if d.peer.State == 0 {
		d.peer = lease.Peer{Name: d.def.Name, State: lease.Recover, Since: now.Time()}
	}
	if !d.def.Secondary {
		d.peer.MCLT, d.peer.HBA = d.def.MCLT, d.def.HBA
	}
	d.startup, d.startBy, d.dialAt = true, now.Mono+dhcpdStartup, now.Mono
}

func (d *dhcpd) save() { p := d.peer; d.dirty = append(d.dirty, &p) }

func (d *dhcpd) store(l lease.Lease) *lease.Lease {
	p := d.table.Apply(l)
	d.dirty = append(d.dirty, p)
	return p
}

// Step takes one input. Commands other than partner-down it does not know.
func (d *dhcpd) Step(now lease.Now, in node.Input) {
	d.now = now
	from := len(d.events.Changed)
	switch in := in.(type) {
	case *node.PacketIn:
		d.resp.Answer(now, &in.Packet, &d.events)
	case *node.ProbeResult:
		d.resp.ProbeDone(now, in.IP, in.InUse, in.By, &d.events)
	case *node.Reconfigure:
		d.cfg, d.def = in.Config, in.Config.Peers[0]
		d.resp.Reconfigure(in.Config, func(*conf.Pool) dhcp.Partner { return d })
	case *node.Query:
		if len(in.Args) > 1 && in.Args[0] == "order" && in.Args[1] == "partner-down" && !d.startup {
			d.enter(lease.PartnerDown)
		}
	case *node.PeerConnected:
		d.connected(in.Conn)
	case *node.PeerReceived:
		d.received(in.Conn, in.Message)
	case *node.PeerClosed:
		d.closed(in.Conn)
	}
	d.bind(from)
}

// bind marks what the clients' side changed, and tells the partner of it.
func (d *dhcpd) bind(from int) {
	for _, l := range d.events.Changed[from:] {
		x := *l
		if x.State == lease.Active && x.Rewind != lease.Active && !x.Flags.Has(lease.FlagPending) {
			x.TSFP, x.ATSFP = 0, 0
		}
		if x.State == d.own() && !x.Flags.Has(lease.FlagSent) {
			d.atRest(x, x.State)
			continue
		}
		x.ATSFP = 0
		x.Flags |= lease.FlagPending
		d.store(x)
		d.tell(x.IP)
	}
}

// atRest brings a lease to FREE or BACKUP.
func (d *dhcpd) atRest(l lease.Lease, s lease.State) *lease.Lease {
	l.State, l.Rewind = s, s
	l.Flags &^= lease.FlagPending | lease.FlagSent
	l.Ends = min(l.Ends, d.now.Time())
	return d.store(l)
}

func (d *dhcpd) own() lease.State {
	if d.def.Secondary {
		return lease.Backup
	}
	return lease.Free
}

func (d *dhcpd) other() lease.State {
	if d.def.Secondary {
		return lease.Free
	}
	return lease.Backup
}

// Deadline is the next moment of a timer.
func (d *dhcpd) Deadline() int64 {
	at := d.resp.Deadline()
	sooner := func(t int64) {
		if t != 0 && (at == 0 || t < at) {
			at = max(t, 1)
		}
	}
	if d.startup {
		sooner(d.startBy)
	}
	if d.up != 0 {
		sooner(d.heard + int64(d.def.MaxResponseDelay.Duration()))
		sooner(d.sent + int64((d.timer / 3).Duration()))
	} else {
		sooner(d.dialAt)
	}
	if d.pending != 0 {
		sooner(d.since + dhcpdHandshake)
	}
	if d.peer.State == lease.RecoverWait {
		sooner(d.now.Mono + int64(d.waitTil)*1e9 - d.now.Wall)
	}
	return at
}

// due does what time brings about.
func (d *dhcpd) due() {
	from := len(d.events.Changed)
	d.resp.Tick(d.now, &d.events)
	d.bind(from)
	if d.startup && d.now.Mono >= d.startBy {
		d.leaveStartup(interruptedISC(d.peer.State))
	}
	if d.peer.State == lease.RecoverWait && d.now.Time() >= d.waitTil {
		d.enter(lease.RecoverDone)
	}
	switch {
	case d.up == 0 && d.now.Mono >= d.dialAt:
		d.dialAt = d.now.Mono + dhcpdRedial
		d.links = append(d.links, node.Link{Do: node.LinkDial, Peer: d.def.Name})
	case d.up != 0 && d.now.Mono-d.heard >= int64(d.def.MaxResponseDelay.Duration()):
		d.hangup(d.up)
	case d.up != 0 && d.now.Mono-d.sent >= int64((d.timer/3).Duration()):
		d.send(&wire.Contact{})
	}
	if d.pending != 0 && d.now.Mono-d.since >= dhcpdHandshake {
		d.hangup(d.pending)
	}
	d.pump()
}

// Flush gives what the batch led to. dhcpd writes before it answers.
func (d *dhcpd) Flush(now lease.Now) *node.Output {
	d.now = now
	d.due()
	o := &d.out
	o.Records = append(o.Records[:0], d.dirty...)
	o.MustSync = len(o.Records) > 0
	o.Replies = append(o.Replies[:0], d.events.Replies...)
	o.Probes = append(o.Probes[:0], d.events.Probes...)
	o.Lines = append(o.Lines[:0], d.events.Lines...)
	o.Links = append(o.Links[:0], d.links...)
	d.dirty, d.links = d.dirty[:0], d.links[:0]
	d.events.Changed, d.events.Replies = nil, nil
	d.events.Probes, d.events.Lines = d.events.Probes[:0], d.events.Lines[:0]
	return o
}

// Status is as much as the simulation looks at.
func (d *dhcpd) Status(lease.Now) node.Status {
	p := node.PeerInfo{State: d.peer.State.String(), Posture: "dhcpd", Rule: "draft", Connected: d.known}
	if d.startup {
		p.State = lease.Startup.String()
	}
	return node.Status{Peers: []node.PeerInfo{p}}
}
