package network

import (
	"errors"
	"os"
	"path/filepath"
)

// neighbourDir is where the kernel's limits of its ARP table are.
const neighbourDir = "/proc/sys/net/ipv4/neigh/default"

// neighbourRoom is the ARP table of a LAN full of clients: below gc_thresh1
// nothing is collected, above gc_thresh3 nothing is added, and replies to
// renewals would be dropped (ip-sysctl). An entry takes under 1 KiB, when used.
var neighbourRoom = map[string]string{"gc_thresh1": "8192", "gc_thresh2": "32768", "gc_thresh3": "65536"}

// makeRoom lets the kernel know as many neighbours as a LAN of a /16 has.
func makeRoom(dir string) error {
	var errs []error
	for name, value := range neighbourRoom {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), []byte(value), 0o644))
	}
	return errors.Join(errs...)
}
