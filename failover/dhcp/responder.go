package dhcp

import (
	"tandem/failover/conf"
	"tandem/failover/lease"
)

// The UDP ports of servers and clients (RFC 2131 section 4.1).
const (
	ServerPort = 67
	ClientPort = 68
)

// Responder answers DHCPv4 and BOOTP clients. It is not safe for concurrent
// use: one loop owns it.
type Responder struct {
	cfg      *conf.Config
	table    *lease.Table
	partners []Partner // by pool

	byInterface map[string]*conf.SharedNetwork // `interface` statements
	fixed       map[lease.IP]struct{}          // fixed addresses of hosts
	byOption    bool                           // some host has a host-identifier
	limits      bool                           // some class has a lease limit
	identifiers map[lease.IP]struct{}

	serverPort, clientPort uint16

	profiles map[profileKey]*profile
	offers   offers
	bills    map[billKey]map[lease.IP]struct{}
	texts    map[string]string
	memory   memory
	count    counts
	last     lease.Now // the latest reading seen

	// Scratch of the request being answered.
	q      inquiry
	t      target
	loose  [2]profile // of a network, and of a target
	ips    []lease.IP
	line   []byte
	block  []byte
	scopes []*conf.Scope
}

// New makes a responder that answers by cfg from the bindings in table, whose
// pools the caller sets from Pools(cfg). partner gives the Partner of each
// pool; nil, or a nil result, is a pool without a partner. The seed is for
// choices that need chance; there is none today, since addresses are taken in
// the order of their last use.
func New(cfg *conf.Config, table *lease.Table, partner func(*conf.Pool) Partner, _ uint64) *Responder {
	r := &Responder{
		table:       table,
		identifiers: map[lease.IP]struct{}{},
		bills:       map[billKey]map[lease.IP]struct{}{},
		texts:       map[string]string{},
	}
	r.offers.init()
	r.SetPorts(ServerPort, ClientPort)
	r.Reconfigure(cfg, partner)
	return r
}

// Pools gives the address ranges of every pool, as lease.Table.SetPools takes them.
func Pools(cfg *conf.Config) [][]lease.Range {
	pools := make([][]lease.Range, len(cfg.Pools))
	for i, p := range cfg.Pools {
		for _, pr := range p.Ranges {
			pools[i] = append(pools[i], pr.Range)
		}
	}
	return pools
}

// SetPorts sets the UDP ports of servers and relays, and of clients, for
// replies; a test setup may move them.
func (r *Responder) SetPorts(server, client uint16) { r.serverPort, r.clientPort = server, client }

// Reconfigure puts cfg in force. Offers and probes that are out lapse: their
// clients ask again. The caller has set the table's pools before.
func (r *Responder) Reconfigure(cfg *conf.Config, partner func(*conf.Pool) Partner) {
	r.offers.each(func(o *offer) { r.table.Unhold(o.ip) })
	r.offers.init()
	r.cfg = cfg
	r.profiles = map[profileKey]*profile{}
	r.partners = make([]Partner, len(cfg.Pools))
	for i, p := range cfg.Pools {
		r.partners[i] = Solo{}
		if partner == nil {
			continue
		}
		if got := partner(p); got != nil {
			r.partners[i] = got
		}
	}
	r.byInterface = map[string]*conf.SharedNetwork{}
	for _, n := range cfg.Networks {
		if n.Interface != "" {
			r.byInterface[n.Interface] = n
		}
	}
	for _, s := range cfg.Subnets {
		if s.Interface != "" {
			r.byInterface[s.Interface] = s.Network
		}
	}
	r.indexHosts()
	r.limits = false
	for _, c := range cfg.Classes {
		r.limits = r.limits || c.LeaseLimit > 0
	}
	r.countBills()
	// What is remembered speaks of the pools and hosts of before.
	r.memory = memory{}
}

// Answer answers one packet. Changes of leases are applied to the table and
// listed in out before the replies that promise them.
func (r *Responder) Answer(now lease.Now, p *Packet, out *Out) {
	r.last = now
	q := &r.q
	if !q.read(now, p, out) {
		r.count[cMalformed]++
		return
	}
	r.count[cDiscover+counter(q.kind)-1]++
	r.answer(q)
}

func (r *Responder) answer(q *inquiry) {
	q.network = r.locate(q)
	if r.cfg.Classes != nil {
		q.classes = append(q.classes[:0], r.cfg.ClassesOf(q)...)
	}
	if q.network == nil && (q.kind == Discover || q.kind == Decline || q.kind == BOOTP) {
		r.unknownSegment(q)
		return
	}
	r.repair(q)
	if len(q.hw) == 0 && len(q.uid) == 0 && q.kind != Inform && q.kind != LeaseQuery {
		// Nothing could tell this client from the next one like it.
		r.head(q, verbs[q.kind], nil)
		r.refuse(q, nil, cMalformed, ruleNobody, LevelInfo, ": no hardware address and no client identifier")
		return
	}
	switch q.kind {
	case Discover:
		r.discover(q)
	case Selecting, InitReboot, Renewing, Rebinding:
		r.request(q)
	case Decline:
		r.decline(q)
	case Release:
		r.release(q)
	case Inform:
		r.inform(q)
	case BOOTP:
		r.bootp(q)
	case LeaseQuery:
		r.leaseQuery(q)
	}
}

// repair applies the statements that change how the packet is read.
func (r *Responder) repair(q *inquiry) {
	if q.network == nil {
		return
	}
	p := r.base(q, q.network, nil)
	if p.ignoreUIDs {
		q.uid = nil
	}
	// Some clients send secs in the wrong byte order (dhcpd.conf(5),
	// check-secs-byte-order).
	if p.checkSecs && q.secs > 255 && q.secs&255 == 0 {
		q.secs >>= 8
	}
}

// unknownSegment says that no subnet fits the relay, the selection or the
// interface.
func (r *Responder) unknownSegment(q *inquiry) {
	r.count[cUnknownSegment]++
	r.head(q, verbs[q.kind], nil)
	if q.kind == BOOTP {
		r.say(q, LevelInfo, ": network unknown")
	} else {
		r.say(q, LevelInfo, ": unknown network segment")
	}
	r.note(q, decision{outcome: outRefused, rule: ruleSegment})
}

// change applies l to the table and lists it. What the partner of a failover
// pool knows of it is marked by the endpoint, which needs the old marks; a
// lease without a partner has nothing to rewind to.
func (r *Responder) change(l lease.Lease, out *Out) *lease.Lease {
	if pool := r.cfg.PoolOf(l.IP); pool == nil || pool.Peer == nil {
		l.Rewind = l.State
	}
	at := r.table.Apply(l)
	out.Changed = append(out.Changed, at)
	r.count[cChanged]++
	return at
}

// partnerOf is the Partner for addresses of the pool.
func (r *Responder) partnerOf(p *conf.Pool) Partner { return r.partners[p.ID] }
