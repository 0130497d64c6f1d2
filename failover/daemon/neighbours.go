package daemon

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"tandem/failover/conf"
	"tandem/failover/dhcp"
)

// neighbourLimit is the file with the number of neighbours that the kernel
// keeps at most (ip-sysctl: neigh/default/gc_thresh3); a network namespace
// other than the first has none of its own.
const neighbourLimit = "/proc/sys/net/ipv4/neigh/default/gc_thresh3"

// warnNeighbours says so when more clients may be on the link than the kernel
// can keep neighbours: replies to renewals go by the kernel's ARP, and beyond
// its limit they are dropped without a word.
func warnNeighbours(cfg *conf.Config, file string, log *Logger) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return
	}
	clients := 0
	for _, p := range cfg.Pools {
		for _, r := range p.Ranges {
			clients += r.Size()
		}
	}
	if clients > limit {
		log.Line(dhcp.Line{Level: dhcp.LevelWarning, Class: "neighbours", Text: fmt.Sprintf(
			"the pools have %d addresses, the kernel keeps %d neighbours: if more clients than that are on the link, renewals go unanswered; "+
				"remedy: sysctl net.ipv4.neigh.default.gc_thresh3=%d and gc_thresh2 to half of it", clients, limit, 2*clients)})
	}
}
