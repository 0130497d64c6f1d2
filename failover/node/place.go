package node

import (
	"tandem/failover"
	"tandem/failover/lease"
)

// Place is where a server stands in one relationship.
type Place struct {
	State     lease.ServerState
	Posture   failover.Posture
	Rule      string // that set the posture
	Connected bool   // the partner's state is known from a connection
}

// Place gives the place in the first relationship, the zero value if there is
// none. Unlike Status it can be asked at every step.
func (n *Node) Place(now lease.Now) Place {
	if len(n.relations) == 0 {
		return Place{}
	}
	end := n.relations[0].end
	s := end.Stance(now)
	return Place{State: end.State(), Posture: s.Posture, Rule: s.Rule, Connected: end.Connected()}
}
