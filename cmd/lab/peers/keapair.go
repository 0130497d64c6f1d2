package peers

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"

	"tandem/cmd/lab/netlab"
)

// KeaRole is a server's place in a load-balancing pair of kea-dhcp4.
type KeaRole struct {
	Name string // "primary" or "secondary"
	// Links are the addresses of the primary and of the secondary for what
	// they say to each other.
	Links [2]netip.Addr
}

// keaPort is where each server listens for its partner.
const keaPort = 8000

// StartKeaPair starts one half of a pair as Kea's documentation has it: load
// balancing, the range split by hand, the timers of its examples, and the
// faster of its two ways to reach the partner (no control agent between).
func StartKeaPair(node *netlab.Node, dir string, p Pool, r KeaRole) (*netlab.Program, error) {
	hooks, err := filepath.Glob("/usr/lib/*/kea/hooks/libdhcp_ha.so")
	if err != nil || len(hooks) == 0 {
		return nil, fmt.Errorf("libdhcp_ha.so is not installed (Debian package kea-common): %w", err)
	}
	first, second := halves(p.First, p.Last)
	peer := func(i int, role string) string {
		return fmt.Sprintf(`{"name": "%[1]s", "url": "http://%[2]s:%[3]d/", "role": "%[1]s", "auto-failover": true}`, role, r.Links[i], keaPort)
	}
	conf := fmt.Sprintf(`{"Dhcp4": {
  "interfaces-config": {"interfaces": [%[1]q], "dhcp-socket-type": "raw"},
  "control-socket": {"socket-type": "unix", "socket-name": %[2]q},
  "lease-database": {"type": "memfile", "persist": true, "name": %[3]q, "lfc-interval": 0},
  "valid-lifetime": %[4]d, "cache-threshold": 0.0001, "authoritative": true,
  "multi-threading": {"enable-multi-threading": true},
  "hooks-libraries": [
    {"library": %[5]q},
    {"library": %[6]q, "parameters": {"high-availability": [{
      "this-server-name": %[7]q, "mode": "load-balancing",
      "heartbeat-delay": 10000, "max-response-delay": 60000, "max-ack-delay": 5000, "max-unacked-clients": 5,
      "multi-threading": {"enable-multi-threading": true, "http-dedicated-listener": true},
      "peers": [%[8]s, %[9]s]
    }]}}],
  "subnet4": [{"id": 1, "subnet": %[10]q, "pools": [
      {"pool": "%[11]s - %[12]s", "client-class": "HA_primary"}, {"pool": "%[13]s - %[14]s", "client-class": "HA_secondary"}],
    "option-data": [{"name": "routers", "data": "%[15]s"}, {"name": "domain-name-servers", "data": "%[15]s"}]}],
  "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "stdout"}]}]
}}
`, p.Interface, filepath.Join(dir, "control"), KeaLeases(dir), p.Seconds,
		filepath.Join(filepath.Dir(hooks[0]), "libdhcp_lease_cmds.so"), hooks[0], r.Name,
		peer(0, "primary"), peer(1, "secondary"), p.Subnet, p.First, first, second, p.Last, p.Server)
	file := filepath.Join(dir, "kea-dhcp4.conf")
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

// KeaLeases is the lease file of a kea-dhcp4 with its files in dir.
func KeaLeases(dir string) string { return filepath.Join(dir, "kea-leases4.csv") }

// halves gives the last address of the first half of a range and the first of
// the second.
func halves(first, last netip.Addr) (end, begin netip.Addr) {
	number := func(a netip.Addr) uint32 {
		b := a.As4()
		return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	}
	addr := func(n uint32) netip.Addr {
		return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}
	middle := number(first) + (number(last)-number(first))/2
	return addr(middle), addr(middle + 1)
}
