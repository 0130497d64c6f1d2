package conf

import "tandem/failover/lease"

// Env is what expressions may ask about the request being answered. The
// server implements it over a decoded packet; values are raw octets.
type Env interface {
	// Option is an option of the client's packet. Space "dhcp" holds the
	// packet's options, "agent" the sub-options of option 82, "fqdn" the
	// parts of option 81; other spaces the sub-options encapsulated in it.
	Option(k OptionKey) (value []byte, ok bool)
	// Hardware is htype + chaddr[0:hlen].
	Hardware() []byte
	// Packet is length octets of the packet as received, from offset on, as
	// far as it goes (the expression `packet(off, len)`).
	Packet(offset, length int) []byte
	// LeasedAddress is the address being given (`leased-address`).
	LeasedAddress() (lease.IP, bool)
	// LeaseTime is the seconds left of the client's lease (`lease-time`).
	LeaseTime() (lease.Seconds, bool)
	// Known tells whether a host declaration matches the client; Static
	// whether it has a fixed address here; HostName is its name.
	Known() bool
	Static() bool
	HostName() string
	// Member tells whether the client is in a class (`check "class"`).
	Member(c *Class) bool
}

// Settings is the outcome of executing scopes for one client: the options
// to send and the server parameters in force. It does not change any more, so
// it may be kept and shared; the values are not to be modified.
type Settings struct {
	settings
}

// Evaluate executes scopes for one request, the lowest priority first: later
// statements override earlier ones. Each scope is executed behind the scopes
// it is written in, and none twice. A nil env stands for no request at all;
// that is enough for scopes that are Static.
func (c *Config) Evaluate(env Env, scopes ...*Scope) *Settings {
	m := machine{cfg: c, env: env, set: newSettings(c)}
	var room [16]*Scope
	done := room[:0]
	for _, s := range scopes {
		done = m.scope(s, done)
	}
	m.set.settle(&m)
	m.set.vars = m.changedVariables()
	return m.set
}

// scope executes s behind its parents, unless that was done.
func (m *machine) scope(s *Scope, done []*Scope) []*Scope {
	if s == nil {
		return done
	}
	for _, d := range done {
		if d == s {
			return done
		}
	}
	done = append(m.scope(s.Parent, done), s)
	m.runAll(s.statements)
	return done
}
