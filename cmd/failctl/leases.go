package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tandem/failover/conf"
	"tandem/failover/daemon"
	"tandem/failover/lease"
	"tandem/failover/leasefile"
	"tandem/failover/store"
)

// loadConf loads the configuration named with -cf; nil if none was.
func loadConf(out *output, o options) (*conf.Config, error) {
	if o.conf == "" {
		return nil, nil
	}
	cfg, list := conf.Load(o.conf, daemon.ReadConf)
	if cfg != nil {
		return cfg, nil
	}
	return nil, errors.Join(conf.Format(out.errors, list), errBad)
}

// importLeases reads dhcpd.leases into an empty store.
func importLeases(out *output, o options, args []string) error {
	if len(args) != 2 {
		return usageError("leases import takes a file and a directory")
	}
	cfg, err := loadConf(out, o)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return err
	}
	f, err := leasefile.Parse(args[0], string(text), lease.FromUTC(time.Now()))
	if err != nil {
		return err
	}
	if cfg != nil && len(cfg.Peers) == 0 {
		f.JoinFree() // without a partner all free addresses are one's own
	}
	if err := fill(args[1], f); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, strings.Join(f.Summary(), "\n"))
	return err
}

// errNotEmpty: a store has records already.
var errNotEmpty = errors.New("the store is not empty")

// fill writes the records of a lease file into the store in dir, which must be
// empty.
func fill(dir string, f *leasefile.File) (err error) {
	log, err := store.Open(store.OSDir(dir), store.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if !log.New() {
		return fmt.Errorf("%w: %s; name a directory that does not exist yet", errNotEmpty, dir)
	}
	if _, err := log.Replay(func(lease.Record) error { return nil }); err != nil {
		return err
	}
	return log.Fill(f.Records)
}

// exportLeases writes a store as dhcpd.leases. The store may be in use.
func exportLeases(out *output, o options, args []string) error {
	if len(args) < 1 || len(args) > 2 {
		return usageError("leases export takes a directory, and the file to write")
	}
	fs, err := directory("", args[:1])
	if err != nil {
		return err
	}
	cfg, err := loadConf(out, o)
	if err != nil {
		return err
	}
	f, err := gather(fs)
	if err != nil {
		return err
	}
	opt := leaseFileOptions(cfg)
	if len(args) == 1 {
		return f.Write(out, opt)
	}
	return replaceFile(args[1], func(w io.Writer) error { return f.Write(w, opt) })
}

// leaseFileOptions says what dhcpd would know from its configuration.
func leaseFileOptions(cfg *conf.Config) leasefile.Options {
	if cfg == nil {
		return leasefile.Options{}
	}
	return leasefile.Options{
		Failover: func(ip lease.IP) bool {
			p := cfg.PoolOf(ip)
			return p != nil && p.Peer != nil
		},
		Secondary: slices.ContainsFunc(cfg.Peers, func(p *conf.Peer) bool { return p.Secondary }),
	}
}

// gather reads a store: the latest record about each thing.
func gather(fs store.FS) (*leasefile.File, error) {
	leases := map[lease.IP]lease.Lease{}
	peers := map[string]lease.Peer{}
	objects := map[string]lease.Object{}
	_, err := store.Read(fs, func(r lease.Record) error {
		switch r := r.(type) {
		case *lease.Lease:
			leases[r.IP] = *r
		case *lease.Peer:
			peers[r.Name] = *r
		case *lease.Object:
			if r.Gone {
				delete(objects, r.Kind+" "+r.Name)
				break
			}
			objects[r.Kind+" "+r.Name] = *r
		}
		return nil
	})
	f := &leasefile.File{Name: fs.Name()}
	for _, ip := range slices.Sorted(maps.Keys(leases)) {
		f.Leases = append(f.Leases, leases[ip])
	}
	for _, name := range slices.Sorted(maps.Keys(peers)) {
		f.Peers = append(f.Peers, peers[name])
	}
	for _, name := range slices.Sorted(maps.Keys(objects)) {
		if o, ok := exported(objects[name]); ok {
			f.Objects = append(f.Objects, o)
		}
	}
	return f, err
}

// replaceFile writes a file beside the old one and then takes its place, so
// that nobody ever reads half of it.
func replaceFile(name string, write func(io.Writer) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	err = errors.Join(write(tmp), tmp.Chmod(0o644), tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
