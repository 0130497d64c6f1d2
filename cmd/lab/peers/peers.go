// Package peers starts DHCP servers in the laboratory: our own and those of
// the field, all on the same small description of what to serve.
package peers

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"tandem/cmd/lab/netlab"
)

// Kind names a server program.
type Kind string

// The servers that the laboratory knows.
const (
	Dhcpfd  Kind = "dhcpfd"
	Dhcpd   Kind = "dhcpd"
	Kea     Kind = "kea-dhcp4"
	Dnsmasq Kind = "dnsmasq"
)

// startPatience is how long a server may take until it serves.
const startPatience = 20 * time.Second

// Pool is what a server is to serve: one subnet with one range on one link.
// Every answered request is a new lease: no server may repeat an earlier
// answer because the lease is still young.
type Pool struct {
	Interface   string
	Server      netip.Addr // the server's own address, also the router
	Subnet      netip.Prefix
	First, Last netip.Addr
	Seconds     int // lease time
}

// Start starts the server with a pool and returns when it serves. State goes
// to dir, which must exist, and so does the log, in which each server writes
// what it writes by default.
func (k Kind) Start(node *netlab.Node, dir string, p Pool) (*netlab.Program, error) {
	switch k {
	case Dhcpfd, Dhcpd:
		return k.start(node, dir, p.DHCPDConf(), netlab.Command{LogFile: logFile(dir)}, p.Interface)
	case Kea:
		return startKea(node, dir, p)
	case Dnsmasq:
		return startDnsmasq(node, dir, p)
	}
	return nil, fmt.Errorf("no server is called %q", k)
}

// DHCPDConf is the pool in the language of dhcpd.conf.
func (p Pool) DHCPDConf() string {
	return fmt.Sprintf(`authoritative;
default-lease-time %[1]d;
max-lease-time %[1]d;
min-lease-time %[1]d;
ping-check false;
dhcp-cache-threshold 0;
ddns-update-style none;
subnet %[2]s netmask %[3]s {
  range %[4]s %[5]s;
  option routers %[6]s;
  option domain-name-servers %[6]s;
}
`, p.Seconds, p.Subnet.Addr(), mask(p.Subnet), p.First, p.Last, p.Server)
}

func mask(p netip.Prefix) netip.Addr {
	m := ^uint32(0) << (32 - p.Bits())
	return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)})
}

// Args is the command line of a server that reads dhcpd.conf: Dhcpfd or Dhcpd.
func (k Kind) Args(conf, dir string, ifnames ...string) []string {
	args := []string{k.path(), "-4", "-f", "-d", "-cf", conf}
	if k == Dhcpd {
		args = append(args, "-lf", filepath.Join(dir, "dhcpd.leases"), "--no-pid")
	} else {
		args = append(args, "-lf", filepath.Join(dir, "store"), "--control", Control(dir))
	}
	return append(args, ifnames...)
}

// Control is the socket of a Dhcpfd with its files in dir.
func Control(dir string) string { return filepath.Join(dir, "control") }

// Failctl is the command line of a question to a Dhcpfd with its files in dir.
func Failctl(dir string, words ...string) []string {
	return append([]string{filepath.Join(netlab.Dir(), "failctl"), "--control", Control(dir)}, words...)
}

func (k Kind) path() string {
	if k == Dhcpfd {
		return filepath.Join(netlab.Dir(), "dhcpfd")
	}
	return string(k)
}

// StartConf starts Dhcpfd or Dhcpd with a configuration file of this text.
// The file is dir/dhcpd.conf. A start after a stop finds the leases again.
func (k Kind) StartConf(node *netlab.Node, dir, conf string, ifnames ...string) (*netlab.Program, error) {
	return k.StartConfEcho(node, dir, conf, nil, ifnames...)
}

// StartConfEcho is StartConf with each line of the server's output handed to
// echo as it comes.
func (k Kind) StartConfEcho(node *netlab.Node, dir, conf string, echo func(string), ifnames ...string) (*netlab.Program, error) {
	return k.start(node, dir, conf, netlab.Command{Echo: echo}, ifnames...)
}

