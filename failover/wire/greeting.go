package wire

import (
	"strconv"

	"tandem/failover/lease"
)

// Role is the place of a server in a relationship, as it says itself.
type Role uint8

// Roles.
const (
	RoleUnknown   Role = 0
	RolePrimary   Role = 1
	RoleSecondary Role = 2
)

// String is "primary", "secondary" or "role N".
func (r Role) String() string {
	switch r {
	case RolePrimary:
		return "primary"
	case RoleSecondary:
		return "secondary"
	}
	return "role " + strconv.Itoa(int(r))
}

// Capabilities are what a Tandem box offers beyond the protocol, one bit each.
type Capabilities uint32

// Capabilities. Those of both sides count.
const (
	// CapExtra: understands Extra in BNDUPD.
	CapExtra Capabilities = 1 << iota
	// CapEcho: sends and understands Echo in CONTACT.
	CapEcho
	// CapGoodbye: understands Goodbye in STATE.
	CapGoodbye
	// CapStrict: keeps the `strict` rules of restart safety (authority lapses
	// without contact), so that automatic partner-down is safe towards it.
	CapStrict
)

// Greeting is what a Tandem box says of itself in CONNECT and CONNECTACK, in
// vendor-specific-options. An absent field is unknown, not zero.
type Greeting struct {
	Role Role
	// Authority is G, the time for which grant authority outlives contact.
	Authority Opt[lease.Seconds]
	// MCLT as the sender has it configured or adopted.
	MCLT Opt[lease.Seconds]
	// Pools is a digest of the sender's pools under this relationship: equal
	// pools, equal digest. At most 255 octets; empty if not given.
	Pools        string
	Capabilities Capabilities
	// Software is the name and version of the sender's firmware.
	Software string
	// Boot identifies the run of the sender: another one after each restart.
	Boot string
	// Epoch is the pair epoch of the sender.
	Epoch Opt[uint32]
	// LastContact is the sender's last proven contact, by its clock.
	LastContact Opt[lease.Time]
}

// Encode gives the contents of vendor-specific-options.
func (g Greeting) Encode() string {
	b := vendorStart()
	if g.Role != RoleUnknown {
		b = append(appendHead(b, elemRole, 1), byte(g.Role))
	}
	if g.Authority.Set {
		b = appendElement32(b, elemAuthority, uint32(g.Authority.V))
	}
	if g.MCLT.Set {
		b = appendElement32(b, elemMCLT, uint32(g.MCLT.V))
	}
	if g.Epoch.Set {
		b = appendElement32(b, elemEpoch, g.Epoch.V)
	}
	if g.LastContact.Set {
		b = appendElement32(b, elemLastContact, uint32(g.LastContact.V))
	}
	if g.Capabilities != 0 {
		b = appendElement32(b, elemCapabilities, uint32(g.Capabilities))
	}
	for _, t := range []struct {
		e element
		s string
	}{{elemPools, g.Pools}, {elemSoftware, g.Software}, {elemBoot, g.Boot}} {
		if t.s != "" {
			b = appendElement(b, t.e, t.s[:min(len(t.s), 255)])
		}
	}
	return string(b)
}

// DecodeGreeting reads what Greeting.Encode made. ok is false if the sender
// is no Tandem; errors wrap ErrVendor.
func DecodeGreeting(vendor string) (g Greeting, ok bool, err error) {
	ok, err = eachElement(vendor, func(e element, data string) error {
		switch e {
		case elemPools:
			g.Pools = data
			return nil
		case elemSoftware:
			g.Software = data
			return nil
		case elemBoot:
			g.Boot = data
			return nil
		case elemRole:
			r, err := element8(e, data)
			g.Role = Role(r)
			return err
		case elemAuthority, elemMCLT, elemEpoch, elemLastContact, elemCapabilities:
			return g.number(e, data)
		}
		return nil
	})
	if err != nil {
		return Greeting{}, ok, err
	}
	return g, ok, nil
}

func (g *Greeting) number(e element, data string) error {
	n, err := element32(e, data)
	if err != nil {
		return err
	}
	switch e {
	case elemAuthority:
		g.Authority = Some(lease.Seconds(n))
	case elemMCLT:
		g.MCLT = Some(lease.Seconds(n))
	case elemEpoch:
		g.Epoch = Some(n)
	case elemLastContact:
		g.LastContact = Some(lease.Time(n))
	case elemCapabilities:
		g.Capabilities = Capabilities(n)
	}
	return nil
}

// Echo is in the CONTACT of a Tandem box: the header of the latest message
// that it had heard when it sent this one. It proves to the receiver that the
// partner heard what the receiver sent at Time, by the receiver's own clock.
type Echo Header

// Encode gives the contents of vendor-specific-options.
func (e Echo) Encode() string {
	b := appendElement32(vendorStart(), elemEchoTime, uint32(e.Time))
	return string(appendElement32(b, elemEchoXID, e.XID))
}

// DecodeEcho reads what Echo.Encode made. ok is false if there is no whole
// echo in it; errors wrap ErrVendor.
func DecodeEcho(vendor string) (echo Echo, ok bool, err error) {
	var have int
	_, err = eachElement(vendor, func(e element, data string) error {
		if e != elemEchoTime && e != elemEchoXID {
			return nil
		}
		n, err := element32(e, data)
		if e == elemEchoTime {
			echo.Time = lease.Time(n)
			have |= 1
		} else {
			echo.XID = n
			have |= 2
		}
		return err
	})
	if err != nil || have != 3 {
		return Echo{}, false, err
	}
	return echo, true, nil
}

// Goodbye is what a Tandem box promises in the STATE (PAUSED or SHUTDOWN) with
// which it stops on command.
type Goodbye uint8

// Goodbyes.
const (
	// GoodbyeNone: no promise.
	GoodbyeNone Goodbye = 0
	// GoodbyeBoundToRecover: the sender has recorded durably that it serves
	// nobody before it went through RECOVER, so that the receiver may take
	// every address at once.
	GoodbyeBoundToRecover Goodbye = 1
)

// String names the promise.
func (g Goodbye) String() string {
	switch g {
	case GoodbyeNone:
		return "none"
	case GoodbyeBoundToRecover:
		return "bound-to-recover"
	}
	return "goodbye " + strconv.Itoa(int(g))
}

// Encode gives the contents of vendor-specific-options.
func (g Goodbye) Encode() string {
	return string(append(appendHead(vendorStart(), elemGoodbye, 1), byte(g)))
}

// DecodeGoodbye reads what Goodbye.Encode made; GoodbyeNone if there is none.
// Errors wrap ErrVendor.
func DecodeGoodbye(vendor string) (g Goodbye, err error) {
	_, err = eachElement(vendor, func(e element, data string) error {
		if e != elemGoodbye {
			return nil
		}
		n, err := element8(e, data)
		g = Goodbye(n)
		return err
	})
	if err != nil {
		return GoodbyeNone, err
	}
	return g, nil
}
