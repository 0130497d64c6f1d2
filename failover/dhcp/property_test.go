package dhcp

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// worlds are the configurations that the random clients live in. Their
// clients are on 10.1.0.0/24 and, behind relays, on 10.2.0.0/24.
var worlds = map[string]string{
	"small": `ping-check off; default-lease-time 300; min-lease-time 60; max-lease-time 600;
		subnet 10.1.0.0 netmask 255.255.255.0 { range 10.1.0.10 10.1.0.15; }
		subnet 10.2.0.0 netmask 255.255.255.0 { range 10.2.0.10 10.2.0.13; }`,
	"authoritative": `authoritative; ping-check on; one-lease-per-client on; default-lease-time 120; min-lease-time 30;
		class "odd" { match if binary-to-ascii(10, 8, "", substring(hardware, 6, 1)) ~= "[13579]"; lease limit 2; }
		shared-network both {
			subnet 10.1.0.0 netmask 255.255.255.0 { range 10.1.0.10 10.1.0.13; }
			subnet 10.2.0.0 netmask 255.255.255.0 { }
			pool { range 10.2.0.10 10.2.0.12; deny members of "odd"; }
			pool { range 10.2.0.20 10.2.0.21; allow known-clients; }
		}
		host known { hardware ethernet 02:00:00:00:00:05; }
		host fixed { hardware ethernet 02:00:00:00:00:06; fixed-address 10.1.0.12; }`,
	"strange": `authoritative; ping-check on; ignore-client-uids on; dhcp-cache-threshold 50; infinite-is-reserved on;
		default-lease-time 100; max-lease-time infinite; min-lease-time 10; abandon-lease-time 200;
		subnet 10.1.0.0 netmask 255.255.255.0 { range dynamic-bootp 10.1.0.10 10.1.0.16; }
		subnet 10.2.0.0 netmask 255.255.255.0 { range 10.2.0.10 10.2.0.13; deny duplicates; adaptive-lease-time-threshold 50; }`,
	"pair": `authoritative; ping-check off; default-lease-time 400; min-lease-time 30;
		failover peer "p" { primary; address 10.1.0.1; peer address 10.1.0.2; mclt 60; split 128; load balance max seconds 3; }
		subnet 10.1.0.0 netmask 255.255.255.0 { pool { failover peer "p"; range 10.1.0.10 10.1.0.19; } }
		subnet 10.2.0.0 netmask 255.255.255.0 { pool { failover peer "p"; range 10.2.0.10 10.2.0.15; } }`,
}

// TestProperty lets random clients do what clients do, thousands of times
// over, and looks on: no address for two clients at once, counted as the
// clients count; every promise in the table; no more offers than allowed.
func TestProperty(t *testing.T) {
	seeds := uint64(500)
	if testing.Short() {
		seeds = 100
	}
	for name, text := range worlds {
		t.Run(name, func(t *testing.T) {
			cfg := compile(t, text)
			for seed := range seeds {
				w := newWorld(t, cfg, seed)
				w.run(250)
				if t.Failed() {
					t.Fatalf("seed %d", seed)
				}
			}
		})
	}
}

// device is one client: what it is and what it believes.
type device struct {
	n     byte
	uid   string
	owner string // who the server takes it for
	far   bool   // behind a relay
	offer lease.IP
	had   lease.IP
	ends  int64 // the end of its lease on had, by its own count, as Wall
}

type world struct {
	*rig
	rng     *rand.Rand
	devices []*device
	probes  []Probe
	story   []string
}

func newWorld(t *testing.T, cfg *conf.Config, seed uint64) *world {
	w := &world{rng: rand.New(rand.NewPCG(seed, 7))}
	w.rig = &rig{t: t, cfg: cfg, table: lease.NewTable()}
	w.now = lease.Now{Wall: 1_800_000_000e9 + int64(w.rng.IntN(1e9)), Mono: 5e9}
	w.iface = &Interface{Index: 2, Name: "eth0", Addrs: []lease.IP{ip("10.1.0.1")}}
	w.table.SetPools(Pools(cfg))
	for _, p := range cfg.Pools {
		if p.Peer != nil {
			w.split(p)
		}
	}
	w.r = New(cfg, w.table, func(p *conf.Pool) Partner {
		if p.Peer == nil {
			return nil
		}
		return &half{w: w, pool: p}
	}, seed)
	for i := range 12 {
		d := &device{n: byte(i), far: w.rng.IntN(3) == 0}
		if w.rng.IntN(2) == 0 {
			d.uid = fmt.Sprintf("\x00uid-%d", i-i%5/4) // some share one
		}
		d.owner = d.uid
		if d.uid == "" || w.r.base(&w.r.q, cfg.Networks[0], nil).ignoreUIDs {
			d.owner = fmt.Sprint(d.n)
		}
		w.devices = append(w.devices, d)
	}
	return w
}

