package pairs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
	"tandem/init/pair/config"
	"tandem/init/pair/version"
)

// keeper is what keeps the configuration of one box of a pair in step.
type keeper struct {
	*config.Keeper
	h    *harness
	box  *Box
	stop context.CancelFunc
	end  chan error
}

// keeper starts the keeper of a box over what is on its disk.
func (h *harness) keeper(b *Box) *keeper {
	h.Helper()
	peer, _, _ := strings.Cut(b.pair.conf(b), "subnet ")
	peer = peer[strings.Index(peer, "failover peer"):]
	k, err := config.Open(config.Options{
		Dir: filepath.Join(b.Dir, "config"), First: b == h.Primary, Partner: h.Other(b).Name,
		Engine: config.Server{Program: filepath.Join(netlab.Dir(), "dhcpfd"), Control: peers.Control(b.Dir), Peer: peer, Temp: b.Dir},
		Log:    func(format string, args ...any) { h.Logf(b.Name+": "+format, args...) },
	})
	must0(h, err)
	ctx, stop := context.WithCancel(context.Background())
	one := &keeper{Keeper: k, h: h, box: b, stop: stop, end: make(chan error, 1)}
	go func() { one.end <- k.Run(ctx) }()
	h.Cleanup(one.kill)
	return one
}

// kill ends a keeper in the middle of whatever it does.
func (k *keeper) kill() {
	k.stop()
	if err, first := <-k.end; first {
		close(k.end)
		if !errors.Is(err, context.Canceled) {
			k.h.Error(err)
		}
	}
}

// session carries the keepers' messages until cut is called.
func session(a, b *keeper) (cut func()) {
	over := make(chan struct{})
	line := func(from, to *keeper) {
		queue := make(chan []byte, 64)
		from.LinkUp(func(msg []byte) bool {
			select {
			case queue <- msg:
				return true
			default:
				return false
			}
		})
		go func() {
			for {
				select {
				case msg := <-queue:
					if err := to.Receive(msg); err != nil {
						return // it was killed
					}
				case <-over:
					return
				}
			}
		}()
	}
	line(a, b)
	line(b, a)
	return func() {
		close(over)
		a.LinkDown()
		b.LinkDown()
	}
}

// put proposes a dhcpd.conf and gives the answer.
func (k *keeper) put(p config.Proposal, text string) (string, error) {
	k.h.Helper()
	p.Who, p.Files = "test", version.Files{version.Main: []byte(text)}
	raw := must(json.Marshal(p))(k.h)
	ctx := within(k.h)
	piece, ok := <-k.Ask([]string{"config", "put", string(raw)}, ctx.Done())
	if !ok {
		return "", errors.New("no answer")
	}
	if piece.Error != "" {
		return "", errors.New(piece.Error)
	}
	var said string
	return said, json.Unmarshal(piece.Body, &said)
}

// await looks again and again until something is so.
func (h *harness) await(what string, so func() bool) {
	h.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ctx := within(h); !so(); {
		select {
		case <-tick.C:
		case <-ctx.Done():
			h.Fatal("in vain: " + what)
		}
	}
}

// awaitVersion waits until a version is in force on both boxes, and both say so.
func (h *harness) awaitVersion(number uint64, keepers ...*keeper) {
	h.Helper()
	for _, k := range keepers {
		h.await(fmt.Sprintf("version %d at the %s", number, k.box.Name), func() bool {
			s := k.Status()
			return s.Settled.Number == number && s.Active == s.Settled.ID && s.Change == nil && s.Drift == ""
		})
	}
}

