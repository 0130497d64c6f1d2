package setup

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Values as a person types them. Each reader says what is wrong, where in the
// value, and what to do.

func hostName(s string) error {
	switch {
	case len(s) > 63:
		return fmt.Errorf("the name has %d characters: at most 63", len(s))
	case s[0] == '-' || s[len(s)-1] == '-':
		return errors.New("the name begins or ends with a hyphen: only letters and digits may stand there")
	}
	for i, r := range s {
		if r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') {
			return fmt.Errorf("%q in place %d can not be in a host name: use letters, digits and hyphens", r, i+1)
		}
	}
	return nil
}

// address reads an IPv4 address.
func address(s string) (netip.Addr, error) {
	parts := strings.Split(s, ".")
	for i, p := range parts {
		n, err := strconv.Atoi(p)
		switch {
		case p == "" && i == len(parts)-1:
			return netip.Addr{}, fmt.Errorf("%q is not complete: an address has four numbers, as 10.0.0.2", s)
		case err != nil || n < 0 || strings.HasPrefix(p, "+"):
			return netip.Addr{}, fmt.Errorf("%q in %q is no number: an address has four numbers with dots between, as 10.0.0.2", p, s)
		case n > 255:
			return netip.Addr{}, fmt.Errorf("%d in %q is too large: each of the four numbers is at most 255", n, s)
		case len(p) > 1 && p[0] == '0':
			return netip.Addr{}, fmt.Errorf("%q in %q begins with a zero: write %d", p, s, n)
		}
	}
	if len(parts) != 4 {
		return netip.Addr{}, fmt.Errorf("%q has %d numbers: an address has four, as 10.0.0.2", s, len(parts))
	}
	return netip.ParseAddr(s)
}

// hostPrefix reads the address of a host with the length of its network.
func hostPrefix(s string) (netip.Prefix, error) {
	ip, bits, slash := strings.Cut(s, "/")
	a, err := address(ip)
	if err != nil {
		return netip.Prefix{}, err
	}
	n, err := strconv.Atoi(bits)
	switch {
	case !slash || bits == "":
		return netip.Prefix{}, fmt.Errorf("the length of the network is missing: write %s/24 for the mask 255.255.255.0", ip)
	case err != nil || n < 8 || n > 30:
		return netip.Prefix{}, fmt.Errorf("/%s is no usable length of a network: 8 to 30, as in %s/24", bits, ip)
	}
	p := netip.PrefixFrom(a, n)
	switch a {
	case p.Masked().Addr():
		return netip.Prefix{}, fmt.Errorf("%s is the network itself: choose the address of a host in it", ip)
	case broadcast(p):
		return netip.Prefix{}, fmt.Errorf("%s is the broadcast address of %s: choose the address of a host", ip, p.Masked())
	}
	return p, nil
}

func broadcast(p netip.Prefix) netip.Addr {
	return last(p.Masked())
}

// last is the highest address of a prefix.
func last(p netip.Prefix) netip.Addr {
	a := p.Masked().Addr().As4()
	for i := p.Bits(); i < 32; i++ {
		a[i/8] |= 0x80 >> (i % 8)
	}
	return netip.AddrFrom4(a)
}

// words splits a list at spaces and commas.
func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == ',' || r == ';' })
}

