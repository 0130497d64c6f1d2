package network

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"tandem/board"
	"tandem/init/box"
)

var ports = []board.Named{
	{Label: "LAN1", NIC: board.NIC{Name: "va", MAC: "02:00:00:00:00:0a"}},
	{Label: "LAN2", NIC: board.NIC{Name: "vb", MAC: "02:00:00:00:00:0b"}},
}

func config(t *testing.T, text string) box.Config {
	t.Helper()
	c, problems := box.Parse("box.conf", text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	return c
}

func TestPlan(t *testing.T) {
	c := config(t, "name a\nrole single\nlan lan1 10.7.0.2/24 vlan 5\ndirect 02:00:00:00:00:0B 169.254.7.1/30\ngateway 10.7.0.1\nntp 10.0.0.10 10.0.0.11 10.0.0.12\n")
	got, problems := Plan(c, ports)
	if len(problems) > 0 || len(got) != 2 {
		t.Fatalf("%+v %v", got, problems)
	}
	if got[0].Name != "va.5" || got[0].Parent != "va" || got[1].Name != "vb" || got[1].Gateway.IsValid() {
		t.Fatalf("%+v", got)
	}
	c.LAN.Name = "lan9"
	if _, problems = Plan(c, ports); len(problems) != 1 || !strings.Contains(problems[0], `there is no port "lan9"; this box has LAN1 (02:00:00:00:00:0a), LAN2`) {
		t.Fatal(problems)
	}
}

// inNamespace runs the test with a network of its own that holds a veth pair
// va - vb. Where the kernel refuses, the test says so.
func inNamespace(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED LOUDLY: network namespaces need root here")
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	old, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netns.Set(old); ns.Close(); old.Close() })
	veth := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "va"}, PeerName: "vb"}
	if err := netlink.LinkAdd(veth); err != nil {
		t.Fatal(err)
	}
}

func TestApplyIsRepeatable(t *testing.T) {
	inNamespace(t)
	w := Wanted{Use: "lan", Label: "LAN1", Parent: "va", Name: "va.5", VLAN: 5, MTU: 1400,
		Prefix: netip.MustParsePrefix("10.7.0.2/24"), Gateway: netip.MustParseAddr("10.7.0.1")}
	if err := Apply(w); errors.Is(err, unix.EOPNOTSUPP) {
		t.Logf("SKIPPED LOUDLY: this kernel has no VLANs (%v); the port is tested without", err)
		w.Name, w.VLAN = "va", 0
	}
	for _, prefix := range []string{"10.7.0.2/24", "10.7.0.2/24", "10.7.0.3/24"} {
		w.Prefix = netip.MustParsePrefix(prefix)
		if err := Apply(w); err != nil {
			t.Fatal(err)
		}
	}
	link, err := netlink.LinkByName(w.Name)
	if err != nil {
		t.Fatal(err)
	}
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
	if err != nil || len(addrs) != 1 || addrs[0].IPNet.String() != "10.7.0.3/24" || link.Attrs().MTU != 1400 {
		t.Fatalf("%v %v, MTU %d", addrs, err, link.Attrs().MTU)
	}
	routes, err := netlink.RouteList(link, netlink.FAMILY_V4)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, r := range routes {
		found = found || r.Gw.String() == "10.7.0.1"
	}
	if !found {
		t.Fatalf("no default route in %v", routes)
	}
	w.Parent = "vz"
	if err := Apply(w); err == nil || !strings.Contains(err.Error(), "lan (LAN1)") {
		t.Fatalf("a missing port gave %v", err)
	}
}

func TestConflictAndCarrier(t *testing.T) {
	inNamespace(t)
	ctx := context.Background()
	up := func(name, prefix string) {
		if err := Apply(Wanted{Use: "lan", Label: name, Parent: name, Name: name, Prefix: netip.MustParsePrefix(prefix)}); err != nil {
			t.Fatal(err)
		}
	}
	up("va", "10.7.0.2/24")
	if AwaitCarrier(ctx, "va", 50*time.Millisecond) {
		t.Fatal("a carrier though the other end is down")
	}
	up("vb", "10.7.0.9/24")
	if !AwaitCarrier(ctx, "va", 10*time.Second) {
		t.Fatal("no carrier")
	}
	other, err := netlink.LinkByName("vb")
	if err != nil {
		t.Fatal(err)
	}
	who, err := Conflict(ctx, "va", netip.MustParseAddr("10.7.0.9"))
	if err != nil || who != other.Attrs().HardwareAddr.String() {
		t.Fatalf("conflict with %q, %v; want %s", who, err, other.Attrs().HardwareAddr)
	}
	if who, err := Conflict(ctx, "va", netip.MustParseAddr("10.7.0.77")); err != nil || who != "" {
		t.Fatalf("conflict with %q, %v; want none", who, err)
	}
	// The kernel would not answer an address of its own.
	own, neighbour := netip.MustParseAddr("10.7.0.50"), netip.MustParseAddr("10.7.0.9")
	if alive, err := Alive(ctx, "va", own, []netip.Addr{neighbour}); !alive || err != nil {
		t.Fatalf("the neighbour is not alive: %v", err)
	}
	if alive, err := Alive(ctx, "va", own, []netip.Addr{netip.MustParseAddr("10.7.0.77")}); alive || err != nil {
		t.Fatalf("nobody is alive: %v", err)
	}
	if err := Announce("va", netip.MustParseAddr("10.7.0.2")); err != nil {
		t.Fatal(err)
	}
}

func TestTemporaryAddress(t *testing.T) {
	inNamespace(t)
	if err := Raise("va"); err != nil {
		t.Fatal(err)
	}
	if SignalOf("va").Carrier {
		t.Fatal("a carrier though the other end is down")
	}
	if err := Raise("vb"); err != nil || !AwaitCarrier(context.Background(), "va", 10*time.Second) || !SignalOf("va").Carrier {
		t.Fatalf("no carrier: %v", err)
	}
	own := netip.MustParsePrefix("10.7.0.2/24")
	guest := netip.MustParsePrefix("169.254.77.2/30")
	for range 2 { // what is there may be given again
		for _, p := range []netip.Prefix{own, guest} {
			if err := Give("va", p); err != nil {
				t.Fatal(err)
			}
		}
	}
	trial := Wanted{Use: "lan", Label: "LAN1", Parent: "va", Name: "va", Prefix: netip.MustParsePrefix("10.8.0.2/24"), Gateway: netip.MustParseAddr("10.8.0.1")}
	if err := Try(trial); err != nil {
		t.Fatal(err)
	}
	if err := Take("va", trial.Prefix); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := Take("va", guest); err != nil {
			t.Fatal(err)
		}
	}
	link, err := netlink.LinkByName("va")
	if err != nil {
		t.Fatal(err)
	}
	if addrs, err := netlink.AddrList(link, netlink.FAMILY_V4); err != nil || len(addrs) != 1 || addrs[0].IPNet.String() != own.String() {
		t.Fatalf("%v %v", addrs, err)
	}
	if err := Give("vz", own); err == nil || !strings.Contains(err.Error(), "port vz") {
		t.Fatalf("a missing port gave %v", err)
	}
}
