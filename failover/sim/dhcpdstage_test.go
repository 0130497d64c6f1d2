package sim

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/failover/conf"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
	"tandem/failover/wire"
)

// did is what the model did.
type did struct {
	at   time.Duration
	do   node.LinkDo
	m    wire.Message
	used bool
}

// stage is the model in the place of the server of a capture.
type stage struct {
	t        *testing.T
	s        scene
	c        *capture
	cfg      *conf.Config
	d        *dhcpd // nil while the process is dead
	conn     uint64
	others   []uint64
	last     uint64
	now      time.Duration
	did      []did
	owed     []did // acknowledgements of a scripted partner
	saved    map[any]lease.Record
	balanced lease.Time
	order    []any
	iface    dhcp.Interface
	exited   string
}

// fresh starts a process with what is saved.
func (g *stage) fresh(at time.Duration) {
	g.now = at
	g.d = newDhcpd(g.cfg, 1, func(why string) {
		if g.exited == "" {
			g.exited = why
		}
	})
	g.d.luck, g.d.prompt = g.chance, true
	for _, k := range g.order {
		g.d.Restore(g.saved[k])
	}
	g.d.Start(g.read(at))
	g.flush()
}

// chance is the capture's: one number from one balancing to the next.
func (g *stage) chance() lease.Seconds {
	if g.d.balanced != g.balanced && g.balanced != 0 && len(g.s.luck) > 1 {
		g.s.luck = g.s.luck[1:]
	}
	if g.balanced = g.d.balanced; len(g.s.luck) == 0 {
		return 0
	}
	return g.s.luck[0]
}

func (g *stage) read(at time.Duration) lease.Now {
	return lease.Now{Wall: int64(g.c.zero*1e9) + int64(at), Mono: int64(time.Hour) + int64(at)}
}

func (g *stage) step(at time.Duration, in node.Input) {
	if g.d == nil || g.exited != "" {
		return
	}
	g.now = max(g.now, at)
	g.d.Step(g.read(g.now), in)
	g.flush()
}

// flush notes what the model does.
func (g *stage) flush() {
	out := g.d.Flush(g.read(g.now))
	for _, r := range out.Records {
		var k any = "peer"
		if l, ok := r.(*lease.Lease); ok {
			k = l.IP
			x := *l
			r = &x
		}
		if g.saved[k] == nil {
			g.order = append(g.order, k)
		}
		g.saved[k] = r
	}
	for _, l := range out.Links {
		if m, ok := l.Message.(*wire.Bndupd); ok {
			g.acknowledge(m)
		}
		if l.Do == node.LinkHangup && l.Conn == g.conn {
			g.gone()
		}
		g.did = append(g.did, did{at: g.now, do: l.Do, m: l.Message})
	}
}

// until lets time pass.
func (g *stage) until(at time.Duration) {
	for range 100_000 {
		if g.d == nil || g.exited != "" {
			return
		}
		if len(g.owed) > 0 && g.owed[0].at <= at {
			x := g.owed[0]
			g.owed = g.owed[1:]
			g.until(x.at)
			g.step(x.at, &node.PeerReceived{Conn: g.conn, Message: x.m})
			continue
		}
		due := g.d.Deadline()
		if due == 0 || due-int64(time.Hour) > int64(at) {
			return
		}
		g.now = max(g.now, time.Duration(due-int64(time.Hour)))
		g.flush()
	}
	g.t.Fatalf("the model does not come to rest before %v", at)
}

// acknowledge is the scripted partner's part.
func (g *stage) acknowledge(m *wire.Bndupd) {
	for _, a := range g.s.acks {
		if g.now >= second(a.from) && g.now < second(a.to) {
			ack := &wire.Bndack{}
			ack.Header, ack.IP = m.Header, m.IP
			if a.uid {
				ack.ClientID = wire.Some("abc")
			}
			g.owed = append(g.owed, did{at: g.now + ackDelay, m: ack})
		}
	}
}

// connect begins a connection.
func (g *stage) connect(at time.Duration, dialled bool) {
	if g.conn != 0 {
		g.others = append(g.others, g.conn)
	}
	g.last++
	g.conn = g.last
	g.step(at, &node.PeerConnected{Peer: "fo-pair", Conn: g.conn, Dialled: dialled})
}

// gone: of two connections the other one is left.
func (g *stage) gone() {
	g.conn = 0
	if n := len(g.others); n > 0 {
		g.conn, g.others = g.others[n-1], g.others[:n-1]
	}
}

func (g *stage) closed(at time.Duration) {
	if conn := g.conn; conn != 0 {
		g.gone()
		g.step(at, &node.PeerClosed{Peer: "fo-pair", Conn: conn, Why: "closed by the partner"})
	}
}

