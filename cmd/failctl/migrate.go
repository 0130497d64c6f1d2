package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tandem/failover/conf"
	"tandem/failover/daemon"
	"tandem/failover/lease"
	"tandem/failover/leasefile"
)

// side is one server of a pair of dhcpd that is to be replaced.
type side struct {
	role       string
	confFile   string
	leaseFile  string
	cfg        *conf.Config
	peer       *conf.Peer
	leases     *leasefile.File
	state      lease.Peer
	haveRecord bool
}

// plan collects what is wrong and what should be known.
type plan struct {
	out      *output
	problems []string
	notes    []string
}

func (p *plan) problem(format string, args ...any) {
	p.problems = append(p.problems, fmt.Sprintf(format, args...))
}

func (p *plan) note(format string, args ...any) {
	p.notes = append(p.notes, fmt.Sprintf(format, args...))
}

// migratePlan reads configuration and leases of both servers of a live pair
// and prints the steps that replace one box at a time.
func migratePlan(out *output, _ options, args []string) error {
	if len(args) != 4 {
		return usageError("migrate plan takes four files: the primary's dhcpd.conf and dhcpd.leases, the secondary's dhcpd.conf and dhcpd.leases")
	}
	p := &plan{out: out}
	a := &side{role: "primary", confFile: args[0], leaseFile: args[1]}
	b := &side{role: "secondary", confFile: args[2], leaseFile: args[3]}
	for _, s := range []*side{a, b} {
		if err := p.read(s); err != nil {
			return err
		}
	}
	if len(p.problems) == 0 {
		p.compare(a, b)
	}
	return p.print(a, b)
}

// read loads one side.
func (p *plan) read(s *side) error {
	var list []conf.Diagnostic
	s.cfg, list = conf.Load(s.confFile, daemon.ReadConf)
	if s.cfg == nil {
		if err := conf.Format(p.out, list); err != nil {
			return err
		}
		p.problem("%s has errors (above); mend them first: `failctl conf check %s`", s.confFile, s.confFile)
		return nil
	}
	text, err := os.ReadFile(s.leaseFile)
	if err != nil {
		return err
	}
	if s.leases, err = leasefile.Parse(s.leaseFile, string(text), lease.FromUTC(time.Now())); err != nil {
		return err
	}
	switch len(s.cfg.Peers) {
	case 0:
		p.problem("%s has no failover peer block", s.confFile)
		return nil
	case 1:
		s.peer = s.cfg.Peers[0]
	default:
		p.problem("%s has %d failover peers: this plan is for one; do it for each pair of servers apart", s.confFile, len(s.cfg.Peers))
		return nil
	}
	if (s.peer.Secondary) != (s.role == "secondary") {
		p.problem("%s is not the %s's: name the primary's files first", s.confFile, s.role)
	}
	i := slices.IndexFunc(s.leases.Peers, func(r lease.Peer) bool { return r.Name == s.peer.Name })
	if i >= 0 {
		s.state, s.haveRecord = s.leases.Peers[i], true
	} else {
		p.problem("%s has no state of failover peer %q: was this server ever in contact with its partner?", s.leaseFile, s.peer.Name)
	}
	return nil
}

// compare checks what both sides must agree upon.
func (p *plan) compare(a, b *side) {
	if a.peer.Name != b.peer.Name {
		p.problem("the relationship is called %q on the primary and %q on the secondary", a.peer.Name, b.peer.Name)
	}
	for _, s := range []*side{a, b} {
		if s.state.State != lease.Normal {
			p.problem("the %s's last state is %v, not normal: let the pair settle first", s.role, s.state.State)
		}
	}
	if a.peer.Address != b.peer.PeerAddress || b.peer.Address != a.peer.PeerAddress {
		p.note("the addresses do not mirror each other (%s/%s and %s/%s): host names, or a mistake",
			a.peer.Address, a.peer.PeerAddress, b.peer.Address, b.peer.PeerAddress)
	}
	if x, y := poolText(a), poolText(b); x != y {
		p.problem("the pools of the relationship differ: %s on the primary, %s on the secondary", x, y)
	}
	if a.peer.LoadBalanceMaxSeconds == 0 {
		p.note("load balance max seconds is 0 on the primary: every server answers every client")
	}
	p.compareLeases(a, b)
}

