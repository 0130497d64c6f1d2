package leasefile

import (
	"strconv"
	"strings"

	"tandem/failover/conf/token"
	"tandem/failover/lease"
)

// agentOption is how dhcpd writes a relay agent sub-option (option 82).
type agentOption struct {
	name string
	code byte
	kind byte // 'X' string or hexadecimal, 'I' IPv4 address, 'L' number of 32 bits, 'Z' nothing
}

var agentOptions = []agentOption{
	{"circuit-id", 1, 'X'}, {"remote-id", 2, 'X'}, {"agent-id", 3, 'I'},
	{"DOCSIS-device-class", 4, 'L'}, {"link-selection", 5, 'I'}, {"relay-port", 19, 'Z'},
}

// agentOption reads agent.NAME VALUE after "option". Other options are no part
// of a lease; dhcpd complains about them and keeps the record.
func (p *parser) agentOption(r *leaseRecord) *fault {
	first := p.lex.Peek()
	space, f := p.name()
	if f != nil {
		return f
	}
	if !strings.EqualFold(space, "agent") || !p.lex.Peek().Is(".") {
		p.warn(first.Pos.Line, r.what, "option %s is no relay agent option and is left out", space)
		p.skipValue()
		return nil
	}
	p.lex.Next()
	t := p.lex.Peek()
	name, f := p.name()
	if f != nil {
		return f
	}
	o, ok := agentByName(name)
	if !ok {
		p.warn(t.Pos.Line, r.what, "the relay agent option %s is unknown and is left out", name)
		p.skipValue()
		return nil
	}
	value, f := p.agentValue(o)
	if f != nil {
		return f
	}
	if len(value) > 255 || len(r.extra.RelayAgent)+2+len(value) > 255 {
		return faultAt(t, "the relay agent options are longer than the 255 octets of an option")
	}
	r.extra.RelayAgent += string([]byte{o.code, byte(len(value))}) + value
	return nil
}

// skipValue passes over tokens up to the end of the statement.
func (p *parser) skipValue() {
	for t := p.lex.Peek(); !t.Is(";") && !t.Is("}") && t.Kind != token.EOF; t = p.lex.Peek() {
		p.lex.Next()
	}
}

func (p *parser) agentValue(o agentOption) (string, *fault) {
	switch o.kind {
	case 'I':
		ip, f := p.address()
		b := ip.As4()
		return string(b[:]), f
	case 'L':
		n, f := p.number("a number", 0, 1<<32-1)
		b := lease.IP(n).As4()
		return string(b[:]), f
	case 'Z':
		return "", nil
	}
	return p.octets()
}

func agentByName(name string) (agentOption, bool) {
	for _, o := range agentOptions {
		if strings.EqualFold(o.name, name) {
			return o, true
		}
	}
	digits, ok := strings.CutPrefix(name, unknownPrefix)
	n, err := strconv.ParseUint(digits, 10, 8)
	return agentOption{name, byte(n), 'X'}, ok && err == nil && n > 0
}

func agentByCode(code byte) agentOption {
	for _, o := range agentOptions {
		if o.code == code {
			return o
		}
	}
	return agentOption{unknownPrefix + strconv.Itoa(int(code)), code, 'X'}
}

// appendAgent writes one statement for each sub-option of relay, which is as on
// the wire; what is malformed at its end is left out.
func appendAgent(buf []byte, relay string) []byte {
	for len(relay) >= 2 && len(relay) >= 2+int(relay[1]) {
		o, value := agentByCode(relay[0]), relay[2:2+int(relay[1])]
		relay = relay[2+len(value):]
		if o.kind == 'I' && len(value) != 4 || o.kind == 'L' && len(value) != 4 || o.kind == 'Z' && value != "" {
			o = agentOption{unknownPrefix + strconv.Itoa(int(o.code)), o.code, 'X'}
		}
		if value == "" && o.kind == 'X' {
			continue // there is no way to write it
		}
		buf = append(buf, "  option agent."...)
		buf = append(buf, o.name...)
		buf = appendAgentValue(buf, o.kind, value)
		buf = append(buf, ";\n"...)
	}
	return buf
}

func appendAgentValue(buf []byte, kind byte, value string) []byte {
	number := func() lease.IP { return lease.From4([4]byte([]byte(value))) }
	switch {
	case kind == 'Z':
		return buf
	case kind == 'I':
		return number().Append(append(buf, ' '))
	case kind == 'L':
		return strconv.AppendUint(append(buf, ' '), uint64(number()), 10)
	case printable(value):
		return appendQuoted(append(buf, ' '), value)
	}
	for i := range len(value) {
		sep := byte(':')
		if i == 0 {
			sep = ' '
		}
		buf = strconv.AppendUint(append(buf, sep), uint64(value[i]), 16)
	}
	return buf
}