// prelude brings the pair to NORMAL as the real one came there: two models
// talk to each other.
func (g *stage) prelude() {
	other := &stage{t: g.t, s: g.s, c: g.c, cfg: g.s.set.compile(g.t, !g.s.secondary), saved: map[any]lease.Record{}}
	pair := []*stage{g, other}
	if g.s.secondary {
		pair = []*stage{other, g}
	}
	pair[0].fresh(g.s.normal - 2*time.Second)
	pair[1].fresh(g.s.normal)
	pair[1].connect(g.s.normal, true)
	pair[0].connect(g.s.normal, false)
	for done := [2]int{}; done != [2]int{len(g.did), len(other.did)}; {
		for i, x := range []*stage{g, other} {
			to := other
			if x == other {
				to = g
			}
			for ; done[i] < len(x.did); done[i]++ {
				if x.did[done[i]].do == node.LinkSend {
					to.step(g.s.normal, &node.PeerReceived{Conn: to.conn, Message: x.did[done[i]].m})
				}
			}
		}
		for _, x := range pair { // what is due within a moment
			x.until(g.s.normal)
		}
	}
	g.did = nil
	if g.d.peer.State != lease.Normal || other.d.peer.State != lease.Normal {
		g.t.Fatalf("the prelude ends in %v and %v", g.d.peer.State, other.d.peer.State)
	}
}

// call has a client come to the server.
func (g *stage) call(v call) {
	if g.d == nil {
		return
	}
	m := message{xid: uint32(v.at), uid: v.uid, requested: v.ip}
	hw, server := v.hw, g.iface.Addrs[0]
	held := g.d.table.Look(v.ip)
	if hw == "" {
		hw, m.uid = held.HW, held.UID
	}
	say := func(typ byte, dst lease.IP) {
		m.typ = typ
		raw := m.encode()
		copy(raw[28:], hw[1:])
		if v.want != 0 && typ <= typeRequest {
			raw = binary.BigEndian.AppendUint32(append(raw[:len(raw)-1], optLease, 4), uint32(v.want))
			raw = append(raw, 255)
		}
		msg, err := dhcp.Decode(raw)
		if err != nil {
			g.t.Fatal(err)
		}
		g.step(v.at, &node.PacketIn{Packet: dhcp.Packet{If: &g.iface, Src: m.ciaddr, SrcPort: 68, Dst: dst, Raw: raw, Msg: msg}})
	}
	switch {
	case v.what == typeDecline:
		say(typeDecline, everybody)
	case v.what == typeRelease:
		m.ciaddr, m.requested, m.server = v.ip, 0, server
		say(typeRelease, server)
	case v.what == typeRequest && held.State == lease.Active && held.HW == hw:
		m.ciaddr, m.requested = v.ip, 0
		say(typeRequest, everybody)
	default:
		say(typeDiscover, everybody)
		if v.what == typeRequest {
			m.server = server
			say(typeRequest, everybody)
		}
	}
}

// play lives through the capture.
func (g *stage) play() {
	g.cfg = g.s.set.compile(g.t, g.s.secondary)
	g.saved = map[any]lease.Record{}
	ip := lease.MustIP(g.s.set.low)&^0xff + 1
	g.iface = dhcp.Interface{Index: 2, Name: "lan0", Addrs: []lease.IP{ip}}
	if g.s.normal != 0 {
		g.prelude()
	} else if g.s.reboot == 0 {
		g.fresh(g.s.start)
	}
	type todo struct {
		at time.Duration
		do func()
	}
	var list []todo
	add := func(at time.Duration, do func()) { list = append(list, todo{at, do}) }
	for _, v := range g.c.calls() {
		add(v.at-1, func() { g.call(v) })
	}
	if g.s.down != 0 {
		add(g.s.down, func() { g.step(g.s.down, &node.Query{Args: []string{"order", "partner-down"}}) })
	}
	for _, at := range g.s.drops {
		add(at, func() { g.closed(at) })
	}
	if g.s.reboot != 0 {
		add(g.s.reboot, func() {
			if g.s.wiped {
				g.saved, g.order = map[any]lease.Record{}, nil
			}
			g.fresh(g.s.reboot)
		})
	}
	for i, x := range g.c.lines {
		add(x.at, func() { g.line(i, x) })
	}
	slices.SortStableFunc(list, func(a, b todo) int { return int(a.at - b.at) })
	for _, x := range list {
		g.until(x.at)
		x.do()
	}
	g.until(g.c.lines[len(g.c.lines)-1].at + slack)
}

// line gives one line of the capture to the model.
func (g *stage) line(i int, x captured) {
	_, greets := x.m.(*wire.Connect)
	switch {
	case x.tcp == "SYN":
		if i+1 < len(g.c.lines) && g.c.lines[i+1].tcp == "RST" {
			if x.mine {
				g.until(x.at + before)
				g.step(x.at, &node.PeerClosed{Peer: "fo-pair", Why: "connection refused"})
			}
			return
		}
		g.connect(x.at, x.mine)
	case x.tcp == "FIN" && x.mine:
		if g.s.reboot > x.at {
			g.d, g.conn, g.others = nil, 0, nil // killed
		} else if strings.HasPrefix(g.c.name, "p") {
			g.closed(x.at)
		}
	case x.tcp == "FIN", x.tcp == "RST":
		g.closed(x.at)
	case greets && g.conn == 0, greets && strings.HasPrefix(g.c.name, "p") && g.greeted():
		g.closed(x.at - before)
		g.connect(x.at, false)
		if !x.mine {
			g.step(x.at, &node.PeerReceived{Conn: g.conn, Message: x.m})
		}
	case x.m != nil && !x.mine && g.conn != 0:
		g.step(x.at, &node.PeerReceived{Conn: g.conn, Message: x.m})
	}
}

// greeted tells whether the model's connection is through already.
func (g *stage) greeted() bool { return g.d != nil && g.d.up == g.conn }
