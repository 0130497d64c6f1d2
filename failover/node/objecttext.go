package node

import (
	"fmt"
	"strings"

	"tandem/failover/conf"
	"tandem/failover/lease"
	"tandem/failover/omapi"
)

// The text of an object is what dhcpd writes between the braces of the record
// in dhcpd.leases, one statement a line, so that it can be given back to dhcpd.

// dynamic marks what was made at run time and does not stand in dhcpd.conf.
const dynamic = "dynamic;"

func isDynamic(text string) bool { return text == dynamic || strings.HasPrefix(text, dynamic+"\n") }

// hardwareWords are dhcpd's words for hardware types.
var hardwareWords = map[byte]string{1: "ethernet", 6: "token-ring", 8: "fddi", 32: "infiniband"}

// hostText writes a host in dhcpd's order.
func hostText(h *omapi.Host) string {
	lines := []string{dynamic}
	if h.HW != "" {
		word, ok := hardwareWords[h.HW[0]]
		if !ok {
			word = fmt.Sprintf("unknown-%d", h.HW[0])
		}
		lines = append(lines, "hardware "+word+" "+colonHex(h.HW[1:], false)+";")
	}
	if h.UID != "" {
		lines = append(lines, "uid "+octal(h.UID)+";")
	}
	if len(h.Fixed) > 0 {
		var addrs []string
		for _, ip := range h.Fixed {
			addrs = append(addrs, ip.String())
		}
		lines = append(lines, "fixed-address "+strings.Join(addrs, ", ")+";")
	}
	if h.Group != "" {
		lines = append(lines, `group "`+h.Group+`";`)
	}
	return strings.Join(append(lines, conf.Statements(h.Statements)...), "\n")
}

// groupText writes a group.
func groupText(g *omapi.Group) string {
	return strings.Join(append([]string{dynamic}, conf.Statements(g.Statements)...), "\n")
}

// octal writes octets as dhcpd writes a client identifier.
func octal(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// attributes are the words with which statements begin that are attributes of
// their own over OMAPI.
var attributes = map[string]bool{"dynamic": true, "deleted": true, "hardware": true, "uid": true, "fixed-address": true, "group": true}

// statements gives the statements of an object without its attributes; empty
// for what was not made at run time.
func (o *objects) statements(kind, name string) string {
	x := o.all[objectKey{kind, name}]
	if x == nil || x.Deleted {
		return ""
	}
	var list []string
	for _, s := range conf.Statements(x.Text) {
		word, _, _ := strings.Cut(strings.TrimSuffix(s, ";"), " ")
		if !attributes[strings.ToLower(word)] {
			list = append(list, s)
		}
	}
	return strings.Join(list, "\n")
}

// host describes a host as OMAPI shows it.
func (o *objects) host(h *conf.Host) omapi.Host {
	return omapi.Host{Name: h.Name, HW: h.HW, UID: h.UID, Fixed: append([]lease.IP(nil), h.Fixed...),
		Group: o.groupOf(h), Statements: o.statements("host", h.Name)}
}

// groupOf is the named group of a host, also one that does not exist any more.
func (o *objects) groupOf(h *conf.Host) string {
	if h.Group == nil {
		if x := o.all[objectKey{"host", h.Name}]; x != nil {
			return namedGroup(x.Text)
		}
	}
	return groupName(h)
}

func namedGroup(text string) string {
	for _, s := range conf.Statements(text) {
		if rest, ok := strings.CutPrefix(s, "group "); ok {
			return strings.Trim(strings.TrimSuffix(rest, ";"), `" `)
		}
	}
	return ""
}

// groupName is the group that a host of the file names.
func groupName(h *conf.Host) string {
	if h.Group == nil {
		return ""
	}
	return h.Group.Name
}
