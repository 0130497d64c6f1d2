package sim

import (
	"slices"
	"strings"
	"time"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// checker knows what every client believes, and what left every box.
type checker struct {
	w       *World
	beliefs map[lease.IP][]belief
	// excused is set once both boxes were declared the survivor without
	// hearing each other: no rule repairs that.
	excused Moment
	// copied is set once a box has lived on with an older disk that nobody
	// spoke of and no contact showed: the boxes do not know that they differ.
	copied bool
}

// belief is one client's.
type belief struct {
	client *client
	until  Moment
}

func newChecker(w *World) *checker {
	return &checker{w: w, beliefs: map[lease.IP][]belief{}}
}

// took checks I1: nobody else believes in the address.
func (k *checker) took(c *client, b *Box) {
	list := k.beliefs[c.have]
	rest := list[:0]
	for _, x := range list {
		if x.client == c || x.until <= k.w.now {
			continue
		}
		rest = append(rest, x)
		if !x.client.twin() && k.excused == 0 {
			k.w.fail("I1", "%v has two clients: %s until %v, and %s, which %s gave it until %v",
				c.have, x.client.name, x.until, c.name, b.name, c.until)
		}
	}
	k.beliefs[c.have] = append(rest, belief{c, c.until})
}

// gave: the client does not believe in its address any more.
func (k *checker) gave(c *client) {
	k.beliefs[c.have] = slices.DeleteFunc(k.beliefs[c.have], func(x belief) bool { return x.client == c })
}

// nak: a client that believes in its lease is told that it has none.
func (k *checker) nak(c *client, b *Box) {
	if k.excused != 0 || c.spec.Kind == Rogue || c.spec.UID != "" {
		return
	}
	k.w.fail("lease lost", "%s takes %v away from %s, whose lease runs until %v", b.name, c.have, c.name, c.until)
}

// leaves checks I2: an ACK that leaves promises nothing that is not on disk.
func (k *checker) leaves(b *Box, now lease.Now, r *dhcp.Reply) {
	got, ok := parseReply(r.Payload)
	if b.isDhcpd() {
		return // a model promises nothing
	}
	if !ok || got.typ != typeACK || got.ip == 0 || got.time == 0 {
		return
	}
	v := b.shadow.leases[got.ip]
	switch {
	case v != nil && v.durable && v.disk.State != lease.Active && v.disk.STOS.Add(k.w.skew()) >= now.Time():
		// The client gave it back in the same batch, perhaps to the other box.
	case v != nil && v.durable && k.excused != 0 && v.disk.HW != hardware(got.client):
		// Both served, and the other box's client wins in the same batch.
	case v == nil || !v.durable:
		k.w.fail("I2", "%s acknowledges %v without a record on disk", b.name, got.ip)
	case v.disk.State != lease.Active || v.disk.UID == "" && v.disk.HW != hardware(got.client):
		k.w.fail("I2", "%s acknowledges %v to c%d, on disk is %+v", b.name, got.ip, got.client, v.disk)
	case v.disk.Ends < now.Time().Add(got.time):
		k.w.fail("I2", "%s acknowledges %v until %v, on disk is %v", b.name, got.ip, now.Time().Add(got.time), v.disk.Ends)
	}
}

// skew is how far apart the two clocks may be.
func (w *World) skew() lease.Seconds { return lease.Seconds((2*w.plan.Bound + 999) / 1000) }

// line follows what a box says in its log.
func (k *checker) line(b *Box, l dhcp.Line) {
	if strings.HasPrefix(l.Text, "DHCP") || strings.HasPrefix(l.Text, "uid lease") {
		return
	}
	k.w.tell("%s: %s", b.name, l.Text)
}

// unserved: a client has asked for about a minute and got nothing. Every box
// that it reaches must be able to say why.
func (k *checker) unserved(c *client) {
	k.w.Cover.Refused++
	for _, b := range k.w.boxes {
		if !b.acts() || !k.w.lan.reaches(b) || k.w.lan.loss > 0 || k.w.now-b.heardSince < Moment(80*time.Second) {
			continue
		}
		b.ask(func(a node.Answer) {
			k.w.tell("%s about %s: %s%s", b.name, c.name, a.Body, a.Err)
			if a.Err != "" || !explains(string(a.Body)) {
				k.w.fail("R12", "%s does not say why %s has no address: %s %s", b.name, c.name, a.Body, a.Err)
			}
		}, "why", macOf(c.spec.N))
	}
}

// explains tells whether an answer to `why` names a decision.
func explains(text string) bool {
	return strings.Contains(text, "It was ") || strings.Contains(text, "is being probed")
}
