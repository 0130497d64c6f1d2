package sim

import (
	"cmp"
	"math/rand/v2"
	"slices"
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
	dhcpdAckDelay  = int64(2 * time.Second) // accepted updates are acknowledged so late
	dhcpdEarly     = lease.Seconds(65)      // an end may be taken for come so much too early
	dhcpdOffer     = lease.Seconds(120)     // an address stays with whom it was offered to
	dhcpdSkew      = lease.Seconds(60)      // of the clocks, at which it refuses to talk
)

// dhcpd behaves as ISC dhcpd 4.4.3 does towards its failover partner: its
// states, whom it serves, how long, what it believes and what it says. It is a
// model of what was measured, and is held against it: see
// TestModelIsAsCaptured. The DHCP side is the responder's, which was compared
// with dhcpd packet by packet. Where dhcpd would exit or shut itself down for
// good, fatal is called.
type dhcpd struct {
	cfg   *conf.Config
	def   *conf.Peer
	table *lease.Table
	resp  *dhcp.Responder
	fatal func(string)
	luck  func() lease.Seconds // 0 to 4, by which dhcpd puts off its balancing
	// prompt: a lease ends as with dhcpd, which counts in whole seconds and so
	// takes an address back up to a second before its client knows. No partner
	// can help against that; else the end is a second later, the responder's.
	prompt bool

	now     lease.Now
	peer    lease.Peer
	startup bool
	startBy int64
	waitTil int64      // end of RECOVER-WAIT
	freeAt  lease.Time // in PARTNER-DOWN: what has ended before is free then
	entered lease.Time // when the state was entered, by the clock of this run

	greets      []greet
	dialling    bool
	dialAt      int64
	up          uint64 // the connection
	known       bool   // the partner's state was heard on up
	heard, sent int64
	timer       lease.Seconds
	window      int
	xid         uint32

	todo      []update // waiting for room in the window
	flight    []update // sent, and not acknowledged
	acks      []*wire.Bndack
	ackAt     int64
	wanted    bool // an UPDDONE is awaited
	owed      bool // one is owed, for xid owedTo, once owedAfter is acknowledged
	owedTo    uint32
	owedAfter lease.IP
	balanceAt int64 // zero for never
	balanced  lease.Time

	was    map[lease.IP]lease.Lease // each lease as it was before the client's latest packet
	place  map[lease.IP]int         // when it came to its place among the leases with the same end
	places int

	events  dhcp.Out
	dirty   []lease.Record
	changed bool // the states
	links   []node.Link
	out     node.Output
}

// greet is a connection that is not through.
type greet struct {
	conn    uint64
	since   int64
	dialled bool
}

// update is news of an address. dhcpd tells the state that it meant when it
// queued the news, and everything else as it is when it sends.
type update struct {
	ip    lease.IP
	state lease.State
	xid   uint32
}

func newDhcpd(cfg *conf.Config, seed uint64, fatal func(string)) *dhcpd {
	d := &dhcpd{cfg: cfg, def: cfg.Peers[0], table: lease.NewTable(), fatal: fatal, timer: 20}
	d.was, d.place = map[lease.IP]lease.Lease{}, map[lease.IP]int{}
	luck := rand.New(rand.NewPCG(seed, 0))
	d.luck = func() lease.Seconds { return lease.Seconds(luck.IntN(5)) }
	d.table.SetPools(dhcp.Pools(cfg))
	d.resp = dhcp.New(cfg, d.table, func(*conf.Pool) dhcp.Partner { return d }, seed)
	return d
}

// Repeats implements dhcp.Repeater.
func (d *dhcpd) Repeats() {}

func (d *dhcpd) Table() *lease.Table { return d.table }
func (d *dhcpd) Parted() bool        { return false }

