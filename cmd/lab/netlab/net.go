package netlab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

var netCount atomic.Int64

// Net is a set of machines and the LANs between them.
type Net struct {
	// Dir holds configuration and state files of the programs.
	Dir      string
	prefix   string // of the namespaces' names
	switches *Node  // where the bridges are
	nodes    []*Node
	programs []*Program
	ports    int
}

// New makes an empty network. Files of its programs go under dir.
func New(dir string) (*Net, error) {
	n := &Net{Dir: dir, prefix: fmt.Sprintf("n%d-", netCount.Add(1))}
	var err error
	n.switches, err = n.Node("switches")
	return n, err
}

// Close ends every program and removes every machine.
func (n *Net) Close() error {
	var errs []error
	for _, p := range n.programs {
		p.Kill()
	}
	for _, node := range n.nodes {
		errs = append(errs, ip("netns del "+node.ns))
	}
	n.programs, n.nodes = nil, nil
	return errors.Join(errs...)
}

// LAN is a bridge that floods; it has no address of its own.
type LAN struct {
	net  *Net
	name string
}

// LAN makes a bridge. The name is at most 15 octets.
func (n *Net) LAN(name string) (*LAN, error) {
	return &LAN{net: n, name: name}, ip(fmt.Sprintf(
		"-n %[1]s link add %[2]s type bridge forward_delay 0 stp_state 0 mcast_snooping 0\n-n %[1]s link set %[2]s up",
		n.switches.ns, name))
}

// Node is a machine: a network namespace with loopback up.
type Node struct {
	Name string
	net  *Net
	ns   string
	// ports are the other ends of its cables, by interface.
	ports map[string]string
}

// Node makes a machine without links.
func (n *Net) Node(name string) (*Node, error) {
	node := &Node{Name: name, net: n, ns: n.prefix + name, ports: map[string]string{}}
	if err := ip("netns add " + node.ns); err != nil {
		return nil, err
	}
	n.nodes = append(n.nodes, node)
	return node, node.IP("link set lo up")
}

// Adopt makes a machine of a named network namespace that somebody else made
// and will remove.
func (n *Net) Adopt(name, ns string) *Node { return &Node{Name: name, net: n, ns: ns} }

// Plug connects the machine to a LAN by the interface ifname, brought up,
// with the given addresses ("10.0.0.1/24"). It returns when the link carries.
func (node *Node) Plug(lan *LAN, ifname string, addrs ...string) error {
	lan.net.ports++
	port := fmt.Sprintf("p%d", lan.net.ports)
	node.ports[ifname] = port
	sw := lan.net.switches.ns
	var b strings.Builder
	fmt.Fprintf(&b, "link add %s netns %s type veth peer name %s netns %s\n", ifname, node.ns, port, sw)
	fmt.Fprintf(&b, "-n %s link set %s master %s up\n", sw, port, lan.name)
	for _, a := range addrs {
		fmt.Fprintf(&b, "-n %s addr add %s dev %s\n", node.ns, a, ifname)
	}
	fmt.Fprintf(&b, "-n %s link set %s up\n", node.ns, ifname)
	return ip(b.String())
}

// IP runs lines of iproute2's batch language inside the machine.
func (node *Node) IP(lines string) error {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		if strings.TrimSpace(line) != "" {
			fmt.Fprintf(&b, "-n %s %s\n", node.ns, strings.TrimSpace(line))
		}
	}
	return ip(b.String())
}

// Forward makes the machine a router.
func (node *Node) Forward() error {
	return node.Do(func() error {
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
	})
}

// Do calls fn on a thread that is inside the machine's network: sockets that
// fn opens and processes that it starts belong there. fn must not start
// goroutines that open sockets.
func (node *Node) Do(fn func() error) error {
	there, err := os.Open(filepath.Join("/run/netns", node.ns))
	if err != nil {
		return err
	}
	defer there.Close()
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer home.Close()
	if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter %s: %w", node.Name, err)
	}
	ferr := fn()
	if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
		return err // the thread stays locked, so the runtime discards it
	}
	runtime.UnlockOSThread()
	return ferr
}

// ip runs lines of iproute2 commands. Batch mode cannot change the namespace
// from line to line, so that lines are grouped by their -n option.
func ip(lines string) error {
	var args []string
	var batch strings.Builder
	flush := func() error {
		if batch.Len() == 0 {
			return nil
		}
		cmd := exec.Command("ip", append(args, "-batch", "-")...)
		cmd.Stdin = strings.NewReader(batch.String())
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("ip %s: %w: %s", strings.TrimSpace(batch.String()), err, out.String())
		}
		batch.Reset()
		return nil
	}
	current := ""
	for line := range strings.Lines(lines) {
		line, ns := strings.TrimSpace(line), ""
		if rest, ok := strings.CutPrefix(line, "-n "); ok {
			ns, line, _ = strings.Cut(rest, " ")
		}
		if ns != current {
			if err := flush(); err != nil {
				return err
			}
			if current, args = ns, nil; ns != "" {
				args = []string{"-n", ns}
			}
		}
		fmt.Fprintln(&batch, line)
	}
	return flush()
}
