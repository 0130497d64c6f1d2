package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tandem/failover/daemon/keyring"
	"tandem/images/layout"
	"tandem/init/boot"
	boxconf "tandem/init/box"
	"tandem/init/clock"
	"tandem/init/network"
	"tandem/init/pair"
	"tandem/init/pair/enrol"
	"tandem/init/setup"
)

// Rounds of questions to time servers in a test: the first exchange may be
// lost while the network learns of the box.
const (
	timeRounds = 3
	timePause  = time.Second
)

// TestTime implements setup.Machine.
func (m *machine) TestTime(ctx context.Context, c boxconf.Config) (answers []setup.TimeAnswer, err error) {
	defer guard(&err)
	m.testing.Lock()
	defer m.testing.Unlock()
	if named := m.portsNow.Load(); m.configNow.Load() == nil && named != nil {
		wanted, problems := network.Plan(boxconf.Config{LAN: c.LAN, Gateway: c.Gateway}, *named)
		if len(problems) > 0 {
			return nil, errors.New(problems[0])
		}
		undo, err := m.tryPort(ctx, wanted[0], c)
		if err != nil {
			return nil, err
		}
		defer undo()
	}
	samples := clock.Ask(ctx, c.NTP)
	for round := 1; round < timeRounds && ctx.Err() == nil; round++ {
		var again []string
		for _, s := range samples {
			if s.Err != nil {
				again = append(again, s.Server)
			}
		}
		if len(again) == 0 {
			break
		}
		select {
		case <-time.After(timePause):
		case <-ctx.Done():
		}
		better := clock.Ask(ctx, again)
		for i := range samples {
			if samples[i].Err != nil {
				samples[i], better = better[0], better[1:]
			}
		}
	}
	for _, s := range samples {
		answers = append(answers, setup.TimeAnswer{Server: s.Server, Offset: s.Offset, Distance: s.Distance, Stratum: int(s.Stratum), Err: s.Err})
	}
	return answers, ctx.Err()
}

// tryPort configures a port for a test; undo takes its address away again.
func (m *machine) tryPort(ctx context.Context, w network.Wanted, c boxconf.Config) (undo func(), err error) {
	if w.VLAN != 0 && m.loader != nil {
		if err := m.loader.Load("8021q"); err != nil {
			return nil, err
		}
	}
	if err := network.Try(w); err != nil {
		return nil, err
	}
	undo = func() {
		if err := network.Take(w.Name, w.Prefix); err != nil {
			m.log("%v", err)
		}
	}
	if !network.AwaitCarrier(ctx, w.Name, carrierWait) {
		undo()
		return nil, fmt.Errorf("%s has no carrier: check the cable, or choose another port", w.Label)
	}
	if err := writeResolv(c.DNS); err != nil {
		undo()
		return nil, err
	}
	return undo, nil
}

// checkLimit bounds the check of a configuration.
const checkLimit = 30 * time.Second

// CheckDHCP implements setup.Machine: dhcpfd itself reads the files.
func (m *machine) CheckDHCP(_ context.Context, c boxconf.Config, files []setup.File) (problems []string, err error) {
	defer guard(&err)
	dir, err := os.MkdirTemp(runDir, "check-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := writeFiles(dir, files); err != nil {
		return nil, err
	}
	main, peer := filepath.Join(dir, "whole"), filepath.Join(dir, "peer")
	if err := os.WriteFile(peer, []byte(c.PeerBlock()), 0o644); err != nil {
		return nil, err
	}
	text := fmt.Sprintf("include %q;\ninclude %q;\n", peer, filepath.Join(dir, setup.MainFile))
	if err := os.WriteFile(main, []byte(text), 0o644); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	code, err := m.reaper.Run(layout.DHCPd, []string{"-4", "-t", "-q", "-cf", main}, &out, checkLimit)
	if err != nil {
		return nil, err
	}
	if code == 0 {
		return nil, nil
	}
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimSpace(strings.ReplaceAll(line, dir+"/", "")); line != "" {
			problems = append(problems, line)
		}
	}
	return problems, nil
}

