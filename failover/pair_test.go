package failover

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// epoch is the wall clock at which every test begins.
const epoch lease.Time = 1_800_000_000

// world is two boxes, a failover link and virtual time.
type world struct {
	t        *testing.T
	now      lease.Now
	boxes    [2]*box
	link     bool // the failover link carries packets
	conns    []*pipe
	nextID   ConnID
	trace    strings.Builder
	quiet    bool
	delay    time.Duration
	steps    int
	limit    int // messages still to be delivered before the link is cut; <0 none
	claims   map[lease.IP]claim
	doubly   int // addresses given to a second client
	tolerant bool
}

// claim is what a client believes.
type claim struct {
	client int
	until  int64 // true time, ns
}

// box is one server: an endpoint with a table and what survives a crash.
type box struct {
	name       string
	w          *world
	cfg        Config
	ranges     []lease.Range
	up         bool
	ep         *Endpoint
	table      *lease.Table
	disk       map[lease.IP]lease.Lease
	peer       lease.Peer
	alive      lease.Time
	diedAlone  lease.Time // when it last stopped in PARTNER-DOWN
	origin     string
	isc        bool          // speaks as dhcpd: its greeting is taken off
	offset     time.Duration // its clock is wrong by this
	clockError time.Duration
	frozen     bool // stopped, but not dead
}

// pipe is one TCP connection; ends[i] belongs to boxes[i].
type pipe struct {
	ids  [2]ConnID
	wire [2][]parcel // towards boxes[i]
	open [2]bool
}

type parcel struct {
	at  int64
	m   wire.Message
	fin bool
	syn bool
}

func newWorld(t *testing.T, edit func(a, b *Config)) *world {
	t.Helper()
	w := &world{t: t, link: true, delay: time.Millisecond, limit: -1, claims: map[lease.IP]claim{}}
	w.now = lease.Now{Wall: int64(epoch) * 1e9, Mono: 1e9}
	a := Config{Name: "pair", MaxResponseDelay: 12, MaxUnacked: 10, MCLT: 60, HBA: wire.Split(128),
		LoadBalanceMaxSeconds: 3, MinBalance: 5, MaxBalance: 30, Software: "tandem-test", Boot: "a1", Seed: 7}
	b := a
	b.Secondary, b.Boot, b.MCLT = true, "b1", 0
	if edit != nil {
		edit(&a, &b)
	}
	pool := []lease.Range{{Low: lease.MustIP("10.77.0.100"), High: lease.MustIP("10.77.0.119")}}
	for i, cfg := range []Config{a, b} {
		w.boxes[i] = &box{name: string("AB"[i]), w: w, cfg: cfg, ranges: pool, disk: map[lease.IP]lease.Lease{}, origin: "new"}
	}
	return w
}

// boot starts a box from what its disk holds.
func (b *box) boot() {
	w := b.w
	b.table = lease.NewTable()
	for _, ip := range sortedIPs(b.disk) {
		b.table.Apply(b.disk[ip])
	}
	b.table.SetPools([][]lease.Range{b.ranges})
	b.ep = New(b.cfg, b.table, []int{0}, b.peer, Boot{LastAlive: b.alive, Origin: b.origin})
	b.origin = "whole"
	b.up = true
	w.step(b, ClockFacts{Trusted: true, Error: b.clockError})
	w.step(b, Started{})
}

// crash stops a box at once; the network closes its connections.
func (b *box) crash() {
	b.up = false
	b.alive = b.now().Time()
	if b.peer.State == lease.PartnerDown {
		b.diedAlone = b.w.now.Time()
	}
	for _, p := range b.w.conns {
		b.w.closeEnd(p, b.index())
	}
}

// wipe loses the disk.
func (b *box) wipe() {
	b.disk, b.peer, b.alive, b.origin = map[lease.IP]lease.Lease{}, lease.Peer{}, 0, "new"
}

func (b *box) index() int {
	if b == b.w.boxes[0] {
		return 0
	}
	return 1
}

func sortedIPs[V any](m map[lease.IP]V) []lease.IP {
	ips := make([]lease.IP, 0, len(m))
	for ip := range m {
		ips = append(ips, ip)
	}
	slices.Sort(ips)
	return ips
}

// step gives an event to a box and carries out what follows.
func (w *world) step(b *box, ev Event) {
	if !b.up {
		return
	}
	if w.steps++; w.steps > 2_000_000 {
		w.t.Fatalf("no end of steps\n%s", w.tail())
	}
	b.ep.Step(b.now(), ev)
	w.carryOut(b)
}

