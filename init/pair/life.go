package pair

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tandem/failover/daemon/control"
	"tandem/failover/daemon/keyring"
	"tandem/init/box"
	"tandem/init/pair/enrol"
	"tandem/init/pair/frame"
	"tandem/init/pair/heartbeat"
)

// ownKey is this box's key.
type ownKey struct {
	cert tls.Certificate
	pin  keyring.Pin
}

// sinceBoot is CLOCK_BOOTTIME in nanoseconds.
func sinceBoot() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0 // never, on Linux
	}
	return ts.Nano()
}

// life is the service's parts while the boxes are who they are.
type life struct {
	o      Options
	id     identity
	began  time.Time
	count  *counters
	config configuration
	link   *link              // nil without a pinned partner
	beats  *heartbeat.Service // nil without the partner's key
	door   *door

	uncalled enrol.Kind // how the partner joined, until its first session
	reopened bool       // the door, for it

	mu           sync.Mutex
	partnerBox   box.Config // as last told
	partnerText  []byte
	partnerOK    bool
	saveTrouble  string // why the partner's files could not be written
	rekeyTrouble string // why dhcpfd does not know the partner's key
}

// live is one life; its end is never nil while ctx goes on.
func live(ctx context.Context, o Options, desk *desk, count *counters, told *keyring.Pin) error {
	id, err := readIdentity(o)
	if err != nil {
		return err
	}
	l := &life{o: o, id: id, began: time.Now(), count: count, partnerBox: id.partnerBox, partnerText: id.partnerText, partnerOK: id.partnerOK}
	if raw, err := os.ReadFile(filepath.Join(o.Dir, joinedMark)); err == nil && id.paired {
		l.uncalled = enrol.Kind(raw)
	}
	if l.config, err = openConfiguration(o, &l.id); err != nil {
		return err
	}
	l.door = newDoor(o, &l.id, l.config.Active, l.partnerConf, count)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { cancel(l.config.Run(ctx)) })
	all.Go(func() {
		if l.door.run(ctx) {
			cancel(errAnew)
		}
	})
	if l.id.paired {
		l.link = newLink(&l.id, o.PairPort, l, count, o.Log)
		all.Go(func() { l.link.run(ctx) })
	}
	if l.id.partner != nil {
		l.beats = heartbeat.New(l.heartbeats())
		all.Go(func() { l.beats.Run(ctx) })
	}
	all.Go(func() { l.rekey(ctx, told) })
	desk.life.Store(l)
	defer desk.life.Store(nil)
	cancel(l.watch(ctx))
	return context.Cause(ctx)
}

func (l *life) heartbeats() heartbeat.Options {
	o := heartbeat.Options{Partner: l.id.partner, Clock: sinceBoot}
	o.Own, _ = l.id.own.cert.PrivateKey.(ed25519.PrivateKey) // the keyring makes no others
	for _, r := range routes(&l.id.box) {
		o.Links = append(o.Links, heartbeat.Link{Path: r.path,
			Local: netip.AddrPortFrom(r.own, l.o.PairPort), Remote: netip.AddrPortFrom(r.other, l.o.PairPort)})
	}
	return o
}

// watch renews the status file each second, and looks whether the boxes are
// still who they were.
func (l *life) watch(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		if err := l.writeStatus(); err != nil {
			return err
		}
		l.awaitCall()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		now, err := readIdentity(l.o)
		if err != nil {
			return err
		}
		if !now.same(&l.id) && !l.door.joining() {
			l.o.Log("box.conf or the partner's key has changed: beginning anew")
			return errAnew
		}
	}
}

// awaitCall opens the door again for a box that joined and never called.
func (l *life) awaitCall() {
	if l.uncalled == "" || l.link == nil {
		return
	}
	switch s, _, _ := l.link.session(); {
	case s != nil:
		if err := os.Remove(filepath.Join(l.o.Dir, joinedMark)); err != nil {
			l.o.Log("%v", err)
		}
		if l.reopened {
			l.door.set("")
		}
		l.uncalled = ""
	case time.Since(l.began) > l.o.callTime && !l.reopened: // once: an operator may close the door
		l.o.Log("the box that joined has not called: it may join again")
		l.door.set(l.uncalled)
		l.reopened = true
	}
}

func (id *identity) same(other *identity) bool {
	return bytes.Equal(id.boxText, other.boxText) && id.own.pin == other.own.pin &&
		id.paired == other.paired && id.pin == other.pin && id.partner.Equal(other.partner)
}

