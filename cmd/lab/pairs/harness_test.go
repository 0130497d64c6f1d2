package pairs

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/cmd/lab/load"
	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
	"tandem/failover/lease"
)

// atOnce is how many scenarios run at a time: most of each is waiting for
// timers.
const atOnce = "8"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", atOnce); err != nil {
			panic(err)
		}
	}
	if err := netlab.Enter(peers.Build); err != nil {
		fmt.Fprintln(os.Stderr, "laboratory:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// combo is who plays which role.
type combo struct{ primary, secondary peers.Kind }

func (c combo) String() string { return string(c.primary) + "+" + string(c.secondary) }

// combos are dhcpfd with each partner in each role.
var combos = []combo{
	{peers.Dhcpd, peers.Dhcpfd},
	{peers.Dhcpfd, peers.Dhcpd},
	{peers.Dhcpfd, peers.Dhcpfd},
}

// harness is a pair and a crowd of clients for one test.
type harness struct {
	testing.TB
	*Pair
	crowd *load.Crowd

	island    *netlab.LAN       // where B is when it is cut off
	machines  map[*Box]*machine // that tell a server of the box
	stranger  *netlab.Node      // the latest machine between the partners
	strangers int
}

// each runs a scenario with every combination, in parallel.
func each(t *testing.T, o Options, clients int, scenario func(h *harness)) {
	t.Helper()
	t.Parallel()
	for _, c := range combos {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			scenario(fresh(t, c, o, clients))
		})
	}
}

// long leaves a scenario out of a short run.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes about a minute; run without -short")
	}
}

// role picks a box of a pair.
type role struct {
	name string
	of   func(p *Pair) *Box
}

var roles = []role{
	{"primary", func(p *Pair) *Box { return p.Primary }},
	{"secondary", func(p *Pair) *Box { return p.Secondary }},
}

// eachRole runs a scenario with every combination and every box of it.
func eachRole(t *testing.T, o Options, clients int, scenario func(h *harness, victim *Box)) {
	t.Helper()
	t.Parallel()
	for _, c := range combos {
		for _, r := range roles {
			t.Run(c.String()+"/"+r.name, func(t *testing.T) {
				t.Parallel()
				h := fresh(t, c, o, clients)
				scenario(h, r.of(h.Pair))
			})
		}
	}
}

