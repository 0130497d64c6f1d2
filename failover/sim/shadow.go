package sim

import (
	"fmt"
	"reflect"
	"slices"

	"tandem/failover/lease"
)

// shadow is what a store must hold: for each thing the value that was synced
// last, and those appended since, any of which may have survived.
type shadow struct {
	leases  map[lease.IP]*values
	peers   []lease.Peer // the first one is on disk if durable
	durable bool
	// older: an older copy of the disk was put back, so anything may be there.
	older  bool
	unsaid []*values // with later ones
}

// values are one lease as it is on disk, if it is, and what may be there
// instead.
type values struct {
	durable bool
	disk    lease.Lease
	later   []lease.Lease
}

func newShadow() *shadow { return &shadow{leases: map[lease.IP]*values{}} }

func (s *shadow) of(ip lease.IP) *values {
	v := s.leases[ip]
	if v == nil {
		v = &values{}
		s.leases[ip] = v
	}
	return v
}

// keep takes a record that is on disk.
func (s *shadow) keep(r lease.Record) {
	switch r := r.(type) {
	case *lease.Lease:
		*s.of(r.IP) = values{durable: true, disk: *r}
	case *lease.Peer:
		s.peers, s.durable = append(s.peers[:0], *r), true
	}
}

// append takes records that may or may not be on disk.
func (s *shadow) append(list []lease.Record) {
	for _, r := range list {
		switch r := r.(type) {
		case *lease.Lease:
			v := s.of(r.IP)
			v.later = append(v.later, *r)
			s.unsaid = append(s.unsaid, v)
		case *lease.Peer:
			s.peers = append(s.peers, *r)
		}
	}
}

// synced: everything appended is on disk.
func (s *shadow) synced() {
	for _, v := range s.unsaid {
		if n := len(v.later); n > 0 {
			v.durable, v.disk, v.later = true, v.later[n-1], v.later[:0]
		}
	}
	s.unsaid = s.unsaid[:0]
	if n := len(s.peers); n > 0 {
		s.peers, s.durable = append(s.peers[:0], s.peers[n-1]), true
	}
}

// lost names the first thing that found does not hold as it should.
func (s *shadow) lost(found *shadow) string {
	if s.older {
		return ""
	}
	ips := make([]lease.IP, 0, len(s.leases))
	for ip := range s.leases {
		ips = append(ips, ip)
	}
	slices.Sort(ips)
	for _, ip := range ips {
		want, got := s.leases[ip], found.leases[ip]
		switch {
		case got == nil && !want.durable:
		case got == nil:
			return fmt.Sprintf("%v: wrote %+v, found nothing", ip, want.disk)
		case want.durable && reflect.DeepEqual(want.disk, got.disk):
		case slices.ContainsFunc(want.later, func(l lease.Lease) bool { return reflect.DeepEqual(l, got.disk) }):
		default:
			return fmt.Sprintf("%v: wrote %+v, found %+v", ip, *want, got.disk)
		}
	}
	if len(found.peers) == 0 && s.durable || len(found.peers) > 0 && !slices.Contains(s.peers, found.peers[0]) {
		return fmt.Sprintf("the relationship: wrote %+v, found %+v", s.peers, found.peers)
	}
	return ""
}
