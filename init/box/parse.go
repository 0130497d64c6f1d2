package box

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Problem is one thing wrong with a file: where, what, and what to do.
type Problem struct {
	File   string
	Line   int // zero where something is missing altogether
	What   string
	Remedy string
}

// Error is "FILE:LINE: WHAT (REMEDY)".
func (p Problem) Error() string {
	s := p.File
	if p.Line > 0 {
		s += ":" + strconv.Itoa(p.Line)
	}
	s += ": " + p.What
	if p.Remedy != "" {
		s += " (" + p.Remedy + ")"
	}
	return s
}

// maxFile bounds what is read, in octets.
const maxFile = 64 << 10

// keywords in the order in which they are printed.
var keywords = []string{"name", "role", "lan", "direct", "gateway", "ntp", "ntp-single", "clock-bound", "dns", "partner", "peer", "syslog"}

// parser collects the problems of one file.
type parser struct {
	file     string
	line     int
	c        Config
	seen     map[string]int
	problems []Problem
}

// Parse reads a box configuration. All problems are reported, in order; the
// Config is only good if there are none.
func Parse(file, text string) (Config, []Problem) {
	p := &parser{file: file, seen: map[string]int{}}
	if len(text) > maxFile {
		p.wrong("the file is larger than 64 KiB", "this is not a box configuration")
		return p.c, p.problems
	}
	for i, l := range strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n") {
		p.line = i + 1
		l, _, _ = strings.Cut(l, "#")
		if fields := strings.Fields(l); len(fields) > 0 {
			p.statement(strings.ToLower(fields[0]), fields[1:])
		}
	}
	p.line = 0
	p.check()
	return p.c, p.problems
}

func (p *parser) wrong(what, remedy string, args ...any) {
	p.problems = append(p.problems, Problem{p.file, p.line, fmt.Sprintf(what, args...), remedy})
}

func (p *parser) statement(word string, args []string) {
	if !slices.Contains(keywords, word) {
		p.wrong("unknown keyword %q", "known: "+strings.Join(keywords, ", "), word)
		return
	}
	if first, again := p.seen[word]; again {
		p.wrong("%s was already given in line %d", "keep one of the two", word, first)
		return
	}
	p.seen[word] = p.line
	if len(args) == 0 {
		p.wrong("%s needs a value", "example: "+examples[word], word)
		return
	}
	switch word {
	case "name":
		p.name(args)
	case "role":
		p.role(args)
	case "lan":
		p.c.LAN = p.port(word, args)
	case "direct":
		p.c.Direct = p.port(word, args)
	case "gateway":
		p.c.Gateway = p.only(word, args)
	case "ntp":
		p.c.NTP = args
	case "ntp-single":
		p.c.SingleNTP = p.flag(word, args)
	case "clock-bound":
		p.clockBound(args)
	case "dns":
		for _, a := range args {
			p.c.DNS = append(p.c.DNS, p.addr(word, a))
		}
	case "partner":
		p.partner(args)
	case "peer":
		p.peer(args)
	case "syslog":
		p.syslog(args)
	}
}

// examples show each keyword's form.
var examples = map[string]string{
	"name": "name dhcp-a", "role": "role primary", "lan": "lan lan1 10.0.0.2/24",
	"direct": "direct lan2 169.254.77.1/30", "gateway": "gateway 10.0.0.1",
	"ntp": "ntp 10.0.0.10 10.0.0.11 10.0.0.12", "ntp-single": "ntp-single yes",
	"clock-bound": "clock-bound 0.5",
	"dns":         "dns 10.0.0.10", "partner": "partner 10.0.0.3 direct 169.254.77.2",
	"peer": "peer tandem mclt 3600 split 128", "syslog": "syslog 10.0.0.9:514",
}

