package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tandem/images"
	"tandem/images/apt"
)

// kernelUpdate writes the lock file anew with what the mirrors have now, and
// fetches it, so that a version that cannot be had is never locked.
func (c *config) kernelUpdate(ctx context.Context) error {
	log := progress()
	sources, err := c.sources(c.suite)
	if err != nil {
		return err
	}
	before, _ := os.ReadFile(c.lock) // absent the first time
	lock := apt.Lock{Suite: c.suite}
	packages := images.Packages()
	for _, arch := range slices.Sorted(maps.Keys(packages)) {
		root, err := apt.NewRoot(filepath.Join(c.cache, "apt", arch), arch, sources)
		if err != nil {
			return err
		}
		root.Log = log
		for _, name := range packages[arch] {
			if images.IsKernel(name) {
				if name, err = root.Behind(ctx, name, name[:strings.LastIndex(name, "-")+1]); err != nil {
					return err
				}
			}
			p, err := root.Latest(ctx, name)
			if err != nil {
				return err
			}
			if _, err := root.Fetch(ctx, p, filepath.Join(c.cache, "debs")); err != nil {
				return err
			}
			lock.Packages = append(lock.Packages, p)
		}
	}
	text := lock.String()
	if text == string(before) {
		log("%s is up to date", c.lock)
		return nil
	}
	for _, p := range lock.Packages {
		log("%s %s %s", p.Arch, p.Name, p.Version)
	}
	if err := os.WriteFile(c.lock, []byte(text), 0o644); err != nil {
		return err
	}
	log("%s is renewed; build, test and commit it", c.lock)
	return nil
}

// sources returns the mirrors: those given by hand, or the host's.
func (c *config) sources(suite string) ([]apt.Source, error) {
	if len(c.mirrors) > 0 {
		return apt.MirrorSources(c.mirrors, suite), nil
	}
	return apt.Host(suite)
}
