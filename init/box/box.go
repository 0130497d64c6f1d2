// Package box is what one box is: its configuration, one small file that
// people read and write. Everything about the DHCP service itself is in the
// pair's dhcpd.conf, which is the same on both boxes; the failover peer block,
// which is not, is made from this file.
//
// The file has one statement a line, a keyword and its values; `#` starts a
// comment:
//
//	name     dhcp-a
//	role     primary                      # primary, secondary or single
//	lan      lan1 10.0.0.2/24 vlan 20 mtu 1500
//	direct   lan2 169.254.77.1/30         # cable to the partner; optional
//	gateway  10.0.0.1
//	ntp      10.0.0.10 10.0.0.11 10.0.0.12
//	clock-bound 0.5                       # seconds of error; optional
//	dns      10.0.0.10
//	partner  10.0.0.3 direct 169.254.77.2
//	peer     dhcp port 647 mclt 3600 split 128   # "clear": without keys
//	syslog   10.0.0.9:514
package box

import (
	"net/netip"
	"strings"
	"time"
)

// Role is what the box is in its pair.
type Role string

// The roles. A single box has no partner.
const (
	Primary   Role = "primary"
	Secondary Role = "secondary"
	Single    Role = "single"
)

// Port is the use of one network port.
type Port struct {
	// Name is the port's name as printed on the case, or its hardware address.
	Name   string
	Prefix netip.Prefix // address and mask of the box on it
	VLAN   int          // 802.1Q tag, zero for none
	MTU    int          // zero for the default
}

// Configured tells whether the port is used at all.
func (p Port) Configured() bool { return p.Name != "" }

// Partner is where the other box is.
type Partner struct {
	LAN    netip.Addr
	Direct netip.Addr // the zero Addr if there is no direct cable
}

// Peer is the failover relationship; zero fields mean the defaults.
type Peer struct {
	Name  string
	Port  int
	MCLT  time.Duration // primary only
	Split int           // primary only, 0..256
	HasSplit,
	ISC, // the partner is an ISC dhcpd
	// Clear lets the pair work without pinned keys, in clear text; a standing
	// alarm says so.
	Clear bool
}

// Config is the whole file.
type Config struct {
	Name    string
	Role    Role
	LAN     Port
	Direct  Port
	Gateway netip.Addr
	NTP     []string
	// SingleNTP allows one time server to do.
	SingleNTP bool
	// ClockBound is the largest error at which the time of day is trusted;
	// zero for the default of package clock.
	ClockBound time.Duration
	DNS        []netip.Addr
	Partner    Partner
	Peer       Peer
	Syslog     string // host:port, empty for none
}

// Defaults of the failover relationship.
const (
	DefaultPeerName = "tandem"
	DefaultPeerPort = 647
	DefaultMCLT     = time.Hour
	DefaultSplit    = 128
)

// PeerAddresses gives this box's and the partner's address for the failover
// link: the direct cable where there is one, else the LAN.
func (c *Config) PeerAddresses() (own, partner netip.Addr) {
	if c.Direct.Configured() && c.Partner.Direct.IsValid() {
		return c.Direct.Prefix.Addr(), c.Partner.Direct
	}
	return c.LAN.Prefix.Addr(), c.Partner.LAN
}

// PeerBlock is the `failover peer` block of dhcpd.conf for this box, empty
// for a single one.
func (c *Config) PeerBlock() string {
	if c.Role == Single {
		return ""
	}
	own, partner := c.PeerAddresses()
	var b strings.Builder
	line := func(parts ...string) { b.WriteString("  " + strings.Join(parts, " ") + ";\n") }
	b.WriteString("failover peer \"" + c.Peer.name() + "\" {\n")
	line(string(c.Role))
	line("address", own.String())
	line("port", itoa(c.Peer.port()))
	line("peer address", partner.String())
	line("peer port", itoa(c.Peer.port()))
	line("max-response-delay 20")
	line("max-unacked-updates 100")
	line("load balance max seconds 3")
	if c.Role == Primary {
		line("mclt", itoa(int(c.Peer.mclt()/time.Second)))
		line("split", itoa(c.Peer.split()))
	}
	b.WriteString("}\n")
	return b.String()
}

// PeerName is the name of the failover relationship.
func (c *Config) PeerName() string { return c.Peer.name() }

func (p Peer) name() string {
	if p.Name == "" {
		return DefaultPeerName
	}
	return p.Name
}

func (p Peer) port() int {
	if p.Port == 0 {
		return DefaultPeerPort
	}
	return p.Port
}

func (p Peer) mclt() time.Duration {
	if p.MCLT == 0 {
		return DefaultMCLT
	}
	return p.MCLT
}

func (p Peer) split() int {
	if !p.HasSplit {
		return DefaultSplit
	}
	return p.Split
}
