package conf

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tandem/failover/conf/token"
	"tandem/failover/lease"
)

// ip reads four numbers with dots between.
func (p *parser) ip() (lease.IP, bool) {
	first := p.peek(0)
	var v lease.IP
	for i := 0; i < 4; i++ {
		if i > 0 && !p.accept(".") {
			t := p.peek(0)
			p.fail(t, "", "expected an IPv4 address of four numbers, but %d stood here", i)
			return 0, false
		}
		t := p.peek(0)
		if t.Kind != token.Number {
			p.badOctet(first, t, i)
			return 0, false
		}
		n, err := strconv.ParseUint(t.Text, 10, 32)
		if err != nil || n > 255 {
			p.fail(t, "", "%s does not fit into an address: each of the four numbers is 0 to 255", t.Text)
			p.passAddress()
			return 0, false
		}
		p.take()
		v = v<<8 | lease.IP(n)
	}
	return v, true
}

// passAddress takes the rest of something with dots.
func (p *parser) passAddress() {
	for t := p.peek(0); t.Kind == token.Number || t.Word() || t.Is("."); t = p.peek(0) {
		p.take()
	}
}

// badOctet reports something that is no part of an address.
func (p *parser) badOctet(first, t token.Token, i int) {
	remedy := ""
	if i == 3 && strings.Count(t.Text, "-") == 1 {
		if low, high, ok := strings.Cut(t.Text, "-"); ok && isDecimal(low) && isDecimal(high) {
			begin := p.lex.Source.Text[first.Pos.Offset:t.Pos.Offset]
			rest := high
			for j := 1; p.peek(j).Is(".") || p.peek(j).Kind == token.Number; j++ {
				rest += p.peek(j).Text
			}
			remedy = fmt.Sprintf("separate the two addresses by a space: %s%s %s", begin, low, rest)
		}
	}
	if i == 0 {
		p.fail(t, remedy, "expected an IPv4 address, not %s", t.Describe())
		return
	}
	p.fail(t, remedy, "expected number %d of an IPv4 address, not %s", i+1, t.Describe())
}

func isDecimal(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// address reads an IPv4 address or the name of a host.
func (p *parser) address() (address, bool) {
	t := p.peek(0)
	a := address{at: p.place(t)}
	if t.Kind == token.Number && p.peek(1).Is(".") && p.peek(2).Kind == token.Number {
		ip, ok := p.ip()
		a.ip = ip
		return a, ok
	}
	if !t.Word() && t.Kind != token.Number {
		p.fail(t, "", "expected an address or a host name, not %s", t.Describe())
		return a, false
	}
	a.name = p.dotted()
	return a, true
}

// addresses reads one or more addresses with commas between.
func (p *parser) addresses() ([]address, bool) {
	var out []address
	for {
		a, ok := p.address()
		if !ok {
			return out, false
		}
		out = append(out, a)
		if !p.accept(",") {
			return out, true
		}
	}
}

// dotted reads words with dots between, and perhaps one behind; "" if none
// stands here.
func (p *parser) dotted() string {
	var out strings.Builder
	for {
		t := p.peek(0)
		if !t.Word() && t.Kind != token.Number {
			return out.String()
		}
		p.take()
		out.WriteString(t.Text)
		if !p.accept(".") {
			return out.String()
		}
		out.WriteByte('.')
	}
}

// decimal reads a plain decimal number from 0 to max.
func (p *parser) decimal(what string, max uint32) (uint32, bool) {
	t := p.peek(0)
	if t.Kind != token.Number {
		p.fail(t, numberRemedy(t), "expected %s as a decimal number, not %s", what, t.Describe())
		return 0, false
	}
	p.take()
	n, err := strconv.ParseUint(t.Text, 10, 64)
	if err != nil || n > uint64(max) {
		p.fail(t, "", "%s is no possible value for %s: it is a number from 0 to %d", t.Text, what, max)
		return 0, true // the statement itself is whole
	}
	return uint32(n), true
}

// numberRemedy proposes the number for what people write instead.
func numberRemedy(t token.Token) string {
	text := t.Text
	if t.Kind == token.String {
		if isDecimal(text) {
			return "write " + text + ", without quotes"
		}
		text = strings.TrimSpace(text)
	}
	if n, ok := inSeconds(text); ok {
		return fmt.Sprintf("write %d: times are in seconds", n)
	}
	return ""
}

// inSeconds reads 90s, 15m, 1h, 7d, 2w.
func inSeconds(s string) (uint64, bool) {
	if len(s) < 2 {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:len(s)-1], 10, 32)
	unit := map[byte]uint64{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}[s[len(s)-1]|0x20]
	return n * unit, err == nil && unit != 0
}

