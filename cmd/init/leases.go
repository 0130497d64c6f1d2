package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tandem/images/layout"
	"tandem/init/boot"
	boxconf "tandem/init/box"
	"tandem/init/setup"
)

// Bounds of a foreign lease file. It is kept in memory while a person decides;
// dhcpd makes the file small again when it starts.
const (
	maxLeaseFile = 32 << 20
	adoptLimit   = 4 * time.Minute
)

// refusedEnding marks a file that was given with the configuration and could
// not be taken: nothing is served until there is a better one.
const refusedEnding = ".refused"

// adoption takes the leases of the dhcpd whose place this box takes, once,
// before anybody is served. A file waits as layout.DHCPLeases in data; it is
// there before box.conf is, and goes when the store has its leases. The store
// takes all of them or none, and only if it is empty, so a power cut anywhere
// repeats what was cut or finds it done.
type adoption struct {
	data, store string // directories
	offered     string // what a console has looked at
	config      boxconf.Config
	// failctl runs that program; own gives a directory to the service.
	failctl func(words ...string) (said []byte, code int, err error)
	own     func(dir string) error
}

func (b *box) adoption() adoption {
	return adoption{data: dataDir, store: layout.LeasesDir, offered: runDir + "/" + layout.DHCPLeases, config: b.config, own: giveAway,
		failctl: func(words ...string) ([]byte, int, error) {
			var said bytes.Buffer
			code, err := b.reaper.Run(layout.FailCtl, words, &said, adoptLimit)
			return said.Bytes(), code, err
		}}
}

func (a adoption) waiting() string { return filepath.Join(a.data, layout.DHCPLeases) }
func (a adoption) refused() string { return a.waiting() + refusedEnding }

func there(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// takeover is what failctl says about a lease file.
type takeover struct {
	Leases int       `json:"leases"`
	Bound  int       `json:"bound"`
	Newest time.Time `json:"newest"`
	Store  int       `json:"store"`
	Bad    []string  `json:"bad"`
	Notes  []string  `json:"notes"`
	Remedy string    `json:"remedy"`
}

// ask has failctl check or adopt a file.
func (a adoption) ask(words ...string) (t takeover, err error) {
	if a.config.Role != boxconf.Single && a.config.Peer.ISC {
		words = append(words, "--partner-stays")
	}
	said, code, err := a.failctl(append([]string{"leases", "--json"}, words...)...)
	if err != nil {
		return t, err
	}
	if json.Unmarshal(said, &t) != nil || code != 0 && len(t.Bad) == 0 {
		return t, errors.New(strings.TrimSpace(string(said)))
	}
	return t, nil
}

// fromBoot lets the file on the boot partition, mounted at dir, wait: together
// with box.conf at the first start, or in place of one that was refused. lost:
// the box has run before and lost its data, so the file is history.
func (a adoption) fromBoot(dir string, lost bool) (taken []string, err error) {
	place := filepath.Join(dir, layout.Provision)
	first := there(filepath.Join(place, layout.BoxConfig)) && !a.setUp() && !lost
	if !first && !there(a.refused()) {
		return nil, nil
	}
	raw, err := readLeases(filepath.Join(place, layout.DHCPLeases))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = a.wait(raw)
	}
	if err != nil {
		return nil, fmt.Errorf("%s on the partition %s: %w", layout.DHCPLeases, layout.Boot, err)
	}
	return []string{layout.DHCPLeases}, nil
}

// setUp tells whether the box has a configuration that is good.
func (a adoption) setUp() bool {
	raw, err := os.ReadFile(filepath.Join(a.data, layout.BoxConfig))
	if err != nil {
		return false
	}
	_, problems := boxconf.Parse(layout.BoxConfig, string(raw))
	return len(problems) == 0
}

// fromConsole lets the file wait that a console has looked at, or none.
func (a adoption) fromConsole(wanted bool) error {
	for _, name := range []string{a.waiting(), a.refused()} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if !wanted {
		return nil
	}
	raw, err := readLeases(a.offered)
	if err == nil {
		err = a.wait(raw)
	}
	if err != nil {
		return fmt.Errorf("the leases of the old server: %w", err)
	}
	return nil
}

