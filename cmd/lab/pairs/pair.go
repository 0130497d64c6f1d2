// Package pairs puts two failover partners into the laboratory, each our own
// server or ISC's dhcpd: two boxes on one LAN with clients, and a second LAN
// between the boxes for the failover connection alone.
//
//	clients ... ----+------------------+----  lan   10.0.0.0/8
//	                |                  |
//	        primary 10.0.0.1   secondary 10.0.0.2
//	                |                  |
//	                +------------------+----  link  192.168.7.0/24
package pairs

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
)

// Relationship is the name of every pair's failover peer.
const Relationship = "dhcp"

// Patience is how long a test waits for what must come. dhcpd prolongs a lease
// in memory by 120 s when it offers it to its client again, and refuses an
// EXPIRED that is 65 s older than that; dhcpfd repeats a refused update every
// 30 s. So an ended lease may need 85 s and the answer to come to rest, and a
// loaded machine some more.
const Patience = 150 * time.Second

// The addresses of the boxes and the port of failover.
const (
	failoverPort = 647
	omapiPort    = 7911
	clientNet    = "10.0.0.0"
	clientMask   = "255.0.0.0"
)

// Options say what the pair is. Zero values are replaced as the comments say.
type Options struct {
	Primary, Secondary peers.Kind // Dhcpfd
	// MCLT, LeaseTime and ResponseDelay are in seconds: 15, 60, 6.
	MCLT, LeaseTime, ResponseDelay int
	// Split is the number of hash buckets of 256 that the primary serves, -1
	// for none; 128.
	Split int
	// Unacked is max-unacked-updates, 10.
	Unacked int
	// Ranges are the pool's, "10.0.1.1 10.0.1.100".
	Ranges []string
	// Peer is put into the failover block of both, the others into that of one.
	Peer, PrimaryPeer, SecondaryPeer string
	// Global is put before the subnet on both.
	Global string
	// Flags are more flags for each dhcpfd.
	Flags []string
	// Pinned: two dhcpfd speak by TLS with pinned keys.
	Pinned bool
	// Quiet logs to files instead of pipes; see netlab.Command.LogFile.
	Quiet bool
	// Echo gets the lines of both, with the box's name; may be nil.
	Echo func(box, line string)
}

func (o Options) defaulted() Options {
	orInt := func(n *int, def int) {
		if *n == 0 {
			*n = def
		}
	}
	orInt(&o.MCLT, 15)
	orInt(&o.LeaseTime, 60)
	orInt(&o.ResponseDelay, 6)
	orInt(&o.Split, 128)
	orInt(&o.Unacked, 10)
	if o.Split < 0 {
		o.Split = 0
	}
	if o.Primary == "" {
		o.Primary = peers.Dhcpfd
	}
	if o.Secondary == "" {
		o.Secondary = peers.Dhcpfd
	}
	if o.Ranges == nil {
		o.Ranges = []string{"10.0.1.1 10.0.1.100"}
	}
	return o
}

// Pair is two boxes.
type Pair struct {
	Net       *netlab.Net
	LAN, Link *netlab.LAN
	Primary   *Box
	Secondary *Box
	opt       Options
}

// New builds the networks and the boxes; no server runs yet. Files go to dir.
func New(dir string, o Options) (*Pair, error) {
	p := &Pair{opt: o.defaulted()}
	var err error
	if p.Net, err = netlab.New(dir); err != nil {
		return nil, err
	}
	if p.LAN, err = p.Net.LAN("lan"); err != nil {
		return nil, errors.Join(err, p.Net.Close())
	}
	if p.Link, err = p.Net.LAN("wire"); err != nil {
		return nil, errors.Join(err, p.Net.Close())
	}
	if p.Primary, err = p.box("primary", p.opt.Primary, 1); err == nil {
		p.Secondary, err = p.box("secondary", p.opt.Secondary, 2)
	}
	if err == nil && p.opt.Pinned {
		err = p.pin()
	}
	if err != nil {
		return nil, errors.Join(err, p.Net.Close())
	}
	return p, nil
}

// box makes one box with the last octet of its addresses.
func (p *Pair) box(name string, kind peers.Kind, octet byte) (*Box, error) {
	b := &Box{
		Name: name, Kind: kind, pair: p, Dir: filepath.Join(p.Net.Dir, name),
		Addr: netip.AddrFrom4([4]byte{10, 0, 0, octet}), LinkAddr: netip.AddrFrom4([4]byte{192, 168, 7, octet}),
		Flags: p.opt.Flags,
	}
	if err := os.Mkdir(b.Dir, 0o755); err != nil {
		return nil, err
	}
	var err error
	if b.Node, err = p.Net.Node(name); err != nil {
		return nil, err
	}
	if err := b.Node.Plug(p.LAN, "eth0", b.Addr.String()+"/8"); err != nil {
		return nil, err
	}
	return b, b.Node.Plug(p.Link, "eth1", b.LinkAddr.String()+"/24")
}

// Boxes are both, the primary first.
func (p *Pair) Boxes() [2]*Box { return [2]*Box{p.Primary, p.Secondary} }

// Other is the partner of a box.
func (p *Pair) Other(b *Box) *Box {
	if b == p.Primary {
		return p.Secondary
	}
	return p.Primary
}

// Start starts both servers.
func (p *Pair) Start() error {
	for _, b := range p.Boxes() {
		if err := b.Start(); err != nil {
			return err
		}
	}
	return nil
}

// AwaitNormal waits until both are in NORMAL.
func (p *Pair) AwaitNormal(patience time.Duration) error {
	for _, b := range p.Boxes() {
		if err := b.AwaitState("normal", patience); err != nil {
			return fmt.Errorf("%w\nthe partner (%s):\n%s", err, p.Other(b).Kind, p.Other(b).Server.Tail(25))
		}
	}
	return nil
}

// Close ends everything.
func (p *Pair) Close() error { return p.Net.Close() }

// conf is the dhcpd.conf of a box.
func (p *Pair) conf(b *Box) string {
	var s strings.Builder
	fmt.Fprintf(&s, `authoritative;
default-lease-time %[1]d;
max-lease-time 86400;
min-lease-time 1;
ping-check false;
dhcp-cache-threshold 0;
ddns-update-style none;
`, p.opt.LeaseTime)
	if b.Kind == peers.Dhcpd {
		fmt.Fprintf(&s, "omapi-port %d;\n", omapiPort)
	}
	s.WriteString(p.opt.Global)
	role, more := "secondary", p.opt.SecondaryPeer
	if b == p.Primary {
		role = "primary"
		more = fmt.Sprintf("  mclt %d;\n  split %d;\n%s", p.opt.MCLT, p.opt.Split, p.opt.PrimaryPeer)
	}
	other := p.Other(b)
	fmt.Fprintf(&s, `failover peer "%s" {
  %s;
  address %s; port %d;
  peer address %s; peer port %d;
  max-response-delay %d;
  max-unacked-updates %d;
  load balance max seconds 3;
%s%s}
subnet %s netmask %s {
  option routers 10.0.0.254;
  pool { failover peer "%s";
`, Relationship, role, b.LinkAddr, failoverPort, other.LinkAddr, failoverPort, p.opt.ResponseDelay, p.opt.Unacked, p.opt.Peer, more,
		clientNet, clientMask, Relationship)
	for _, r := range p.opt.Ranges {
		fmt.Fprintf(&s, "    range %s;\n", r)
	}
	s.WriteString("  }\n}\n")
	return s.String()
}
