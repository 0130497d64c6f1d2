package node

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"tandem/failover/conf"
	"tandem/failover/lease"
)

// Status is the one picture of a server from which consoles and tools draw.
type Status struct {
	Version string `json:"version"`
	// Now and Started are the time of day in seconds since 1970 UTC.
	Now     lease.Time `json:"now"`
	Started lease.Time `json:"started"`
	// Uptime is in seconds and counts by the clock that no step moves.
	Uptime     int64           `json:"uptime"`
	Sentence   string          `json:"sentence"`
	Interfaces []InterfaceInfo `json:"interfaces"`
	Pools      []PoolInfo      `json:"pools"`
	Peers      []PeerInfo      `json:"peers"`
	Records    int             `json:"records"`
}

// PeerInfo is one failover relationship.
type PeerInfo struct {
	Name         string     `json:"name"`
	Role         string     `json:"role"`
	State        string     `json:"state"`
	Since        lease.Time `json:"since"`
	Partner      string     `json:"partner"`
	Connected    bool       `json:"connected"`
	Posture      string     `json:"posture"`
	Rule         string     `json:"rule"`
	PostureWhy   string     `json:"postureWhy"`
	PostureUntil lease.Time `json:"postureUntil,omitempty"`
	MCLT         uint32     `json:"mclt"`
	LastContact  lease.Time `json:"lastContact"`
	Epoch        uint32     `json:"epoch"`
	// Waiting is the number of updates that the partner has not acknowledged.
	Waiting int `json:"waiting"`
}

// InterfaceInfo is one interface that is served.
type InterfaceInfo struct {
	Name    string   `json:"name"`
	Addrs   []string `json:"addresses"`
	Network string   `json:"network"`
}

// PoolInfo is the fill of one pool, in addresses.
type PoolInfo struct {
	ID        int      `json:"id"`
	Network   string   `json:"network"`
	Ranges    []string `json:"ranges"`
	Peer      string   `json:"peer,omitempty"`
	Size      int      `json:"size"`
	Free      int      `json:"free"`
	Backup    int      `json:"backup"`
	Active    int      `json:"active"`
	Ended     int      `json:"ended"` // expired, released or reset: waiting for the partner
	Abandoned int      `json:"abandoned"`
}

// LeaseInfo is one lease in words; times are seconds since 1970 UTC, zero
// for unset and 4294967295 for never.
type LeaseInfo struct {
	IP          string     `json:"ip"`
	State       string     `json:"state"`
	HW          string     `json:"hardware,omitempty"`
	UID         string     `json:"uid,omitempty"`
	Hostname    string     `json:"hostname,omitempty"`
	VendorClass string     `json:"vendorClass,omitempty"`
	RelayAgent  string     `json:"relayAgent,omitempty"`
	Starts      lease.Time `json:"starts"`
	Ends        lease.Time `json:"ends"`
	CLTT        lease.Time `json:"cltt"`
	TSTP        lease.Time `json:"tstp"`
	TSFP        lease.Time `json:"tsfp"`
	ATSFP       lease.Time `json:"atsfp"`
	Reserved    bool       `json:"reserved,omitempty"`
	Pending     bool       `json:"pending,omitempty"`
}

// Status draws the picture at now.
func (n *Node) Status(now lease.Now) Status {
	s := Status{
		Version:    n.opt.Version,
		Now:        now.Time(),
		Started:    n.started.Time(),
		Uptime:     (now.Mono - n.started.Mono) / 1e9,
		Records:    n.table.Len(),
		Interfaces: []InterfaceInfo{},
		Pools:      []PoolInfo{},
		Peers:      []PeerInfo{},
	}
	for _, l := range n.ifaces {
		info := InterfaceInfo{Name: l.Name, Addrs: []string{}}
		for _, a := range l.Addrs {
			info.Addrs = append(info.Addrs, a.String())
			if sub := n.cfg.SubnetOf(a); sub != nil && info.Network == "" {
				info.Network = sub.Network.Name
			}
		}
		s.Interfaces = append(s.Interfaces, info)
	}
	for _, p := range n.cfg.Pools {
		s.Pools = append(s.Pools, n.poolInfo(p))
	}
	for _, r := range n.relations {
		s.Peers = append(s.Peers, r.info(now))
	}
	s.Sentence = n.sentence(now)
	return s
}

func (n *Node) poolInfo(p *conf.Pool) PoolInfo {
	info := PoolInfo{ID: p.ID, Network: p.Network.Name, Ranges: []string{}}
	for _, r := range p.Ranges {
		info.Ranges = append(info.Ranges, r.String())
		info.Size += r.Size()
	}
	if p.Peer != nil {
		info.Peer = p.Peer.Name
	}
	count := func(s lease.State) int { return n.table.Count(p.ID, s) }
	info.Free = count(lease.Free)
	info.Backup = count(lease.Backup)
	info.Active = count(lease.Active)
	info.Ended = count(lease.Expired) + count(lease.Released) + count(lease.Reset)
	info.Abandoned = count(lease.Abandoned)
	return info
}

// sentence says in one line how the server is.
func (n *Node) sentence(now lease.Now) string {
	if v, refused := n.clock.refuses(); refused {
		return "Not serving: " + v.Why + " (R1)."
	}
	if len(n.ifaces) == 0 {
		return "Not serving: no interface with a subnet of the configuration is up."
	}
	if len(n.relations) == 0 {
		return "Serving alone."
	}
	var parts []string
	for _, r := range n.relations {
		info := r.info(now)
		link := "partner not reached"
		if info.Connected {
			link = "partner " + info.Partner
		}
		parts = append(parts, fmt.Sprintf("%s: %s, %s, %s", info.Name, info.State, link, info.Posture))
	}
	return strings.Join(parts, "; ") + "."
}

func (r *relation) info(now lease.Now) PeerInfo {
	p, stance := r.end.Peer(), r.end.Stance(now)
	role := "primary"
	if r.peer.Secondary {
		role = "secondary"
	}
	return PeerInfo{
		Name: r.peer.Name, Role: role, State: r.end.State().String(), Since: p.Since,
		Partner: r.end.Partner().String(), Connected: r.end.Connected(),
		Posture: stance.Posture.String(), Rule: stance.Rule, PostureWhy: stance.Why, PostureUntil: stance.Until,
		MCLT: uint32(p.MCLT), LastContact: p.LastContact, Epoch: p.Epoch, Waiting: r.end.Waiting(),
	}
}

// Describe puts a lease into words.
func Describe(l *lease.Lease) LeaseInfo {
	info := LeaseInfo{
		IP: l.IP.String(), State: l.State.String(), HW: colonHex(l.HW, true), UID: colonHex(l.UID, false),
		Starts: l.Starts, Ends: l.Ends, CLTT: l.CLTT, TSTP: l.TSTP, TSFP: l.TSFP, ATSFP: l.ATSFP,
		Reserved: l.Flags.Has(lease.FlagReserved), Pending: l.Flags.Has(lease.FlagPending),
	}
	if x := l.Extra; x != nil {
		info.Hostname, info.VendorClass = x.Hostname, x.VendorClass
		info.RelayAgent = colonHex(x.RelayAgent, false)
	}
	return info
}

// colonHex writes octets as dhcpd does; a hardware address loses its type
// octet where that is Ethernet.
func colonHex(s string, hardware bool) string {
	if hardware && s != "" && s[0] == 1 {
		s = s[1:]
	}
	var b strings.Builder
	for i := range len(s) {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(hex.EncodeToString([]byte{s[i]}))
	}
	return b.String()
}

func sortedKeys(m map[string]uint64) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