func (l *life) writeStatus() error {
	s := l.status()
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	// Nobody needs it after a power cut: it is not synced.
	path := filepath.Join(l.o.Run, "status.json")
	if err := os.WriteFile(path+".new", append(raw, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// up implements listener.
func (l *life) up(s *session) {
	l.keepPartner(s)
	l.config.LinkUp(func(msg []byte) bool {
		if s.send(frame.Frame{Kind: kindChange, Body: msg}) {
			return true
		}
		l.count.add("session-send-full")
		return false
	})
}

// receive implements listener.
func (l *life) receive(msg []byte) error { return l.config.Receive(msg) }

// down implements listener.
func (l *life) down(*session) { l.config.LinkDown() }

// quiet implements listener: a change of the configuration is not disturbed.
func (l *life) quiet() bool { return l.config.Status().Change == nil }

// keepPartner writes down what the partner said of itself.
func (l *life) keepPartner(s *session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	trouble := error(nil)
	if !bytes.Equal(l.partnerText, s.hello.BoxConf) {
		trouble = replaceFile(filepath.Join(l.o.Dir, partnerConf), s.hello.BoxConf)
	}
	l.partnerBox, l.partnerText, l.partnerOK = s.box, s.hello.BoxConf, true
	if l.id.partner == nil { // pinned by hand; the next look at the disk finds it
		trouble = errors.Join(trouble, Install(l.o.Keys, l.o.Dir,
			Partnership{Peer: l.id.box.PeerName(), Pin: l.id.pin, PublicKey: s.key, BoxConf: s.hello.BoxConf}))
	}
	l.saveTrouble = ""
	if trouble != nil {
		l.saveTrouble = fmt.Sprintf("what the partner told of itself cannot be kept (%v): free some space on the data partition, or look at its disk", trouble)
	}
}

// partner gives what the partner last told of itself.
func (l *life) partner() (c box.Config, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.partnerBox, l.partnerOK
}

// troubles are what could not be done about the partner.
func (l *life) troubles() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc([]string{l.saveTrouble, l.rekeyTrouble}, func(s string) bool { return s == "" })
}

// partnerConf is the partner's box.conf.
func (l *life) partnerConf() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.partnerText
}

// ask answers one request of the control socket.
func (l *life) ask(words []string, done <-chan struct{}) <-chan control.Piece {
	switch words[0] {
	case "config":
		return l.config.Ask(words, done)
	case "status":
		if len(words) > 1 {
			return one(control.Piece{Error: "status takes no arguments"})
		}
		return one(l.statusPiece())
	case "open":
		return l.open(words[1:], done)
	case "close":
		if len(words) > 1 {
			return one(control.Piece{Error: "close takes no arguments"})
		}
		l.door.set("")
		l.o.Log("pairing is closed")
		return one(l.statusPiece())
	}
	return one(control.Piece{Error: fmt.Sprintf("the pair service does not know %.20q: status, open, close and config", words[0])})
}

func (l *life) statusPiece() control.Piece {
	raw, err := json.Marshal(l.status())
	if err != nil {
		return control.Piece{Error: err.Error()}
	}
	return control.Piece{Body: raw}
}

// open opens the door and answers when there is a code.
func (l *life) open(args []string, done <-chan struct{}) <-chan control.Piece {
	kind, err := l.kindOf(args)
	if err != nil {
		return one(control.Piece{Error: err.Error()})
	}
	l.door.set(kind)
	l.o.Log("pairing is open (%s)", kind)
	ch := make(chan control.Piece, 1)
	go func() {
		defer close(ch)
		// PID 1 sees in status.json that the door is open, and gives it its
		// address; the code is there soon after.
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for end := time.Now().Add(openTime); l.door.state().window.Code == "" && time.Now().Before(end); {
			select {
			case <-tick.C:
			case <-done:
				return
			}
		}
		ch <- l.statusPiece()
	}()
	return ch
}

// openTime is how long `open` waits for the code.
const openTime = 5 * time.Second

// kindOf says what the door is opened for.
func (l *life) kindOf(args []string) (enrol.Kind, error) {
	_, known := l.partner()
	switch {
	case !l.id.box.NeedsKey() && l.id.box.Role == box.Single:
		return "", errors.New("this box is single: give it a role, and the partner's address, in its box.conf first")
	case !l.id.box.NeedsKey() && l.id.box.Peer.ISC:
		return "", errors.New("the partner is an ISC dhcpd (peer ... kind isc in box.conf): it cannot join; remove those words first")
	case len(args) > 1:
		return "", errors.New("open takes partner, replacement, or nothing")
	case len(args) == 0 && known:
		return enrol.Replacement, nil
	case len(args) == 0 || args[0] == string(enrol.Partner):
		return enrol.Partner, nil
	case args[0] != string(enrol.Replacement):
		return "", fmt.Errorf("a box joins as partner or as replacement, not as %.20q", args[0])
	case !known:
		return "", errors.New("this box never had a partner whose place another could take: open it for a new partner (`failctl pair open partner`)")
	}
	return enrol.Replacement, nil
}
