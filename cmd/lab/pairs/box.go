package pairs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
	"tandem/failover/node"
)

// Box is one partner.
type Box struct {
	Name   string
	Kind   peers.Kind
	Node   *netlab.Node
	Server *netlab.Program // of the latest start; nil before the first
	// Dir holds its configuration and leases.
	Dir string
	// Addr is its address for clients, LinkAddr that for its partner.
	Addr, LinkAddr netip.Addr
	// Flags are more flags for a dhcpfd, for the next start.
	Flags []string
	pair  *Pair
	conf  string // instead of the pair's, if not empty
}

// Start starts the server with the leases that it has.
func (b *Box) Start() error {
	conf := b.conf
	if conf == "" {
		conf = b.pair.conf(b)
	}
	args := []string{"eth0"}
	if b.Kind == peers.Dhcpfd {
		args = append(args, b.Flags...)
	}
	var err error
	switch {
	case b.pair.opt.Quiet:
		b.Server, err = b.Kind.StartConfQuiet(b.Node, b.Dir, conf, args...)
	case b.pair.opt.Echo != nil:
		b.Server, err = b.Kind.StartConfEcho(b.Node, b.Dir, conf, func(line string) { b.pair.opt.Echo(b.Name, line) }, args...)
	default:
		b.Server, err = b.Kind.StartConf(b.Node, b.Dir, conf, args...)
	}
	return err
}

// Kill ends the server at once (SIGKILL).
func (b *Box) Kill() { b.Server.Kill() }

// Stop ends the server by SIGTERM and gives its exit code.
func (b *Box) Stop() (int, error) {
	if err := b.Server.Signal(syscall.SIGTERM); err != nil {
		return -1, err
	}
	return b.Server.Wait(Patience)
}

// Forget removes the leases of a stopped server, failover state included.
func (b *Box) Forget() error {
	return errors.Join(os.RemoveAll(b.store()), os.RemoveAll(b.leaseFile()), os.RemoveAll(b.leaseFile()+"~"))
}

func (b *Box) store() string     { return filepath.Join(b.Dir, "store") }
func (b *Box) leaseFile() string { return filepath.Join(b.Dir, "dhcpd.leases") }

// moves matches the line that both programs write for a change of state.
var moves = regexp.MustCompile(`failover peer ` + Relationship + `: I move from (\S+) to ([a-z-]+)`)

// State is the failover state that the server last told in its log, "" before
// the first.
func (b *Box) State() string {
	list := b.Server.Find(0, moves)
	if len(list) == 0 {
		return ""
	}
	return moves.FindStringSubmatch(list[len(list)-1].Text)[2]
}

// States are all states since the mark, in order.
func (b *Box) States(mark int) []string {
	var all []string
	for _, l := range b.Server.Find(mark, moves) {
		all = append(all, moves.FindStringSubmatch(l.Text)[2])
	}
	return all
}

// AwaitState waits until the server is in one of the states (in words, several
// divided by "|").
func (b *Box) AwaitState(want string, patience time.Duration) error {
	states := strings.Split(want, "|")
	deadline := time.Now().Add(patience)
	for {
		mark := b.Server.Mark()
		now := b.State()
		for _, s := range states {
			if s == now {
				return nil
			}
		}
		if _, err := b.Server.Await(mark, moves, time.Until(deadline)); err != nil {
			if now = b.State(); now == want {
				return nil
			}
			return fmt.Errorf("%s (%s) is in %q, not in %s: %w", b.Name, b.Kind, now, want, err)
		}
	}
}

// PartnerDown tells the server that its partner is down: by failctl, or by
// omshell if it is dhcpd.
func (b *Box) PartnerDown() error {
	if b.Kind == peers.Dhcpfd {
		_, err := b.Failctl("partner-down", "--yes")
		return err
	}
	return b.setState(4)
}

// setState sets the failover state of a dhcpd by OMAPI.
func (b *Box) setState(state int) error {
	script := fmt.Sprintf(`port %d
connect
new failover-state
set name = "%s"
open
set local-state = %d
update
`, omapiPort, Relationship, state)
	file := filepath.Join(b.Dir, "omshell.in")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		return err
	}
	out, err := b.run("sh", "-c", "exec omshell < "+file)
	if err == nil && !strings.Contains(out, "local-state = ") {
		err = fmt.Errorf("omshell did not set the state:\n%s", out)
	}
	return err
}

// Failctl asks or commands a dhcpfd.
func (b *Box) Failctl(words ...string) (string, error) {
	return b.run(peers.Failctl(b.Dir, words...)...)
}

func (b *Box) run(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	return b.Node.Run(ctx, args...)
}

// Status is what a dhcpfd says of itself.
func (b *Box) Status() (node.Status, error) {
	var s node.Status
	out, err := b.Failctl("status", "--json")
	if err == nil {
		err = json.Unmarshal([]byte(out), &s)
	}
	return s, err
}

// Peer is the relationship in Status.
func (b *Box) Peer() (node.PeerInfo, error) {
	s, err := b.Status()
	if err == nil && len(s.Peers) != 1 {
		err = fmt.Errorf("%d relationships", len(s.Peers))
	}
	if err != nil {
		return node.PeerInfo{}, err
	}
	return s.Peers[0], nil
}

// pin makes both keys and pins them.
func (p *Pair) pin() error {
	for _, b := range p.Boxes() {
		if err := p.Other(b).pinKey(b); err != nil {
			return err
		}
	}
	return nil
}

// pinKey pins the key of another box here.
func (b *Box) pinKey(of *Box) error {
	out, err := of.run(peers.Failctl(of.Dir, "key", "show", of.keys())...)
	if err != nil {
		return err
	}
	_, err = b.run(peers.Failctl(b.Dir, "key", "pin", b.keys(), Relationship, strings.TrimSpace(out))...)
	return err
}

func (b *Box) keys() string { return filepath.Join(b.Dir, "store", "keys") }

// lostContact matches what both programs write when the connection has gone.
var lostContact = regexp.MustCompile(`contact lost|timeout waiting|disconnect|peer dhcp: .* to communications-interrupted`)
