package dhcp

import (
	"encoding/hex"
	"fmt"
	"strings"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// WhyQuery is what an operator asks about: an address, or a client by
// hardware address or client identifier.
type WhyQuery struct {
	IP  lease.IP
	HW  string // htype + address
	UID string
}

// ParseWhy reads an address ("10.0.0.5") or octets with colons or dashes: six
// of them are an Ethernet address, others a client identifier. The error says
// what is expected.
func ParseWhy(text string) (WhyQuery, error) {
	if ip, err := lease.ParseIP(text); err == nil {
		return WhyQuery{IP: ip}, nil
	}
	parts := strings.FieldsFunc(text, func(c rune) bool { return c == ':' || c == '-' })
	var octets []byte
	for _, p := range parts {
		if len(p) == 1 {
			p = "0" + p
		}
		o, err := hex.DecodeString(p)
		if err != nil || len(o) != 1 {
			octets = nil
			break
		}
		octets = append(octets, o...)
	}
	if len(octets) < 2 {
		return WhyQuery{}, fmt.Errorf("%q is neither an address (10.0.0.5), a hardware address (aa:bb:cc:dd:ee:ff) nor a client identifier in hexadecimal", text)
	}
	if len(octets) == 6 {
		return WhyQuery{HW: "\x01" + string(octets)}, nil
	}
	return WhyQuery{UID: string(octets)}, nil
}

// Explain says in one sentence per fact what decided about an address or a
// client: the record, the last request that is remembered, and what network,
// host, class, pool and rule came into it.
func (r *Responder) Explain(now lease.Now, q WhyQuery) []string {
	e := explanation{r: r, now: now}
	if q.IP != 0 {
		e.address(q.IP)
		if d := r.memory.byIP(q.IP); d != nil {
			e.decision(d)
		}
		return e.lines
	}
	n := 0
	tell := func(l *lease.Lease) bool {
		e.lease(l)
		n++
		return n < maxExplained
	}
	if q.UID != "" {
		r.table.EachByUID(q.UID, tell)
	} else {
		r.table.EachByHW(q.HW, tell)
	}
	if n == 0 {
		e.say("No address is or was bound to this client.")
	}
	e.hosts(q)
	if d := r.memory.find(q); d != nil {
		e.decision(d)
	} else {
		e.say("No request of this client is remembered: none came since the configuration was loaded, or %d other clients came since.", maxDecisions)
	}
	return e.lines
}

// maxExplained bounds the leases of one client that are described.
const maxExplained = 16

type explanation struct {
	r     *Responder
	now   lease.Now
	lines []string
}

func (e *explanation) say(format string, args ...any) {
	e.lines = append(e.lines, fmt.Sprintf(format, args...))
}

// address describes an address by itself.
func (e *explanation) address(ip lease.IP) {
	s := e.r.cfg.SubnetOf(ip)
	if s == nil {
		e.say("%s is in no subnet of the configuration.", ip)
		return
	}
	e.say("%s is in subnet %s netmask %s (%s) of network %s.", ip, s.Net, s.Mask, posText(s.Scope.Pos), s.Network.Name)
	if _, ok := e.r.fixed[ip]; ok {
		for _, h := range e.r.cfg.Hosts {
			for _, f := range h.Fixed {
				if f == ip && !h.Deleted {
					e.say("It is the fixed address of host %s (%s).", h.Name, posText(h.Pos))
				}
			}
		}
	}
	pool := e.r.cfg.PoolOf(ip)
	if pool == nil {
		e.say("It is in no pool: no client can lease it.")
		return
	}
	e.say("It belongs to %s.", poolName(pool))
	if l := e.r.table.Get(ip); l != nil {
		e.lease(l)
	} else {
		e.say("It was never given to anybody.")
	}
	if o := e.r.offers.byIP[ip]; o != nil {
		e.say("It is offered to %s for another %d seconds.", clientName(o.hw, o.uid), (o.lapse-e.now.Mono)/1e9)
	}
}

// lease describes one record.
func (e *explanation) lease(l *lease.Lease) {
	who := clientName(l.HW, l.UID)
	switch {
	case l.State == lease.Active && l.Ends == lease.Never:
		e.say("%s is leased to %s without an end, since %s.", l.IP, who, l.Starts)
	case l.Binding(e.now.Time()):
		e.say("%s is leased to %s until %s (for another %d seconds), since %s.", l.IP, who, l.Ends, l.Ends.Sub(e.now.Time()), l.Starts)
	case l.State == lease.Abandoned:
		e.say("%s is abandoned until %s: %s.", l.IP, l.Ends, culprit(l))
	case l.HW == "" && l.UID == "":
		e.say("%s is %s and had no client.", l.IP, l.State)
	default:
		e.say("%s is %s since %s; its last client was %s.", l.IP, l.State, l.STOS, who)
	}
	if l.Flags.Has(lease.FlagReserved) {
		e.say("%s is reserved for this client.", l.IP)
	}
	if l.Extra != nil && l.Extra.Billing != "" {
		e.say("%s counts against the lease limit of class %q.", l.IP, l.Extra.Billing)
	}
	if pool := e.r.cfg.PoolOf(l.IP); pool != nil && pool.Peer != nil && l.State != lease.Active {
		if v := e.r.partnerOf(pool).Available(e.now, l, false); !v.OK {
			e.say("%s cannot be given to another client now: %s (rule %s).", l.IP, v.Why, v.Rule)
		}
	}
}

func culprit(l *lease.Lease) string {
	if l.Extra != nil {
		for _, v := range l.Extra.Vars {
			if v.Name == abandonedBy {
				return v.Value
			}
		}
	}
	return "somebody uses it who was not given it"
}

// hosts names the declarations that match a client.
func (e *explanation) hosts(q WhyQuery) {
	hosts := e.r.cfg.HostsByHW(q.HW)
	if q.UID != "" {
		hosts = e.r.cfg.HostsByUID(q.UID)
	}
	for _, h := range hosts {
		if !h.Deleted {
			e.say("Host declaration %s (%s) matches this client%s.", h.Name, posText(h.Pos), fixedText(h))
		}
	}
}

func fixedText(h *conf.Host) string {
	if len(h.Fixed) == 0 {
		return ""
	}
	text := make([]string, len(h.Fixed))
	for i, ip := range h.Fixed {
		text[i] = ip.String()
	}
	return ", with fixed address " + strings.Join(text, ", ")
}

func poolName(p *conf.Pool) string {
	ranges := make([]string, 0, 3)
	for i, pr := range p.Ranges {
		if i == 2 && len(p.Ranges) > 3 {
			ranges = append(ranges, fmt.Sprintf("and %d more", len(p.Ranges)-i))
			break
		}
		ranges = append(ranges, pr.String())
	}
	peer := ""
	if p.Peer != nil {
		peer = fmt.Sprintf(", shared with failover peer %q", p.Peer.Name)
	}
	return fmt.Sprintf("the pool of %s (%s)%s", strings.Join(ranges, ", "), posText(p.Pos), peer)
}

func clientName(hw, uid string) string {
	if hw == "" && uid == "" {
		return "nobody"
	}
	var b []byte
	if hw != "" {
		b = appendHex(b, []byte(hw[1:]))
	}
	if uid != "" {
		if len(b) > 0 {
			b = append(b, ' ')
		}
		b = append(appendHex(append(b, "(client identifier "...), []byte(uid)), ')')
	}
	return string(b)
}

func posText(p conf.Pos) string {
	if p.File == "" {
		return "no place in a file"
	}
	return fmt.Sprintf("%s:%d", p.File, p.Line)
}
