package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tandem/init/pair/change"
	"tandem/init/pair/history"
	"tandem/init/pair/version"
)

// Begin makes files the first version of a history that is empty; it does
// nothing if there is one. No Keeper may be open.
func Begin(dir string, files version.Files) error {
	store, err := history.Open(dir)
	if err != nil {
		return err
	}
	if raw, err := store.Memory(); raw != nil || err != nil {
		return err
	}
	_, err = install(store, version.First(files), nil)
	return err
}

// Adopt makes a version that the partner handed over at pairing the one in
// force, whatever was there before. No Keeper may be open.
func Adopt(dir string, v *version.Version) error {
	store, err := history.Open(dir)
	if err != nil {
		return err
	}
	var chain []version.ID
	if v.Parent != (version.ID{}) {
		chain = []version.ID{v.Parent}
	}
	_, err = install(store, v, chain)
	return err
}

// install puts a version in force before the service runs. What is remembered
// comes last: without it the next start does the same again.
func install(store *history.Store, v *version.Version, chain []version.ID) (change.Memory, error) {
	m := change.Memory{Settled: v.Ref(), Chain: chain, Highest: v.Number}
	raw, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return m, err
	}
	for _, do := range []func() error{
		func() error { return store.Put(v) },
		func() error { return store.Note(v.ID(), string(change.Committed), "") },
		func() error { return store.Activate(v.ID()) },
		func() error { return store.SaveMemory(append(raw, '\n')) },
	} {
		if err := do(); err != nil {
			return change.Memory{}, err
		}
	}
	return m, nil
}

// begin makes the first version of the files that are in force already. Files
// of comments only count as none: any version of the partner is better.
func begin(store *history.Store, dir string) (change.Memory, error) {
	files, err := readFiles(filepath.Join(dir, history.ActiveLink))
	if errors.Is(err, fs.ErrNotExist) || err == nil && blank(files) {
		return change.Memory{}, nil
	}
	if err != nil {
		return change.Memory{}, fmt.Errorf("configuration of the pair: %w", err)
	}
	if active, err := store.Active(); err == nil && active != (version.ID{}) {
		v, err := store.Get(active) // what is remembered got lost
		if err != nil {
			return change.Memory{}, err
		}
		return install(store, v, ancestors(store, v))
	}
	return install(store, version.First(files), nil)
}

// ancestors follows the parents of a version as far as they are kept.
func ancestors(store *history.Store, v *version.Version) []version.ID {
	var chain []version.ID
	for id := v.Parent; id != (version.ID{}) && len(chain) < change.ChainLength; {
		chain = append(chain, id)
		e, err := store.Entry(id)
		if err != nil {
			break
		}
		id = e.Parent
	}
	return chain
}

// readFiles reads a directory of files.
func readFiles(dir string) (version.Files, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	files := version.Files{}
	for _, e := range entries {
		if version.CheckName(e.Name()) != nil || !e.Type().IsRegular() {
			continue
		}
		if files[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func blank(files version.Files) bool {
	for _, name := range files.Names() {
		for line := range strings.Lines(string(files[name])) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
				return false
			}
		}
	}
	return true
}
