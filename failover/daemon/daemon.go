// Package daemon runs one server on a machine: its sockets, its clocks, its
// store and its signals around a node, which decides everything.
//
// One goroutine, the loop, owns the node, the store and the sockets of DHCP. It
// takes what waits, has the node decide, makes the outcome durable with one
// sync for the whole batch, and only then lets the replies out. While a sync
// runs, requests gather, so the batches grow with the load. The loop polls and
// decodes by itself: readers of their own would cost two wake-ups of threads
// for a packet that comes alone, which is more than to answer it.
package daemon

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"tandem/failover/conf"
	"tandem/failover/daemon/control"
	"tandem/failover/daemon/mmsg"
	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/node"
)

// Options say what to serve and where.
type Options struct {
	Config *conf.Config
	// Reload reads the configuration anew. It logs warnings itself; an error,
	// whose text has every error of the file, leaves the old one in force.
	Reload func() (*conf.Config, error)
	// Interfaces names what to serve; none: every interface that is up and
	// has an address in a subnet of the configuration.
	Interfaces []string
	Port       int
	// Dir is the directory of the lease store. LeaseFile is a dhcpd.leases
	// that is read if the store is empty; "" for none.
	Dir       string
	LeaseFile string
	// Control is the path of the control socket. With ControlFallback set,
	// a second server on the machine uses that path instead.
	Control, ControlFallback string
	// ClientRate bounds the packets of one hardware address, RelayRate those
	// of one relay.
	ClientRate, RelayRate Rate
	// Keys is the directory of this server's key and the pins of its partners'
	// keys; "" leaves every failover link in clear text.
	Keys string
	// Policies are the operator's choices for failover relationships.
	Policies map[string]node.PeerPolicy
	// Facts is the file in which a box tells its facts; "" on other machines.
	Facts string
	// Boot is what is known of this run.
	Boot lease.Boot
	// HandOver has a commanded stop hand every address to the partner.
	HandOver bool
	Version  string
	Log      *Logger
	// Ready is called once the server serves.
	Ready func()
}

// The rates unless told otherwise: far above what a client that works does,
// and below what hurts the others.
var (
	DefaultClientRate = Rate{PerSecond: 20, Burst: 60}
	DefaultRelayRate  = Rate{PerSecond: 50000, Burst: 50000}
)

// Run serves until ctx is done, and then leaves everything in order. A
// *StoreError says that the lease store failed.
func Run(ctx context.Context, opt Options) error {
	s, err := newServer(opt)
	if err != nil {
		return err
	}
	return errors.Join(s.serve(ctx), s.close())
}

// server is what Run puts together.
type server struct {
	opt    Options
	count  *counters
	poller *poller
	inbox  *inbox
	intake *intake
	ports  *ports
	loop   *loop
	desk   *desk
	prober *prober
	pair   *pair
	omapi  *managers
	ctl    *control.Server
	notify func(string)
	nudge  chan struct{}
	down   chan struct{} // closed when the loop has ended
	helper sync.WaitGroup
	// reloading is held while the configuration is read anew.
	reloading sync.Mutex
}

