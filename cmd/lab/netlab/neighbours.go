package netlab

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// The kernel keeps one table of neighbours for all network namespaces
// together; beyond its limit, 1024 by default, ARP fails in every one of them.
// Some thousand clients in laboratories side by side are more than that.
var neighbourLimits = []struct {
	file string
	want int
}{
	{"/proc/sys/net/ipv4/neigh/default/gc_thresh3", 65536},
	{"/proc/sys/net/ipv4/neigh/default/gc_thresh2", 32768},
}

// makeRoom raises the machine's limits, never lowers them, and complains if it
// may not.
func makeRoom(complain io.Writer) {
	for _, l := range neighbourLimits {
		raw, err := os.ReadFile(l.file)
		if err != nil {
			continue // a namespace of somebody else's, who has the table
		}
		if have, err := strconv.Atoi(strings.TrimSpace(string(raw))); err != nil || have >= l.want {
			continue
		}
		if err := os.WriteFile(l.file, []byte(strconv.Itoa(l.want)), 0); err != nil {
			fmt.Fprintf(complain, "netlab: %v: with thousands of clients ARP may fail; remedy: run as root, or: echo %d > %s\n", err, l.want, l.file)
		}
	}
}
