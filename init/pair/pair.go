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
//	joined        there from the moment a box joined until its first session
//
// What it tells the rest of the box: status.json, renewed each second, and a
// control socket (package control) with the words
//
//	status                      the answer is Status
//	open [partner|replacement]  let a box join: as a new partner, or in the place
//	                            of the one that was; left out, the latter where
//	                            there was one. The answer is Status, with the code
//	close                       stop that
//	config ...                  the words of package config
package pair

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"sync/atomic"
	"time"

	"tandem/failover/daemon/control"
	"tandem/failover/daemon/keyring"
	"tandem/images/layout"
	"tandem/init/pair/config"
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

	callTime time.Duration // other than the usual one, in tests
}

// callTime is how long a box that joined may take to call. If it does not, its
// setup broke off after this box had pinned its key; then it may join again.
const callTime = 2 * time.Minute

// errAnew ends one life of the service's parts, because who the boxes are has
// changed on disk; the next begins at once.
var errAnew = errors.New("the box or its partner has changed")

// Run works until ctx ends or something is wrong that a new start may mend.
func Run(ctx context.Context, o Options) error {
	o.PairPort = cmp.Or(o.PairPort, layout.PairPort)
	o.EnrolPort = cmp.Or(o.EnrolPort, layout.EnrolPort)
	if !o.EnrolAddr.IsValid() {
		o.EnrolAddr = netip.MustParsePrefix(layout.EnrolHost).Addr()
	}
	o.callTime = cmp.Or(o.callTime, callTime)
	if o.Log == nil {
		o.Log = func(string, ...any) {}
	}
	count := &counters{}
	desk := &desk{}
	server, err := control.ListenLong(filepath.Join(o.Run, "control"), desk, func() { count.add("control-too-many") }, config.MaxRequest)
	if err != nil {
		return err
	}
	defer server.Close()
	var told keyring.Pin
	for {
		err := live(ctx, o, desk, count, &told)
		switch {
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, errAnew):
			return err
		}
	}
}

// desk answers requests for the life that is.
type desk struct{ life atomic.Pointer[life] }

// Ask implements control.Asker.
func (d *desk) Ask(words []string, done <-chan struct{}) <-chan control.Piece {
	if l := d.life.Load(); l != nil {
		return l.ask(words, done)
	}
	return one(control.Piece{Error: "the pair service is starting; try again"})
}

// one is an answer of one piece.
func one(p control.Piece) <-chan control.Piece {
	ch := make(chan control.Piece, 1)
	ch <- p
	close(ch)
	return ch
}