// wait keeps a file until adopt takes it.
func (a adoption) wait(raw []byte) error {
	if a.served() {
		return errors.New("this box has leases of its own already, which would contradict: forget everything (menu, system) first")
	}
	if err := boot.WriteFile(a.waiting(), raw, 0o600); err != nil {
		return err
	}
	if err := os.Remove(a.refused()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// served tells whether dhcpfd has ever run here.
func (a adoption) served() bool {
	for _, pattern := range []string{"log-*", "snapshot-*"} {
		if found, _ := filepath.Glob(filepath.Join(a.store, pattern)); len(found) > 0 {
			return true
		}
	}
	return false
}

// adopt fills the store with the leases of the file that waits. said is empty
// if there is none.
func (a adoption) adopt() (said string, err error) {
	if !there(a.waiting()) {
		if why, err := os.ReadFile(a.refused()); err == nil {
			return "", errors.New(string(why))
		}
		return "", nil
	}
	t, err := a.ask("adopt", a.waiting(), a.store)
	if err != nil {
		return "", err
	}
	if len(t.Bad) > 0 {
		return "", a.refuse(t)
	}
	if err := a.own(a.store); err != nil {
		return "", err
	}
	said = t.String()
	if t.Store != 0 {
		said = layout.DHCPLeases + ": taken before"
	}
	return said, os.Remove(a.waiting())
}

// refuse keeps word of a file that can not be taken.
func (a adoption) refuse(t takeover) error {
	why := fmt.Sprintf("%s can not be taken: %s. Remedy: %s; put it into %s on the partition %s and start again (an empty file: begin without leases)",
		layout.DHCPLeases, strings.Join(t.Bad, "; "), t.Remedy, layout.Provision, layout.Boot)
	if err := boot.WriteFile(a.refused(), []byte(why), 0o600); err != nil {
		return err
	}
	return errors.Join(errors.New(why), os.Remove(a.waiting()))
}

// waits says what keeps dhcpfd from its start, "" if nothing does.
func (a adoption) waits() string {
	switch {
	case there(a.waiting()):
		return "the leases of the old server are not taken yet"
	case there(a.refused()):
		return "the leases of the old server can not be taken; the alarms say why"
	}
	return ""
}

// String says what was taken.
func (t takeover) String() string {
	said := fmt.Sprintf("%d leases of the old server taken, %d of them in use", t.Leases, t.Bound)
	if !t.Newest.IsZero() {
		said += ", the newest of " + t.Newest.Format(time.DateTime) + " UTC"
	}
	return strings.Join(append([]string{said}, t.Notes...), "; ")
}

// adoptLeases is the boot step: the clock is trusted, nobody is served yet.
func (b *box) adoptLeases(context.Context) (string, error) { return b.adoption().adopt() }

// readLeases reads a lease file that is not too large.
func readLeases(name string) ([]byte, error) {
	info, err := os.Lstat(name)
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	if err != nil {
		return nil, err
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxLeaseFile+1))
	if err == nil && len(raw) > maxLeaseFile {
		err = fmt.Errorf("it has more than %d MiB: start the old dhcpd once more, which makes the file small, and stop it", maxLeaseFile>>20)
	}
	return raw, err
}

// debian is where Debian has its dhcpd.conf, and there the leases are in
// debianLeases, seen from it.
const (
	debian       = "etc/dhcp"
	debianLeases = "../../var/lib/dhcp"
)

// Leases implements setup.Machine.
func (m *machine) Leases(_ context.Context, c boxconf.Config, s setup.Source) (found *setup.LeaseFile, err error) {
	defer guard(&err)
	device, name, ok := strings.Cut(s.ID, sourceSeparator)
	if !ok {
		return nil, fmt.Errorf("%q is no source", s.ID)
	}
	a := m.adoption()
	a.config = c
	err = m.visit(device, false, func(dir string) (err error) {
		found, err = a.look(filepath.Join(dir, filepath.Dir(name)))
		return err
	})
	if err != nil || found == nil {
		return nil, err
	}
	t, err := a.ask("check", a.offered)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", found.Label, err)
	}
	found.Leases, found.Bound, found.Newest = t.Leases, t.Bound, t.Newest
	found.Bad, found.Remedy, found.Notes = t.Bad, t.Remedy, t.Notes
	return found, nil
}

// look copies the lease file that belongs to the dhcpd.conf in dir, if there is
// one, into memory: a stick may be gone when everything is written.
func (a adoption) look(dir string) (*setup.LeaseFile, error) {
	places := []string{dir}
	if strings.HasSuffix(dir, "/"+debian) {
		places = append(places, filepath.Join(dir, debianLeases))
	}
	for _, p := range places {
		raw, err := readLeases(filepath.Join(p, layout.DHCPLeases))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", layout.DHCPLeases, err)
		}
		return &setup.LeaseFile{Label: fmt.Sprintf("%s, %d octets", layout.DHCPLeases, len(raw))}, os.WriteFile(a.offered, raw, 0o600)
	}
	return nil, nil
}
