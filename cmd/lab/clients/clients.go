// Package clients starts the DHCP clients that people have, in a machine of
// the laboratory, and reads from their output what they got.
package clients

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"tandem/cmd/lab/netlab"
)

// Kind names a client program.
type Kind string

// The clients that the laboratory knows.
const (
	Udhcpc   Kind = "udhcpc"
	Dhclient Kind = "dhclient"
	Dhcpcd   Kind = "dhcpcd"
	Networkd Kind = "systemd-networkd"
)

// Kinds are all of them.
var Kinds = []Kind{Udhcpc, Dhclient, Dhcpcd, Networkd}

// Client is a running client.
type Client struct {
	*netlab.Program
	Kind   Kind
	node   *netlab.Node
	ifname string
	dir    string
}

// Lease is what a client reports. A client program that does not tell a field
// leaves it zero.
type Lease struct {
	Event   string // the client's word: "bound", "renew", "BOUND" ...
	Addr    netip.Addr
	Seconds int
	Server  netip.Addr
	Router  netip.Addr
	File    string
}

// Options are what a client may be told.
type Options struct {
	ClassID  string // option 60
	Hostname string // option 12
	ClientID string // option 61 as text, for dhclient: its configuration syntax
	Decline  bool   // take the address for used by another (dhclient)
	Echo     func(line string)
}

// hook is the script that every client but networkd calls. The clients name
// the same things differently.
const hook = `#!/bin/sh
dev=$interface
case "${reason:-$1}" in
deconfig|PREINIT|EXPIRE|FAIL|RELEASE|STOP)
	ip -4 addr flush dev "$dev" 2>/dev/null; ip link set "$dev" up ;;
bound|renew)
	ip addr replace "$ip/${mask:-24}" dev "$dev"
	[ -z "$router" ] || ip route replace default via "${router%% *}" dev "$dev" ;;
BOUND|RENEW|REBIND|REBOOT)
	[ -z "$LAB_DECLINE" ] || { echo "LAB declined ip=$new_ip_address"; exit 1; }
	if [ -z "$LAB_CONFIGURES" ]; then
		ip addr replace "$new_ip_address/$new_subnet_mask" dev "$dev"
		[ -z "$new_routers" ] || ip route replace default via "${new_routers%% *}" dev "$dev"
	fi ;;
esac
echo "LAB event=${reason:-$1} ip=${ip:-$new_ip_address} lease=${lease:-$new_dhcp_lease_time} server=${serverid:-$new_dhcp_server_identifier} router=${router:-$new_routers} file=${boot_file:-${new_filename:-$new_bootfile_name}} old=$old_ip_address"
exit 0
`

// Start starts a client on an interface of a machine.
func (k Kind) Start(node *netlab.Node, dir, ifname string, o Options) (*Client, error) {
	c := &Client{Kind: k, node: node, ifname: ifname, dir: filepath.Join(dir, fmt.Sprintf("%s-%s-%s", k, node.Name, ifname))}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return nil, err
	}
	script := filepath.Join(c.dir, "hook")
	if err := os.WriteFile(script, []byte(hook), 0o755); err != nil {
		return nil, err
	}
	var cmd netlab.Command
	var err error
	switch k {
	case Udhcpc:
		cmd = udhcpc(c, script, o)
	case Dhclient:
		cmd, err = dhclient(c, script, o)
	case Dhcpcd:
		cmd, err = dhcpcd(c, script, o)
	case Networkd:
		cmd, err = networkd(c)
	default:
		err = fmt.Errorf("no client is called %q", k)
	}
	if err != nil {
		return nil, err
	}
	cmd.Echo = o.Echo
	c.Program, err = node.Start(cmd)
	return c, err
}

func udhcpc(c *Client, script string, o Options) netlab.Command {
	args := []string{"busybox", "udhcpc", "-f", "-i", c.ifname, "-s", script, "-t", "10", "-T", "1", "-A", "1"}
	if o.ClassID != "" {
		args = append(args, "-V", o.ClassID)
	}
	if o.Hostname != "" {
		args = append(args, "-x", "hostname:"+o.Hostname)
	}
	return netlab.Command{Args: args}
}

func dhclient(c *Client, script string, o Options) (netlab.Command, error) {
	conf := "timeout 60;\nretry 1;\ninitial-interval 1;\nbackoff-cutoff 2;\n" +
		"request subnet-mask, routers, domain-name-servers, host-name, dhcp-lease-time, dhcp-server-identifier;\n"
	if o.ClassID != "" {
		conf += fmt.Sprintf("send vendor-class-identifier %q;\n", o.ClassID)
	}
	if o.Hostname != "" {
		conf += fmt.Sprintf("send host-name %q;\n", o.Hostname)
	}
	if o.ClientID != "" {
		conf += fmt.Sprintf("send dhcp-client-identifier %s;\n", o.ClientID)
	}
	file := filepath.Join(c.dir, "dhclient.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return netlab.Command{}, err
	}
	cmd := netlab.Command{Args: []string{"dhclient", "-4", "-d", "-cf", file, "-sf", script,
		"-lf", filepath.Join(c.dir, "leases"), "-pf", filepath.Join(c.dir, "pid"), c.ifname}}
	if o.Decline {
		cmd.Args = append([]string{cmd.Args[0], "-e", "LAB_DECLINE=1"}, cmd.Args[1:]...)
	}
	return cmd, nil
}