// split gives the partner every other address of the pool.
func (w *world) split(p *conf.Pool) {
	for _, pr := range p.Ranges {
		for a := pr.Low; a <= pr.High; a += 2 {
			w.table.Apply(lease.Lease{IP: a, State: lease.Backup, Rewind: lease.Backup})
		}
	}
}

// half is a partner that owns the BACKUP addresses, lets a client have a
// minute at first, and is slow to acknowledge.
type half struct {
	w    *world
	pool *conf.Pool
}

func (h *half) Serve(_ lease.Now, q Query) Verdict {
	if q.Kind == Discover && len(q.Key) > 0 && q.Key[len(q.Key)-1]%4 == 0 && q.Secs < 3 {
		return Verdict{Rule: ruleHash, Why: "the partner serves this client"}
	}
	return Yes
}

func (h *half) Available(_ lease.Now, l *lease.Lease, same bool) Verdict {
	if l.State == lease.Free || same && l.State == lease.Released {
		return Yes
	}
	return Verdict{Rule: "half", Why: "the address is the partner's"}
}

func (h *half) FreeStates(lease.Now) []lease.State { return soloStates }

func (h *half) Grant(now lease.Now, l *lease.Lease, want lease.Seconds) (lease.Seconds, lease.Time, Verdict) {
	if !l.Binding(now.Time()) {
		want = min(want, 60)
	}
	return want, now.Time().Add(want + 30), Yes
}

func (h *half) Ended(now lease.Now, _ *lease.Lease, to lease.State) (lease.State, lease.Time, Verdict) {
	if h.w.rng.IntN(3) == 0 {
		return 0, now.Time().Add(lease.Seconds(h.w.rng.IntN(100))), Verdict{Rule: "later"}
	}
	return to, 0, Yes
}

// acknowledge lets the partner acknowledge some ended leases.
func (w *world) acknowledge() {
	for i := range w.table.Len() {
		l := *w.table.At(i)
		if (l.State == lease.Expired || l.State == lease.Released) && w.rng.IntN(2) == 0 {
			l.State, l.Rewind = lease.Free, lease.Free
			w.table.Apply(l)
		}
	}
}

func (w *world) run(steps int) {
	for range steps {
		w.pass()
		d := w.devices[w.rng.IntN(len(w.devices))]
		w.act(d)
		for len(w.probes) > 0 && w.rng.IntN(3) > 0 {
			w.probed()
		}
		if w.r.offers.n > len(w.devices)*2 {
			w.t.Errorf("%d offers for %d clients", w.r.offers.n, len(w.devices))
		}
		if w.t.Failed() {
			w.tell()
			return
		}
	}
}

// tell prints the end of the story.
func (w *world) tell() {
	for _, s := range w.story[max(0, len(w.story)-60):] {
		w.t.Log(s)
	}
}

// pass lets a random time pass.
func (w *world) pass() {
	spans := []time.Duration{0, time.Second, 20 * time.Second, 2 * time.Minute, 10 * time.Minute}
	d := time.Duration(w.rng.Int64N(int64(spans[w.rng.IntN(len(spans))]) + 1))
	w.out.Reset()
	w.wait(d)
	w.acknowledge()
	w.observe(nil)
}

// probed tells the result of the oldest probe.
func (w *world) probed() {
	p := w.probes[0]
	w.probes = w.probes[1:]
	w.out.Reset()
	w.r.ProbeDone(w.now, p.IP, w.rng.IntN(6) == 0, "ICMP", &w.out)
	w.observe(nil)
}

// act lets d do one thing.
func (w *world) act(d *device) {
	var m *msg
	holds := d.had != 0 && d.ends > w.now.Wall
	switch k := w.rng.IntN(20); {
	case d.offer != 0 && k < 15:
		m = w.from(d.n, msgRequest).wants(d.offer.String()).server("10.1.0.1")
		if k == 0 {
			m.server("10.9.9.9")
		}
		d.offer = 0
	case k < 3 && holds:
		m = w.from(d.n, msgRequest).ciaddr(d.had.String()).unicast()
	case k < 5 && holds:
		m = w.from(d.n, msgRequest).ciaddr(d.had.String())
	case k < 7 && d.had != 0:
		m = w.from(d.n, msgRequest).wants(d.had.String())
	case k < 8 && holds:
		m = w.from(d.n, msgRelease).ciaddr(d.had.String()).server("10.1.0.1").unicast()
		d.ends = 0
	case k < 9 && holds:
		m = w.from(d.n, msgDecline).wants(d.had.String()).server("10.1.0.1")
		d.ends = 0
	case k < 10:
		m = w.from(d.n, msgInform).ciaddr("10.1.0.77").unicast()
	case k == 11 && w.rng.IntN(3) == 0:
		m = w.from(d.n, 0)
	case k == 12:
		m = w.from(d.n, msgRequest).wants(w.anywhere().String())
	default:
		m = w.from(d.n, msgDiscover)
		if w.rng.IntN(3) == 0 {
			m.wants(w.anywhere().String())
		}
		// Who begins anew has forgotten what it had.
		for _, twin := range w.devices {
			if twin.owner == d.owner {
				twin.ends = 0
			}
		}
	}
	w.dress(d, m)
	w.out.Reset()
	res := m.send()
	w.story = append(w.story, res.lines...)
	w.observe(d)
}

