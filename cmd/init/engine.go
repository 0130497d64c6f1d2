package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tandem/images/layout"
	boxconf "tandem/init/box"
	"tandem/init/pair/config"
	"tandem/init/pair/history"
	"tandem/init/pair/version"
	"tandem/init/supervise"
)

// engineName is the name of dhcpfd among the services.
const engineName = "dhcpfd"

// dhcpfd is the service that this box is for. It runs as a user of its own
// with the capabilities that raw sockets and port 67 take.
func (b *box) dhcpfd() supervise.Service {
	args := []string{"-4", "-f", "-d", "-q", "--no-pid",
		"-cf", dhcpConf, "-lf", layout.LeasesDir, "--keys", layout.KeysDir,
		"--control", layout.Control, "--facts", factsPath}
	for _, w := range b.wanted {
		if w.Use == "lan" {
			args = append(args, w.Name)
		}
	}
	if b.config.Role != boxconf.Single && b.config.Peer.ISC {
		args = append(args, "--peer", b.config.PeerName()+":isc")
	}
	return supervise.Service{
		Name: engineName, Path: layout.DHCPd, Args: args,
		Env: []string{"JOURNAL_STREAM=init"}, // its lines then carry their severity
		UID: layout.ServiceUID, GID: layout.ServiceGID,
		Caps: []uintptr{unix.CAP_NET_RAW, unix.CAP_NET_BIND_SERVICE},
		Beat: beatTime, ReadyIn: 60 * time.Second, StopIn: 15 * time.Second,
	}
}

// writeDHCPConfig makes what dhcpfd reads: this box's failover peer block,
// then the pair's configuration in force, which is the same on both boxes.
func (b *box) writeDHCPConfig() error {
	if err := os.WriteFile(peerConf, []byte(b.config.PeerBlock()), 0o644); err != nil {
		return err
	}
	text := "include \"" + peerConf + "\";\ninclude \"" + activeConf + "\";\n"
	return os.WriteFile(dhcpConf, []byte(text), 0o644)
}

// activeConf is the pair's configuration in force.
var activeConf = filepath.Join(layout.PairConfigDir, layout.ActiveLink, layout.DHCPConfig)

// firstConfiguration makes a dhcpd.conf that was put onto the box without one
// the first version of the pair's configuration.
func (b *box) firstConfiguration() error {
	if _, err := os.Stat(activeConf); err == nil {
		return nil
	}
	raw, err := os.ReadFile(filepath.Join(dataDir, layout.DHCPConfig))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		store, err := history.Open(layout.PairConfigDir)
		if err != nil {
			return err
		}
		return store.Activate(version.ID{})
	case err != nil:
		return err
	}
	return config.Begin(layout.PairConfigDir, version.Files{version.Main: raw})
}

// nothingToServe tells whether the configuration in force has nothing but
// comments. One that cannot be read is dhcpfd's to complain about.
func nothingToServe() bool {
	raw, err := os.ReadFile(activeConf)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			return false
		}
	}
	return true
}
