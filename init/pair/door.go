package pair

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"tandem/init/box"
	"tandem/init/pair/enrol"
	"tandem/init/pair/version"
)

// door lets boxes join. It is open while a primary has no partner, and when an
// operator opens it.
type door struct {
	o      Options
	id     *identity
	config func() (*version.Version, error) // the version in force, nil if none
	// partner is the partner's box.conf as it last told.
	partner func() []byte
	count   *counters

	mu     sync.Mutex
	kind   enrol.Kind // empty: closed
	window enrol.Window
	ready  bool // boxes can reach it
	// pinning: a box is joining, and what is on disk is not yet what the rest
	// of the service should go by.
	pinning bool
	why     string // why not
	close   context.CancelFunc
	wish    chan struct{} // tells that kind was changed
}

func newDoor(o Options, id *identity, config func() (*version.Version, error), partner func() []byte, count *counters) *door {
	d := &door{o: o, id: id, config: config, partner: partner, count: count, wish: make(chan struct{}, 1)}
	if id.box.NeedsKey() && !id.paired && id.box.Role == box.Primary {
		d.kind = enrol.Partner
	}
	return d
}

// set opens the door for a kind of offer, or closes it. An enrolment that is
// under way ends.
func (d *door) set(kind enrol.Kind) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.kind, d.window = kind, enrol.Window{}
	if d.close != nil {
		d.close()
	}
	select {
	case d.wish <- struct{}{}:
	default: // it was told already
	}
}

// doorState is what the door shows.
type doorState struct {
	kind   enrol.Kind
	window enrol.Window
	why    string // why boxes cannot reach it, empty if they can
}

func (d *door) state() doorState {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := doorState{kind: d.kind, window: d.window}
	if d.kind != "" && !d.ready {
		s.why = d.why
	}
	return s
}

// joining tells whether a box is about to be the partner: its enrolment must
// come to its end before the service begins anew with it.
func (d *door) joining() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.pinning
}

// run serves until a box has joined (true) or ctx ends.
func (d *door) run(ctx context.Context) bool {
	for ctx.Err() == nil {
		d.mu.Lock()
		kind := d.kind
		inner, cancel := context.WithCancel(ctx)
		d.close = cancel
		d.mu.Unlock()
		joined := false
		if kind == "" {
			select {
			case <-d.wish:
			case <-ctx.Done():
			}
		} else {
			joined = d.serve(inner, kind)
		}
		cancel()
		if joined {
			return true
		}
	}
	return false
}

// serve is one time of being open.
func (d *door) serve(ctx context.Context, kind enrol.Kind) bool {
	l := d.listen(ctx)
	if l == nil {
		return false
	}
	host := enrol.Host{
		Own:   d.id.own.cert,
		Offer: func() (enrol.Offer, error) { return d.offer(kind) },
		Check: d.check,
		Pin: func(j enrol.Joined) error {
			d.mu.Lock()
			d.pinning = true
			d.mu.Unlock()
			if err := replaceFile(filepath.Join(d.o.Dir, joinedMark), []byte(kind)); err != nil {
				return err
			}
			return Install(d.o.Keys, d.o.Dir, Partnership{Peer: d.id.box.PeerName(), Pin: j.Pin, PublicKey: j.PublicKey, BoxConf: j.BoxConf})
		},
		Tell: func(w enrol.Window) {
			d.mu.Lock()
			defer d.mu.Unlock()
			if ctx.Err() == nil {
				d.window = w
			}
		},
	}
	joined, err := host.Serve(ctx, l)
	d.mu.Lock()
	d.ready, d.pinning = false, false
	d.mu.Unlock()
	if err != nil {
		return false
	}
	d.count.add("enrol-joined")
	d.o.Log("a box joined; its key's pin is %v", joined.Pin)
	return true
}