func dhcpcd(c *Client, script string, o Options) (netlab.Command, error) {
	// The ARP probe takes five seconds, which is not what is tested.
	conf := "release\nnoarp\nnoipv4ll\nipv4only\nclientid\nreboot 5\nvendorclassid " + o.ClassID +
		"\nenv LAB_CONFIGURES=1\noption interface_mtu, routers, domain_name_servers, host_name\n"
	if o.Hostname != "" {
		conf += "hostname " + o.Hostname + "\n"
	}
	file := filepath.Join(c.dir, "dhcpcd.conf")
	err := os.WriteFile(file, []byte(conf), 0o644)
	return netlab.Command{
		Args:    []string{"dhcpcd", "-4", "-B", "-d", "-f", file, "-c", script, c.ifname},
		Private: []string{"/run", "/var/lib/dhcpcd", "/sys"},
	}, err
}

// networkd runs without systemd as process 1 and without udev: a read-only
// /sys tells it that it is in a container, where links are ready at once.
func networkd(c *Client) (netlab.Command, error) {
	file := filepath.Join(c.dir, "lab.network")
	err := os.WriteFile(file, []byte("[Match]\nName="+c.ifname+
		"\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n[DHCPv4]\nClientIdentifier=mac\nSendRelease=yes\n"), 0o644)
	return netlab.Command{
		Args:    []string{"/usr/lib/systemd/systemd-networkd"},
		Env:     []string{"SYSTEMD_LOG_LEVEL=debug", "SYSTEMD_LOG_TARGET=console"},
		Private: []string{"/run", "/sys"},
		Setup:   "mkdir -p /run/systemd/network && cp " + file + " /run/systemd/network/ && chmod -R a+rX /run/systemd",
	}, err
}

var (
	gotLease      = regexp.MustCompile(`LAB event=(bound|renew|BOUND|RENEW|REBIND|REBOOT) ip=(\S*) lease=(\S*) server=(\S*) router=(\S*) file=(\S*)`)
	dhclientBound = regexp.MustCompile(`^bound to `)
	networkdLease = regexp.MustCompile(`(DHCPv4 address) ([0-9.]+)/\d+(?:, gateway ([0-9.]+))? acquired from ([0-9.]+)`)
)

// AwaitLease waits until the client says, after the mark, that it has bound,
// renewed or rebound an address.
func (c *Client) AwaitLease(mark int, patience time.Duration) (Lease, error) {
	if c.Kind == Networkd {
		m, err := c.Await(mark, networkdLease, patience)
		if err != nil {
			return Lease{}, err
		}
		return Lease{Event: m[1], Addr: addr(m[2]), Router: addr(m[3]), Server: addr(m[4])}, nil
	}
	m, err := c.Await(mark, gotLease, patience)
	if err != nil {
		return Lease{}, err
	}
	if c.Kind == Dhclient {
		// It writes its lease file after the hook.
		if _, err := c.Await(mark, dhclientBound, patience); err != nil {
			return Lease{}, err
		}
	}
	seconds, _ := strconv.Atoi(m[3])
	return Lease{Event: m[1], Addr: addr(m[2]), Seconds: seconds, Server: addr(m[4]), Router: addr(m[5]), File: m[6]}, nil
}

// addr is the zero address if the client said none.
func addr(s string) netip.Addr {
	a, _ := netip.ParseAddr(s)
	return a
}

// Renew makes the client ask for its lease again now. dhclient has no such
// command: it asks when half the lease is over.
func (c *Client) Renew() error {
	switch c.Kind {
	case Udhcpc:
		return c.Signal(syscall.SIGUSR1)
	case Dhcpcd:
		mark := c.Mark()
		return c.insist(syscall.SIGUSR1, func() error {
			_, err := c.Await(mark, regexp.MustCompile(`received SIGUSR1`), insistence)
			return err
		})
	}
	return fmt.Errorf("%s renews by its own clock only", c.Kind)
}

// Release makes the client give its address back and end.
func (c *Client) Release(patience time.Duration) error {
	switch c.Kind {
	case Udhcpc:
		mark := c.Mark()
		if err := c.Signal(syscall.SIGUSR2); err != nil {
			return err
		}
		if _, err := c.Await(mark, regexp.MustCompile(`entering released state`), patience); err != nil {
			return err
		}
		c.Kill()
		return nil
	case Dhclient:
		script := filepath.Join(c.dir, "hook")
		p, err := c.node.Start(netlab.Command{Args: []string{"dhclient", "-4", "-r", "-d", "-sf", script, "-cf", filepath.Join(c.dir, "dhclient.conf"),
			"-lf", filepath.Join(c.dir, "leases"), "-pf", filepath.Join(c.dir, "pid"), c.ifname}})
		if err != nil {
			return err
		}
		if _, err = p.Wait(patience); err != nil {
			return err
		}
	case Dhcpcd: // configured to release when it ends, as networkd is
		if err := c.insist(syscall.SIGTERM, func() error {
			_, err := c.Wait(insistence)
			return err
		}); err != nil {
			return err
		}
	case Networkd:
		if err := c.Signal(syscall.SIGTERM); err != nil {
			return err
		}
	}
	_, err := c.Wait(patience)
	return err
}

// insistence is the time after which a signal counts as lost.
const insistence = 2 * time.Second

// insist repeats a signal until it shows effect: dhcpcd loses signals that
// come while its hook script runs.
func (c *Client) insist(s syscall.Signal, effect func() error) (err error) {
	for range 5 {
		if err = c.Signal(s); err != nil {
			return err
		}
		if err = effect(); err == nil {
			return nil
		}
	}
	return err
}