// dress gives the request the marks of its client.
func (w *world) dress(d *device, m *msg) {
	if d.uid != "" {
		m.uid(d.uid)
	}
	if d.far && m.p.Dst == broadcastIP {
		m.relay("10.2.0.1").opt(optAgent, 1, 2, 'a', d.n)
	}
	if w.rng.IntN(4) == 0 {
		m.text(optHostName, fmt.Sprintf("host-%d", w.rng.IntN(3)))
	}
	if w.rng.IntN(8) == 0 {
		m.opt(optLeaseTime, 255, 255, 255, byte(w.rng.IntN(2)*255))
	}
	m.secs(uint16(w.rng.IntN(6)))
}

func (w *world) anywhere() lease.IP {
	base := ip("10.1.0.8")
	if w.rng.IntN(2) == 0 {
		base = ip("10.2.0.8")
	}
	return base + lease.IP(w.rng.IntN(16))
}

// observe checks the output and lets clients believe what they are told. by
// is the client whose request led to it, nil if that was a probe or time.
func (w *world) observe(by *device) {
	w.probes = append(w.probes, w.out.Probes...)
	for _, l := range w.out.Changed {
		if pool := w.cfg.PoolOf(l.IP); pool.Peer == nil && l.Rewind != l.State || pool.Peer != nil && l.Flags.Has(lease.FlagPending) {
			w.t.Errorf("change without its marks: %+v", l)
		}
	}
	for _, rep := range w.out.Replies {
		w.heard(by, rep)
	}
}

func (w *world) heard(by *device, rep Reply) {
	b := rep.Payload
	if by == nil {
		// The answer to a probe comes later; the client is in the packet.
		by = w.devices[b[33]]
	}
	m, err := Decode(b)
	if err != nil || len(b) < bootpSize {
		w.t.Fatalf("bad reply of %d octets: %v", len(b), err)
	}
	got := lease.IP(binary.BigEndian.Uint32(b[16:]))
	switch byte(m.MessageType()) {
	case msgOffer:
		by.offer = got
	case msgNAK:
		by.offer, by.had, by.ends = 0, 0, 0
	case msgACK:
		if got != 0 { // not for INFORM
			w.promised(by, got, lease.Seconds(binary.BigEndian.Uint32(m.Options[optLeaseTime])))
		}
	case 0:
		w.promised(by, got, lease.Infinite)
	}
}

// promised checks a promise against what others believe and what is recorded.
func (w *world) promised(by *device, got lease.IP, granted lease.Seconds) {
	w.story = append(w.story, fmt.Sprintf("%d: %v to device %d (%q) for %d", w.now.Wall/1e6, got, by.n, by.owner, granted))
	for _, d := range w.devices {
		if d != by && d.owner != by.owner && d.had == got && d.ends > w.now.Wall {
			w.t.Errorf("%v given to device %d while device %d holds it for another %v", got, by.n, d.n, time.Duration(d.ends-w.now.Wall))
		}
		if d.owner == by.owner {
			d.ends = 0 // one client for the server: the latest counts
		}
	}
	by.had, by.ends = got, w.now.Wall+int64(granted)*1e9
	if granted == lease.Infinite {
		by.ends = 1<<63 - 1
	}
	if w.r.fixedFor(by, got) {
		return
	}
	l := w.table.Get(got)
	switch {
	case l == nil || l.State != lease.Active:
		w.t.Errorf("%v promised but not recorded: %+v", got, l)
	case l.HW[6] != by.n:
		w.t.Errorf("%v promised to device %d, recorded for %x", got, by.n, l.HW)
	case granted == lease.Infinite && l.Ends != lease.Never || granted != lease.Infinite && l.Ends < w.now.Time().Add(granted):
		w.t.Errorf("%v promised for %d from %d, recorded until %d", got, granted, w.now.Time(), l.Ends)
	}
}

// fixedFor tells whether the address is the fixed one of the device.
func (r *Responder) fixedFor(d *device, a lease.IP) bool {
	for _, h := range r.cfg.Hosts {
		if len(h.Fixed) > 0 && h.Fixed[0] == a && h.HW[6] == d.n {
			return true
		}
	}
	return false
}
