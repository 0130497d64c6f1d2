package node

import (
	"fmt"
	"strings"

	"tandem/failover"
	"tandem/failover/lease"
)

// orders are the commands by their words on the command line.
var orders = map[string]failover.Order{
	"partner-down": failover.OrderPartnerDown,
	"removed":      failover.OrderRemoved,
	"maintenance":  failover.OrderMaintenance,
	"pause":        failover.OrderPause,
	"resume":       failover.OrderResume,
	"calm":         failover.OrderCalm,
}

// choose finds the relationship that is meant: the named one, or the only one.
func (n *Node) choose(args []string) (*relation, error) {
	if len(args) > 0 {
		if r := n.relation(args[0]); r != nil {
			return r, nil
		}
		return nil, fmt.Errorf("there is no failover peer %q; there is %s", args[0], n.peerNames())
	}
	switch len(n.relations) {
	case 0:
		return nil, fmt.Errorf("this server has no failover peer")
	case 1:
		return n.relations[0], nil
	}
	return nil, fmt.Errorf("which failover peer? There is %s", n.peerNames())
}

func (n *Node) peerNames() string {
	if len(n.relations) == 0 {
		return "none"
	}
	var names []string
	for _, r := range n.relations {
		names = append(names, r.peer.Name)
	}
	return strings.Join(names, ", ")
}

// evidence shows what speaks for and against the claim that the partner is
// down, and what the claim costs if it is false.
func (n *Node) evidence(now lease.Now, id uint64, args []string) {
	r, err := n.choose(args)
	if err != nil {
		n.refuse(id, err.Error())
		return
	}
	n.answer(id, r.end.Evidence(now))
}

// order carries out an operator's command: the word, who gives it, and the
// relationship where there are several.
func (n *Node) order(now lease.Now, id uint64, args []string) {
	if len(args) < 2 {
		n.refuse(id, "an order needs a word and a name")
		return
	}
	o, ok := orders[args[0]]
	if !ok {
		n.refuse(id, fmt.Sprintf("unknown order %q", args[0]))
		return
	}
	r, err := n.choose(args[2:])
	if err == nil {
		err = r.end.Command(now, failover.Command{Order: o, By: args[1]})
		n.take(r)
	}
	if err != nil {
		n.refuse(id, err.Error())
		return
	}
	n.promised = true
	n.answer(id, r.end.Why(now))
}

// Parted tells whether every relationship has come to the end of a commanded
// stop: the process may exit.
func (n *Node) Parted() bool {
	for _, r := range n.relations {
		if !r.end.Parted() {
			return false
		}
	}
	return true
}

// whyServer explains the server as a whole: the clock, then each relationship.
func (n *Node) whyServer(now lease.Now, args []string) []string {
	var facts []string
	if v, refused := n.clock.refuses(); refused {
		facts = append(facts, v.Rule+": nothing is served: "+v.Why+".")
	}
	if len(n.relations) == 0 {
		return append(facts, n.sentence(now))
	}
	for _, r := range n.relations {
		if len(args) == 0 || args[0] == r.peer.Name {
			facts = append(facts, r.end.Why(now)...)
		}
	}
	return facts
}
