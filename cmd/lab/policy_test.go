package main

import (
	"net"
	"net/netip"
	"regexp"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/cmd/lab/load"
)

// wire opens a raw socket on a machine of its own.
func (l *lab) wire(name string) *load.Wire {
	l.Helper()
	node := must(l.net.Node(name))(l)
	must0(l, node.Plug(l.lan, "eth0"))
	w := must(load.Open(node, "eth0"))(l)
	l.Cleanup(func() { w.Close() })
	return w
}

// discover is a DHCPDISCOVER of client number n of a group.
func discover(t testing.TB, group, n byte, more ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	t.Helper()
	return must(dhcpv4.NewDiscovery(net.HardwareAddr{2, group, 0, 0, 0, n}, more...))(t)
}

// lease takes a client through DISCOVER and REQUEST.
func lease(t testing.TB, w *load.Wire, group, n byte, more ...dhcpv4.Modifier) load.Message {
	t.Helper()
	offer := must(w.Ask(discover(t, group, n, more...)))(t)
	request := must(dhcpv4.NewRequestFromOffer(offer.DHCP, more...))(t)
	ack := must(w.Ask(request))(t)
	if ack.DHCP.MessageType() != dhcpv4.MessageTypeAck || !ack.DHCP.YourIPAddr.Equal(offer.DHCP.YourIPAddr) {
		t.Fatalf("offer %v, then %v of %v", offer.DHCP.YourIPAddr, ack.DHCP.MessageType(), ack.DHCP.YourIPAddr)
	}
	return ack
}

// quiet is how long silence is listened to.
const quiet = 1500 * time.Millisecond

// silence checks that a DISCOVER gets no offer.
func silence(t testing.TB, w *load.Wire, m *dhcpv4.DHCPv4) {
	t.Helper()
	if got := must(w.Answers(m, 1, quiet))(t); len(got) > 0 {
		t.Errorf("%v got %v of %v", m.ClientHWAddr, got[0].DHCP.MessageType(), got[0].DHCP.YourIPAddr)
	}
}

// Each kind of firmware gets its own boot file (RFC 4578 option 93).
func TestPXEArchitecture(t *testing.T) {
	l := newLab(t)
	l.serve(head + `
option arch code 93 = unsigned integer 16;
class "pxe" {
  match if substring (option vendor-class-identifier, 0, 9) = "PXEClient";
  next-server 10.0.0.9;
  if option arch = 00:07 or option arch = 00:09 { filename "boot/x64.efi"; }
  elsif option arch = 00:0b { filename "boot/arm64.efi"; }
  else { filename "boot/pxelinux.0"; }
}
subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.1 10.0.1.100; }
`)
	w := l.wire("machines")
	for i, c := range []struct {
		class string
		arch  byte
		file  string
	}{
		{"PXEClient:Arch:00000:UNDI:002001", 0, "boot/pxelinux.0"},
		{"PXEClient:Arch:00007:UNDI:003016", 7, "boot/x64.efi"},
		{"PXEClient:Arch:00009:UNDI:003016", 9, "boot/x64.efi"},
		{"PXEClient:Arch:00011:UNDI:003000", 11, "boot/arm64.efi"},
		{"MSFT 5.0", 7, ""},
	} {
		ack := lease(t, w, 3, byte(i), dhcpv4.WithOption(dhcpv4.OptClassIdentifier(c.class)),
			dhcpv4.WithGeneric(dhcpv4.OptionClientSystemArchitectureType, []byte{0, c.arch}))
		if ack.DHCP.BootFileName != c.file {
			t.Errorf("%s, architecture %d: file %q, not %q", c.class, c.arch, ack.DHCP.BootFileName, c.file)
		}
		if next := ack.DHCP.ServerIPAddr; c.file != "" && !next.Equal(net.IPv4(10, 0, 0, 9)) {
			t.Errorf("%s: next server %v", c.class, next)
		}
	}
}