// listen waits until the address is there, which PID 1 gives to a port once
// status.json says that the door is open.
func (d *door) listen(ctx context.Context) net.Listener {
	addr := netip.AddrPortFrom(d.o.EnrolAddr, d.o.EnrolPort).String()
	for ctx.Err() == nil {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp4", addr)
		d.mu.Lock()
		d.ready = err == nil
		if err != nil {
			d.why = fmt.Sprintf("boxes cannot reach this one yet at %s: %s", addr, reasonOf(err))
		}
		d.mu.Unlock()
		if err == nil {
			return l
		}
		d.count.add("enrol-listen-failed")
		pause(ctx, redial)
	}
	return nil
}

// offer is what a box that joins is offered: the place of the partner that was,
// or of a new one.
func (d *door) offer(kind enrol.Kind) (enrol.Offer, error) {
	o := enrol.Offer{Kind: kind, Host: d.id.box.Name, HostConf: d.id.boxText, Time: time.Now().UTC(), BoxConf: d.partner()}
	if kind == enrol.Partner {
		theirs := d.id.box.ForPartner(newName(&d.id.box))
		o.BoxConf = []byte(theirs.String())
	}
	v, err := d.config()
	if err != nil {
		return o, fmt.Errorf("its configuration cannot be read: %w", err)
	}
	o.Config = v
	return o, nil
}

// check judges the box.conf of a box that joins: the two must fit each other.
func (d *door) check(raw []byte) error {
	theirs, problems := box.Parse("box.conf", string(raw))
	if len(problems) > 0 {
		all := make([]error, len(problems))
		for i, p := range problems {
			all[i] = p
		}
		return errors.Join(all...)
	}
	if bad := misfits(&d.id.box, &theirs); len(bad) > 0 {
		all := make([]error, len(bad))
		for i, text := range bad {
			all[i] = errors.New(text)
		}
		return errors.Join(all...)
	}
	return nil
}

// misfits says in which points two boxes are not set up for each other; each
// text has a remedy.
func misfits(own, theirs *box.Config) []string {
	var all []string
	add := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if theirs.Name == own.Name {
		add("both boxes are called %s: change the name of one in its box.conf", own.Name)
	}
	if theirs.Role == own.Role || theirs.Role == box.Single {
		add("%s has the role %s and %s the role %s: one must be primary, the other secondary", own.Name, own.Role, theirs.Name, theirs.Role)
	}
	if theirs.PeerName() != own.PeerName() {
		add("the relationship is called %q at %s and %q at %s: give both the same name in the peer line of box.conf", own.PeerName(), own.Name, theirs.PeerName(), theirs.Name)
	}
	if theirs.LAN.Prefix.Addr() != own.Partner.LAN {
		add("%s has the LAN address %v, but %s looks for it at %v: correct the partner line of %s", theirs.Name, theirs.LAN.Prefix.Addr(), own.Name, own.Partner.LAN, own.Name)
	}
	if theirs.Partner.LAN != own.LAN.Prefix.Addr() {
		add("%s has the LAN address %v, but %s looks for it at %v: correct the partner line of %s", own.Name, own.LAN.Prefix.Addr(), theirs.Name, theirs.Partner.LAN, theirs.Name)
	}
	ownDirect, theirDirect := own.Direct.Configured(), theirs.Direct.Configured()
	switch {
	case ownDirect != theirDirect:
		has, lacks := own.Name, theirs.Name
		if theirDirect {
			has, lacks = lacks, has
		}
		add("%s has a direct cable, %s has none: give both a direct line in box.conf, or none", has, lacks)
	case ownDirect && (theirs.Direct.Prefix.Addr() != own.Partner.Direct || theirs.Partner.Direct != own.Direct.Prefix.Addr()):
		add("the ends of the direct cable do not fit: %s has %v and looks for %v, %s has %v and looks for %v; correct the direct and partner lines",
			own.Name, own.Direct.Prefix.Addr(), own.Partner.Direct, theirs.Name, theirs.Direct.Prefix.Addr(), theirs.Partner.Direct)
	}
	return all
}
