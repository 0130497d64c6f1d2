package node

import (
	"time"

	"tandem/failover"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
)

// aliveEvery is how often a server with a partner writes down that it is
// alive (boot ledger, "last time alive").
const aliveEvery = 5 * time.Second

// BoxFacts is what the machine tells of itself: the time gate, the ports, the
// reasons of its restarts. On a machine that tells nothing the clock is the
// operator's business and counts as trusted.
type BoxFacts struct {
	Clock failover.ClockFacts
	// ClockWhy says why the clock is not trusted.
	ClockWhy string
	Link     failover.LinkFacts
}

// WokenLate tells that the process did not run for Gap: suspended, stopped or
// starved (R9). The replies of that batch were dropped.
type WokenLate struct{ Gap time.Duration }

func (*BoxFacts) input()  {}
func (*WokenLate) input() {}

// facts takes what the machine says.
func (n *Node) facts(now lease.Now, f *BoxFacts) {
	if f.Clock.Trusted != n.clock.trusted {
		if f.Clock.Trusted {
			n.line(dhcp.LevelInfo, "R1: the clock is trusted")
		} else {
			n.line(dhcp.LevelError, "R1: the clock is not trusted (%s): nothing is served", f.ClockWhy)
		}
	}
	n.clock = clockState{trusted: f.Clock.Trusted, why: f.ClockWhy}
	n.everywhere(now, f.Clock)
	n.everywhere(now, f.Link)
}

// clockState is rule R1 for the whole server, relationships or not.
type clockState struct {
	trusted bool
	why     string
}

// refuses tells whether rule R1 keeps the server silent.
func (c clockState) refuses() (dhcp.Verdict, bool) {
	if c.trusted {
		return dhcp.Yes, false
	}
	return dhcp.Verdict{Rule: "R1", Why: "the clock is not trusted: " + c.why}, true
}

// solo is the partner of pools without one: only the clock can forbid.
type solo struct {
	dhcp.Solo
	node *Node
}

// Serve implements dhcp.Partner.
func (s solo) Serve(lease.Now, dhcp.Query) dhcp.Verdict {
	v, _ := s.node.clock.refuses()
	return v
}

// alive writes the boot ledger.
func (n *Node) alive(now lease.Now) {
	if len(n.relations) == 0 || now.Mono < n.nextAlive {
		return
	}
	n.nextAlive = now.Mono + int64(aliveEvery)
	if !n.clock.trusted {
		return // a wrong date would be believed after the next restart
	}
	b := n.opt.Boot
	b.Started = lease.Now{Wall: now.Wall - (now.Mono - n.started.Mono)}.Time()
	b.LastAlive = now.Time()
	n.ledger = &b
}
