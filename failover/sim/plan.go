package sim

import (
	"fmt"
	"time"

	"tandem/failover"
	"tandem/failover/conf"
)

// Plan is everything that a world follows from. It is kept as JSON for seeds
// at which something was learnt.
type Plan struct {
	Seed uint64
	// Promise is what the pair is configured for.
	Promise Promise
	// Seconds is the length of the part with faults, in seconds of true time.
	Seconds int
	// MCLT, Authority (G, zero for MCLT), Lease and Delay (max-response-delay)
	// in seconds.
	MCLT, Authority, Lease, Delay int
	// Bound is the clock error that the gate guarantees, in milliseconds.
	Bound int
	// Pool is the number of addresses on the local network, Far on the one
	// behind the relay.
	Pool, Far int
	// Beats is on which paths the boxes hear each other's heartbeats, see
	// heartbeat.go; Gateway tells that somebody else always answers on the LAN.
	Beats   string `json:",omitempty"`
	Gateway bool   `json:",omitempty"`
	// Watchdog resets a box that hangs for so many seconds; zero for none.
	Watchdog int
	// Ping has the boxes look whether an address is in use before they offer it.
	Ping    bool `json:",omitempty"`
	Clients []ClientSpec
	Faults  []Fault
	// Without switches restart rules off on both boxes.
	Without failover.Rule `json:",omitempty"`
	Note    string        `json:",omitempty"`
}

// Promise is which of the promises is bought (R11), and from whom.
type Promise string

// Promises.
const (
	// Strict: an operator may declare a living partner dead.
	Strict Promise = "strict"
	// Auto: strict, and the primary survives by time alone.
	Auto Promise = "auto"
	// Standard: as the draft; the operator is always right.
	Standard Promise = "standard"
	// ISC: B, the secondary, is a dhcpd; ISCPrimary: A is one; ISCPair: both.
	ISC        Promise = "isc"
	ISCPrimary Promise = "isc-primary"
	ISCPair    Promise = "isc-pair"
)

// ClientSpec is one client. What it does follows from its number and the seed.
type ClientSpec struct {
	N    int
	UID  string `json:",omitempty"` // client identifier; empty for none
	Far  bool   `json:",omitempty"` // behind the relay
	Kind string `json:",omitempty"` // see client.go; empty for steady
	From int    // second of its first packet
}

// Fault is one thing that goes wrong, or that an operator does. At and For
// are in milliseconds of true time; what For and N mean depends on What.
type Fault struct {
	At   int64
	What string
	Box  int
	For  int64 `json:",omitempty"`
	N    int   `json:",omitempty"`
}

// String is one line of a story.
func (f Fault) String() string {
	return fmt.Sprintf("%v %s box %s for %v n=%d", time.Duration(f.At)*time.Millisecond, f.What, boxName(f.Box), time.Duration(f.For)*time.Millisecond, f.N)
}

func boxName(i int) string { return string("AB"[i&1]) }

// configText is the dhcpd.conf of box i; variant is what a reload changes.
func (p *Plan) configText(i, variant int) string {
	role, mclt := "primary", fmt.Sprintf("mclt %d; split 128;", p.MCLT)
	if i == 1 {
		role, mclt = "secondary", ""
	}
	auto := ""
	if p.Promise == Auto {
		auto = fmt.Sprintf("auto-partner-down %d;", p.grantTime())
	}
	lease := p.Lease + variant*p.Lease/2
	text := fmt.Sprintf(`default-lease-time %d; max-lease-time %d; ping-check %v; authoritative; abandon-lease-time %d;
failover peer "pair" { %s; address 10.9.0.%d; port 647; peer address 10.9.0.%d; peer port 647;
  max-response-delay %d; max-unacked-updates 10; load balance max seconds 3; min-balance 10; max-balance 120; %s %s }
subnet 10.0.0.0 netmask 255.255.255.0 { pool { failover peer "pair"; range 10.0.0.100 10.0.0.%d; } }
`, lease, lease, p.Ping, 2*p.MCLT, role, i+1, 2-i, p.Delay, mclt, auto, 99+p.Pool)
	if p.Far > 0 {
		text += fmt.Sprintf("subnet 10.1.0.0 netmask 255.255.255.0 { pool { failover peer \"pair\"; range 10.1.0.100 10.1.0.%d; } }\n", 99+p.Far)
	}
	return text
}

// config compiles the configuration of box i.
func (p *Plan) config(i, variant int) (*conf.Config, error) {
	text := p.configText(i, variant)
	cfg, diags := conf.Load("dhcpd.conf", func(string) ([]byte, error) { return []byte(text), nil })
	if cfg == nil {
		return nil, fmt.Errorf("configuration refused: %v\n%s", diags, text)
	}
	return cfg, nil
}