// newServer recovers the leases and opens the sockets.
func newServer(opt Options) (*server, error) {
	watchdog, watched, err := watchdogTime()
	if err != nil {
		return nil, err
	}
	if !watched {
		opt.Log.Sayf(dhcp.LevelDebug, "no watchdog is set for this process; %v is assumed", watchdog)
	}
	s := &server{opt: opt, count: new(counters), notify: sdNotify(opt.Log), nudge: make(chan struct{}, 1), down: make(chan struct{})}
	if s.poller, err = newPoller(); err != nil {
		return nil, err
	}
	s.inbox = newInbox(s.poller, s.count)
	s.intake = newIntake(opt.Port, s.inbox, s.count, opt.ClientRate, opt.RelayRate)
	s.ports = newPorts(opt.Interfaces, opt.Config, s.intake, s.poller, opt.Log)
	s.desk = newDesk(s.inbox, s.down)
	s.prober = newProber(s.poller, s.count, opt.Log, s.inbox.post)

	if s.pair, err = newPair(opt, s.inbox, s.down); err != nil {
		return nil, err
	}
	s.omapi = newManagers(s.inbox, s.down, opt.Log, s.count)
	n, keeper, err := s.recover()
	if err != nil {
		return nil, err
	}
	s.loop = &loop{node: n, inbox: s.inbox, keeper: keeper, prober: s.prober, pair: s.pair, omapi: s.omapi, desk: s.desk, log: opt.Log, count: s.count,
		intake: s.intake, clock: readClock, parted: make(chan struct{}), tooOld: watchdog / 2, idle: watchdog / 8, reported: map[string]uint64{}}
	s.loop.beat = newHeartbeat(watchdog, s.notify, s.intake.path.passed, opt.Log)
	s.loop.pace = newPace()
	if err := s.openSockets(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// seed is the one random number that the node gets.
func seed() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return binary.NativeEndian.Uint64(b[:])
}

// openSockets begins to hear clients and operators.
func (s *server) openSockets() error {
	fd, err := openUDP(s.opt.Port)
	if err != nil {
		return err
	}
	open := func(raw []byte, m mmsg.Message) (dhcp.Packet, bool) { return s.intake.openDatagram(raw, m, s.ports.at) }
	if err := s.poller.add(&source{fd: fd, read: func() { s.intake.receive(fd, open) }}); err != nil {
		return err
	}
	s.intake.path = pathCheck{out: mmsg.NewWriter(fd, 1), port: s.intake.port}
	s.loop.sender = &sender{port: s.intake.port, udp: mmsg.NewWriter(fd, writeBatch), ports: s.ports, count: s.count, log: s.opt.Log}
	all, err := listLinks()
	if err != nil {
		return err
	}
	now := readClock()
	s.loop.node.Start(now)
	s.loop.node.Step(now, s.ports.apply(all))
	if err := s.pair.open(s.opt.Config); err != nil {
		return err
	}
	s.omapi.listen(s.loop.node.OMAPIPort())
	return s.listen()
}

// listen opens the control socket.
func (s *server) listen() error {
	refused := func() { s.count.add(queriesRefused, 1) }
	var err error
	s.ctl, err = control.Listen(s.opt.Control, reloader{s}, refused)
	if errors.Is(err, control.ErrInUse) && s.opt.ControlFallback != "" {
		s.opt.Log.Sayf(dhcp.LevelWarning, "%v; ask this server with failctl --control %s", err, s.opt.ControlFallback)
		s.ctl, err = control.Listen(s.opt.ControlFallback, reloader{s}, refused)
	}
	return err
}

// serve runs the loop in the foreground and everything else beside it.
func (s *server) serve(ctx context.Context) error {
	s.loop.pace.begin()
	s.helper.Go(func() { s.ports.watch(s.down, s.nudge) })
	s.helper.Go(s.signals)
	if s.opt.Facts != "" {
		s.helper.Go(func() { s.watchBox(s.opt.Facts) })
	}
	s.notify(daemon.SdNotifyReady + "\nSTATUS=" + s.loop.node.Status(readClock()).Sentence)
	warnNeighbours(s.opt.Config, neighbourLimit, s.opt.Log)
	s.opt.Log.Sayf(dhcp.LevelInfo, "Server starting service.")
	s.opt.Ready()
	done := s.untilStopped(ctx)
	s.helper.Go(func() {
		select {
		case <-done: // the loop must look
			s.inbox.order(s.down, func() node.Input { return nil })
		case <-s.down:
		}
	})
	err := s.loop.run(done)
	s.notify(daemon.SdNotifyStopping)
	return err
}

// handOverTime bounds a hand-over: every update acknowledged, then the
// partner's answer to the goodbye.
const handOverTime = 15 * time.Second

// untilStopped gives what ends the loop: the command to stop, or, where that
// hands over to the partner, the end of the hand-over.
func (s *server) untilStopped(ctx context.Context) <-chan struct{} {
	if !s.opt.HandOver || len(s.opt.Config.Peers) == 0 {
		return ctx.Done()
	}
	done := make(chan struct{})
	s.helper.Go(func() {
		defer close(done)
		select {
		case <-ctx.Done():
		case <-s.down:
			return
		}
		for _, p := range s.opt.Config.Peers {
			s.inbox.send(s.down, &node.Query{Args: []string{"order", "maintenance", "the command to stop", p.Name}})
		}
		limit := time.NewTimer(handOverTime)
		defer limit.Stop()
		select {
		case <-s.loop.parted:
		case <-limit.C:
			s.opt.Log.Sayf(dhcp.LevelWarning, "the partner did not take over within %v; stopping without", handOverTime)
		case <-s.down:
		}
	})
	return done
}

// close ends what is open, and the store last.
func (s *server) close() error {
	close(s.down)
	var errs []error
	if s.ctl != nil {
		errs = append(errs, s.ctl.Close())
	}
	s.helper.Wait()
	s.pair.close()
	errs = append(errs, s.omapi.close())
	errs = append(errs, s.poller.close())
	return errors.Join(append(errs, s.loop.keeper.close())...)
}

// signals obeys SIGHUP and SIGUSR1.
func (s *server) signals() {
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(ch)
	for {
		select {
		case <-s.down:
			return
		case sig := <-ch:
			if sig == syscall.SIGHUP {
				_ = s.reload() // it is in the log
				continue
			}
			for _, what := range []string{"status", "counters"} {
				s.inbox.send(s.down, &node.Query{Args: []string{what}})
			}
		}
	}
}
