package load

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// grain is the unit of a server's times: it may count a lease from the second
// in which the request came.
const grain = time.Second

// Ack is one DHCPACK that promised an address. At is when the client asked,
// from which it counts (RFC 2131 section 4.4.1).
type Ack struct {
	At      time.Time
	Client  MAC
	Addr    netip.Addr
	Seconds uint32
}

// Ends is when the promise ends.
func (a Ack) Ends() time.Time { return a.At.Add(time.Duration(a.Seconds) * time.Second) }

// Books keep what the server has promised.
type Books struct {
	Acks []Ack
	// Conflicts are acknowledgements of an address that another client held.
	Conflicts []Conflict
	holder    map[netip.Addr]Ack
}

// Conflict is an address with two clients.
type Conflict struct{ First, Second Ack }

func (c Conflict) String() string {
	return fmt.Sprintf("%v is with %v until %v but was given to %v at %v", c.First.Addr,
		c.First.Client, c.First.Ends().Format(time.TimeOnly), c.Second.Client, c.Second.At.Format(time.TimeOnly))
}

// Note enters an acknowledgement.
func (b *Books) Note(a Ack) {
	if b.holder == nil {
		b.holder = map[netip.Addr]Ack{}
	}
	b.Acks = append(b.Acks, a)
	if h, ok := b.holder[a.Addr]; ok && h.Client != a.Client && a.At.Before(h.Ends().Add(-grain)) {
		b.Conflicts = append(b.Conflicts, Conflict{h, a})
	}
	b.holder[a.Addr] = a
}

// GaveUp enters that the client has released or declined the address.
func (b *Books) GaveUp(client MAC, addr netip.Addr) {
	if b.holder[addr].Client == client {
		delete(b.holder, addr)
	}
}

// Held are the promises that hold at a time, in the order of their addresses.
func (b *Books) Held(at time.Time) []Ack {
	var held []Ack
	for _, a := range b.holder {
		if at.Before(a.Ends()) {
			held = append(held, a)
		}
	}
	slices.SortFunc(held, func(x, y Ack) int { return x.Addr.Compare(y.Addr) })
	return held
}

// Spread tells how long something took.
type Spread struct{ took []time.Duration }

// Add adds one duration.
func (s *Spread) Add(d time.Duration) { s.took = append(s.took, d) }

// Count is the number of durations.
func (s *Spread) Count() int { return len(s.took) }

// Percentile is the duration that p percent stay within; 0 if there is none.
func (s *Spread) Percentile(p float64) time.Duration {
	if len(s.took) == 0 {
		return 0
	}
	slices.Sort(s.took)
	return s.took[min(len(s.took)-1, int(float64(len(s.took))*p/100))]
}
