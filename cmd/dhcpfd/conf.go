package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"tandem/failover/conf"
	"tandem/failover/daemon"
	"tandem/failover/dhcp"
	"tandem/failover/store"
)

// loadConf loads a configuration and says to w what is wrong with it; nil if
// it can not be used.
func loadConf(file string, w io.Writer) *conf.Config {
	cfg, list := conf.Load(file, daemon.ReadConf)
	if err := conf.Format(w, list); err != nil {
		fmt.Fprintf(os.Stderr, "dhcpfd: %v\n", err)
	}
	return cfg
}

// reload gives what SIGHUP and the word reload do: the file is read again.
func (f *flags) reload(log *daemon.Logger) func() (*conf.Config, error) {
	return func() (*conf.Config, error) {
		var said strings.Builder
		cfg := loadConf(f.conf, &said)
		if cfg == nil {
			return nil, fmt.Errorf("%s%s has errors", said.String(), f.conf)
		}
		for line := range strings.Lines(said.String()) {
			log.Sayf(dhcp.LevelWarning, "%s", strings.TrimSuffix(line, "\n"))
		}
		return cfg, nil
	}
}

// test does what -t and -T ask for.
func test(f flags, stderr io.Writer) int {
	if loadConf(f.conf, stderr) == nil {
		return exitFailed
	}
	if !f.testLeases {
		fmt.Fprintf(stderr, "%s: good\n", f.conf)
		return exitOK
	}
	if err := testLeases(f, stderr); err != nil {
		fmt.Fprintf(stderr, "dhcpfd: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// testLeases reads the lease store, or the file that would be imported,
// without changing anything.
func testLeases(f flags, stderr io.Writer) error {
	dir, file := f.store()
	report, err := store.Check(store.OSDir(dir))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, line := range report.Lines() {
		fmt.Fprintln(stderr, line)
	}
	if len(report.Damage) > 0 {
		return fmt.Errorf("the lease store is damaged; see failctl log check %s", dir)
	}
	if file == "" || report.Records > 0 {
		return nil
	}
	imported, err := daemon.ReadLeaseFile(file)
	if err != nil {
		return err
	}
	fmt.Fprintln(stderr, strings.Join(imported.Summary(), "\n"))
	return nil
}
