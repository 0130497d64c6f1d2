package sim

import (
	"slices"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// call is what a client did at the server, as far as the capture shows.
type call struct {
	at   time.Duration
	what byte // typeRequest, typeDiscover for an offer that was not taken, typeRelease, typeDecline
	ip   lease.IP
	hw   string
	uid  string
	want lease.Seconds // the lease time asked for; zero for none
}

// before is how long before the message about it a client's packet came.
const before = 3 * time.Millisecond

// calls finds what clients did: every message about a lease says when the
// client was last there.
func (c *capture) calls() []call {
	var list []call
	for _, x := range c.lines {
		m, ok := x.m.(*wire.Bndupd)
		if !ok || !x.mine {
			continue
		}
		for _, v := range c.callsOf(x, m) {
			known := func(o call) bool {
				return o.what == v.what && o.ip == v.ip && (o.hw == v.hw || v.hw == stranger(v.ip)) && c.second(o.at) == c.second(v.at)
			}
			if !slices.ContainsFunc(list, known) {
				list = append(list, v)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b call) int { return int(a.at - b.at) })
	return list
}

// callsOf gives what clients did for a message to be as it is.
func (c *capture) callsOf(x captured, m *wire.Bndupd) []call {
	v := call{what: typeRequest, ip: m.IP.V, hw: m.HW.V, uid: m.ClientID.V}
	at := func(s lease.Time) call { v.at = c.when(x, m, s); return v }
	switch s := m.Status.V; {
	case s == lease.Abandoned:
		v.what = typeDecline
		return []call{at(m.Time)}
	case s == lease.Released:
		ack := at(m.CLTT.V)
		v.what = typeRelease
		return []call{at(m.Time), ack}
	case !m.CLTT.Set:
		return nil
	case s != lease.Active && m.LeaseExpiry.V == m.CLTT.V.Add(120):
		return c.offerOf(x, m)
	case (s == lease.Free || s == lease.Backup) && m.CLTT.V > m.LeaseExpiry.V:
		return nil
	case m.CLTT.V < m.STOS.V && m.STOS.V < m.Time:
		// The partner has given the lease to this client since.
		v.hw, v.uid = stranger(v.ip), ""
		return []call{at(m.CLTT.V)}
	case s == lease.Active:
		v.want = m.PotentialExpiry.V.Sub(m.STOS.V) - m.LeaseExpiry.V.Sub(m.STOS.V)/2
		if m.CLTT.V > m.STOS.V {
			return []call{at(m.STOS.V), at(m.CLTT.V)}
		}
	}
	return []call{at(m.CLTT.V)}
}

// offerOf is an address that was offered, and maybe used before; a lease of
// MCLT ended then. Of several offers the latest one comes first in dhcpd's
// lists.
func (c *capture) offerOf(x captured, m *wire.Bndupd) (list []call) {
	v := call{what: typeRequest, ip: m.IP.V, hw: stranger(m.IP.V)}
	if m.Status.V == lease.Free && m.PotentialExpiry.V != 0 {
		v.at = c.when(x, m, m.PotentialExpiry.V-20)
		list = append(list, v)
	}
	v.what, v.hw, v.uid = typeDiscover, m.HW.V, m.ClientID.V
	v.at = c.when(x, m, m.CLTT.V) - time.Duration(2*x.line)*time.Millisecond
	return append(list, v)
}

// when is the moment of what happened in a second, going by a message about
// it: just before it, or if it could not be sent then, somewhere in that
// second, in the order of the messages.
func (c *capture) when(x captured, m *wire.Bndupd, s lease.Time) time.Duration {
	if s != m.Time {
		return c.moment(s) + time.Second/2 + time.Duration(x.line)*time.Millisecond
	}
	if syn := c.greeted(x.at); x.at-syn < time.Second {
		return min(x.at, syn) - before
	}
	return x.at - before
}

// stranger is a client of which the capture does not tell.
func stranger(ip lease.IP) string { return "\x01\x02\x00\xff\x00\x00" + string(rune(ip&0x7f)) }
