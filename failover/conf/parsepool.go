package conf

import (
	"strconv"
	"strings"

	"tandem/failover/conf/token"
	"tandem/failover/lease"
)

// permitWords are the words of permits.
var permitWords = []string{"known-clients", "unknown-clients", "known", "unknown", "all", "authenticated", "unauthenticated", "dynamic", "members", "after"}

// permit reads an allow or deny statement of a pool.
func (p *parser) permit() (node, bool) {
	verb := p.take()
	n := &permitNode{at: p.at(verb), allow: verb.Is("allow")}
	t := p.peek(0)
	word := strings.ToLower(t.Text)
	if t.Kind == token.String {
		word = ""
	}
	switch word {
	case "known-clients", "unknown-clients", "members", "after":
		p.take()
		return p.wholePermit(n, word)
	case "known":
		n.kind = PermitKnown
	case "unknown":
		n.kind = PermitUnknown
	case "all":
		n.kind = PermitAll
	case "authenticated":
		n.kind = PermitAuthenticated
	case "unauthenticated":
		n.kind = PermitUnauthenticated
	case "dynamic":
		n.kind = PermitDynamicBOOTP
	default:
		remedy := ""
		if w := nearest(word, permitWords); w != "" && t.Word() {
			remedy = "write " + w
		} else if _, flag := flags[word]; flag {
			remedy = "outside of pools " + verb.Text + " " + word + " is a statement of its own; here only clients are allowed and denied"
		}
		p.fail(t, remedy, "expected a kind of clients (%s ...), not %s", strings.Join(permitWords[2:5], ", "), t.Describe())
		return nil, false
	}
	p.take()
	if word == "dynamic" && !p.expect("bootp", "bootp after dynamic") {
		return nil, false
	}
	if c := p.peek(0); !c.Is("clients") {
		p.fail(c, "write "+verb.Text+" "+word+" clients", "expected clients, not %s", c.Describe())
		return nil, false
	}
	p.take()
	return n, p.semicolon()
}

// wholePermit reads the permits that do not end in `clients`.
func (p *parser) wholePermit(n *permitNode, word string) (node, bool) {
	ok := true
	switch word {
	case "known-clients":
		n.kind = PermitKnown
	case "unknown-clients":
		n.kind = PermitUnknown
	case "members":
		n.kind = PermitMembers
		ok = p.expect("of", "of after members") && p.className(&n.class)
	case "after":
		n.kind = PermitAfter
		n.after, ok = p.date()
	}
	if !ok {
		return nil, false
	}
	return n, p.semicolon()
}

// poolPeer reads `failover peer "NAME";` in a pool.
func (p *parser) poolPeer() (node, bool) {
	t := p.take()
	if !p.expect("peer", "peer after failover") {
		return nil, false
	}
	name := p.peek(0)
	if name.Kind != token.String {
		p.fail(name, quoteWord(name), "expected the name of a failover peer in quotes, not %s", name.Describe())
		if !name.Word() {
			return nil, false
		}
	}
	p.take()
	return &peerRefNode{at: p.at(t), name: name.Text}, p.semicolon()
}

// noPeer reads `no failover peer`, with or without a semicolon.
func (p *parser) noPeer() (node, bool) {
	t := p.take()
	if !p.expect("failover", "failover peer after no") || !p.expect("peer", "peer after failover") {
		return nil, false
	}
	p.accept(";")
	return &peerRefNode{at: p.at(t), none: true}, true
}

// date reads `W YYYY/MM/DD HH:MM:SS [OFFSET]`, `epoch SECONDS` or `never`.
func (p *parser) date() (lease.Time, bool) {
	if p.accept("never") {
		return lease.Never, true
	}
	if p.accept("epoch") {
		n, ok := p.decimal("the seconds since 1970", 1<<32-2)
		return lease.Time(n), ok
	}
	var v [7]int64
	for i, between := range []string{"", "", "/", "/", "", ":", ":"} {
		if between != "" && !p.expect(between, "a date as WEEKDAY YYYY/MM/DD HH:MM:SS, with "+between+" here") {
			return 0, false
		}
		t := p.peek(0)
		n, err := strconv.ParseInt(t.Text, 10, 32)
		if t.Kind != token.Number || err != nil {
			p.fail(t, "", "expected a date as WEEKDAY YYYY/MM/DD HH:MM:SS (or epoch SECONDS, or never), not %s", t.Describe())
			return 0, false
		}
		p.take()
		v[i] = n
	}
	offset := int64(0)
	if t := p.peek(0); t.Kind == token.Number {
		p.take()
		offset, _ = strconv.ParseInt(t.Text, 10, 64)
	}
	return moment(v[1], v[2], v[3], v[4], v[5], v[6], offset), true
}

// moment converts a date as dhcpd does: in UTC, the offset added, years from
// 2038 on as never.
func moment(year, month, day, hour, minute, second, offset int64) lease.Time {
	if year < 1900 {
		year += 1900
	}
	if year >= 2038 {
		return lease.Never
	}
	days := daysBefore(year, month) + day - 1
	at := ((days*24+hour)*60+minute)*60 + second + offset
	if at < 0 {
		return 0
	}
	return lease.Time(min(at, int64(lease.Never)-1))
}

// daysBefore counts the days from 1970 to the first of a month.
func daysBefore(year, month int64) int64 {
	year, month = year+(month-1)/12, (month-1)%12
	if month < 0 {
		year, month = year-1, month+12
	}
	cumulated := [12]int64{0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334}
	y := year - 1
	days := 365*(year-1970) + (y/4 - y/100 + y/400) - (1969/4 - 1969/100 + 1969/400) + cumulated[month]
	if month > 1 && (year%4 == 0 && year%100 != 0 || year%400 == 0) {
		days++
	}
	return days
}