// now is the reading of the box's clocks.
func (b *box) now() lease.Now {
	n := b.w.now
	n.Wall += int64(b.offset)
	return n
}

func (w *world) carryOut(b *box) {
	for _, x := range slices.Clone(b.ep.Effects()) {
		switch x := x.(type) {
		case Save:
			b.peer = *x.Peer
		case SaveLease:
			b.disk[x.Lease.IP] = *x.Lease
		case Send:
			w.deliver(b, x)
		case Dial:
			w.dial(b)
		case Hangup:
			w.note("%s hangs up: %s", b.name, x.Why)
			if p := w.pipeOf(b.index(), x.Conn); p != nil {
				w.closeEnd(p, b.index())
			}
		case Secure:
			w.t.Fatalf("%s wants TLS", b.name)
		case Entered:
			w.note("%s %v -> %v (%s)", b.name, x.From, x.To, x.Why)
		case Log:
			if x.Level > Info {
				w.note("%s ! %s", b.name, x.Text)
			}
		}
	}
}

func (w *world) note(format string, args ...any) {
	if !w.quiet {
		fmt.Fprintf(&w.trace, "%8.3f %s\n", float64(w.now.Wall-int64(epoch)*1e9)/1e9, fmt.Sprintf(format, args...))
	}
}

func (w *world) pipeOf(i int, id ConnID) *pipe {
	for _, p := range w.conns {
		if p.ids[i] == id {
			return p
		}
	}
	return nil
}

// deliver checks a message against what dhcpd survives, encodes it, and puts
// it on the wire.
func (w *world) deliver(b *box, s Send) {
	i := b.index()
	p := w.pipeOf(i, s.Conn)
	if p == nil || !p.open[i] {
		w.t.Errorf("%s sends on a closed connection: %v", b.name, s.Message)
		return
	}
	dialect := wire.Tandem
	if w.boxes[1-i].isc {
		dialect = wire.ISC
	}
	frame, err := wire.Encode(s.Message, dialect)
	if err != nil {
		w.t.Errorf("%s: %v", b.name, err)
		return
	}
	m, err := wire.Decode(frame)
	if err != nil {
		w.t.Errorf("%s: %v", b.name, err)
		return
	}
	if _, ok := m.(*wire.Contact); !ok {
		w.note("%s> %s", b.name, wire.Line(withoutVendor(m), epoch))
	}
	if b.isc {
		m = withoutVendor(m)
	}
	p.wire[1-i] = append(p.wire[1-i], parcel{at: w.now.Mono + int64(w.delay), m: m})
}

func withoutVendor(m wire.Message) wire.Message {
	switch m := m.(type) {
	case *wire.Connect:
		c := *m
		c.Vendor = wire.Opt[string]{}
		return &c
	case *wire.Connectack:
		c := *m
		c.Vendor = wire.Opt[string]{}
		return &c
	case *wire.Bndupd:
		c := *m
		c.Vendor, c.RequestOptions = wire.Opt[string]{}, wire.Opt[string]{}
		return &c
	}
	return m
}

func (w *world) dial(b *box) {
	o := w.boxes[1-b.index()]
	if !w.link || !o.up {
		w.step(b, Closed{Why: "refused"})
		return
	}
	w.nextID++
	p := &pipe{open: [2]bool{true, true}}
	p.ids[b.index()], p.ids[o.index()] = w.nextID*2, w.nextID*2+1
	w.conns = append(w.conns, p)
	w.step(b, Connected{Conn: p.ids[b.index()], Dialled: true})
	if o.frozen {
		p.wire[o.index()] = append(p.wire[o.index()], parcel{at: w.now.Mono, syn: true})
		return
	}
	w.step(o, Connected{Conn: p.ids[o.index()]})
}

// closeEnd closes one end; the other one reads what is on the way first.
func (w *world) closeEnd(p *pipe, i int) {
	if !p.open[i] {
		return
	}
	p.open[i] = false
	p.wire[i] = nil
	if w.link {
		p.wire[1-i] = append(p.wire[1-i], parcel{at: w.now.Mono + int64(w.delay), fin: true})
	}
}

