package node

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
)

// listingPiece is how many leases one piece of an answer to "leases" looks
// at, so that a listing of a million leases never holds up a client.
const listingPiece = 512

// maxListings bounds the listings that are under way at once.
const maxListings = 16

// listing is a "leases" query that is being answered. Its next piece is made
// when the reader has asked for it ("more", with the ID of the query): a slow
// reader costs neither memory nor the time of others. "enough" ends it.
type listing struct {
	id     uint64
	next   int
	asked  bool
	filter func(*lease.Lease) bool
}

func (n *Node) query(now lease.Now, q *Query) {
	if len(q.Args) == 0 {
		n.refuse(q.ID, "empty query")
		return
	}
	switch args := q.Args[1:]; q.Args[0] {
	case "status":
		n.answer(q.ID, n.Status(now))
	case "counters":
		n.answer(q.ID, n.counters())
	case "leases":
		n.startListing(q.ID, args)
	case "more":
		n.goOn(q.ID)
	case "enough":
		n.listings = slices.DeleteFunc(n.listings, func(l *listing) bool { return l.id == q.ID })
	case "why":
		n.why(now, q.ID, args)
	case "evidence":
		n.evidence(now, q.ID, args)
	case "order":
		n.order(now, q.ID, args)
	default:
		n.refuse(q.ID, fmt.Sprintf("unknown query %q; known: status, leases, counters, why, evidence, order", q.Args[0]))
	}
}

func (n *Node) answer(id uint64, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		n.refuse(id, err.Error())
		return
	}
	n.answers = append(n.answers, Answer{ID: id, Body: body})
}

func (n *Node) refuse(id uint64, why string) {
	n.answers = append(n.answers, Answer{ID: id, Err: why})
}

// Counter is one named figure since start.
type Counter struct {
	Name  string `json:"name"`
	Value uint64 `json:"value"`
}

func (n *Node) counters() []Counter {
	list := []Counter{}
	n.dhcp.Counters(func(name string, value uint64) { list = append(list, Counter{name, value}) })
	first := len(list)
	for i, r := range n.relations {
		at := first
		r.end.Counters().Each(func(name string, value uint64) {
			if i == 0 {
				list = append(list, Counter{Name: name})
			}
			list[at].Value += value
			at++
		})
	}
	each := func(name string, value uint64) { list = append(list, Counter{name, value}) }
	n.omapi.counters(each)
	n.objects.counters(each)
	for _, name := range sortedKeys(n.dropped) {
		list = append(list, Counter{name, n.dropped[name]})
	}
	return list
}

func (n *Node) why(now lease.Now, id uint64, args []string) {
	if len(args) == 0 || n.relation(args[0]) != nil {
		n.answer(id, n.whyServer(now, args))
		return
	}
	if len(args) > 1 {
		n.refuse(id, "why takes one address, hardware address, client identifier or relationship, or nothing")
		return
	}
	q, err := dhcp.ParseWhy(args[0])
	if err != nil {
		n.refuse(id, err.Error())
		return
	}
	facts := n.dhcp.Explain(now, q)
	if ip, err := lease.ParseIP(args[0]); err == nil {
		if r, l := n.relationOf(ip), n.table.Look(ip); r != nil {
			facts = append(facts, r.end.WhyLease(now, &l))
		}
	}
	n.answer(id, facts)
}

// startListing reads filters: a state ("active"), "all", an address, or part
// of a hardware address, client identifier or host name.
func (n *Node) startListing(id uint64, args []string) {
	if len(n.listings) >= maxListings {
		n.refuse(id, "too many listings under way; try again")
		return
	}
	filters := make([]func(*lease.Lease) bool, 0, len(args))
	for _, arg := range args {
		filters = append(filters, leaseFilter(arg))
	}
	n.listings = append(n.listings, &listing{id: id, asked: true, filter: func(l *lease.Lease) bool {
		for _, f := range filters {
			if !f(l) {
				return false
			}
		}
		return true
	}})
}

// goOn asks for the next piece of a listing.
func (n *Node) goOn(id uint64) {
	for _, l := range n.listings {
		if l.id == id {
			l.asked = true
			return
		}
	}
	n.refuse(id, "no listing is under way")
}

// listingDue tells whether a reader waits for a piece.
func (n *Node) listingDue() bool {
	return slices.ContainsFunc(n.listings, func(l *listing) bool { return l.asked })
}

func leaseFilter(arg string) func(*lease.Lease) bool {
	if s, ok := lease.ParseState(arg); ok {
		return func(l *lease.Lease) bool { return l.State == s }
	}
	if arg == "all" {
		return func(*lease.Lease) bool { return true }
	}
	if ip, err := lease.ParseIP(arg); err == nil {
		return func(l *lease.Lease) bool { return l.IP == ip }
	}
	want := strings.ToLower(arg)
	return func(l *lease.Lease) bool {
		info := Describe(l)
		return strings.Contains(info.HW, want) || strings.Contains(info.UID, want) ||
			strings.Contains(strings.ToLower(info.Hostname), want)
	}
}

// list adds the next piece of every listing that was asked for to the output.
func (n *Node) list() {
	rest := n.listings[:0]
	for _, l := range n.listings {
		if !l.asked {
			rest = append(rest, l)
			continue
		}
		l.asked = false
		piece := []LeaseInfo{}
		end := min(l.next+listingPiece, n.table.Len())
		for ; l.next < end; l.next++ {
			if rec := n.table.At(l.next); l.filter(rec) {
				piece = append(piece, Describe(rec))
			}
		}
		body, err := json.Marshal(piece)
		a := Answer{ID: l.id, Body: body, More: l.next < n.table.Len()}
		if err != nil {
			a = Answer{ID: l.id, Err: err.Error()}
		}
		n.out.Answers = append(n.out.Answers, a)
		if a.More {
			rest = append(rest, l)
		}
	}
	n.listings = rest
}