// A configuration is changed on both boxes while clients renew without pause:
// with a syntax error, well, with a partner away, and with a partner that
// crashes in the middle. No client waits for it, and both serve the same.
func TestConfigurationUnderLoad(t *testing.T) {
	long(t)
	t.Parallel()
	h := build(t, combo{peers.Dhcpfd, peers.Dhcpfd}, Options{MCLT: 300, Ranges: []string{"10.0.1.1 10.0.1.100"}})
	shared := func(seconds int) string {
		return fmt.Sprintf("authoritative;\ndefault-lease-time %d;\nmax-lease-time 86400;\nping-check false;\n"+
			"subnet 10.0.0.0 netmask 255.0.0.0 {\n  option routers 10.0.0.254;\n  pool { failover peer %q; range 10.0.1.1 10.0.1.100; }\n}\n", seconds, Relationship)
	}
	for _, b := range h.Boxes() {
		must0(t, config.Begin(filepath.Join(b.Dir, "config"), version.Files{version.Main: []byte(shared(1000))}))
		peer, _, _ := strings.Cut(b.pair.conf(b), "subnet ")
		b.conf = peer[strings.Index(peer, "failover peer"):] + fmt.Sprintf("include %q;\n", filepath.Join(b.Dir, "config", "active", version.Main))
	}
	must0(t, h.Start())
	must0(t, h.AwaitNormal(Patience))
	h.crowd = h.newCrowd("crowd", 1, 60)
	h.acquire(0, 60)
	stop := h.renewAlways()
	a, b := h.keeper(h.Primary), h.keeper(h.Secondary)
	cut := session(a, b)
	h.awaitVersion(1, a, b)

	_, err := b.put(config.Proposal{}, strings.Replace(shared(2000), "routers", "rooters", 1))
	if err == nil || !strings.Contains(err.Error(), "dhcpd.conf:6:10:") {
		t.Errorf("a syntax error: %v", err)
	}
	said := must(b.put(config.Proposal{NoConfirm: true}, shared(2000)))(t)
	t.Log(said)
	h.awaitVersion(3, a, b)

	// The partner crashes while the next one is on trial.
	crashed := make(chan error, 1)
	go func() {
		_, err := a.put(config.Proposal{NoConfirm: true}, shared(3000))
		crashed <- err
	}()
	h.await("a trial", func() bool {
		s := b.Status()
		return s.Change != nil && s.Active != s.Settled.ID
	})
	b.kill()
	cut()
	b = h.keeper(h.Secondary)
	cut = session(a, b)
	if err := <-crashed; err == nil || !strings.Contains(err.Error(), "version 3 is in force") {
		t.Errorf("the partner crashed in the trial: %v", err)
	}
	h.awaitVersion(3, a, b)

	// The partner is away, and gets the version on return.
	cut()
	must(a.put(config.Proposal{NoConfirm: true, Alone: true}, shared(4000)))(t)
	cut = session(a, b)
	defer cut()
	h.awaitVersion(5, a, b)

	stop()
	for i, box := range h.Boxes() {
		raw := must(os.ReadFile(filepath.Join(box.Dir, "config", "active", version.Main)))(t)
		if string(raw) != shared(4000) {
			t.Errorf("box %d serves by\n%s", i, raw)
		}
	}
	h.settled()
}

// renewAlways has the clients renew one after the other until stop is called:
// each renewal is answered at once, whatever happens to the configuration.
func (h *harness) renewAlways() (stop func()) {
	over, ended := make(chan struct{}), make(chan error, 1)
	const soon = 3 * time.Second // a client would ask again after 4 s
	worst, rounds := time.Duration(0), 0
	go func() {
		for i := 0; ; i = (i + 1) % h.crowd.Len() {
			select {
			case <-over:
				ended <- nil
				return
			default:
			}
			begin := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), soon)
			err := h.crowd.Renew(ctx, i, i+1, 1)
			cancel()
			if err != nil {
				ended <- fmt.Errorf("client %d: %w", i, err)
				return
			}
			worst, rounds = max(worst, time.Since(begin)), rounds+1
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return func() {
		h.Helper()
		close(over)
		if err := <-ended; err != nil {
			h.Error(err)
		}
		h.Logf("%d renewals meanwhile, the slowest took %v", rounds, worst.Round(time.Millisecond))
	}
}