// Permits decide which pool serves whom; a lease limit holds for the class and
// for each spawned subclass.
func TestClassesPermitAndLimit(t *testing.T) {
	l := newLab(t)
	l.serve(head + `
class "known" { match hardware; }
subclass "known" 1:02:04:00:00:00:01;
subclass "known" 1:02:04:00:00:00:02;
class "guests" { match if option vendor-class-identifier = "guest"; lease limit 2; }
class "by-user" { spawn with option dhcp-client-identifier; lease limit 1; }
subnet 10.0.0.0 netmask 255.255.0.0 {
  pool { range 10.0.1.1 10.0.1.50; allow members of "known"; }
  pool { range 10.0.2.1 10.0.2.50; allow members of "guests"; }
  pool { range 10.0.3.1 10.0.3.50; allow members of "by-user"; deny members of "known"; deny members of "guests"; }
}
`)
	w := l.wire("clients")
	inRange := func(m load.Message, third byte) {
		t.Helper()
		if m.DHCP.YourIPAddr.To4()[2] != third {
			t.Errorf("%v got %v, not an address in 10.0.%d.0", m.DHCP.ClientHWAddr, m.DHCP.YourIPAddr, third)
		}
	}
	inRange(lease(t, w, 4, 1), 1)
	inRange(lease(t, w, 4, 2), 1)
	silence(t, w, discover(t, 4, 3))

	guest := dhcpv4.WithOption(dhcpv4.OptClassIdentifier("guest"))
	inRange(lease(t, w, 4, 10, guest), 2)
	inRange(lease(t, w, 4, 11, guest), 2)
	silence(t, w, discover(t, 4, 12, guest))
	inRange(lease(t, w, 4, 11, guest), 2) // the same client again is not one more

	user := func(name string) dhcpv4.Modifier {
		return dhcpv4.WithOption(dhcpv4.OptClientIdentifier([]byte("\x00" + name)))
	}
	inRange(lease(t, w, 4, 20, user("ann")), 3)
	inRange(lease(t, w, 4, 21, user("bob")), 3)
}

// When ten addresses are all given, one more client waits; a release and the
// end of a lease make room.
func TestPoolRunsDryAndRecovers(t *testing.T) {
	l := newLab(t)
	l.serve(`authoritative; ping-check false; ddns-update-style none;
default-lease-time 600; min-lease-time 1;
class "brief" { match if option vendor-class-identifier = "brief"; default-lease-time 3; }
subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.1 10.0.1.10; }
`)
	c := l.crowd("crowd", 5, 13)
	c.Dress = func(i int, m *dhcpv4.DHCPv4) {
		if i == 9 {
			m.UpdateOption(dhcpv4.OptClassIdentifier("brief"))
		}
	}
	w := l.wire("another")
	must0(t, c.Acquire(soon(t), 0, 9, 9))
	must0(t, c.Acquire(soon(t), 9, 10, 1)) // its lease ends in 3 seconds
	silence(t, w, discover(t, 9, 1))

	freed := c.Addr(3)
	must0(t, c.Release(3, 4))
	must0(t, c.Acquire(soon(t), 10, 11, 1))
	if c.Addr(10) != freed {
		t.Errorf("client 10 got %v; only %v was free", c.Addr(10), freed)
	}
	must0(t, c.Acquire(soon(t), 11, 12, 1)) // repeats until the brief lease has ended
	if ended := c.Acks[9].Addr; c.Addr(11) != ended {
		t.Errorf("client 11 got %v; only %v could have ended", c.Addr(11), ended)
	}
	silence(t, w, discover(t, 9, 2))
	noConflicts(t, &c.Books)
}

