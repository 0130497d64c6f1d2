package daemon

import (
	"fmt"
	"os"
	"time"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/leasefile"
	"tandem/failover/node"
)

// ReadLeaseFile reads a lease file of ISC dhcpd.
func ReadLeaseFile(file string) (*leasefile.File, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("lease file: %w", err)
	}
	return leasefile.Parse(file, string(text), lease.FromUTC(time.Now()))
}

// importLeases takes over the leases of another server at the first start,
// into the node and onto the disk, and says what was read and what was not.
// alone is set for a server without a partner: all free addresses are its own.
func importLeases(k *keeper, n *node.Node, file string, alone bool) error {
	f, err := ReadLeaseFile(file)
	if err != nil {
		return err
	}
	if alone {
		f.JoinFree()
	}
	records := make([]lease.Record, 0, batchSize)
	put := func() error {
		_, err := k.keep(readClock(), records, false)
		records = records[:0]
		return err
	}
	err = f.Records(func(r lease.Record) error {
		n.Restore(r)
		if records = append(records, r); len(records) < batchSize {
			return nil
		}
		return put()
	})
	if err == nil {
		err = put()
	}
	if err == nil {
		err = k.sync()
	}
	if err != nil {
		return fmt.Errorf("import %s: %w", file, err)
	}
	if k.full {
		return fmt.Errorf("import %s: the disk is full; make room and start again with an empty lease store", file)
	}
	for _, line := range f.Summary() {
		k.log.Sayf(dhcp.LevelInfo, "%s", line)
	}
	return nil
}
