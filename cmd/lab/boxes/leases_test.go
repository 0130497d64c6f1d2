package boxes

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tandem/cmd/lab/load"
	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
	"tandem/images"
	"tandem/images/layout"
	"tandem/qemu"
)

// The clients of the old server, and those that come when a box has its place;
// there are no more addresses than that.
const (
	oldClients = 300
	newClients = 30
)

// wideConf is the old server's dhcpd.conf: leases outlast the test.
const wideConf = `authoritative;
ping-check off;
default-lease-time 3600;
max-lease-time 7200;
subnet 10.77.0.0 netmask 255.255.0.0 {
  option routers 10.77.0.254;
  range 10.77.4.0 10.77.5.73;
}
`

// oldServer is a dhcpd at the address that the box will have.
type oldServer struct {
	node  *netlab.Node
	dir   string
	crowd *load.Crowd
}

// retire lets a dhcpd serve its clients, stops it for good and gives its
// dhcpd.leases.
func retire(t *testing.T, s *Stage) (o oldServer, leases []byte) {
	t.Helper()
	var err error
	if o.node, err = s.Machine(s.Net, "old", 0x22); err != nil {
		t.Fatal(err)
	}
	if err := o.node.IP("addr add 10.77.0.2/16 dev eth0"); err != nil {
		t.Fatal(err)
	}
	o.dir = filepath.Join(s.dir, "old")
	if err := os.Mkdir(o.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	dhcpd, err := peers.Dhcpd.StartConf(o.node, o.dir, wideConf, "eth0")
	if err != nil {
		t.Fatal(err)
	}
	o.crowd = crowdOf(t, s, "clients", 0x31, 2, oldClients)
	if err := o.crowd.Acquire(within(t, servePatience), 0, oldClients, 20); err != nil {
		t.Fatal(err)
	}
	if err := dhcpd.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if _, err := dhcpd.Wait(servePatience); err != nil {
		t.Fatal(err)
	}
	if err := o.node.IP("link set eth0 down"); err != nil {
		t.Fatal(err)
	}
	if leases, err = os.ReadFile(filepath.Join(o.dir, layout.DHCPLeases)); err != nil {
		t.Fatal(err)
	}
	return o, leases
}

// crowdOf puts clients on a machine of their own.
func crowdOf(t *testing.T, s *Stage, name string, last, group byte, n int) *load.Crowd {
	t.Helper()
	node, err := s.Machine(s.Net, name, last)
	if err != nil {
		t.Fatal(err)
	}
	crowd, err := load.NewCrowd(node, "eth0", group, n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { crowd.Close() })
	return crowd
}

// keepsAddresses has the old server's clients ask for their addresses as after
// a restart of theirs: each gets its own.
func (o oldServer) keepsAddresses(t *testing.T, want []netip.Addr) {
	t.Helper()
	if err := o.crowd.Reboot(within(t, servePatience), 0, oldClients, 10); err != nil {
		t.Fatal(err)
	}
	if err := unchanged(want, addressesOf(o.crowd)); err != nil {
		t.Fatal(err)
	}
}

func addressesOf(c *load.Crowd) (list []netip.Addr) {
	for i := range c.Len() {
		list = append(list, c.Addr(i))
	}
	return list
}

// getsNone lets new clients in: none gets an address of the old ones.
func getsNone(t *testing.T, s *Stage, of []netip.Addr) {
	t.Helper()
	late := crowdOf(t, s, "late", 0x32, 3, newClients)
	if err := late.Acquire(within(t, servePatience), 0, newClients, 4); err != nil {
		t.Fatal(err)
	}
	held := map[netip.Addr]bool{}
	for _, a := range of {
		held[a] = true
	}
	for i, a := range addressesOf(late) {
		if !a.IsValid() || held[a] {
			t.Errorf("new client %d got %v, which is promised to a client of the old server", i, a)
		}
	}
}

// lone are the options of a single box in the place of an old server.
func lone() Options {
	opt := options()
	opt.Start, opt.Only, opt.DHCP = qemu.StartDirect, true, wideConf
	opt.Box = func(_ int, text string) string { return strings.Replace(text, "10.77.0.2/24", "10.77.0.2/16", 1) }
	return opt
}

// TestOldLeases puts a box in the place of a single dhcpd: dhcpd.conf and
// dhcpd.leases are copied into its boot partition. A damaged copy is refused
// and nothing is served; the whole one is taken, once.
func TestOldLeases(t *testing.T) {
	s := stage(t, lone())
	b := s.Boxes[0]
	old, leases := retire(t, s)
	before := addressesOf(old.crowd)
	give := func(raw []byte) {
		t.Helper()
		if err := images.Provision(t.Context(), b.Machine.Disk, map[string][]byte{layout.DHCPLeases: raw}); err != nil {
			t.Fatal(err)
		}
	}
	give(append(append([]byte{}, leases...), "lease 10.77.4.1 { starts never-was; }\n"...))
	start(t, s)
	expect(t, b, bootPatience, `taken from the boot partition: box\.conf, dhcpd\.conf, dhcpd\.leases`)
	expect(t, b, bootPatience, `FAIL leases .*line \d+: lease 10\.77\.4\.1: dropped.* Remedy: stop dhcpd and copy the file again`)
	expect(t, b, bootPatience, `Not serving: the leases of the old server can not be taken`)
	silent(t, s)

	s.Say("lab", "the file is copied again, whole")
	b.PullPower()
	give(leases)
	again(t, s, 0)
	expect(t, b, bootPatience, `ok +leases .* 300 leases of the old server taken, 300 of them in use, the newest of `)
	expect(t, b, bootPatience, `Serving alone`)
	old.keepsAddresses(t, before)
	getsNone(t, s, before)

	s.Say("lab", "the power goes; the file is still on the boot partition")
	again(t, s, 0)
	if m := expect(t, b, bootPatience, `ok +leases .*`); strings.Contains(m[0], "taken") {
		t.Errorf("taken twice: %s", m[0])
	}
	old.keepsAddresses(t, before)
}

// importAnswers set up a single box with what is on a stick.
var importAnswers = []answer{
	choose("Set up this box", "A single"),
	choose("Set up: which port is the LAN?", "LAN1"),
	fill("Name of this box", Names[0]),
	fill("LAN address", Addrs[0]+"/16"),
	fill("VLAN", ""),
	fill("Gateway", "-"),
	fill("Name servers (DNS)", "-"),
	fill("NTP servers", "10.77.0.11 10.77.0.12 10.77.0.13"),
	choose("What the time servers say", "Go on"),
	choose("Set up: what shall be served?", "Import"),
	choose("Set up: import a dhcpd.conf", "disk"),
	choose("Set up: leases of the old server", ""),
	fill("Password", ""),
	fill("Once more", ""),
	choose("Set up: summary", "Write it"),
}

// TestOldLeasesFromStick does the same at the console, with both files on a
// USB stick.
func TestOldLeasesFromStick(t *testing.T) {
	onlyLong(t)
	opt := lone()
	opt.Blank = true
	s := stage(t, opt)
	b := s.Boxes[0]
	old, leases := retire(t, s)
	before := addressesOf(old.crowd)
	b.Machine.Stick = stick(t, s)
	for name, text := range map[string]string{layout.DHCPConfig: wideConf, layout.DHCPLeases: string(leases)} {
		file := filepath.Join(old.dir, "copy of "+name)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := tool("mcopy", "-i", b.Machine.Stick, file, "::"+name); err != nil {
			t.Fatal(err)
		}
	}
	start(t, s)
	types(t, b, importAnswers...)
	expect(t, b, bootPatience, `ok +leases .* 300 leases of the old server taken`)
	expect(t, b, bootPatience, `Serving alone`)
	old.keepsAddresses(t, before)
	getsNone(t, s, before)
}