func poolText(s *side) string {
	var parts []string
	for _, pool := range s.cfg.Pools {
		if pool.Peer == s.peer {
			for _, r := range pool.Ranges {
				parts = append(parts, strings.ReplaceAll(r.Range.String(), " ", "-"))
			}
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}

// compareLeases looks for addresses about which the two servers disagree.
func (p *plan) compareLeases(a, b *side) {
	other := map[lease.IP]lease.Lease{}
	for _, l := range b.leases.Leases {
		other[l.IP] = l
	}
	now := lease.FromUTC(time.Now())
	conflicts := 0
	for _, l := range a.leases.Leases {
		o, ok := other[l.IP]
		if ok && l.Binding(now) && o.Binding(now) && !l.Client().Matches(o.Client()) && l.HW != o.HW {
			conflicts++
			if conflicts <= 5 {
				p.note("%v is active for two clients: the files were copied at different moments, or dhcpd gave it twice", l.IP)
			}
		}
	}
	if conflicts > 5 {
		p.note("... and %d addresses more", conflicts-5)
	}
	for _, s := range []*side{a, b} {
		if n := s.leases.Report.Dropped; n > 0 {
			p.note("%s: %d damaged records are left out; `failctl leases import` names them", s.leaseFile, n)
		}
	}
}

// print writes findings and steps.
func (p *plan) print(a, b *side) error {
	for _, t := range p.problems {
		fmt.Fprintln(p.out, "PROBLEM: "+t)
	}
	for _, t := range p.notes {
		fmt.Fprintln(p.out, "note: "+t)
	}
	if len(p.problems) > 0 {
		return errBad
	}
	fmt.Fprintf(p.out, "%s\n\n", p.out.bold(fmt.Sprintf("Replacing the dhcpd pair %q, one server at a time. MCLT is %s.",
		a.peer.Name, span(a.peer.MCLT.Duration()))))
	fmt.Fprintf(p.out, "primary    %s, %d leases on record, %v\n", a.peer.Address, len(a.leases.Leases), a.state.State)
	fmt.Fprintf(p.out, "secondary  %s, %d leases on record, %v\n", b.peer.Address, len(b.leases.Leases), b.state.State)
	n := 0
	for _, s := range []*side{b, a} {
		other := a
		if s == a {
			other = b
		}
		n = p.steps(n, s, other)
	}
	fmt.Fprintf(p.out, `
%s
 %d. On each server: failctl key show %s/keys
    and on the other one: failctl key pin %s/keys %s PIN
 %d. Restart dhcpfd on the secondary, then on the primary.
    check: failctl status says "normal" on both; the log says that the
    connection is by TLS.
From now on strict rules may be chosen: dhcpfd --help, --peer.
`, p.out.bold("The link between the two new servers"), n+1, storeDir, storeDir, a.peer.Name, n+2)
	return nil
}

// storeDir is dhcpfd's default directory.
const storeDir = "/var/lib/tandem/leases"

// steps prints how one server is replaced while the other one serves.
func (p *plan) steps(n int, s, other *side) int {
	partner := "dhcpd"
	if s.role == "primary" {
		partner = "dhcpfd"
	}
	fmt.Fprintf(p.out, `
%s
 %d. Stop dhcpd on the %s. The %s (%s) goes on alone, as
    communications-interrupted; clients keep their addresses.
    check: its log says "I move from normal to communications-interrupted".
 %d. Copy its lease file now, after it has stopped, and import it:
    failctl leases import %s %s
    check: no record is reported as dropped.
 %d. dhcpfd -t -cf %s
    check: "good".
 %d. Start dhcpfd with the same configuration and the same address (%s):
    dhcpfd -cf %s -lf %s INTERFACE
    check: within a minute failctl status says "normal, partner normal";
    "0 updates wait for the partner". If it does not: failctl why.
 %d. Watch it serve: failctl counters, failctl leases active.
    To go back: stop dhcpfd, failctl leases export %s FILE, start dhcpd
    with FILE as its lease file.
`, p.out.bold("The "+s.role), n+1, s.role, other.role, partner, n+2, s.leaseFile, storeDir, n+3, s.confFile,
		n+4, s.peer.Address, s.confFile, storeDir, n+5, storeDir)
	return n + 5
}