// Leases are found by address, by MAC and by client identifier.
func TestLeaseQuery(t *testing.T) {
	l := newLab(t)
	l.serve(wide)
	w := l.wire("client")
	id := []byte("\x00leased-line-7")
	ack := lease(t, w, 6, 1, dhcpv4.WithOption(dhcpv4.OptClientIdentifier(id)))
	addr, _ := netip.AddrFromSlice(ack.DHCP.YourIPAddr.To4())
	q := l.querier()
	for _, by := range []struct {
		name string
		how  []dhcpv4.Modifier
	}{
		{"address", []dhcpv4.Modifier{dhcpv4.WithClientIP(addr.AsSlice())}},
		{"MAC", []dhcpv4.Modifier{dhcpv4.WithHWType(1), dhcpv4.WithHwAddr(ack.DHCP.ClientHWAddr)}},
		{"identifier", []dhcpv4.Modifier{dhcpv4.WithOption(dhcpv4.OptClientIdentifier(id))}},
	} {
		r := must(q.Query(by.how...))(t)
		if r.MessageType() != load.LeaseActive {
			t.Errorf("by %s: type %d, not LEASEACTIVE", by.name, r.MessageType())
			continue
		}
		if got, _ := netip.AddrFromSlice(r.ClientIPAddr.To4()); got != addr {
			t.Errorf("by %s: address %v, not %v", by.name, got, addr)
		}
		if r.ClientHWAddr.String() != ack.DHCP.ClientHWAddr.String() {
			t.Errorf("by %s: client %v", by.name, r.ClientHWAddr)
		}
		if left := r.IPAddressLeaseTime(0); left <= 0 || left > 600*time.Second {
			t.Errorf("by %s: %v left", by.name, left)
		}
	}
	if r := must(q.QueryAddr(netip.MustParseAddr("10.0.10.99")))(t); r.MessageType() != load.LeaseUnassigned {
		t.Errorf("a free address: type %d, not LEASEUNASSIGNED", r.MessageType())
	}
	if r := must(q.QueryAddr(netip.MustParseAddr("192.0.2.1")))(t); r.MessageType() != load.LeaseUnknown {
		t.Errorf("a foreign address: type %d, not LEASEUNKNOWN", r.MessageType())
	}
}

// The wrong address is refused with a NAK, but only where that is certain.
func TestNAK(t *testing.T) {
	l := newLab(t)
	l.serve(simple)
	w := l.wire("client")
	held := lease(t, w, 7, 1)
	for _, c := range []struct {
		name string
		n    byte
		addr net.IP
		want dhcpv4.MessageType
	}{
		{"its own address", 1, held.DHCP.YourIPAddr, dhcpv4.MessageTypeAck},
		{"another's address", 2, held.DHCP.YourIPAddr, dhcpv4.MessageTypeNak},
		{"an address of elsewhere", 3, net.IPv4(192, 168, 7, 7), dhcpv4.MessageTypeNak},
	} {
		m := must(dhcpv4.New(dhcpv4.WithHwAddr(net.HardwareAddr{2, 7, 0, 0, 0, c.n}), dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest),
			dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(c.addr))))(t)
		if got := must(w.Ask(m))(t).DHCP.MessageType(); got != c.want {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
	}
}

// A declined address is not given to the next client.
func TestDecline(t *testing.T) {
	l := newLab(t)
	l.serve(head + "subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.1 10.0.1.3; }\n")
	c := l.crowd("crowd", 8, 3)
	must0(t, c.Acquire(soon(t), 0, 1, 1))
	bad := c.Addr(0)
	mark := l.server.Mark()
	must0(t, c.Decline(0, 1))
	must(l.server.Await(mark, regexp.MustCompile(`^DHCPDECLINE of `+regexp.QuoteMeta(bad.String())+` from 02:08:00:00:00:00 via eth0: abandoned`), patience))(t)
	must0(t, c.Acquire(soon(t), 1, 3, 2))
	for i := 1; i < 3; i++ {
		if c.Addr(i) == bad {
			t.Errorf("%v was declined but given again", bad)
		}
	}
}
