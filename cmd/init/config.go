package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"tandem/images/layout"
	"tandem/init/pair/history"
	"tandem/init/pair/version"
	"tandem/init/setup"
)

// doConfig does what concerns the pair's configuration.
func (m *machine) doConfig(_ context.Context, a setup.Action) (setup.Answer, error) {
	return setup.Answer{}, fmt.Errorf("%T is not known here", a)
}

// installFirst makes files version 1 of the pair's configuration.
func installFirst(files version.Files) error {
	store, err := history.Open(layout.PairConfigDir)
	if err != nil {
		return err
	}
	v := version.First(files)
	if err := store.Put(v); err != nil {
		return err
	}
	return store.Activate(v.ID())
}

// installNothing puts an empty configuration in force.
func installNothing() error {
	store, err := history.Open(layout.PairConfigDir)
	if err != nil {
		return err
	}
	return store.Activate(version.ID{})
}

// firstVersion makes what the questions yielded version 1, whatever a setup
// that was cut short left behind.
func firstVersion(files []setup.File) error {
	if err := os.RemoveAll(layout.PairDir); err != nil {
		return err
	}
	pins, err := filepath.Glob(filepath.Join(layout.KeysDir, "partner-*"))
	if err != nil {
		return err
	}
	for _, p := range pins {
		if err := os.Remove(p); err != nil {
			return err
		}
	}
	if err := ownDirectory(layout.PairDir, 0o750); err != nil {
		return err
	}
	all := version.Files{}
	for _, f := range files {
		all[f.Name] = []byte(f.Text)
	}
	if len(all) == 0 {
		return installNothing()
	}
	return installFirst(all)
}