func (p *parser) name(args []string) {
	n := args[0]
	ok := len(args) == 1 && len(n) <= 63 && n[0] != '-' && n[len(n)-1] != '-'
	for _, r := range n {
		ok = ok && (r == '-' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z')
	}
	if !ok {
		p.wrong("%q is not a host name", "letters, digits and inner hyphens, at most 63", strings.Join(args, " "))
		return
	}
	p.c.Name = n
}

func (p *parser) role(args []string) {
	switch r := Role(strings.ToLower(args[0])); r {
	case Primary, Secondary, Single:
		p.c.Role = r
	default:
		p.wrong("unknown role %q", "primary, secondary or single", args[0])
	}
}

// port reads "NAME ADDRESS/BITS [vlan N] [mtu N]".
func (p *parser) port(word string, args []string) Port {
	port := Port{Name: args[0]}
	if len(args) < 2 {
		p.wrong("%s needs an address with its prefix length", "example: "+examples[word], word)
		return port
	}
	prefix, err := netip.ParsePrefix(args[1])
	switch {
	case err != nil && !strings.Contains(args[1], "/"):
		p.wrong("%s has no prefix length", "example: "+args[1]+"/24", args[1])
	case err != nil || !prefix.Addr().Is4():
		p.wrong("%q is not an IPv4 address with a prefix length", "example: "+examples[word], args[1])
	case prefix.Bits() < 31 && (prefix.Addr() == prefix.Masked().Addr() || prefix.Addr() == broadcast(prefix)):
		p.wrong("%s is the network's or the broadcast address", "choose an address of a host", args[1])
	}
	port.Prefix = prefix
	p.pairs(args[2:], map[string]func(string){
		"vlan": func(v string) { port.VLAN = p.number("vlan", v, 1, 4094) },
		"mtu":  func(v string) { port.MTU = p.number("mtu", v, 576, 9000) },
	})
	return port
}

func broadcast(prefix netip.Prefix) netip.Addr {
	b := prefix.Addr().As4()
	for i := prefix.Bits(); i < 32; i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(b)
}

// pairs reads "keyword value" pairs after the first values of a statement.
func (p *parser) pairs(args []string, known map[string]func(string)) {
	for len(args) > 0 {
		word := strings.ToLower(args[0])
		set, ok := known[word]
		switch {
		case !ok:
			names := []string{}
			for k := range known {
				names = append(names, k)
			}
			slices.Sort(names)
			p.wrong("unexpected %q", "here may stand: "+strings.Join(names, ", "), args[0])
			return
		case len(args) < 2:
			p.wrong("%s needs a value", "", word)
			return
		}
		set(args[1])
		args = args[2:]
	}
}

func (p *parser) number(what, v string, low, high int) int {
	n, err := strconv.Atoi(v)
	if err != nil || n < low || n > high {
		p.wrong("%s %q is out of range", fmt.Sprintf("%d to %d", low, high), what, v)
		return 0
	}
	return n
}

func (p *parser) addr(what, v string) netip.Addr {
	a, err := netip.ParseAddr(v)
	if err != nil || !a.Is4() {
		p.wrong("%s: %q is not an IPv4 address", "four numbers from 0 to 255 with dots", what, v)
		return netip.Addr{}
	}
	return a
}

func (p *parser) only(what string, args []string) netip.Addr {
	if len(args) > 1 {
		p.wrong("%s takes one address", "", what)
	}
	return p.addr(what, args[0])
}

func (p *parser) flag(what string, args []string) bool {
	switch strings.ToLower(args[0]) {
	case "yes", "on", "true":
		return true
	case "no", "off", "false":
		return false
	}
	p.wrong("%s: %q is neither yes nor no", "", what, args[0])
	return false
}

// clockBound reads the allowed error of the clock in seconds.
func (p *parser) clockBound(args []string) {
	v, err := strconv.ParseFloat(args[0], 64)
	if err != nil || v < 0.01 || v > 1 {
		p.wrong("clock-bound %q is out of range", "seconds, 0.01 to 1", args[0])
		return
	}
	p.c.ClockBound = time.Duration(v * float64(time.Second))
}

func (p *parser) partner(args []string) {
	p.c.Partner.LAN = p.addr("partner", args[0])
	p.pairs(args[1:], map[string]func(string){
		"direct": func(v string) { p.c.Partner.Direct = p.addr("partner direct", v) },
	})
}

func (p *parser) peer(args []string) {
	p.c.Peer.Name = args[0]
	if strings.ContainsAny(args[0], `"\`) {
		p.wrong("the relationship's name may hold neither quotes nor backslashes", "")
	}
	words := slices.DeleteFunc(slices.Clone(args[1:]), func(w string) bool { return strings.EqualFold(w, "clear") })
	p.c.Peer.Clear = len(words) < len(args)-1
	p.pairs(words, map[string]func(string){
		"port": func(v string) { p.c.Peer.Port = p.number("port", v, 1, 65535) },
		"mclt": func(v string) { p.c.Peer.MCLT = time.Duration(p.number("mclt", v, 1, 7*86400)) * time.Second },
		"split": func(v string) {
			p.c.Peer.Split, p.c.Peer.HasSplit = p.number("split", v, 0, 256), true
		},
		"kind": func(v string) {
			switch strings.ToLower(v) {
			case "isc":
				p.c.Peer.ISC = true
			case "tandem":
			default:
				p.wrong("unknown kind of partner %q", "tandem or isc", v)
			}
		},
	})
}

func (p *parser) syslog(args []string) {
	host := args[0]
	if _, _, err := net.SplitHostPort(host); err != nil {
		host = net.JoinHostPort(host, "514")
	}
	p.c.Syslog = host
}

// check looks at what belongs together.
func (p *parser) check() {
	c := &p.c
	for _, need := range []string{"name", "role", "lan", "ntp"} {
		if _, ok := p.seen[need]; !ok {
			p.wrong("%s is missing", "add a line such as: "+examples[need], need)
		}
	}
	if len(p.problems) > 0 {
		return
	}
	pair := c.Role != Single
	at := func(word string) { p.line = p.seen[word] }
	if at("partner"); pair && !c.Partner.LAN.IsValid() {
		p.wrong("partner is missing", "a "+string(c.Role)+" needs: "+examples["partner"])
	}
	if pair && c.Partner.LAN.IsValid() {
		p.checkPartner()
	}
	if at("gateway"); c.Gateway.IsValid() && !c.LAN.Prefix.Contains(c.Gateway) {
		p.wrong("the gateway %s is not in the LAN's network %s", "check address and prefix length", c.Gateway, c.LAN.Prefix.Masked())
	}
	if at("direct"); c.Direct.Configured() {
		p.checkDirect()
	}
	if at("ntp"); len(c.NTP) == 1 && !c.SingleNTP {
		p.wrong("one time server alone is not trusted", "name at least three, or add: ntp-single yes")
	}
	if at("ntp"); len(c.DNS) == 0 {
		p.checkNames()
	}
	if at("peer"); c.Peer.Clear && c.Peer.ISC {
		p.wrong("clear and kind isc together mean nothing", "an ISC partner is always spoken to in clear text: remove clear")
	}
	if at("peer"); c.Role == Secondary && (c.Peer.MCLT != 0 || c.Peer.HasSplit) {
		p.wrong("mclt and split are the primary's to say", "remove them here")
	}
}

// checkNames: a time server's name means nothing without a name server.
func (p *parser) checkNames() {
	for _, server := range p.c.NTP {
		host := server
		if h, _, err := net.SplitHostPort(server); err == nil {
			host = h
		}
		if _, err := netip.ParseAddr(host); err != nil {
			p.wrong("%q is a name, and there is no dns line", "give its address, or add: "+examples["dns"], host)
		}
	}
}

func (p *parser) checkPartner() {
	c := &p.c
	switch {
	case c.Partner.LAN == c.LAN.Prefix.Addr():
		p.wrong("the partner has this box's own address %s", "give the other box's address", c.Partner.LAN)
	case !c.LAN.Prefix.Contains(c.Partner.LAN) && !c.Gateway.IsValid():
		p.wrong("the partner %s is not in the LAN's network %s and there is no gateway", "check address and prefix length", c.Partner.LAN, c.LAN.Prefix.Masked())
	}
}

func (p *parser) checkDirect() {
	c := &p.c
	switch {
	case c.Direct.Name == c.LAN.Name && c.Direct.VLAN == c.LAN.VLAN:
		p.wrong("direct uses the same port as lan (%s)", "the direct cable has a port of its own", c.LAN.Name)
	case c.Direct.Prefix.Overlaps(c.LAN.Prefix):
		p.wrong("the networks of lan and direct overlap", "use another network for the direct cable, for example 169.254.77.0/30")
	case c.Role != Single && !c.Partner.Direct.IsValid():
		p.wrong("the partner's address on the direct cable is missing", "partner "+c.Partner.LAN.String()+" direct ADDRESS")
	case c.Partner.Direct.IsValid() && !c.Direct.Prefix.Contains(c.Partner.Direct):
		p.wrong("the partner's direct address %s is not in %s", "both ends of the cable share one network", c.Partner.Direct, c.Direct.Prefix.Masked())
	case c.Partner.Direct == c.Direct.Prefix.Addr():
		p.wrong("both ends of the direct cable have the address %s", "give the other box's address", c.Partner.Direct)
	}
}

func itoa(n int) string { return strconv.Itoa(n) }
