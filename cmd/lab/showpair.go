package main

import (
	"fmt"
	"io"
	"net/netip"
	"os"
	"regexp"
	"time"

	"tandem/cmd/lab/clients"
	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/pairs"
)

const pairPicture = `
   primary           secondary        desk   phone   printer   tv
 dhcpfd 10.0.0.1   dhcpfd 10.0.0.2                udhcpc
    |     |           |     |          |       |       |        |
    |   --+-----------------+----------+-------+-------+--------+--  LAN 10.0.0.0/8
  --+-----------------+----------------------------------------------  link between the two, by TLS

`

// pairHouse is who lives on the LAN of the pair. By the hash of their hardware
// addresses (RFC 3074) two are the primary's and two the secondary's.
var pairHouse = []struct{ name, mac string }{
	{"desk", "02:00:00:00:00:02"}, {"phone", "02:00:00:00:00:01"}, {"printer", "02:00:00:00:00:05"}, {"tv", "02:00:00:00:00:03"},
}

// told are the lines of a server that the show is about.
var told = regexp.MustCompile(`^DHCP(ACK|OFFER)|I move from|contact lost|connection.*TLS`)

// pairShow is a pair with clients at work.
type pairShow struct {
	*stage
	pair  *pairs.Pair
	nodes map[string]*netlab.Node
	addrs map[string]netip.Addr
}

// showPair lets two servers serve clients, kills one, shows the other one
// serving, and the return.
func showPair(out io.Writer) (err error) {
	s := &pairShow{stage: &stage{out: out, start: time.Now()}, nodes: map[string]*netlab.Node{}, addrs: map[string]netip.Addr{}}
	dir, err := os.MkdirTemp("", "tandem-run-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprint(out, pairPicture)
	s.pair, err = pairs.New(dir, pairs.Options{Pinned: true, LeaseTime: 600, MCLT: 60, ResponseDelay: 6, Echo: func(box, line string) {
		if told.MatchString(line) {
			s.say(box, "%s", line)
		}
	}})
	if err != nil {
		return err
	}
	defer s.pair.Close()
	for _, step := range []struct {
		title string
		do    func() error
	}{
		{"both servers start for the first time", s.begin},
		{"four clients ask; each server answers its half of them", s.visitAll},
		{"the primary is killed (kill -9); the clients start anew", s.lose},
		{"the primary starts again", s.comeBack},
		{"the clients start anew once more", s.visitAll},
	} {
		s.say("lab", "--- %s", step.title)
		if err := step.do(); err != nil {
			return err
		}
	}
	s.say("lab", "Every client kept its address; both servers know all leases.")
	return nil
}

func (s *pairShow) begin() error {
	if err := s.pair.Start(); err != nil {
		return err
	}
	if err := s.pair.AwaitNormal(stepPatience); err != nil {
		return err
	}
	return s.ask(s.pair.Primary, "status")
}

// ask shows what failctl says on a box.
func (s *pairShow) ask(b *pairs.Box, words ...string) error {
	s.say(b.Name, "$ failctl %s", words[0])
	out, err := b.Failctl(words...)
	s.say(b.Name, "%s", out)
	return err
}

// visitAll is visit with both servers, who then must know the same.
func (s *pairShow) visitAll() error {
	if err := s.visit(); err != nil {
		return err
	}
	return s.pair.AwaitEqual(stepPatience)
}

// visit lets every client get a lease from nothing, and checks that it is the
// address that it had.
func (s *pairShow) visit() error {
	for _, one := range pairHouse {
		name, node := one.name, s.nodes[one.name]
		if node == nil {
			var err error
			if node, err = plugged(s.pair.Net, s.pair.LAN, name); err != nil {
				return err
			}
			if err := node.IP("link set eth0 address " + one.mac); err != nil {
				return err
			}
			s.nodes[name] = node
		}
		c, err := clients.Udhcpc.Start(node, s.pair.Net.Dir, "eth0", clients.Options{Hostname: name})
		if err != nil {
			return err
		}
		got, err := c.AwaitLease(0, stepPatience)
		c.Kill() // its lease stays
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s.say(name, "has %v from %v", got.Addr, got.Server)
		if had := s.addrs[name]; had.IsValid() && had != got.Addr {
			return fmt.Errorf("%s had %v before and has %v now", name, had, got.Addr)
		}
		s.addrs[name] = got.Addr
	}
	return nil
}

func (s *pairShow) lose() error {
	s.pair.Primary.Kill()
	if err := s.pair.Secondary.AwaitState("communications-interrupted", stepPatience); err != nil {
		return err
	}
	if err := s.visit(); err != nil {
		return err
	}
	return s.ask(s.pair.Secondary, "why")
}

func (s *pairShow) comeBack() error {
	if err := s.pair.Primary.Start(); err != nil {
		return err
	}
	if err := s.pair.AwaitNormal(stepPatience); err != nil {
		return err
	}
	if err := s.pair.AwaitEqual(stepPatience); err != nil {
		return err
	}
	return s.ask(s.pair.Primary, "leases", "active")
}
