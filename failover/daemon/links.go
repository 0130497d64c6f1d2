package daemon

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tandem/failover/conf"
	"tandem/failover/daemon/mmsg"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// port is one interface that is served.
type port struct {
	iface *dhcp.Interface // replaced when its addresses change
	mtu   int
	in    *source
	out   *mmsg.Writer
}

// ports keeps one socket for each interface that is to be served, whatever
// comes, goes or changes its addresses. It belongs to the loop, but for watch.
type ports struct {
	names  []string // as given on the command line; none: by configuration
	cfg    *conf.Config
	intake *intake
	poller *poller
	log    *Logger

	set     map[int]*port   // by index
	missing map[string]bool // names that have been reported missing
	ignored map[string]bool
	told    []dhcp.Interface
}

// link is what the choice of interfaces depends on.
type link struct {
	index     int
	name      string
	up        bool
	broadcast bool // and not loopback
	mtu       int
	addrs     []lease.IP // primary ones first
}

func newPorts(names []string, cfg *conf.Config, in *intake, poller *poller, log *Logger) *ports {
	return &ports{names: names, cfg: cfg, intake: in, poller: poller, log: log,
		set: map[int]*port{}, missing: map[string]bool{}, ignored: map[string]bool{}}
}

// at is the interface with that index, nil if it is not served.
func (p *ports) at(ifindex int) *dhcp.Interface {
	if port := p.set[ifindex]; port != nil {
		return port.iface
	}
	return nil
}

// apply brings the sockets in line with the machine's interfaces. It gives
// the input that tells the node, nil if nothing changed.
func (p *ports) apply(all []link) node.Input {
	gone := maps.Clone(p.set)
	for _, l := range p.choose(all) {
		port := p.set[l.index]
		if port == nil {
			var err error
			if port, err = p.open(l); err != nil {
				p.log.Sayf(dhcp.LevelError, "%v", err)
				continue
			}
			p.set[l.index] = port
			p.log.Sayf(dhcp.LevelInfo, "Listening on %s (%s)", l.name, describeAddrs(l.addrs))
		}
		port.iface, port.mtu = &dhcp.Interface{Index: l.index, Name: l.name, Addrs: l.addrs}, l.mtu
		delete(gone, l.index)
	}
	for index, port := range gone {
		p.log.Sayf(dhcp.LevelWarning, "%s is gone or down: not served until it is back", port.iface.Name)
		delete(p.set, index)
		if err := p.poller.drop(port.in); err != nil {
			p.log.Sayf(dhcp.LevelError, "%s: %v", port.iface.Name, err)
		}
	}
	return p.changes()
}

// changes compares what is served with what the node was told last.
func (p *ports) changes() node.Input {
	now := []dhcp.Interface{}
	for _, index := range slices.Sorted(maps.Keys(p.set)) {
		now = append(now, *p.set[index].iface)
	}
	same := p.told != nil && slices.EqualFunc(now, p.told, func(a, b dhcp.Interface) bool {
		return a.Index == b.Index && a.Name == b.Name && slices.Equal(a.Addrs, b.Addrs)
	})
	if same {
		return nil
	}
	p.told = now
	return &node.Links{Interfaces: now}
}

// choose picks the interfaces to serve.
func (p *ports) choose(all []link) []link {
	if len(p.names) == 0 {
		return slices.DeleteFunc(all, func(l link) bool { return !l.up || !l.broadcast || !p.configured(l) })
	}
	var chosen []link
	for _, name := range p.names {
		i := slices.IndexFunc(all, func(l link) bool { return l.name == name && l.up })
		if i < 0 {
			if !p.missing[name] {
				p.log.Sayf(dhcp.LevelWarning, "%s does not exist or is down: waiting for it", name)
			}
			p.missing[name] = true
			continue
		}
		delete(p.missing, name)
		p.configured(all[i])
		chosen = append(chosen, all[i])
	}
	return chosen
}

