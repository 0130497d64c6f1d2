// Package pair is the service that makes two boxes one pair: it lets a second
// box join by a short code (package enrol), keeps a TLS session with the
// partner in which both keys are pinned, exchanges heartbeats on both paths
// (package heartbeat), and keeps the pair's configuration the same on both
// (packages history and change). It runs as a process of its own, `/init pair`.
//
// What it keeps on disk, in Options.Dir:
//
//	config/       versions of the pair's configuration (package history)
//	partner.conf  the partner's box.conf, as it last told
//	partner.pub   the partner's public key, PEM; its pin is in the keyring
//
// What it tells the rest of the box: status.json, renewed each second, and a
// control socket (package control) with the words
//
//	status              the answer is Status
//	open [replacement]  let a box join, as new partner or in the partner's place
//	close               stop that
package pair

import (
	"context"
	"crypto/ed25519"
	"errors"
	"net/netip"

	"tandem/failover/daemon/keyring"
	"tandem/init/pair/enrol"
)

// Options are the places and ports that the service works with. The zero
// ports stand for those of package layout.
type Options struct {
	Box    string // file: this box's box.conf
	Keys   string // directory: the keyring
	Dir    string // directory: what the service keeps
	Run    string // directory: control socket "control" and "status.json"
	DHCPd  string // program: checks a configuration (-t -cf FILE)
	Engine string // control socket of dhcpfd

	PairPort  uint16 // TCP and UDP
	EnrolPort uint16 // TCP
	// EnrolAddr is where boxes that join find this one; the service listens as
	// soon as the address is there.
	EnrolAddr netip.Addr
	// Log takes one line for a person.
	Log func(format string, args ...any)
}

// Run works until ctx ends or something is wrong that a new start may mend.
func Run(ctx context.Context, o Options) error {
	return errors.New("pair: Run is being written")
}

// Partnership is what makes a box the partner of another.
type Partnership struct {
	Peer      string // name of the failover relationship (box.Config.PeerName)
	Pin       keyring.Pin
	PublicKey ed25519.PublicKey
	BoxConf   []byte // the partner's box.conf
}

// Install writes a partnership to the keyring and to the service's directory.
// The pin in the keyring is written last: a box with it is paired.
func Install(keys, dir string, p Partnership) error {
	return errors.New("pair: Install is being written")
}

// InstallOffer is what a joining box does once enrol.Session.Accept returned
// nil: the configuration becomes the version in force, the host's key is
// pinned. The caller then puts boxConf in place.
func InstallOffer(keys, dir, peer string, s *enrol.Session) error {
	return errors.New("pair: InstallOffer is being written")
}
