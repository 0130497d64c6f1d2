package leasefile

import (
	"strconv"
	"strings"

	"tandem/failover/conf/token"
)

// hardwareTypes are the names that dhcpd has for them (RFC 1700 numbers); any
// other is unknown-N.
var hardwareTypes = []struct {
	name string
	code byte
}{{"ethernet", 1}, {"token-ring", 6}, {"fddi", 8}, {"infiniband", 32}}

const unknownPrefix = "unknown-"

// maxHardware is the length of the field in a packet, type not counted.
const maxHardware = 16

// hardware reads TYPE ADDRESS; a missing address gives the type alone.
func (p *parser) hardware() (string, *fault) {
	t := p.lex.Peek()
	code, ok := hardwareCode(t)
	if !ok {
		return "", faultAt(t, "unknown hardware type %s", t.Describe())
	}
	p.lex.Next()
	if p.lex.Peek().Is(";") {
		return string([]byte{code}), nil
	}
	at := p.lex.Peek()
	if at.Kind == token.String {
		return "", faultAt(at, "a hardware address is expected, not %s", at.Describe())
	}
	address, f := p.octets()
	if f == nil && len(address) > maxHardware {
		f = faultAt(at, "a hardware address of %d octets; %d is the most", len(address), maxHardware)
	}
	return string([]byte{code}) + address, f
}

func hardwareCode(t token.Token) (byte, bool) {
	if !t.Word() {
		return 0, false
	}
	name := strings.ToLower(t.Text)
	for _, h := range hardwareTypes {
		if h.name == name {
			return h.code, true
		}
	}
	digits, ok := strings.CutPrefix(name, unknownPrefix)
	n, err := strconv.ParseUint(digits, 10, 8)
	return byte(n), ok && err == nil
}

// appendHardware writes TYPE ADDRESS for an octet of type and an address.
func appendHardware(buf []byte, hw string) []byte {
	name := unknownPrefix + strconv.Itoa(int(hw[0]))
	for _, h := range hardwareTypes {
		if h.code == hw[0] {
			name = h.name
		}
	}
	buf = append(buf, name...)
	if len(hw) > 1 {
		buf = appendHex(append(buf, ' '), hw[1:])
	}
	return buf
}

const hexDigits = "0123456789abcdef"

// appendHex writes octets of two digits with colons.
func appendHex(buf []byte, s string) []byte {
	for i := range len(s) {
		if i > 0 {
			buf = append(buf, ':')
		}
		buf = append(buf, hexDigits[s[i]>>4], hexDigits[s[i]&15])
	}
	return buf
}