// integer converts the text of a number of an option value: decimal, 0x
// hexadecimal or octal with a leading 0; negative ones as two's complement.
func integer(text string, bits uint) (uint32, error) {
	digits, negative := strings.CutPrefix(text, "-")
	base := 10
	switch {
	case strings.HasPrefix(digits, "0x"):
		digits, base = digits[2:], 16
	case len(digits) > 1 && digits[0] == '0' && isDecimal(digits):
		digits, base = digits[1:], 8
	}
	n, err := strconv.ParseUint(digits, base, 64)
	most := uint64(1)<<bits - 1
	if negative {
		most = uint64(1) << (bits - 1)
	}
	switch {
	case err != nil && !isRange(err):
		return 0, fmt.Errorf("%s is not a number to the base %d", text, base)
	case err != nil || n > most:
		if negative {
			return 0, fmt.Errorf("%s is below the least value, -%d", text, most)
		}
		return 0, fmt.Errorf("%s exceeds the largest value, %d", text, most)
	case negative:
		return uint32(-n) & uint32(uint64(1)<<bits-1), nil
	}
	return uint32(n), nil
}

func isRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}

// isOctet tells whether s is an octet in hexadecimal digits.
func isOctet(s string) bool {
	_, err := strconv.ParseUint(s, 16, 8)
	return err == nil
}

// hex reads octets in hexadecimal with colons between.
func (p *parser) hex() ([]byte, bool) {
	var out []byte
	if first := p.peek(0); p.peek(1).Is(".") && p.peek(1).Pos == first.End {
		if remedy := hexRemedy(p.wordsAhead()); remedy != "" {
			p.fail(first, remedy, "expected octets in hexadecimal digits with colons between")
			p.passAddress()
			return nil, false
		}
	}
	for {
		t := p.peek(0)
		if t.Kind != token.Number && t.Kind != token.NumberOrName {
			p.fail(t, hexRemedy(p.wordsAhead()), "expected an octet in hexadecimal digits, not %s", t.Describe())
			return out, false
		}
		n, err := strconv.ParseUint(t.Text, 16, 32)
		if err != nil || n > math.MaxUint8 {
			remedy := hexRemedy(t.Text)
			if len(out) > 0 {
				remedy = ""
			}
			p.fail(t, remedy, "%s is no octet in hexadecimal digits (0 to ff)", t.Text)
			p.take()
			return out, false
		}
		p.take()
		if out = append(out, byte(n)); len(out) > token.MaxLength*8 {
			p.fail(t, "", "more than %d octets of data", token.MaxLength*8)
			return out, false
		}
		if !p.accept(":") {
			return out, true
		}
	}
}

// hexRemedy proposes octets with colons for 00-11-22-33-44-55, 0011.2233.4455,
// 001122334455 and 0x0011.
func hexRemedy(text string) string {
	text = strings.TrimPrefix(strings.TrimPrefix(text, "0x"), "0X")
	var digits string
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return c == '-' || c == '.' || c == ':' }) {
		for i := 0; i < len(part); i++ {
			if strings.IndexByte("0123456789abcdefABCDEF", part[i]) < 0 {
				return ""
			}
		}
		if len(part)%2 == 1 {
			part = "0" + part
		}
		digits += part
	}
	if len(digits) < 4 || len(digits) > 64 {
		return ""
	}
	var out strings.Builder
	for i := 0; i < len(digits); i += 2 {
		if i > 0 {
			out.WriteByte(':')
		}
		out.WriteString(digits[i : i+2])
	}
	return "write " + out.String()
}
