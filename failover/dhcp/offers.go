package dhcp

import (
	"time"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

const (
	// maxOffers bounds the offers that are out; beyond it the oldest goes.
	maxOffers = 65536
	// offerLife is how long an address stays with a client that it was
	// offered to, as in dhcpd.
	offerLife = 120 * time.Second
)

// offer keeps an address for a client that has not asked for it yet, or whose
// address is being probed.
type offer struct {
	ip    lease.IP
	key   offerKey
	hw    string
	uid   string
	name  string // host name in the DISCOVER, for the line about the REQUEST
	lapse int64  // monotonic
	// probed is the monotonic moment at which the address was last found
	// unused; zero if it was not probed.
	probed int64
	// waiting is the request to be answered when the probe is done.
	waiting *waiting
	billed  billKey // what the offer counts against; zero for nothing

	prev, next *offer // in the order of lapse
}

// waiting is a discover that waits for a probe, in its own memory.
type waiting struct {
	packet Packet
	tries  int   // addresses found in use for this request so far
	late   int64 // monotonic moment after which the probe is taken for lost
}

// offerKey is a client in a network: by client identifier or hardware address.
type offerKey struct {
	network *conf.SharedNetwork
	byUID   bool
	id      string
}

// offers is every offer that is out, found by address and by client; a
// client has at most one in a network.
type offers struct {
	byIP       map[lease.IP]*offer
	byKey      map[offerKey]*offer
	head, tail *offer // the next to lapse is the head
	spare      *offer
	n          int
}

func (s *offers) init() {
	*s = offers{byIP: map[lease.IP]*offer{}, byKey: map[offerKey]*offer{}}
}

// find gives the client's offer in network n, nil if it has none.
func (s *offers) find(q *inquiry, n *conf.SharedNetwork) *offer {
	if s.n == 0 {
		return nil
	}
	if len(q.uid) > 0 {
		return s.byKey[offerKey{n, true, string(q.uid)}]
	}
	return s.byKey[offerKey{n, false, string(q.hw)}]
}

// isFor tells whether the offer was made to this client.
func (o *offer) isFor(q *inquiry) bool {
	if o.key.byUID {
		return o.uid == string(q.uid)
	}
	return len(q.uid) == 0 && o.hw == string(q.hw)
}

// add makes an offer of ip and puts it last.
func (s *offers) add(q *inquiry, n *conf.SharedNetwork, ip lease.IP) *offer {
	o := s.spare
	if o != nil {
		s.spare = o.next
	} else {
		o = &offer{}
	}
	// One piece of memory for both names; the lease takes them over.
	names := make([]byte, 0, len(q.hw)+len(q.uid))
	both := string(append(append(names, q.hw...), q.uid...))
	*o = offer{ip: ip, hw: both[:len(q.hw)], uid: both[len(q.hw):], name: string(q.hostname())}
	o.key = offerKey{network: n, id: o.hw}
	if o.uid != "" {
		o.key.byUID, o.key.id = true, o.uid
	}
	o.lapse = q.now.Mono + int64(offerLife)
	s.byIP[ip], s.byKey[o.key] = o, o
	s.n++
	s.append(o)
	return o
}

// renew gives the offer its whole life again.
func (s *offers) renew(o *offer, q *inquiry) {
	if name := q.hostname(); o.name != string(name) {
		o.name = string(name)
	}
	s.unlink(o)
	o.lapse = q.now.Mono + int64(offerLife)
	s.append(o)
}

func (s *offers) remove(o *offer) {
	s.unlink(o)
	delete(s.byIP, o.ip)
	delete(s.byKey, o.key)
	s.n--
	*o = offer{next: s.spare}
	s.spare = o
}

func (s *offers) append(o *offer) {
	o.prev, o.next = s.tail, nil
	if s.tail == nil {
		s.head = o
	} else {
		s.tail.next = o
	}
	s.tail = o
}

func (s *offers) unlink(o *offer) {
	if o.prev == nil {
		s.head = o.next
	} else {
		o.prev.next = o.next
	}
	if o.next == nil {
		s.tail = o.prev
	} else {
		o.next.prev = o.prev
	}
	o.prev, o.next = nil, nil
}

// due gives the oldest offer if it has lapsed at the monotonic moment now.
func (s *offers) due(now int64) *offer {
	if s.head != nil && s.head.lapse <= now {
		return s.head
	}
	return nil
}

func (s *offers) deadline() int64 {
	if s.head == nil {
		return 0
	}
	return s.head.lapse
}

func (s *offers) each(fn func(*offer)) {
	for o := s.head; o != nil; o = o.next {
		fn(o)
	}
}

// dropOffer ends an offer: the address may be given to others again.
func (r *Responder) dropOffer(o *offer) {
	ip := o.ip
	r.offers.remove(o)
	r.table.Unhold(ip)
}

// reserve makes t the client's one offer in its network, and holds its
// address. The oldest offer gives way if there are too many.
func (r *Responder) reserve(q *inquiry, t *target) *offer {
	n := t.subnet.Network
	o := r.offers.find(q, n)
	if o != nil && o.ip == t.ip {
		r.offers.renew(o, q)
		return o
	}
	if o != nil {
		r.dropOffer(o)
	}
	if other := r.offers.byIP[t.ip]; other != nil {
		r.dropOffer(other)
	}
	if r.offers.n >= maxOffers {
		r.count[cOfferEvicted]++
		r.dropOffer(r.offers.head)
	}
	r.table.Hold(t.ip)
	return r.offers.add(q, n, t.ip)
}
