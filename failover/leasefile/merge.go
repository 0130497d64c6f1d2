package leasefile

import (
	"cmp"
	"slices"

	"tandem/failover/lease"
)

// Merge makes one file of the two that a pair keeps. main is that of the
// server that was last in normal or partner-down: its peers and objects count,
// and it wins where both know the same. For each address the record with the
// newest contact with the client decides. Host names, variables and relay
// options are only in the file of the server that granted the lease: they are
// filled in from the other record if it is about the same client.
func Merge(main, other *File) *File {
	m := &File{Name: main.Name + " and " + other.Name, Peers: slices.Clone(main.Peers), Objects: slices.Clone(main.Objects)}
	for _, l := range main.Leases {
		m.Leases = append(m.Leases, mergeLease(l, other.find(l.IP)))
	}
	for _, l := range other.Leases {
		if main.find(l.IP) == nil {
			m.Leases = append(m.Leases, l)
		}
	}
	for i := range m.Peers {
		m.Peers[i].MCLT = cmp.Or(m.Peers[i].MCLT, other.mclt(m.Peers[i].Name))
	}
	for _, p := range other.Peers {
		if !slices.ContainsFunc(m.Peers, func(q lease.Peer) bool { return q.Name == p.Name }) {
			m.Peers = append(m.Peers, turned(p))
		}
	}
	for _, o := range other.Objects {
		if !slices.ContainsFunc(m.Objects, func(q lease.Object) bool { return q.Kind == o.Kind && q.Name == o.Name }) {
			m.Objects = append(m.Objects, o)
		}
	}
	m.sort()
	m.Report = main.Report.plus(&other.Report)
	return m
}

// find gives the lease of an address, or nil.
func (f *File) find(ip lease.IP) *lease.Lease {
	i, ok := slices.BinarySearchFunc(f.Leases, ip, func(l lease.Lease, ip lease.IP) int { return cmp.Compare(l.IP, ip) })
	if !ok {
		return nil
	}
	return &f.Leases[i]
}

// mclt gives the MCLT of a relationship; only the secondary's file has it.
func (f *File) mclt(peer string) lease.Seconds {
	for _, p := range f.Peers {
		if p.Name == peer {
			return p.MCLT
		}
	}
	return 0
}

// turned is a relationship as the partner of the one who wrote it sees it.
func turned(p lease.Peer) lease.Peer {
	p.State, p.Partner = p.Partner, p.State
	p.Since, p.PartnerSince = p.PartnerSince, p.Since
	return p
}

// mergeLease decides between a and what the other server has, if anything.
func mergeLease(a lease.Lease, other *lease.Lease) lease.Lease {
	if other == nil {
		return a
	}
	b := *other
	if newer(&b, &a) {
		a, b = b, a
	}
	if a.HW == b.HW && a.UID == b.UID {
		a.Extra = fill(a.Extra, b.Extra)
		a.Flags |= b.Flags & lease.FlagReserved
	}
	return a
}

// newer tells whether a decides and not b, where b is what counts otherwise.
func newer(a, b *lease.Lease) bool {
	contact := func(l *lease.Lease) lease.Time { return max(l.CLTT, l.Starts) }
	if contact(a) != contact(b) {
		return contact(a) > contact(b)
	}
	return weight(a.State) > weight(b.State)
}

// weight is how much would be lost if a state were forgotten.
func weight(s lease.State) int {
	switch s {
	case lease.Active:
		return 2
	case lease.Abandoned:
		return 1
	}
	return 0
}

// fill takes from other what x lacks.
func fill(x, other *lease.Extra) *lease.Extra {
	if x == nil || other == nil {
		return cmp.Or(x, other)
	}
	y := *x
	for _, s := range [...]struct {
		mine  *string
		their string
	}{{&y.Hostname, other.Hostname}, {&y.FQDN, other.FQDN}, {&y.VendorClass, other.VendorClass}, {&y.UserClass, other.UserClass},
		{&y.RelayAgent, other.RelayAgent}, {&y.Requested, other.Requested}} {
		*s.mine = cmp.Or(*s.mine, s.their)
	}
	if y.Billing == "" {
		y.Billing, y.BillingSub = other.Billing, other.BillingSub
	}
	if len(y.Vars) == 0 {
		y.Vars = other.Vars
	}
	return &y
}

func (r Report) plus(o *Report) Report {
	r.Records += o.Records
	r.Superseded += o.Superseded
	r.Dropped += o.Dropped
	r.Skipped += o.Skipped
	r.Warnings += o.Warnings
	r.Incomplete = r.Incomplete || o.Incomplete
	r.Problems = append(slices.Clip(r.Problems), o.Problems...)
	return r
}
