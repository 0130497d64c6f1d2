package conf

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tandem/failover/conf/token"
)

// domainList reads domain names in strings: one string holds one name or
// several with spaces or commas between.
func (p *parser) domainList(f *field) (datum, bool) {
	d := datum{kind: f.kind}
	for {
		t := p.peek(0)
		if t.Kind != token.String {
			p.fail(t, quoteRemedy(p.wordsAhead()), "expected a domain name in quotes, not %s", t.Describe())
			return d, false
		}
		p.take()
		names := strings.FieldsFunc(t.Text, func(c rune) bool { return c == ' ' || c == ',' || c == '\t' || c == '\n' })
		if len(names) == 0 {
			names = []string{"."}
		}
		if len(names) > 1 {
			p.reports.warn(p.place(t), `write "`+strings.Join(names, `", "`)+`"`, "several names in one string: dhcpd would make one name with blanks of them")
		}
		for _, name := range names {
			if _, err := encodeDomain(name); err != nil {
				p.fail(t, "", "%v", err)
				return d, false
			}
		}
		if d.list = append(d.list, names...); len(d.list) > maxRecord {
			p.fail(t, "", "more than %d names in one option", maxRecord)
			return d, false
		}
		if !p.accept(",") {
			break
		}
	}
	d.data = encodeDomains(d.list, f.kind == kindCompressed)
	return d, true
}

// domainName reads one domain name without quotes.
func (p *parser) domainName(def *optionDef) (datum, bool) {
	t := p.peek(0)
	d := datum{kind: kindDomain, name: p.dotted()}
	if d.name == "" {
		p.fail(t, quoteless(t), "%s takes a domain name, not %s", def.label(), t.Describe())
		return d, false
	}
	var err error
	if d.data, err = encodeDomain(d.name); err != nil {
		p.fail(t, "", "%v", err)
		return d, false
	}
	return d, true
}

// The limits of domain names (RFC 1035 section 2.3.4), in octets.
const (
	maxLabel  = 63
	maxDomain = 255
)

// splitDomain cuts a name into labels. \. and \\ stand for the characters
// themselves, \DDD for the octet of that decimal number.
func splitDomain(name string) ([]string, error) {
	var labels []string
	var label []byte
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '\\' && i+3 < len(name) && isDecimal(name[i+1:i+4]):
			v, err := strconv.ParseUint(name[i+1:i+4], 10, 8)
			if err != nil {
				return nil, fmt.Errorf("\\%s is no octet in the domain name %q", name[i+1:i+4], name)
			}
			label = append(label, byte(v))
			i += 3
		case c == '\\' && i+1 < len(name):
			i++
			label = append(label, name[i])
		case c == '.':
			if len(label) == 0 && name != "." {
				return nil, fmt.Errorf("the domain name %q has an empty label", name)
			}
			if len(label) > 0 {
				labels = append(labels, string(label))
			}
			label = label[:0]
		default:
			label = append(label, c)
		}
	}
	if len(label) > 0 {
		labels = append(labels, string(label))
	}
	return labels, nil
}

// encodeDomain encodes a name as labels with a length each (RFC 1035 section 3.1).
func encodeDomain(name string) ([]byte, error) {
	labels, err := splitDomain(name)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, l := range labels {
		if len(l) > maxLabel {
			return nil, fmt.Errorf("the domain name %q has a label of more than %d characters", name, maxLabel)
		}
		out = append(append(out, byte(len(l))), l...)
	}
	if out = append(out, 0); len(out) > maxDomain {
		return nil, fmt.Errorf("the domain name %q is too long", name)
	}
	return out, nil
}

// encodeDomains encodes names that encodeDomain takes, one after the other,
// with compression (RFC 1035 section 4.1.4) if so wanted.
func encodeDomains(names []string, compress bool) []byte {
	var out []byte
	seen := make(map[string]int)
	for _, name := range names {
		labels, _ := splitDomain(name)
		out = appendDomain(out, labels, compress, seen)
	}
	return out
}

// appendDomain appends one name; seen holds the offsets of the suffixes written so far.
func appendDomain(out []byte, labels []string, compress bool, seen map[string]int) []byte {
	for i, l := range labels {
		suffix := suffixKey(labels[i:])
		if at, ok := seen[suffix]; ok && compress {
			return append(out, 0xc0|byte(at>>8), byte(at))
		}
		if len(out) < 0x4000 {
			seen[suffix] = len(out)
		}
		out = append(append(out, byte(len(l))), l...)
	}
	return append(out, 0)
}

// suffixKey is the same for the same labels in any case.
func suffixKey(labels []string) string {
	return strings.ToLower(strings.Join(labels, "\x00"))
}

var errDomains = errors.New("no list of domain names")

// decodeDomains reads names that encodeDomains wrote, in whichever way.
func decodeDomains(b []byte) ([][]string, error) {
	var names [][]string
	for off := 0; off < len(b); {
		labels, next, err := decodeDomain(b, off)
		if err != nil {
			return nil, err
		}
		names = append(names, labels)
		off = next
	}
	return names, nil
}

// decodeDomain reads the name at off and gives where the next one begins.
// Pointers lead backwards only, so reading ends.
func decodeDomain(b []byte, off int) (labels []string, next int, err error) {
	limit := off
	for at := off; at < len(b); {
		switch n := int(b[at]); {
		case n == 0:
			return labels, max(next, at+1), nil
		case n >= 0xc0:
			if at+1 >= len(b) {
				return nil, 0, errDomains
			}
			to := (n&0x3f)<<8 | int(b[at+1])
			if next == 0 {
				next = at + 2
			}
			if to >= limit {
				return nil, 0, errDomains
			}
			at, limit = to, to
		case n > maxLabel || at+1+n > len(b):
			return nil, 0, errDomains
		default:
			labels = append(labels, string(b[at+1:at+1+n]))
			at += 1 + n
		}
		if len(labels) > maxDomain/2 {
			return nil, 0, errDomains
		}
	}
	return nil, 0, errDomains
}
