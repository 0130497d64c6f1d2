package node

import (
	"fmt"
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
	// ClockApart is the time of day less the time since boot, in nanoseconds,
	// for which the machine vouches; 0 if it does not say. A word that is about
	// another time of day than the one that is read now is not believed.
	ClockApart int64
	Link       failover.LinkFacts
	// Heard are the paths beside the failover connection on which the partner
	// was heard since the last word of the machine.
	Heard []string
}

// WokenLate tells that the process did not run for Gap: suspended, stopped or
// starved (R9). The replies of that batch were dropped.
type WokenLate struct{ Gap time.Duration }

func (*BoxFacts) input()  {}
func (*WokenLate) input() {}

// facts takes what the machine says.
func (n *Node) facts(now lease.Now, f *BoxFacts) {
	clock, why := f.Clock, f.ClockWhy
	if moved := time.Duration(now.Wall - now.Mono - f.ClockApart); clock.Trusted && f.ClockApart != 0 && moved.Abs() > 2*clock.Error+clockJump {
		clock = failover.ClockFacts{Error: clock.Error}
		why = fmt.Sprintf("it was set by %v", moved.Abs().Round(time.Millisecond))
	}
	switch {
	case clock.Trusted == n.clock.trusted:
		n.everywhere(now, clock)
	case clock.Trusted:
		n.line(dhcp.LevelInfo, "R1: the clock is trusted")
		n.clock.trusted = true
		n.everywhere(now, clock)
	default:
		n.distrust(now, why)
	}
	n.clock.why, n.clock.bound = why, clock.Error
	// A sign of life comes before what speaks against it.
	for _, path := range f.Heard {
		n.everywhere(now, failover.Heartbeat{Path: path})
	}
	n.everywhere(now, f.Link)
}

// clockJump is how far the time of day may move against the time since boot,
// beyond what the gate allows, before the gate is not believed any more.
const clockJump = time.Second

// watchTime obeys R1 between two words of the machine: if the time of day was
// set, nothing is served before the machine vouches for it again.
func (n *Node) watchTime(now lease.Now) {
	apart := now.Wall - now.Mono
	moved := time.Duration(apart - n.clock.apart).Abs()
	n.clock.apart = apart
	if !n.opt.Watched || !n.clock.trusted || moved <= 2*n.clock.bound+clockJump {
		return
	}
	n.distrust(now, fmt.Sprintf("it was set by %v", moved.Round(time.Millisecond)))
}

func (n *Node) distrust(now lease.Now, why string) {
	n.line(dhcp.LevelError, "R1: the clock is not trusted (%s): nothing is served", why)
	n.clock.trusted, n.clock.why = false, why
	n.everywhere(now, failover.ClockFacts{})
}

// clockState is rule R1 for the whole server, relationships or not.
type clockState struct {
	trusted bool
	why     string
	bound   time.Duration // of its error
	apart   int64         // time of day less time since boot, at the latest look
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
