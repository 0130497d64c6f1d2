package daemon

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/leasefile"
	"tandem/failover/node"
	"tandem/failover/store"
)

// recover opens the store and makes the node of what is in it.
func (s *server) recover() (*node.Node, *keeper, error) {
	opt := s.opt
	log, fresh, err := openStore(opt)
	if err != nil {
		return nil, nil, err
	}
	n := node.New(node.Options{Lowest: opt.Log.Least(), Draw: drawNumber,
		Config: opt.Config, Seed: seed(), Version: opt.Version,
		Boot: bootOf(opt, fresh), Policy: s.pair.policy(opt.Policies), Watched: opt.Facts != "",
	})
	keeper, err := replay(n, log, opt.Log, s.count)
	return n, keeper, err
}

// openStore opens the lease store. An empty one is filled from the lease file
// of another server first, if one was named; the start then goes on as every
// start does. fresh is set if nothing at all was remembered.
func openStore(opt Options) (log *store.Log, fresh bool, err error) {
	open := func() (*store.Log, error) {
		log, err := store.Open(store.OSDir(opt.Dir), store.Options{})
		if errors.Is(err, store.ErrLocked) {
			return nil, fmt.Errorf("%w: end it, or name another directory with -lf", err)
		}
		return log, err
	}
	if log, err = open(); err != nil || !log.New() || opt.LeaseFile == "" {
		return log, err == nil && log.New(), err
	}
	known, err := importLeases(log, opt)
	if err = errors.Join(err, log.Close()); err != nil {
		return nil, false, fmt.Errorf("import %s: %w", opt.LeaseFile, err)
	}
	log, err = open()
	return log, !known, err
}

// ReadLeaseFile reads a lease file of ISC dhcpd.
func ReadLeaseFile(file string) (*leasefile.File, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return leasefile.Parse(file, string(text), lease.FromUTC(time.Now()))
}

// importLeases takes over the leases of another server, all or nothing, and
// says what was read and what was not. known tells whether the file remembers
// a failover relationship.
func importLeases(log *store.Log, opt Options) (known bool, err error) {
	f, err := ReadLeaseFile(opt.LeaseFile)
	if err != nil {
		return false, err
	}
	if len(opt.Config.Peers) == 0 {
		f.JoinFree() // without a partner all free addresses are our own
	}
	if _, err := log.Replay(func(lease.Record) error { return nil }); err != nil {
		return false, err
	}
	if err := log.Fill(f.Records); err != nil {
		return false, err
	}
	for _, line := range f.Summary() {
		opt.Log.Sayf(dhcp.LevelInfo, "%s", line)
	}
	return len(f.Peers) > 0, nil
}

// replay gives the records of the store to the node.
func replay(n *node.Node, log *store.Log, out *Logger, count *counters) (*keeper, error) {
	// Nothing that is loaded becomes garbage, so collecting while loading only
	// marks the same leases again and again.
	defer debug.SetGCPercent(debug.SetGCPercent(loadPercent))
	k := newKeeper(log, n.Table(), out, count)
	fresh := log.New()
	report, err := log.Replay(func(r lease.Record) error {
		n.Restore(r)
		k.facts.note(r)
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	if !fresh {
		out.Sayf(dhcp.LevelInfo, "%s", strings.Join(report.Lines(), "; "))
	}
	return k, nil
}
