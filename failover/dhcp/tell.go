package dhcp

import (
	"fmt"
	"strings"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// decision puts a remembered decision into sentences.
func (e *explanation) decision(d *decision) {
	who := "<no hardware address>"
	if d.nhw > 1 {
		who = string(appendHex(nil, d.hw[1:d.nhw]))
	}
	e.say("The last request of %s was a %s at %s (%d seconds ago).", who, d.kind, d.at, e.now.Time().Sub(d.at))
	e.where(d)
	e.client(d)
	e.outcome(d)
	if d.rule == ruleNoFree || d.rule == rulePeerHolds || d.rule == ruleNoBOOTP {
		e.pools(d)
	}
}

func (e *explanation) where(d *decision) {
	from := "an unknown interface"
	if d.iface != nil {
		from = "interface " + d.iface.Name
	}
	switch {
	case d.linked:
		from = "a relay or client that selected the subnet itself"
	case d.giaddr != 0:
		from = "relay " + d.giaddr.String()
	}
	if d.network == nil {
		e.say("It came from %s, which is in no subnet of the configuration.", from)
		return
	}
	e.say("It came from %s, so the client is on network %s.", from, d.network.Name)
}

func (e *explanation) client(d *decision) {
	switch {
	case d.fixed != 0:
		e.say("Host declaration %s (%s) gives it the fixed address %s.", d.host.Name, posText(d.host.Pos), d.fixed)
	case d.host != nil:
		e.say("Host declaration %s (%s) applies; it has no fixed address.", d.host.Name, posText(d.host.Pos))
	case d.known:
		e.say("A host declaration makes the client known; its fixed address is in another network.")
	default:
		e.say("No host declaration matches: the client is unknown.")
	}
	if d.nclass == 0 {
		e.say("It is in no class.")
		return
	}
	names := make([]string, 0, maxNoted)
	for _, c := range d.classes[:min(maxNoted, d.nclass)] {
		names = append(names, fmt.Sprintf("%q", className(c)))
	}
	more := ""
	if d.nclass > maxNoted {
		more = fmt.Sprintf(" and %d more", d.nclass-maxNoted)
	}
	e.say("It is in class %s%s.", strings.Join(names, ", "), more)
}

func className(c *conf.Class) string {
	if c.Super == nil {
		return c.Name
	}
	return c.Super.Name + "/" + c.Value
}

func (e *explanation) outcome(d *decision) {
	if d.pool != nil {
		e.say("Address %s belongs to %s.", d.ip, poolName(d.pool))
	}
	switch d.outcome {
	case outOffered:
		e.say("It was offered %s for %d seconds.", d.ip, d.seconds)
	case outProbing:
		e.say("%s is being probed before it is offered.", d.ip)
	case outBound:
		e.say("It got %s for %d seconds.", d.ip, d.seconds)
	case outInformed:
		e.say("It got the options for its address %s, and no lease.", d.ip)
	case outReleased:
		e.say("It released %s.", d.ip)
	case outDeclined:
		e.say("It declined %s, which is now abandoned.", d.ip)
	case outNAK:
		e.say("It was told that it cannot have %s: %s.", d.ip, d.reason())
	case outRefused:
		e.say("It was refused: %s.", d.reason())
	case outIgnored:
		e.say("It got no answer: %s.", d.reason())
	}
}

// reasons are the rules in words.
var reasons = map[string]string{
	ruleSegment:          "no subnet of the configuration fits where the request came from",
	ruleNobody:           "it has neither a hardware address nor a client identifier",
	ruleNoFree:           "every address that it may have is in use, offered or abandoned",
	rulePeerHolds:        "the addresses that are free belong to the failover partner",
	ruleNoBOOTP:          "no pool gives addresses to BOOTP clients (range dynamic-bootp)",
	ruleNoAddress:        "it gave no address of its own",
	ruleNotAuthoritative: "this server is not authoritative for the network, so it does not judge",
	ruleWrongNetwork:     "the address does not belong to the network that the client is on",
	ruleUnknownLease:     "the address is in no pool, and no host declaration gives it to the client",
	ruleOtherServer:      "it chose the offer of another server",
	ruleFixedOther:       "the client has a fixed address, and this is another one",
	ruleFixedTaken:       "its fixed address is also in a pool, and leased to another client",
	ruleNotHolder:        "the address is not leased to it",
	ruleDeclines:         "the configuration says deny or ignore declines",
	ruleMinSecs:          "it has not waited as long as min-secs says",
	ruleUnknownClients:   "the configuration says deny unknown-clients, and no host declaration matches",
	ruleBooting:          "the configuration says deny booting for it",
	ruleBOOTP:            "the configuration says deny bootp or deny dynamic-bootp for it",
	ruleLeaseLimit:       "the lease limit of every class that counts its leases is reached",
	ruleLeaseQuery:       "lease queries are not allowed, or this one is not well-formed",
	"bound":              "another client holds the address",
	"held":               "the address is offered to, or kept for, another client",
	"abandoned":          "the address is abandoned",
}

func (d *decision) reason() string {
	if d.rule == rulePermit {
		return "the pool refuses it: " + permitText(d.pool, d.permit)
	}
	text, ok := reasons[d.rule]
	switch {
	case !ok && d.detail != "":
		return d.detail + " (rule " + d.rule + ")"
	case !ok:
		return "rule " + d.rule
	}
	return text
}

// pools says for every pool of the network why it gave nothing.
func (e *explanation) pools(d *decision) {
	if d.network == nil {
		return
	}
	for _, p := range d.network.Pools {
		if ok, by := permitted(p, d); !ok {
			e.say("%s refuses it: %s.", capital(poolName(p)), permitText(p, by))
			continue
		}
		e.say("%s has %s.", capital(poolName(p)), e.r.usage(p))
	}
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// permitText names the permit that decided.
func permitText(pool *conf.Pool, by *conf.Permit) string {
	if by == nil {
		return "no permit"
	}
	for i := range pool.Deny {
		if &pool.Deny[i] == by {
			return "deny " + permitWords(by)
		}
	}
	if len(pool.Allow) == 1 {
		return "it allows only " + permitWords(by)
	}
	return fmt.Sprintf("none of its %d allow statements matches", len(pool.Allow))
}

func permitWords(p *conf.Permit) string {
	words := ""
	switch p.Kind {
	case conf.PermitKnown:
		words = "known-clients"
	case conf.PermitUnknown:
		words = "unknown-clients"
	case conf.PermitAll:
		words = "all clients"
	case conf.PermitAuthenticated:
		words = "authenticated clients"
	case conf.PermitUnauthenticated:
		words = "unauthenticated clients"
	case conf.PermitDynamicBOOTP:
		words = "dynamic bootp clients"
	case conf.PermitMembers:
		words = fmt.Sprintf("members of %q", p.Class.Name)
	case conf.PermitAfter:
		words = "after " + p.After.String()
	}
	return words + " (" + posText(p.Pos) + ")"
}

// matches judges a permit by what is remembered of the client.
func (d *decision) matches(p *conf.Permit) bool {
	switch p.Kind {
	case conf.PermitKnown:
		return d.known
	case conf.PermitUnknown:
		return !d.known
	case conf.PermitAll, conf.PermitUnauthenticated:
		return true
	case conf.PermitDynamicBOOTP:
		return d.kind == BOOTP
	case conf.PermitAfter:
		return d.at > p.After
	case conf.PermitMembers:
		for _, c := range d.classes[:min(maxNoted, d.nclass)] {
			if c == p.Class || c.Super == p.Class {
				return true
			}
		}
	}
	return false
}

// usage says in words how the addresses of a pool are used.
func (r *Responder) usage(p *conf.Pool) string {
	count := func(s lease.State) int { return r.table.Count(p.ID, s) }
	free := fmt.Sprintf("%d free", count(lease.Free))
	if p.Peer != nil {
		free = fmt.Sprintf("%d free for the primary and %d for the secondary", count(lease.Free), count(lease.Backup))
	}
	waiting := count(lease.Expired) + count(lease.Released) + count(lease.Reset)
	return fmt.Sprintf("%s, %d leased, %d abandoned and %d ended addresses; offers keep free ones for %d clients",
		free, count(lease.Active), count(lease.Abandoned), waiting, r.offers.n)
}