// cut takes the failover link away or brings it back.
func (w *world) cut(off bool) {
	w.note("link %v", map[bool]string{true: "cut", false: "healed"}[off])
	w.link = !off
	if off {
		return
	}
	// What was lost never arrives: both ends see a reset.
	for _, p := range w.conns {
		for i := range p.wire {
			p.wire[i] = []parcel{{at: w.now.Mono, fin: true}}
		}
	}
}

// run lets d pass.
func (w *world) run(d time.Duration) {
	end := w.now.Mono + int64(d)
	for {
		at := end
		for i, b := range w.boxes {
			if b == nil || !b.up || b.frozen {
				continue
			}
			if d := b.ep.Deadline(); d != 0 && d < at {
				at = d
			}
			if e, ok := b.table.NextEnd(); ok {
				at = min(at, max(w.now.Mono, w.now.Mono+int64(e)*1e9-b.now().Wall))
			}
			for _, p := range w.conns {
				if w.link && len(p.wire[i]) > 0 && p.wire[i][0].at < at {
					at = p.wire[i][0].at
				}
			}
		}
		if at > w.now.Mono {
			w.now = w.now.Add(time.Duration(at - w.now.Mono))
		}
		w.turn()
		if w.now.Mono >= end {
			return
		}
	}
}

// turn does what is due now.
func (w *world) turn() {
	for i, b := range w.boxes {
		if b == nil || !b.up || b.frozen {
			continue
		}
		for _, p := range slices.Clone(w.conns) {
			w.read(b, i, p)
		}
		w.step(b, Tick{})
		w.expire(b)
	}
	w.conns = slices.DeleteFunc(w.conns, func(p *pipe) bool { return !p.open[0] && !p.open[1] })
}

func (w *world) read(b *box, i int, p *pipe) {
	for w.link && len(p.wire[i]) > 0 && p.wire[i][0].at <= w.now.Mono {
		x := p.wire[i][0]
		p.wire[i] = p.wire[i][1:]
		if !p.open[i] {
			return
		}
		if x.syn {
			w.step(b, Connected{Conn: p.ids[i]})
			continue
		}
		if x.fin {
			w.step(b, Closed{p.ids[i], "closed by the partner"})
			p.open[i] = false
			return
		}
		if w.limit == 0 {
			w.cut(true)
			return
		}
		if w.limit > 0 {
			w.limit--
		}
		w.step(b, Received{p.ids[i], x.m})
	}
}

// expire is the part of the DHCP responder that ends leases.
func (w *world) expire(b *box) {
	b.table.Ended(b.now().Time(), func(l *lease.Lease) {
		to := lease.Expired
		if l.State == lease.Abandoned {
			to = lease.Free
		}
		s, retry, v := b.ep.Ended(b.now(), l, to)
		if !v.OK {
			b.table.Defer(l.IP, max(retry, b.now().Time()+1))
			return
		}
		ended := *l
		ended.State = s
		b.table.Apply(ended)
		b.ep.Step(b.now(), Bound{ended})
	})
	w.carryOut(b)
}

// client n has hardware address 02:00:00:00:00:n.
func hw(n int) string { return "\x01\x02\x00\x00\x00\x00" + string(rune(n)) }

// lease asks a box for an address for client n, as DISCOVER and REQUEST would;
// it gives the address and the lease time, or why there is none.
func (b *box) lease(n int, want lease.Seconds) (lease.IP, lease.Seconds, Verdict) {
	now := b.now()
	if l := b.bindingOf(n); l != nil {
		return b.renew(l, Renewing, n, want)
	}
	if v := b.ep.Serve(now, Query{Kind: Discover, Key: []byte(hw(n)[1:]), Secs: 10}); !v.OK {
		return 0, 0, v
	}
	var pick lease.Lease
	last := Verdict{Rule: "none", Why: "no address"}
	for _, s := range b.ep.FreeStates(now) {
		b.table.Candidates(0, s, func(l lease.Lease) bool {
			if last = b.ep.Available(now, &l, false); last.OK {
				pick = l
			}
			return pick.IP == 0
		})
		if pick.IP != 0 {
			return b.bind(pick, n, want)
		}
	}
	return 0, 0, last
}

// bindingOf is the live lease of client n, as this box knows it.
func (b *box) bindingOf(n int) *lease.Lease {
	var found *lease.Lease
	b.table.EachByHW(hw(n), func(l *lease.Lease) bool {
		if l.Binding(b.now().Time()) {
			found = l
		}
		return found == nil
	})
	return found
}

