package daemon

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"tandem/failover/daemon/frame"
	"tandem/failover/lease"
)

// patience bounds every wait of the tests.
const patience = 10 * time.Second

// insideEnv marks the process that runs a test in a network of its own.
const insideEnv = "DAEMON_TEST_NETWORK"

// alone runs the test again in a process with its own network and tells
// whether this is that process. The network vanishes with it.
func alone(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideEnv) != "" {
		return true
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), insideEnv+"=1", "NOTIFY_SOCKET=", "WATCHDOG_USEC=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Skipf("no network namespaces here: %v", err)
	}
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("in its own network: %v\n%s", err, out)
	}
	return false
}

// check ends the test on an error.
func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// network is a veth pair: srv0 in the server's namespace, cli0 in another.
type network struct {
	t      *testing.T
	server netlink.Link
	hw     [6]byte // of cli0
	raw    int     // packet socket on cli0
	in     chan frame.Datagram
	udp    *net.UDPConn // in the client's namespace
}

const (
	serverIP = "10.0.0.1"
	relayIP  = "10.0.0.9" // cli0's own address
)

// newNetwork makes the pair; srv0 has serverIP and is up.
func newNetwork(t *testing.T) *network {
	t.Helper()
	check(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "srv0"}, PeerName: "cli0"}))
	link, err := netlink.LinkByName("srv0")
	check(t, err)
	n := &network{t: t, server: link, in: make(chan frame.Datagram, 64)}
	addAddr(t, link, serverIP+"/24")
	check(t, netlink.LinkSetUp(link))
	done := make(chan error)
	go func() { done <- n.enterClient() }()
	check(t, <-done)
	go n.receive()
	return n
}

func addAddr(t *testing.T, link netlink.Link, cidr string) {
	t.Helper()
	addr, err := netlink.ParseAddr(cidr)
	check(t, err)
	check(t, netlink.AddrAdd(link, addr))
}

// enterClient makes the client's namespace and its sockets. The thread is
// left behind in that namespace, so nothing else may run on it again.
func (n *network) enterClient() error {
	runtime.LockOSThread()
	peer, err := netlink.LinkByName("cli0")
	if err != nil {
		return err
	}
	home, err := netns.Get()
	if err != nil {
		return err
	}
	ns, err := netns.New()
	if err != nil {
		return err
	}
	outside, err := netlink.NewHandleAt(home)
	if err != nil {
		return err
	}
	if err := outside.LinkSetNsFd(peer, int(ns)); err != nil {
		return err
	}
	inside, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	if peer, err = inside.LinkByName("cli0"); err != nil {
		return err
	}
	n.hw = [6]byte(peer.Attrs().HardwareAddr)
	addr, err := netlink.ParseAddr(relayIP + "/24")
	if err != nil {
		return err
	}
	if err := errors.Join(inside.AddrAdd(peer, addr), inside.LinkSetUp(peer)); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(networkOrder(unix.ETH_P_IP)))
	if err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder(unix.ETH_P_IP), Ifindex: peer.Attrs().Index}); err != nil {
		return err
	}
	n.raw = fd
	n.udp, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(relayIP), Port: 67})
	return err
}

// receive collects the datagrams to port 68 that reach cli0.
func (n *network) receive() {
	buf := make([]byte, maxDatagram)
	for {
		size, _, err := unix.Recvfrom(n.raw, buf, 0)
		if err != nil && err != unix.EINTR {
			return
		}
		if d, fault := frame.Parse(buf[:max(size, 0)], 68, true); fault == 0 {
			d.Payload = bytes.Clone(d.Payload)
			n.in <- d
		}
	}
}

// broadcast sends a message as a client without an address does.
func (n *network) broadcast(msg *dhcpv4.DHCPv4) {
	n.t.Helper()
	n.inject(frame.Datagram{Dst: limitedBroadcast, SrcPort: 68, DstPort: 67, Payload: msg.ToBytes()})
}

// inject sends a datagram in a broadcast frame.
func (n *network) inject(d frame.Datagram) {
	n.t.Helper()
	sa, err := unix.Getsockname(n.raw)
	check(n.t, err)
	to := sa.(*unix.SockaddrLinklayer)
	to.Protocol, to.Halen, to.Addr = networkOrder(unix.ETH_P_IP), 6, [8]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	check(n.t, unix.Sendto(n.raw, frame.Append(nil, d), 0, to))
}

// await waits for the server's next message to a client on the link.
func (n *network) await() (frame.Datagram, *dhcpv4.DHCPv4) {
	n.t.Helper()
	select {
	case d := <-n.in:
		msg, err := dhcpv4.FromBytes(d.Payload)
		check(n.t, err)
		return d, msg
	case <-time.After(patience):
		n.t.Fatal("the server says nothing")
	}
	panic("unreachable")
}

// awaitRelay waits for the server's next message to the relay.
func (n *network) awaitRelay() *dhcpv4.DHCPv4 {
	n.t.Helper()
	check(n.t, n.udp.SetReadDeadline(time.Now().Add(patience)))
	buf := make([]byte, maxDatagram)
	size, _, err := n.udp.ReadFromUDP(buf)
	check(n.t, err)
	msg, err := dhcpv4.FromBytes(buf[:size])
	check(n.t, err)
	return msg
}

const testConf = `
authoritative;
default-lease-time 600;
ping-check false;
subnet 10.0.0.0 netmask 255.255.255.0 {
  range 10.0.0.10 10.0.0.20;
  option routers 10.0.0.1;
}
`

// process is a server that runs in the test.
type process struct {
	opt  Options
	log  bytes.Buffer
	stop context.CancelFunc
	done chan error
}

// startServer runs a server and returns when it serves.
func startServer(t *testing.T, dir string, change func(*Options)) *process {
	t.Helper()
	p := &process{done: make(chan error, 1)}
	ready := make(chan struct{})
	p.opt = Options{
		Config:  config(t, testConf),
		Reload:  func() (*confType, error) { return nil, errors.New("no configuration") },
		Port:    67,
		Dir:     filepath.Join(dir, "store"),
		Control: filepath.Join(dir, "sock"),
		Log:     NewLogger(&p.log, LogPlain, 0),
		Ready:   func() { close(ready) },
	}
	if change != nil {
		change(&p.opt)
	}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(t.Context())
	go func() { p.done <- Run(ctx, p.opt) }()
	select {
	case <-ready:
	case err := <-p.done:
		t.Fatalf("it ended: %v", err)
	case <-time.After(patience):
		t.Fatal("it does not start")
	}
	t.Cleanup(func() {
		p.stop()
		p.opt.Log.Close()
		if t.Failed() {
			t.Logf("the server said:\n%s", p.log.String())
		}
	})
	return p
}

// end ends the server in order.
func (p *process) end(t *testing.T) {
	t.Helper()
	p.stop()
	select {
	case err := <-p.done:
		check(t, err)
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

func ip(s string) lease.IP { return lease.MustIP(s) }

func containsAll(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

func hardware(hw [6]byte) string { return net.HardwareAddr(hw[:]).String() }

// loopbackUp brings lo up in the test's network.
func loopbackUp(t *testing.T) {
	t.Helper()
	lo, err := netlink.LinkByName("lo")
	check(t, err)
	check(t, netlink.LinkSetUp(lo))
}