// StartConfQuiet is StartConf with the output in a file dir/log.
func (k Kind) StartConfQuiet(node *netlab.Node, dir, conf string, ifnames ...string) (*netlab.Program, error) {
	return k.start(node, dir, conf, netlab.Command{LogFile: logFile(dir)}, ifnames...)
}

func (k Kind) start(node *netlab.Node, dir, conf string, c netlab.Command, ifnames ...string) (*netlab.Program, error) {
	file := filepath.Join(dir, "dhcpd.conf")
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return nil, err
	}
	c.Args = k.Args(file, dir, ifnames...)
	if k != Dhcpd {
		return startNotify(node, dir, c)
	}
	// dhcpd insists on a lease file.
	f, err := os.OpenFile(filepath.Join(dir, "dhcpd.leases"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	f.Close()
	return startAwait(node, c, `^Server starting service`)
}

func logFile(dir string) string { return filepath.Join(dir, "log") }

func startAwait(node *netlab.Node, c netlab.Command, ready string) (*netlab.Program, error) {
	p, err := node.Start(c)
	if err != nil {
		return nil, err
	}
	if _, err := p.Await(0, regexp.MustCompile(ready), startPatience); err != nil {
		p.Kill()
		return nil, err
	}
	return p, nil
}

func startKea(node *netlab.Node, dir string, p Pool) (*netlab.Program, error) {
	file := filepath.Join(dir, "kea-dhcp4.conf")
	conf := fmt.Sprintf(`{"Dhcp4": {
  "interfaces-config": {"interfaces": [%q], "dhcp-socket-type": "raw"},
  "lease-database": {"type": "memfile", "persist": true, "name": %q, "lfc-interval": 0},
  "valid-lifetime": %[3]d, "cache-threshold": 0.0001, "authoritative": true,
  "subnet4": [{"id": 1, "subnet": %[4]q, "pools": [{"pool": "%[5]s - %[6]s"}],
    "option-data": [{"name": "routers", "data": "%[7]s"}, {"name": "domain-name-servers", "data": "%[7]s"}]}],
  "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stdout"}]}]
}}
`, p.Interface, filepath.Join(dir, "kea-leases4.csv"), p.Seconds, p.Subnet, p.First, p.Last, p.Server)
	if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
		return nil, err
	}
	return startAwait(node, netlab.Command{
		Args:    []string{"kea-dhcp4", "-c", file},
		Env:     []string{"KEA_PIDFILE_DIR=" + dir, "KEA_LOCKFILE_DIR=" + dir},
		Private: []string{"/run"},
		LogFile: logFile(dir),
	}, `DHCP4_STARTED`)
}

func startDnsmasq(node *netlab.Node, dir string, p Pool) (*netlab.Program, error) {
	args := []string{
		"dnsmasq", "--keep-in-foreground", "--log-facility=-", "--conf-file=/dev/null", "--no-ping", "--port=0", "--user=root",
		"--pid-file=" + filepath.Join(dir, "dnsmasq.pid"), "--dhcp-leasefile=" + filepath.Join(dir, "dnsmasq.leases"),
		"--interface=" + p.Interface, "--dhcp-authoritative", "--dhcp-lease-max=1000000",
		fmt.Sprintf("--dhcp-range=%s,%s,%s,%d", p.First, p.Last, mask(p.Subnet), p.Seconds),
	}
	return startAwait(node, netlab.Command{Args: args, LogFile: logFile(dir)}, `sockets bound|DHCP, IP range`)
}

// Version asks a program for its version line.
func (k Kind) Version(node *netlab.Node) string {
	flag := map[Kind]string{Dhcpfd: "--version", Dhcpd: "--version", Kea: "-v", Dnsmasq: "--version"}[k]
	out, _ := runQuiet(node, k.path(), flag)
	line, _, _ := strings.Cut(strings.TrimSpace(out), "\n")
	return line
}
