package dhcp

import (
	"bytes"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// The inquiry is what expressions of the configuration ask (conf.Env).
var _ conf.Env = (*inquiry)(nil)

// Option is an option of the packet; see conf.Env.
func (q *inquiry) Option(k conf.OptionKey) ([]byte, bool) {
	if k.Code > 255 {
		return nil, false
	}
	code := uint8(k.Code)
	switch k.Space {
	case "dhcp":
		if code == optAgent && q.stashed {
			return q.agent, true
		}
		v, ok := q.m.Options[code]
		return v, ok
	case "agent":
		return subOption(q.agent, code)
	case "fqdn":
		return q.fqdnPart(code)
	case "server":
		return nil, false
	}
	return subOption(q.m.Options[43], code)
}

// Hardware is htype + chaddr[0:hlen].
func (q *inquiry) Hardware() []byte { return q.hw }

// Packet is a piece of the packet as received.
func (q *inquiry) Packet(offset, length int) []byte {
	raw := q.p.Raw
	if offset < 0 || length < 0 || offset >= len(raw) {
		return nil
	}
	return raw[offset : offset+min(length, len(raw)-offset)]
}

// LeasedAddress is the address under consideration.
func (q *inquiry) LeasedAddress() (lease.IP, bool) { return q.leased, q.leased != 0 }

// LeaseTime is the seconds left of the client's lease.
func (q *inquiry) LeaseTime() (lease.Seconds, bool) { return q.left, q.hasLeft }

// Known tells whether a host declaration matches.
func (q *inquiry) Known() bool { return q.known }

// Static tells whether the client has a fixed address here.
func (q *inquiry) Static() bool { return q.fixed != 0 }

// HostName is the name of the host declaration.
func (q *inquiry) HostName() string {
	if q.host == nil {
		return ""
	}
	return q.host.Name
}

// Member tells whether the client is in class c, or in a subclass of it.
func (q *inquiry) Member(c *conf.Class) bool {
	for _, have := range q.classes {
		if have == c || have.Super == c {
			return true
		}
	}
	return false
}

// The parts of option 81 as the option space fqdn numbers them
// (dhcp-options(5), "fqdn").
const (
	fqdnNoUpdate     = 1
	fqdnServerUpdate = 2
	fqdnEncoded      = 3
	fqdnRCode1       = 4
	fqdnRCode2       = 5
	fqdnHostname     = 6
	fqdnDomainname   = 7
	fqdnName         = 8
)

// Flags of option 81 (RFC 4702 section 2.1).
const (
	fqdnS = 1 << iota // the server shall update the A record
	fqdnO             // the server overrides S
	fqdnE             // the name is in wire format
	fqdnN             // the server shall update nothing
)

var flagOctets = [2][]byte{{0}, {1}}

func flagOctet(on bool) []byte {
	if on {
		return flagOctets[1]
	}
	return flagOctets[0]
}

func (q *inquiry) fqdnPart(code uint8) ([]byte, bool) {
	v := q.m.Options[optFQDN]
	if len(v) < 3 {
		return nil, false
	}
	switch code {
	case fqdnNoUpdate:
		return flagOctet(v[0]&fqdnN != 0), true
	case fqdnServerUpdate:
		return flagOctet(v[0]&fqdnS != 0), true
	case fqdnEncoded:
		return flagOctet(v[0]&fqdnE != 0), true
	case fqdnRCode1:
		return v[1:2], true
	case fqdnRCode2:
		return v[2:3], true
	}
	name := fqdnText(v)
	host, domain, dotted := bytes.Cut(name, []byte{'.'})
	switch {
	case code == fqdnHostname && len(host) > 0:
		return host, true
	case code == fqdnDomainname && dotted && len(domain) > 0:
		return domain, true
	case code == fqdnName && len(name) > 0:
		return name, true
	}
	return nil, false
}

// fqdnText gives the name in option 81 as text, without the last dot. Labels
// in wire format may not be compressed (RFC 4702 section 2.3.1).
func fqdnText(v []byte) []byte {
	if len(v) < 3 {
		return nil
	}
	name := v[3:]
	if v[0]&fqdnE == 0 {
		return bytes.TrimRight(name, ".\x00")
	}
	var text []byte
	for len(name) > 0 && name[0] != 0 {
		n := int(name[0])
		if n > 63 || 1+n > len(name) {
			return nil
		}
		if len(text) > 0 {
			text = append(text, '.')
		}
		text = append(text, name[1:1+n]...)
		name = name[1+n:]
	}
	return text
}
