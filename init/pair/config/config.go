// Package config is the configuration of the pair on one box: it carries out
// what package change decides (history on disk, dhcpfd's check and reload), and
// answers the operator's words. It has no sockets of its own: the pair service
// gives it the session's messages and takes those that are to be sent.
//
//	k, err := config.Open(config.Options{...})
//	go k.Run(ctx)                    // decides; everything else may be called meanwhile
//	k.LinkUp(send)                   // a session began
//	k.Receive(msg)                   // a message came in it
//	k.LinkDown()
//	k.Status()                       // for status.json
//	k.Ask(words, done)               // control.Asker for ["config", ...]
//
// A control socket that serves Ask has to take requests of MaxRequest octets.
package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tandem/init/pair/change"
	"tandem/init/pair/history"
	"tandem/init/pair/version"
)

// MaxRequest bounds a request that brings files: base 64 and what goes with it.
const MaxRequest = version.MaxTotal/3*4 + 1<<20

// Options say where things are and who this box is.
type Options struct {
	Dir string // the history
	// First is set on one box of the pair: the primary.
	First bool
	// Solo is set where there is no partner of our make.
	Solo bool
	// Partner is the partner's name, for texts; may be empty.
	Partner string
	Engine  Engine
	// PartnerPeer is the failover peer block for the other server, where that
	// is configured by hand (an ISC dhcpd); empty otherwise.
	PartnerPeer string
	// Log takes one line for a person.
	Log func(format string, args ...any)
}

// Engine is dhcpfd as this package needs it. Server is the one that ships.
type Engine interface {
	// Check says what is wrong with the configuration in dir as this box would
	// serve it; an error's text has every line of it.
	Check(ctx context.Context, dir string) error
	// Reload returns when the version in force is what dhcpfd serves by. It
	// returns nil as well if dhcpfd does not run: it will read it at its start.
	Reload(ctx context.Context) error
	// Health says what ails dhcpfd.
	Health(ctx context.Context) error
}

// Times.
const (
	checkTime   = 90 * time.Second
	reloadTime  = 60 * time.Second
	beatEvery   = time.Second
	diskEvery   = 2 * time.Second
	healthEvery = 2 * time.Second
	healthTime  = 3 * time.Second
	// healthTries polls in a row must fail before dhcpfd counts as unwell: a
	// supervisor may be starting it anew.
	healthTries = 3
)

// Keeper keeps the configuration of one box.
type Keeper struct {
	o  Options
	in chan func() // for the goroutine of Run

	began time.Time

	mu    sync.Mutex // over the history
	store *history.Store

	// All below belongs to Run.
	machine  *change.Machine
	send     func(msg []byte) bool
	requests uint64
	waiting  map[uint64]chan change.Reply
	watch    *history.Watch
	looked   time.Time
	fatal    error
	jobs     sync.WaitGroup
	ctx      context.Context

	status  atomic.Pointer[change.Status]
	done    chan struct{} // closed when Run has ended
	checker chan struct{} // holds a token: one check at a time
}

// Open reads the history. One that is empty takes the files to which the link
// "active" leads as the first version.
func Open(o Options) (*Keeper, error) {
	store, err := history.Open(o.Dir)
	if err != nil {
		return nil, err
	}
	memory, err := remember(store, o.Dir)
	if err != nil {
		return nil, err
	}
	k := &Keeper{o: o, began: time.Now(), in: make(chan func()), store: store, waiting: map[uint64]chan change.Reply{},
		done: make(chan struct{}), checker: make(chan struct{}, 1), watch: store.Watch()}
	for _, name := range store.Left {
		o.Log("%s in %s cannot be read as the note of a version: left alone", name, o.Dir)
	}
	k.protect(memory)
	for _, e := range store.List() { // a number that was refused is not used again
		memory.Highest = max(memory.Highest, e.Number)
	}
	k.machine = change.New(change.Config{First: o.First, Solo: o.Solo, Partner: o.Partner}, memory)
	k.publish()
	return k, nil
}