// configured tells whether the configuration has a subnet for the interface,
// and says once if it has none.
func (p *ports) configured(l link) bool {
	cfg := p.cfg
	ok := slices.ContainsFunc(l.addrs, func(a lease.IP) bool { return cfg.SubnetOf(a) != nil }) ||
		slices.ContainsFunc(cfg.Networks, func(n *conf.SharedNetwork) bool { return n.Interface == l.name }) ||
		slices.ContainsFunc(cfg.Subnets, func(s *conf.Subnet) bool { return s.Interface == l.name })
	if !ok && !p.ignored[l.name] {
		p.log.Sayf(dhcp.LevelWarning, "No subnet declaration for %s (%s): clients on it get no answer, relays do", l.name, describeAddrs(l.addrs))
	}
	p.ignored[l.name] = !ok
	return ok
}

func describeAddrs(addrs []lease.IP) string {
	if len(addrs) == 0 {
		return "no IPv4 addresses"
	}
	return addrs[0].String()
}

// open makes the socket of one interface.
func (p *ports) open(l link) (*port, error) {
	fd, err := openPacket(l.index, l.name, int(p.intake.port))
	if err != nil {
		return nil, err
	}
	port := &port{out: mmsg.NewWriter(fd, writeBatch)}
	open := func(raw []byte, m mmsg.Message) (dhcp.Packet, bool) { return p.intake.openFrame(raw, m, port.iface) }
	port.in = &source{fd: fd, read: func() { p.intake.receive(fd, open) }}
	return port, p.poller.add(port.in)
}

// overruns counts what the kernel dropped because a packet socket was full.
func (p *ports) overruns() {
	for _, port := range p.set {
		stats, err := unix.GetsockoptTpacketStats(port.in.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
		if err == nil {
			p.intake.count.add(receiveOverrun, int(stats.Drops))
		}
	}
}

// settle is how long changes may go on before they are looked at: bringing an
// interface up is half a dozen of them.
const settle = 20 * time.Millisecond

// relook is how often the interfaces are looked at without being told to, in
// case a message of the kernel was lost or a socket could not be opened.
const relook = 30 * time.Second

// watch follows the machine's interfaces until done is closed, and has the
// loop apply what has changed.
func (p *ports) watch(done, nudge <-chan struct{}) {
	changed := make(chan struct{}, 1)
	if err := subscribe(done, changed); err != nil {
		p.log.Sayf(dhcp.LevelWarning, "interfaces are only looked at every %v: %v", relook, err)
	}
	ticker := time.NewTicker(relook)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return
		case <-nudge:
		case <-ticker.C:
		case <-changed:
			time.Sleep(settle)
		}
		all, err := listLinks()
		if err != nil {
			p.log.Sayf(dhcp.LevelError, "%v", err)
			continue
		}
		if !p.intake.inbox.order(done, func() node.Input { return p.apply(all) }) {
			return
		}
	}
}

// subscribe has the kernel tell about changes of links and addresses.
func subscribe(done <-chan struct{}, changed chan<- struct{}) error {
	tell := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	links := make(chan netlink.LinkUpdate, 16)
	addrs := make(chan netlink.AddrUpdate, 16)
	lost := func(error) { tell() } // messages were lost: look at everything
	if err := netlink.LinkSubscribeWithOptions(links, done, netlink.LinkSubscribeOptions{ErrorCallback: lost}); err != nil {
		return fmt.Errorf("subscribe to link changes: %w", err)
	}
	if err := netlink.AddrSubscribeWithOptions(addrs, done, netlink.AddrSubscribeOptions{ErrorCallback: lost}); err != nil {
		return fmt.Errorf("subscribe to address changes: %w", err)
	}
	go func() {
		for range links {
			tell()
		}
	}()
	go func() {
		for range addrs {
			tell()
		}
	}()
	return nil
}

// listLinks asks the kernel for all interfaces with their IPv4 addresses.
func listLinks() ([]link, error) {
	raw, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	addrs, err := netlink.AddrList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	byIndex := map[int][]lease.IP{}
	for _, a := range addrs {
		if ip4 := a.IP.To4(); ip4 != nil {
			byIndex[a.LinkIndex] = append(byIndex[a.LinkIndex], lease.From4([4]byte(ip4)))
		}
	}
	links := make([]link, 0, len(raw))
	for _, r := range raw {
		a := r.Attrs()
		links = append(links, link{
			index:     a.Index,
			name:      a.Name,
			up:        a.Flags&net.FlagUp != 0,
			broadcast: a.Flags&net.FlagBroadcast != 0 && a.Flags&net.FlagLoopback == 0,
			mtu:       a.MTU,
			addrs:     byIndex[a.Index],
		})
	}
	return links, nil
}