// writeFiles puts the files of a configuration into a directory.
func writeFiles(dir string, files []setup.File) error {
	for _, f := range files {
		if f.Name != filepath.Base(f.Name) || strings.HasPrefix(f.Name, ".") {
			return fmt.Errorf("%q cannot be the name of a file: it has no directory", f.Name)
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), []byte(f.Text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// reachTime is how long the way to the other box is tried: its port may come
// up a moment after ours.
const (
	reachTime  = 20 * time.Second
	reachEvery = time.Second
)

// Join implements setup.Machine.
func (m *machine) Join(ctx context.Context, j setup.Join, tell func(string)) (offer setup.Offer, err error) {
	defer guard(&err)
	m.Leave()
	m.testing.Lock()
	defer m.testing.Unlock()
	code, err := enrol.ParseCode(j.Code)
	if err != nil {
		return offer, err
	}
	name, err := m.port(j.Port)
	if err != nil {
		return offer, err
	}
	ring, err := keyring.Open(layout.KeysDir)
	if err != nil {
		return offer, err
	}
	own, _, err := ring.Own()
	if err != nil {
		return offer, err
	}
	tell("looking for the other box on " + j.Port)
	if err := network.Raise(name); err != nil {
		return offer, err
	}
	if !network.AwaitCarrier(ctx, name, carrierWait) {
		return offer, fmt.Errorf("%s has no carrier: check the cable, or choose another port", j.Port)
	}
	guest := netip.MustParsePrefix(layout.EnrolGuest)
	if err := network.Give(name, guest); err != nil {
		return offer, err
	}
	leave := func() {
		if err := network.Take(name, guest); err != nil {
			m.log("%v", err)
		}
	}
	asked := time.Now()
	s, err := enrol.Join(ctx, reachHost, own, code)
	if err != nil {
		leave()
		return offer, err
	}
	c, problems := boxconf.Parse("the other box's proposal", string(s.Offer.BoxConf))
	if len(problems) > 0 {
		s.Close()
		leave()
		return offer, fmt.Errorf("the other box proposes what this box does not understand: %v; both need the same version", problems[0])
	}
	m.joining = &joining{session: s, leave: leave}
	offer = setup.Offer{From: s.Offer.Host, Replace: s.Offer.Kind == enrol.Replacement, Box: c,
		Time: s.Offer.Time, Asked: asked.Add(time.Since(asked) / 2)}
	if v := s.Offer.Config; v != nil {
		offer.Version = int(v.Number)
		for _, n := range v.Files.Names() {
			offer.Files = append(offer.Files, setup.File{Name: n, Text: string(v.Files[n])})
		}
	}
	return offer, nil
}

// joining is a connection to the other box whose offer waits for an answer.
type joining struct {
	session *enrol.Session
	leave   func()
}

// reachHost connects to the box that lets others join.
func reachHost(ctx context.Context) (net.Conn, error) {
	host := netip.AddrPortFrom(netip.MustParsePrefix(layout.EnrolHost).Addr(), layout.EnrolPort).String()
	ctx, stop := context.WithTimeout(ctx, reachTime)
	defer stop()
	for {
		d := net.Dialer{Timeout: 3 * time.Second}
		conn, err := d.DialContext(ctx, "tcp4", host)
		if err == nil {
			return conn, nil
		}
		select {
		case <-time.After(reachEvery):
		case <-ctx.Done():
			return nil, errors.New("no box answers on this port: is the cable plugged in, and does the other box show a code?")
		}
	}
}

// Leave implements setup.Machine.
func (m *machine) Leave() {
	m.testing.Lock()
	j := m.joining
	m.joining = nil
	m.testing.Unlock()
	if j != nil {
		j.session.Close()
		j.leave()
	}
}

// Commit implements setup.Machine. box.conf is written last: a box without it
// begins its setup anew, and overwrites whatever else is there.
func (m *machine) Commit(ctx context.Context, r setup.Result) (err error) {
	defer guard(&err)
	text := r.Box.String()
	if _, problems := boxconf.Parse(layout.BoxConfig, text); len(problems) > 0 {
		return problems[0]
	}
	if !m.dataMounted {
		return errors.New("there is no data partition to write to")
	}
	m.testing.Lock()
	j := m.joining
	m.testing.Unlock()
	switch {
	case r.Joined && j == nil:
		return errors.New("the connection to the other box is gone: type the code again")
	case r.Joined:
		if err := j.session.Accept(ctx, []byte(text)); err != nil {
			return err
		}
		if err := pair.InstallOffer(layout.KeysDir, layout.PairDir, r.Box.PeerName(), j.session); err != nil {
			return err
		}
	default:
		if err := firstVersion(r.Files); err != nil {
			return err
		}
	}
	if err := storePassword(r.PasswordHash); err != nil {
		return err
	}
	if err := m.adoption().fromConsole(r.Leases); err != nil {
		return err
	}
	if err := boot.WriteFile(boxPath, []byte(text), 0o644); err != nil {
		return err
	}
	m.Leave()
	select {
	case m.committed <- struct{}{}:
	default: // the boot looks by itself
	}
	return nil
}

// storePassword keeps the hash of the console's password, or forgets it.
func storePassword(hash string) error {
	if hash == "" {
		if err := os.Remove(layout.PasswordFile); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	return boot.WriteFile(layout.PasswordFile, []byte(hash+"\n"), 0o600)
}