// addresses reads a list of addresses.
func addresses(s string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, w := range words(s) {
		a, err := address(w)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	return all, nil
}

// maxServers bounds the lists of servers.
const maxServers = 8

// timeServers reads a list of addresses or names, with an optional port.
func timeServers(s string) ([]string, error) {
	all := words(s)
	if len(all) > maxServers {
		return nil, fmt.Errorf("%d time servers: at most %d", len(all), maxServers)
	}
	seen := map[string]bool{}
	for _, w := range all {
		host, port, colon := strings.Cut(w, ":")
		if n, err := strconv.Atoi(port); colon && (err != nil || n < 1 || n > 65535) {
			return nil, fmt.Errorf("%q is no port in %q: leave :%s away, or give 1 to 65535", port, w, port)
		}
		if seen[w] {
			return nil, fmt.Errorf("%s is named twice: the same server does not confirm itself", w)
		}
		seen[w] = true
		if err := server(host); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// server checks an address or a domain name.
func server(host string) error {
	if strings.Trim(host, "0123456789.") == "" {
		_, err := address(host)
		return err
	}
	for _, label := range strings.Split(strings.TrimSuffix(host, "."), ".") {
		if label == "" {
			return fmt.Errorf("%q is no name: two dots stand together or it begins with one", host)
		}
		if err := hostName(label); err != nil {
			return fmt.Errorf("%q: %w", host, err)
		}
	}
	return nil
}

// domain checks a domain name.
func domain(s string) error {
	if len(s) > 250 {
		return errors.New("the domain name is too long: at most 250 characters")
	}
	return server(s)
}

// span is a range of addresses, both ends included.
type span struct{ low, high netip.Addr }

func (s span) String() string { return s.low.String() + " - " + s.high.String() }

// size is how many addresses are in it.
func (s span) size() int { return number(s.high) - number(s.low) + 1 }

func number(a netip.Addr) int {
	b := a.As4()
	return int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
}

// maxRanges bounds how many ranges are typed; more are a dhcpd.conf.
const maxRanges = 16

// ranges reads "10.0.0.100-10.0.0.199, 10.0.0.210-219".
func ranges(s string) ([]span, error) {
	// Spaces around the hyphens are allowed.
	for strings.Contains(s, " -") || strings.Contains(s, "- ") {
		s = strings.ReplaceAll(strings.ReplaceAll(s, " -", "-"), "- ", "-")
	}
	var all []span
	for _, w := range words(s) {
		r, err := oneRange(w)
		if err != nil {
			return nil, err
		}
		for _, o := range all {
			if r.low.Compare(o.high) <= 0 && o.low.Compare(r.high) <= 0 {
				return nil, fmt.Errorf("the ranges %s and %s overlap: make one of them", o, r)
			}
		}
		all = append(all, r)
	}
	if len(all) > maxRanges {
		return nil, fmt.Errorf("%d ranges: at most %d here; import a dhcpd.conf for more", len(all), maxRanges)
	}
	return all, nil
}

func oneRange(w string) (span, error) {
	from, to, hyphen := strings.Cut(w, "-")
	low, err := address(from)
	if err != nil {
		return span{}, err
	}
	if !hyphen || to == "" {
		return span{}, fmt.Errorf("the range %q has no end: write %s-%s", w, from, low.Next())
	}
	if strings.Trim(to, "0123456789") == "" { // the last number alone
		to = from[:strings.LastIndexByte(from, '.')+1] + to
	}
	high, err := address(to)
	switch {
	case err != nil:
		return span{}, err
	case high.Less(low):
		return span{}, fmt.Errorf("the range %q ends before it begins: swap the two", w)
	}
	return span{low, high}, nil
}

// within checks ranges against the network and the addresses that are taken.
func within(all []span, lan netip.Prefix, taken map[string]netip.Addr, order []string) error {
	for _, r := range all {
		for _, a := range []netip.Addr{r.low, r.high} {
			if !lan.Contains(a) {
				return fmt.Errorf("%s is not in the network %s: it has %s to %s",
					a, lan.Masked(), lan.Masked().Addr().Next(), last(lan).Prev())
			}
		}
		if r.low == lan.Masked().Addr() || r.high == last(lan) {
			return fmt.Errorf("the range %s holds the network's or the broadcast address: begin at %s, end at %s at the latest",
				r, lan.Masked().Addr().Next(), last(lan).Prev())
		}
		for _, who := range order {
			if a := taken[who]; a.IsValid() && r.low.Compare(a) <= 0 && a.Compare(r.high) <= 0 {
				return fmt.Errorf("the range %s holds %s, the address of %s: leave it out, for example %s", r, a, who, around(r, a))
			}
		}
	}
	return nil
}

// around is a range without an address.
func around(r span, a netip.Addr) string {
	switch {
	case r.low == r.high:
		return "another range"
	case a == r.low:
		return span{a.Next(), r.high}.String()
	case a == r.high:
		return span{r.low, a.Prev()}.String()
	}
	return span{r.low, a.Prev()}.String() + ", " + span{a.Next(), r.high}.String()
}

// units of times that are typed.
var units = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}

// shortestLease is the least lease time that makes sense.
const shortestLease = 10 * time.Second

// duration reads "3600", "90m", "8h" or "1d".
func duration(s string) (time.Duration, error) {
	unit := time.Second
	digits := strings.ToLower(strings.ReplaceAll(s, " ", ""))
	if u, ok := units[digits[len(digits)-1]]; ok {
		unit, digits = u, digits[:len(digits)-1]
	}
	n, err := strconv.Atoi(digits)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%q is no time: write 3600 (seconds), 30m, 8h or 1d", s)
	case n < 1 || n > int(366*24*time.Hour/unit) || time.Duration(n)*unit < shortestLease:
		return 0, fmt.Errorf("%q is out of range: ten seconds to one year", s)
	}
	return time.Duration(n) * unit, nil
}

// numeral reads a whole number from low to high.
func numeral(what string, low, high int) func(string) error {
	return func(s string) error {
		if n, err := strconv.Atoi(s); err != nil || n < low || n > high {
			return fmt.Errorf("%q is no %s: a number from %d to %d", s, what, low, high)
		}
		return nil
	}
}

// codeLength is how many letters and digits a pairing code has.
const codeLength = 8

// pairingCode checks the shape of a code; whether it is the right one only the
// other box knows.
func pairingCode(s string) error {
	n := 0
	for i, r := range s {
		switch {
		case r == '-' || r == ' ':
		case strings.ContainsRune("01ILOilo", r):
			return fmt.Errorf("%q in place %d is in no code, because it looks like another one: look again at the other box", r, i+1)
		case r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z':
			n++
		default:
			return fmt.Errorf("%q in place %d is in no code: type the letters and digits that the other box shows", r, i+1)
		}
	}
	if n != codeLength {
		return fmt.Errorf("the code has %d letters and digits, this has %d: it looks like K7QM-3F2P", codeLength, n)
	}
	return nil
}

// valid makes a check of a reader.
func valid[T any](read func(string) (T, error)) func(string) error {
	return func(s string) error {
		_, err := read(s)
		return err
	}
}