// build makes a pair that is not started.
func build(t testing.TB, c combo, o Options) *harness {
	t.Helper()
	dir := t.TempDir()
	must0(t, os.Chmod(dir, 0o755))
	o.Primary, o.Secondary = c.primary, c.secondary
	h := &harness{TB: t, Pair: must(New(dir, o))(t)}
	capture := filepath.Join(dir, "link.pcap")
	sniffer := must(h.Primary.Node.Start(netlab.Command{Args: []string{
		"tcpdump", "-Z", "root", "-i", "eth1", "--immediate-mode", "-U", "-w", capture, "tcp"}}))(t)
	must(sniffer.Await(0, regexp.MustCompile("listening on"), Patience))(t)
	t.Cleanup(func() {
		if t.Failed() {
			h.keepCapture(capture)
		}
		for _, b := range h.Boxes() {
			if t.Failed() && b.Server != nil {
				t.Logf("the last lines of the %s (%s):\n%s%s", b.Name, b.Kind, b.Server.Tail(60), h.explain(b))
			}
		}
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// keepCapture shows the end of what was said between the partners, and keeps
// all of it in the directory LAB_KEEP if that is set.
func (h *harness) keepCapture(file string) {
	out, err := h.Primary.run(peers.Failctl(h.Primary.Dir, "decode", file)...)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	h.Logf("the last messages between the partners (%v):\n%s", err, strings.Join(lines[max(0, len(lines)-40):], "\n"))
	if keep := os.Getenv("LAB_KEEP"); keep != "" {
		name := filepath.Join(keep, strings.ReplaceAll(h.Name(), "/", "-"))
		h.Log(os.WriteFile(name+".txt", []byte(out), 0o644))
	}
}

// explain is what a dhcpfd says of itself and its leases.
func (h *harness) explain(b *Box) string {
	if b.Kind != peers.Dhcpfd || !b.Server.Alive() {
		return ""
	}
	why, _ := b.Failctl("why") // the test has failed already
	list, _ := b.Failctl("leases", "all")
	return why + list
}

// fresh makes a pair without leases, brings it to NORMAL and gives it clients.
func fresh(t testing.TB, c combo, o Options, clients int) *harness {
	t.Helper()
	h := build(t, c, o)
	must0(t, h.Start())
	must0(t, h.AwaitNormal(Patience))
	h.crowd = h.newCrowd("crowd", 1, clients)
	return h
}

// newCrowd puts clients on a machine of their own.
func (h *harness) newCrowd(name string, group byte, n int) *load.Crowd {
	h.Helper()
	node := must(h.Net.Node(name))(h)
	must0(h, node.Plug(h.LAN, "eth0"))
	c := must(load.NewCrowd(node, "eth0", group, n))(h)
	h.Cleanup(func() { c.Close() })
	return c
}

// within is a context that ends after Patience.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

func must[V any](v V, err error) func(testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func must0(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// acquire lets clients from..to-1 get leases, all of them at once.
func (h *harness) acquire(from, to int) {
	h.Helper()
	must0(h, h.crowd.Acquire(within(h), from, to, to-from))
}

// settled checks what must hold after every scenario: both in NORMAL with
// equal tables, every client's lease in them, no address with two clients, and
// partners in good health.
func (h *harness) settled() {
	h.Helper()
	must0(h, h.AwaitNormal(Patience))
	h.answered()
	must0(h, h.AwaitEqual(Patience))
	h.booksMatch()
	h.healthy()
}

// nobody is an address of the network that no client has.
var nobody = netip.AddrFrom4([4]byte{10, 0, 0, 250})

// answered waits until every server that lives has handled what the clients
// sent, so that no answer is under way any more.
func (h *harness) answered() {
	h.Helper()
	var alive []netip.Addr
	for _, b := range h.Boxes() {
		if b.Server.Alive() {
			alive = append(alive, b.Addr)
		}
	}
	must0(h, h.crowd.Settle(within(h), nobody, alive...))
}

// booksMatch compares what the clients saw with the primary's table.
func (h *harness) booksMatch() {
	h.Helper()
	for _, c := range h.crowd.Conflicts {
		h.Error(c)
	}
	table := must(h.Primary.Leases())(h)
	// What still holds now was in the table when it was read.
	for _, a := range h.crowd.Held(time.Now().Add(time.Second)) {
		e := table.at(lease.IP(ip4(a.Addr)))
		if e.State != lease.Active.String() || e.HW != a.Client.String() {
			h.Errorf("%v was promised to %v until %v; the servers have %v", a.Addr, a.Client, a.Ends().Format(time.TimeOnly), e)
		}
	}
}

func ip4(a netip.Addr) uint32 {
	b := a.As4()
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// busy is the part of one processor that an idle partner may use on average,
// beside the work of its start.
const busy = 0.25

// healthy checks that nothing that a partner was sent made it exit, loop or,
// a dhcpd, enter SHUTDOWN.
func (h *harness) healthy() {
	h.Helper()
	for _, b := range h.Boxes() {
		if !b.Server.Alive() {
			h.Errorf("the %s (%s) has ended", b.Name, b.Kind)
			continue
		}
		for _, s := range b.States(0) {
			if s == "shutdown" && b.Kind == peers.Dhcpd {
				h.Errorf("the %s (%s) has been in SHUTDOWN", b.Name, b.Kind)
			}
		}
		if h.strangers > 0 {
			continue // strangers made it work
		}
		lines := b.Server.Lines(0)
		ran := time.Since(lines[0].At)
		if cpu := must(b.Server.CPU())(h); cpu > time.Second+time.Duration(busy*float64(ran)) {
			h.Errorf("the %s (%s) used %v of processor in %v", b.Name, b.Kind, cpu, ran)
		}
	}
}

// holding is what a client had.
type holding struct {
	addr   netip.Addr // the zero one for none
	lapses int
}

// addrs are what clients from..to-1 have now.
func (h *harness) addrs(from, to int) []holding {
	list := make([]holding, to-from)
	for i := from; i < to; i++ {
		list[i-from] = holding{h.crowd.Addr(i), h.crowd.Lapses(i)}
	}
	return list
}

// keep checks that clients from..to-1 have the same addresses as before, those
// whose lease has not ended meanwhile.
func (h *harness) keep(before []holding, from, to int) {
	h.Helper()
	for i := from; i < to; i++ {
		had, now := before[i-from], h.crowd.Addr(i)
		if had.lapses == h.crowd.Lapses(i) && had.addr.IsValid() && now.IsValid() && now != had.addr {
			h.Errorf("client %v had %v and has %v now", h.crowd.MAC(i), had.addr, now)
		}
	}
}

// brief makes the clients for whom it says so ask for short leases.
func brief(is func(i int) bool) func(i int, m *dhcpv4.DHCPv4) {
	return func(i int, m *dhcpv4.DHCPv4) {
		if is(i) {
			m.UpdateOption(dhcpv4.OptIPAddressLeaseTime(briefLease))
		}
	}
}

const briefLease = 4 * time.Second
