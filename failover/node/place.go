package node

import (
	"tandem/failover"
	"tandem/failover/lease"
)

// Place is where the server stands in its first relationship, the zero value
// if there is none. Unlike Status it can be asked at every step.
func (n *Node) Place(now lease.Now) failover.Place {
	if len(n.relations) == 0 {
		return failover.Place{}
	}
	return n.relations[0].end.Place(now)
}
