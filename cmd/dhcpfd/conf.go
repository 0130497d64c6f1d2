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
	"tandem/failover/node"
	"tandem/failover/store"
)

// loadConf loads a configuration and says what is wrong with it; ok is false
// if it can not be used.
func loadConf(file string, say func(text string)) (cfg *conf.Config, ok bool) {
	cfg, list := conf.Load(file, os.ReadFile)
	for _, d := range list {
		say(strings.TrimSuffix(d.Format(), "\n"))
	}
	return cfg, cfg != nil
}

// reload gives what SIGHUP does: the file is read again.
func (f *flags) reload(log *daemon.Logger) func() (*conf.Config, error) {
	return func() (*conf.Config, error) {
		cfg, ok := loadConf(f.conf, func(text string) {
			for line := range strings.Lines(text) {
				log.Sayf(dhcp.LevelError, "%s", strings.TrimSuffix(line, "\n"))
			}
		})
		if !ok {
			return nil, fmt.Errorf("%s has errors", f.conf)
		}
		return cfg, nil
	}
}

// test does what -t and -T ask for.
func test(f flags, stderr io.Writer) int {
	cfg, ok := loadConf(f.conf, func(text string) { fmt.Fprintln(stderr, text) })
	if !ok {
		return exitFailed
	}
	if !f.testLeases {
		fmt.Fprintf(stderr, "%s: good\n", f.conf)
		return exitOK
	}
	if err := testLeases(f, cfg, stderr); err != nil {
		fmt.Fprintf(stderr, "dhcpfd: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// testLeases reads the lease store, or the file that would be imported,
// without changing anything.
func testLeases(f flags, cfg *conf.Config, stderr io.Writer) error {
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
	_ = node.Options{Config: cfg}
	return nil
}
