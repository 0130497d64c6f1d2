package dhcp

import (
	"tandem/failover/conf"
	"tandem/failover/lease"
)

// outcome is what became of a request.
type outcome uint8

const (
	outOffered outcome = iota + 1
	outProbing
	outBound
	outInformed
	outReleased
	outDeclined
	outNAK
	outRefused
	outIgnored
)

// The rules that refuse a client, besides those of the partner.
const (
	ruleSegment          = "network"
	ruleNobody           = "no identity"
	ruleNoFree           = "no free leases"
	rulePeerHolds        = "peer holds all free leases"
	ruleNoBOOTP          = "no dynamic BOOTP leases"
	ruleNoAddress        = "no address"
	ruleNotAuthoritative = "not authoritative"
	ruleWrongNetwork     = "wrong network"
	ruleUnknownLease     = "unknown lease"
	ruleOtherServer      = "other server"
	rulePermit           = "permit"
	ruleFixedOther       = "fixed address"
	ruleFixedTaken       = "fixed address taken"
	ruleNotHolder        = "not the holder"
	ruleDeclines         = "declines"
	ruleMinSecs          = "min-secs"
	ruleUnknownClients   = "unknown-clients"
	ruleBooting          = "booting"
	ruleBOOTP            = "bootp"
	ruleLeaseLimit       = "lease limit"
	ruleLeaseQuery       = "leasequery"
)

// maxNoted is the number of a client's classes that are remembered.
const maxNoted = 4

// decision is what is remembered of the last request of a client.
type decision struct {
	outcome outcome
	kind    Kind
	rule    string
	detail  string
	ip      lease.IP
	seconds lease.Seconds
	pool    *conf.Pool
	subnet  *conf.Subnet
	permit  *conf.Permit

	at      lease.Time
	seq     uint64
	network *conf.SharedNetwork
	iface   *Interface
	giaddr  lease.IP
	linked  bool
	known   bool
	fixed   lease.IP
	host    *conf.Host
	classes [maxNoted]*conf.Class
	nclass  int
	hw      [17]byte
	nhw     uint8
	uid     uint64 // hash of the client identifier
}

// The memory of decisions is a table of sets by hash of the hardware address;
// in a full set the oldest decision gives way. It allocates nothing after the
// first use of a set.
const (
	decisionSets = 1024
	decisionWays = 4
	maxDecisions = decisionSets * decisionWays
)

type memory struct {
	sets [decisionSets]*[decisionWays]decision
	seq  uint64
}

func (m *memory) hash(b []byte) uint64 {
	// FNV-1a: the order of nothing depends on it, so it need not be keyed;
	// clients that collide on purpose only forget each other.
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

// note remembers what was decided about the request.
func (r *Responder) note(q *inquiry, d decision) {
	d.kind, d.at = q.kind, q.now.Time()
	d.network, d.iface, d.giaddr, d.linked = q.network, q.p.If, q.giaddr, q.hasLink
	d.known, d.fixed, d.host = q.known, q.fixed, q.host
	d.nclass = len(q.classes)
	for i := 0; i < min(maxNoted, d.nclass); i++ {
		d.classes[i] = q.classes[i]
	}
	d.nhw = uint8(copy(d.hw[:], q.hw))
	d.uid = r.memory.hash(q.m.Options[optClientID])
	r.memory.seq++
	d.seq = r.memory.seq
	*r.memory.slot(q.hw) = d
}

// slot is the place for the client's decision: its own, else the oldest of
// its set.
func (m *memory) slot(hw []byte) *decision {
	p := &m.sets[m.hash(hw)%decisionSets]
	if *p == nil {
		*p = new([decisionWays]decision)
	}
	best := &(*p)[0]
	for i := range *p {
		d := &(*p)[i]
		if d.outcome != 0 && string(d.hw[:d.nhw]) == string(hw) {
			return d
		}
		if d.seq < best.seq {
			best = d
		}
	}
	return best
}

// find gives the last decision about a client.
func (m *memory) find(q WhyQuery) *decision {
	if q.UID == "" {
		if d := m.slot([]byte(q.HW)); d.outcome != 0 && string(d.hw[:d.nhw]) == q.HW {
			return d
		}
		return nil
	}
	want := m.hash([]byte(q.UID))
	return m.latest(func(d *decision) bool { return d.uid == want })
}

// byIP gives the last decision about an address.
func (m *memory) byIP(ip lease.IP) *decision {
	return m.latest(func(d *decision) bool { return d.ip == ip })
}

func (m *memory) latest(fits func(*decision) bool) *decision {
	var best *decision
	for _, set := range m.sets {
		if set == nil {
			continue
		}
		for i := range set {
			if d := &set[i]; d.outcome != 0 && fits(d) && (best == nil || d.seq > best.seq) {
				best = d
			}
		}
	}
	return best
}

// refuse logs, counts and remembers that the client gets nothing. t may be nil.
func (r *Responder) refuse(q *inquiry, t *target, c counter, rule string, level Level, words ...string) {
	r.count[c]++
	r.say(q, level, words...)
	d := decision{outcome: outRefused, rule: rule}
	if t != nil {
		d.ip, d.pool, d.subnet = t.ip, t.pool, t.subnet
	}
	r.note(q, d)
}

// refuseQuietly is refuse, without a word where the flag says ignore.
func (r *Responder) refuseQuietly(q *inquiry, t *target, a answer, rule, words string) {
	if a == ignore {
		r.count[cRefused]++
		r.note(q, decision{outcome: outRefused, rule: rule, ip: t.ip, pool: t.pool, subnet: t.subnet})
		return
	}
	r.refuse(q, t, cRefused, rule, LevelInfo, words)
}

// refuseBy is refuse by a verdict of the partner.
func (r *Responder) refuseBy(q *inquiry, t *target, v Verdict, words ...string) {
	r.count[cNotServed]++
	level := LevelInfo
	if v.Rule == ruleHash {
		level = LevelDebug
	}
	r.say(q, level, words...)
	r.note(q, decision{outcome: outRefused, rule: v.Rule, detail: v.Why, ip: t.ip, pool: t.pool, subnet: t.subnet})
}
