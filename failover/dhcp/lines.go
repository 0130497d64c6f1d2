package dhcp

import (
	"strconv"

	"tandem/failover/lease"
)

// verbs begin the log lines of requests, in dhcpd's words.
var verbs = [...]string{
	Discover: "DHCPDISCOVER", Selecting: "DHCPREQUEST", InitReboot: "DHCPREQUEST",
	Renewing: "DHCPREQUEST", Rebinding: "DHCPREQUEST", Decline: "DHCPDECLINE",
	Release: "DHCPRELEASE", Inform: "DHCPINFORM", BOOTP: "BOOTREQUEST", LeaseQuery: "DHCPLEASEQUERY",
}

// classes of log lines, for rate limiting, are the kinds of requests.
var lineClasses = [...]string{
	Discover: "discover", Selecting: "request", InitReboot: "request", Renewing: "request",
	Rebinding: "request", Decline: "decline", Release: "release", Inform: "inform",
	BOOTP: "bootp", LeaseQuery: "leasequery",
}

// head begins the log line of a request: "VERB from MAC (NAME) via IF", for a
// DHCPREQUEST with "for ADDRESS (SERVER)", for DECLINE and RELEASE "of
// ADDRESS". Interface is the relay's address if there is one. l is the lease
// whose client's name is shown; may be nil.
func (r *Responder) head(q *inquiry, verb string, l *lease.Lease) {
	b := append(q.text[:0], verb...)
	switch q.kind {
	case Selecting, InitReboot, Renewing, Rebinding:
		b = q.asked().Append(append(b, " for "...))
		if q.hasSID {
			b = append(q.server.Append(append(b, " ("...)), ')')
		}
	case Decline:
		b = q.wanted.Append(append(b, " of "...))
	case Release:
		b = q.ciaddr.Append(append(b, " of "...))
	}
	b = append(b, " from "...)
	b = appendClient(b, q, l)
	name := ""
	if l != nil {
		name = l.Hostname()
	}
	if name == "" && q.kind == Selecting {
		if o := r.offers.byIP[q.asked()]; o != nil && o.isFor(q) {
			name = o.name
		}
	}
	b = appendName(append(b, ' '), name)
	q.text = q.appendVia(append(b, "via "...))
}

// appendVia names where the request came from: the relay or the interface.
func (q *inquiry) appendVia(b []byte) []byte {
	if q.giaddr != 0 {
		return q.giaddr.Append(b)
	}
	if q.p.If != nil {
		return append(b, q.p.If.Name...)
	}
	return append(b, "<unknown>"...)
}

// appendClient names the client by hardware address; one without by its
// identifier.
func appendClient(b []byte, q *inquiry, l *lease.Lease) []byte {
	switch {
	case len(q.hw) > 1 && q.hw[0] != 0:
		return appendHex(b, q.hw[1:])
	case l != nil && l.UID != "":
		return appendHex(b, []byte(l.UID))
	case len(q.uid) > 0:
		return appendHex(b, q.uid)
	}
	return append(b, "<no identifier>"...)
}

// maxName is the length up to which a client's name is printed.
const maxName = 64

// appendName adds "(NAME) " if there is one.
func appendName(b []byte, name string) []byte {
	if name == "" {
		return b
	}
	if len(name) > maxName || !printable(name) {
		name = "Hostname Unsuitable for Printing"
	}
	return append(append(append(b, '('), name...), ") "...)
}

// printable is what dhcpd takes for it: no quotes, backslashes or control
// characters that could forge a log line.
func printable(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// hostname is the name that the client gives itself (option 12).
func (q *inquiry) hostname() []byte {
	name := q.m.Options[optHostName]
	for len(name) > 0 && name[len(name)-1] == 0 {
		name = name[:len(name)-1]
	}
	return name
}

const hexDigits = "0123456789abcdef"

// appendHex writes octets in hexadecimal with colons.
func appendHex(b, octets []byte) []byte {
	for i, o := range octets {
		if i > 0 {
			b = append(b, ':')
		}
		b = append(b, hexDigits[o>>4], hexDigits[o&15])
	}
	return b
}

// say logs what head has begun, with more text after it.
func (r *Responder) say(q *inquiry, level Level, more ...string) {
	if level < q.out.Lowest {
		return
	}
	b := append(r.line[:0], q.text...)
	for _, s := range more {
		b = append(b, s...)
	}
	r.line = b
	q.out.line(level, lineClasses[q.kind], b)
}

// sayReply logs a reply: "VERB on ADDRESS to MAC (NAME) via IF".
func (r *Responder) sayReply(q *inquiry, verb string, ip lease.IP, name string) {
	if q.out.Lowest > LevelInfo {
		return
	}
	b := append(append(r.line[:0], verb...), " on "...)
	b = append(ip.Append(b), " to "...)
	b = appendName(append(appendClient(b, q, nil), ' '), name)
	r.line = q.appendVia(append(b, "via "...))
	q.out.line(LevelInfo, lineClasses[q.kind], r.line)
}

// sayDuplicate logs that the client holds another address, ip, in the network.
func (r *Responder) sayDuplicate(q *inquiry, t *target, ip lease.IP) {
	b := ip.Append(append(r.line[:0], "uid lease "...))
	b = appendClient(append(b, " for client "...), q, nil)
	r.line = append(append(b, " is duplicate on "...), t.subnet.Network.Name...)
	q.out.line(LevelInfo, "duplicate", r.line)
}

func itoa(n int) string { return strconv.Itoa(n) }