func (b *box) renew(l *lease.Lease, k Kind, n int, want lease.Seconds) (lease.IP, lease.Seconds, Verdict) {
	if v := b.ep.Serve(b.now(), Query{Kind: k, Key: []byte(hw(n)[1:]), Lease: l}); !v.OK {
		return 0, 0, v
	}
	return b.bind(*l, n, want)
}

func (b *box) bind(l lease.Lease, n int, want lease.Seconds) (lease.IP, lease.Seconds, Verdict) {
	now := b.now()
	d, potential, v := b.ep.Grant(now, &l, want)
	if !v.OK {
		return 0, 0, v
	}
	t := now.Time()
	if l.State != lease.Active {
		l.STOS = t
	}
	l.State, l.HW, l.UID = lease.Active, hw(n), ""
	l.Starts, l.CLTT, l.Ends, l.TSTP = t, t, t.Add(d), potential
	b.table.Apply(l)
	b.w.step(b, Bound{l})
	b.w.note("%s gives %v to client %d for %d s", b.name, l.IP, n, d)
	b.w.claim(l.IP, n, d)
	return l.IP, d, yes
}

// claim checks the promise: one address, one client (I1).
func (w *world) claim(ip lease.IP, n int, d lease.Seconds) {
	if c, ok := w.claims[ip]; ok && c.client != n && c.until > w.now.Wall {
		w.doubly++
		w.note("!! %v belongs to client %d for another %v", ip, c.client, time.Duration(c.until-w.now.Wall))
		if !w.tolerant {
			w.t.Errorf("%v given to client %d and client %d\n%s", ip, c.client, n, w.tail())
		}
	}
	w.claims[ip] = claim{n, w.now.Wall + int64(d.Duration())}
}

// release is a DHCPRELEASE of client n.
func (b *box) release(n int) {
	l := b.bindingOf(n)
	if l == nil {
		b.w.t.Fatalf("%s: client %d has no lease to release", b.name, n)
	}
	s, _, v := b.ep.Ended(b.now(), l, lease.Released)
	if !v.OK {
		b.w.t.Fatalf("%s: release refused: %v", b.name, v)
	}
	r := *l
	r.State, r.Ends, r.CLTT = s, b.now().Time(), b.now().Time()
	b.table.Apply(r)
	b.w.step(b, Bound{r})
	b.w.note("client %d releases %v at %s", n, l.IP, b.name)
	delete(b.w.claims, l.IP)
}

// tail is the end of the trace.
func (w *world) tail() string {
	s := w.trace.String()
	return s[max(0, len(s)-6000):]
}

// wantStates fails unless the boxes are in these states.
func (w *world) wantStates(a, b lease.ServerState) {
	w.t.Helper()
	for i, want := range []lease.ServerState{a, b} {
		if got := w.boxes[i].ep.State(); got != want {
			w.t.Fatalf("%s is in %v, want %v\n%s", w.boxes[i].name, got, want, w.tail())
		}
	}
}

// normal starts both and brings them to NORMAL.
func (w *world) normal() (a, b *box) {
	w.t.Helper()
	a, b = w.boxes[0], w.boxes[1]
	a.boot()
	b.boot()
	w.run(8 * time.Second)
	w.wantStates(lease.Normal, lease.Normal)
	return a, b
}

// wantEqual fails unless both tables agree lease by lease.
func (w *world) wantEqual() {
	w.t.Helper()
	if diff := w.differences(); diff != "" {
		w.t.Fatalf("tables differ:\n%s\n%s", diff, w.tail())
	}
}

func (w *world) differences() string {
	var out strings.Builder
	for ip := w.boxes[0].ranges[0].Low; ip <= w.boxes[0].ranges[0].High; ip++ {
		x, y := brief(w.boxes[0].table.Look(ip)), brief(w.boxes[1].table.Look(ip))
		if x != y {
			fmt.Fprintf(&out, "%v\n  A: %s\n  B: %s\n", ip, x, y)
		}
	}
	return out.String()
}

func brief(l lease.Lease) string {
	if l.State == lease.Free || l.State == lease.Backup {
		// The last client may differ: of a lease that was given and ended
		// without contact the partner never hears.
		return l.State.String()
	}
	return fmt.Sprintf("%v hw=%x ends=+%d cltt=+%d", l.State, l.HW, l.Ends-epoch, l.CLTT-epoch)
}