// remember reads what was saved, or makes the first version.
func remember(store *history.Store, dir string) (change.Memory, error) {
	var m change.Memory
	raw, err := store.Memory()
	if err != nil {
		return m, fmt.Errorf("configuration of the pair: %w", err)
	}
	if raw == nil {
		return begin(store, dir)
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		return m, fmt.Errorf("configuration of the pair: %s is damaged (%w); remove it, and the version that the link active leads to begins a new history",
			filepath.Join(dir, "memory.json"), err)
	}
	return m, nil
}

// clock is the time since Open; it never jumps.
func (k *Keeper) clock() time.Duration { return time.Since(k.began) }

// errEnded is what a caller gets after Run has ended.
var errEnded = errors.New("the pair service is ending")

// do has the goroutine of Run do something.
func (k *Keeper) do(what func()) error {
	select {
	case k.in <- what:
		return nil
	case <-k.done:
		return errEnded
	}
}

// Run works until ctx ends, or what must be kept cannot be kept: then a new
// start takes up what was kept last.
func (k *Keeper) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	k.ctx = ctx
	defer k.jobs.Wait()
	defer cancel()
	defer close(k.done)
	k.jobs.Go(k.pollHealth)
	k.step(change.Started{})
	beat := time.NewTicker(beatEvery)
	defer beat.Stop()
	for k.fatal == nil {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case what := <-k.in:
			what()
		case <-beat.C:
			k.carryOut(k.machine.Tick(k.clock()))
			k.look()
		}
	}
	return k.fatal
}

// step hands an event to the machine.
func (k *Keeper) step(e change.Event) { k.carryOut(k.machine.Step(k.clock(), e)) }

// post hands an event to the machine from another goroutine.
func (k *Keeper) post(e change.Event) { _ = k.do(func() { k.step(e) }) } // an end loses it, as a crash does

// LinkUp begins a session. send queues a message for the partner and tells
// whether there was room.
func (k *Keeper) LinkUp(send func(msg []byte) bool) {
	_ = k.do(func() {
		k.send = send
		k.step(change.Link{Up: true})
	})
}

// LinkDown ends the session.
func (k *Keeper) LinkDown() {
	_ = k.do(func() {
		k.send = nil
		k.step(change.Link{})
	})
}

// Receive takes a message of the session; an error means that the partner does
// not speak our language, and the session should end.
func (k *Keeper) Receive(msg []byte) error {
	m, err := change.Decode(msg)
	if err != nil {
		return err
	}
	return k.do(func() { k.step(change.Received{Message: m}) })
}

// Status tells how things are. Its moments count from Now.
func (k *Keeper) Status() change.Status { return *k.status.Load() }

// Now is the moment by the clock in which Status counts.
func (k *Keeper) Now() time.Duration { return k.clock() }

// Active is the version that is settled, nil if there is none.
func (k *Keeper) Active() (*version.Version, error) {
	settled := k.Status().Settled
	if settled.ID == (version.ID{}) {
		return nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.store.Get(settled.ID)
}

// look compares what is on disk with what should be.
func (k *Keeper) look() {
	status := k.Status()
	if time.Since(k.looked) < diskEvery || status.State == "preparing" {
		return
	}
	k.looked = time.Now()
	k.mu.Lock()
	err := k.watch.Look(status.Active)
	k.mu.Unlock()
	problem := ""
	if err != nil {
		problem = err.Error()
	}
	k.step(change.Disk{Problem: problem})
}

// pollHealth asks dhcpfd how it is.
func (k *Keeper) pollHealth() {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for failed := 0; ; {
		ctx, cancel := context.WithTimeout(k.ctx, healthTime)
		err := k.o.Engine.Health(ctx)
		cancel()
		if failed++; err == nil {
			failed = 0
			k.post(change.Health{})
		} else if failed >= healthTries {
			k.post(change.Health{Problem: firstLine(err.Error())})
		}
		select {
		case <-tick.C:
		case <-k.ctx.Done():
			return
		}
	}
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

// hostname is who made a version when nobody said so.
func hostname() string {
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "unknown"
}