func (d *dhcpd) Restore(r lease.Record) {
	switch r := r.(type) {
	case *lease.Lease:
		d.put(*r)
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
	if d.peer.State == lease.PartnerDown {
		d.freeAt = d.peer.Since.Add(d.peer.MCLT)
	}
}

// save has the states written, both at once.
func (d *dhcpd) save() { d.changed = true }

// put applies a change of a lease. Among those with the same end it is now
// the first.
func (d *dhcpd) put(l lease.Lease) *lease.Lease {
	d.places++
	d.place[l.IP], d.was[l.IP] = d.places, l
	return d.table.Apply(l)
}

func (d *dhcpd) store(l lease.Lease) *lease.Lease {
	p := d.put(l)
	d.dirty = append(d.dirty, p)
	d.reconsider(l.IP)
	return p
}

// Step takes one input. Commands other than partner-down it does not know.
func (d *dhcpd) Step(now lease.Now, in node.Input) {
	d.now = now
	from := len(d.events.Changed)
	switch in := in.(type) {
	case *node.PacketIn:
		replies := len(d.events.Replies)
		d.resp.Answer(now, &in.Packet, &d.events)
		d.replied(d.events.Replies[replies:], &in.Packet)
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
		d.connected(in)
	case *node.PeerReceived:
		d.received(in.Conn, in.Message)
	case *node.PeerClosed:
		d.closed(in.Conn)
	}
	d.bind(from)
}

// replied: an address that is offered carries the client and an end, and of
// every client dhcpd notes that it was there, also of one that is told the
// rest of its lease.
func (d *dhcpd) replied(replies []dhcp.Reply, p *dhcp.Packet) {
	for i := range replies {
		r, ok := parseReply(replies[i].Payload)
		if !ok || r.ip == 0 {
			continue
		}
		l := d.table.Look(r.ip)
		switch {
		case r.typ == typeOffer && (l.State == lease.Free || l.State == lease.Backup):
			l.HW, l.UID = string(append([]byte{1}, p.Raw[28:34]...)), string(p.Msg.Options[optClientID])
			l.Ends, l.Starts = d.now.Time().Add(dhcpdOffer), d.now.Time()
		case r.typ != typeACK || l.State != lease.Active || l.CLTT == d.now.Time():
			continue
		}
		l.CLTT = d.now.Time()
		d.dirty = append(d.dirty, d.put(l))
	}
}

// bind marks what the clients' side changed, and tells the partner of it.
func (d *dhcpd) bind(from int) {
	for _, l := range d.events.Changed[from:] {
		x, was := *l, d.was[l.IP]
		x.ATSFP = 0
		switch x.State {
		case lease.Active:
			if was.State != lease.Active {
				x.TSFP = 0
			}
			x.TSFP = min(x.TSFP, x.TSTP)
		case lease.Released:
			x.TSTP, x.CLTT = d.now.Time(), was.CLTT
		case lease.Abandoned:
			x.Starts, x.CLTT = was.Starts, was.CLTT
		case lease.Free, lease.Backup:
			d.rest(&x, x.State)
		}
		d.store(x)
		d.tell(x.IP, x.State)
	}
}

// rest brings a lease to FREE or BACKUP.
func (d *dhcpd) rest(l *lease.Lease, s lease.State) {
	l.State, l.Rewind, l.TSTP = s, s, l.Ends
	l.Flags &^= lease.FlagSent
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
	wall := func(t lease.Time) {
		if t != 0 {
			sooner(d.now.Mono + int64(t)*1e9 - d.now.Wall)
		}
	}
	switch {
	case d.up != 0:
		sooner(d.heard + int64(d.def.MaxResponseDelay.Duration()))
		sooner(d.sent + int64((d.timer / 3).Duration()))
	case !d.dialling:
		sooner(d.dialAt)
	}
	for _, g := range d.greets {
		sooner(g.since + dhcpdHandshake)
	}
	if len(d.acks) > 0 {
		sooner(d.ackAt)
	}
	if d.peer.State == lease.RecoverWait {
		sooner(d.waitTil)
	}
	if d.peer.State == lease.PartnerDown {
		wall(d.freeAt)
	}
	if d.balances() {
		sooner(d.balanceAt)
	}
	return at
}

// due does what time brings about.
func (d *dhcpd) due() {
	from := len(d.events.Changed)
	now := d.now
	if d.prompt {
		now.Wall += int64(time.Second)
	}
	d.resp.Tick(now, &d.events)
	slices.SortFunc(d.events.Changed[from:], d.inOrder)
	d.bind(from)
	if d.startup && d.now.Mono >= d.startBy {
		d.enter(interruptedISC(d.peer.State))
	}
	if d.peer.State == lease.RecoverWait && d.now.Mono >= d.waitTil {
		d.enter(lease.RecoverDone)
	}
	if d.peer.State == lease.PartnerDown && d.freeAt != 0 && d.now.Time() >= d.freeAt {
		d.freeAt = 0
		d.freeEnded()
	}
	d.dueBalance()
	if len(d.acks) > 0 && d.now.Mono >= d.ackAt {
		d.sayAcks()
	}
	d.dueLink()
}

// inOrder is the order in which leases end: on the way to FREE dhcpd turns
// those of the same second around.
func (d *dhcpd) inOrder(a, b *lease.Lease) int {
	turn := cmp.Compare(d.place[b.IP], d.place[a.IP])
	if a.State == lease.Free {
		turn = -turn
	}
	return cmp.Or(cmp.Compare(d.was[a.IP].Ends, d.was[b.IP].Ends), turn)
}

// dueLink does what is due with the connections.
func (d *dhcpd) dueLink() {
	switch {
	case d.up == 0 && !d.dialling && d.now.Mono >= d.dialAt:
		d.dialling = true
		d.links = append(d.links, node.Link{Do: node.LinkDial, Peer: d.def.Name})
	case d.up != 0 && d.now.Mono-d.heard >= int64(d.def.MaxResponseDelay.Duration()):
		d.hangup(d.up)
	case d.up != 0 && d.now.Mono-d.sent >= int64((d.timer/3).Duration()):
		d.send(&wire.Contact{})
	}
	for _, g := range slices.Clone(d.greets) {
		if d.now.Mono-g.since >= dhcpdHandshake {
			d.hangup(g.conn)
		}
	}
}

// Flush gives what the batch led to. dhcpd writes before it answers.
func (d *dhcpd) Flush(now lease.Now) *node.Output {
	d.now = now
	d.due()
	if d.changed {
		p := d.peer
		d.dirty, d.changed = append(d.dirty, &p), false
	}
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
