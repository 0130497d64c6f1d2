package node

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tandem/failover/dhcp"
	"tandem/failover/lease"
	"tandem/failover/omapi"
)

// storm is a pair on which hosts are changed while connections break in the
// middle of what is being said, and boxes lose what they had not synced.
type storm struct {
	*testing.T
	nodes [2]*Node
	disk  [2][]lease.Record // synced
	loose [2][]lease.Record // written, not synced
	conn  uint64            // of the connection; zero for none
	last  uint64
	wire  []parcel // on their way
	now   lease.Now
}

type parcel struct {
	from int
	conn uint64
	link Link
}

func newStorm(t *testing.T) *storm {
	s := &storm{T: t, now: start}
	for i := range s.nodes {
		s.boot(i)
	}
	return s
}

// boot starts a box with what is on its disk.
func (s *storm) boot(i int) {
	role := "primary; mclt 60; split 128; address 10.0.0.1; peer address 10.0.0.2;"
	if i == 1 {
		role = "secondary; address 10.0.0.2; peer address 10.0.0.1;"
	}
	s.last++
	origin := "whole"
	if len(s.disk[i]) == 0 {
		origin = "new"
	}
	n := New(Options{Config: load(s.T, fmt.Sprintf(paired, role)), Seed: s.last, Boot: lease.Boot{ID: fmt.Sprint("boot", s.last), StoreOrigin: origin}})
	for _, r := range s.disk[i] {
		n.Restore(r)
	}
	n.Start(s.now)
	n.Step(s.now, &Links{Interfaces: []dhcp.Interface{*eth0}})
	s.nodes[i] = n
}

// crash loses what box i had not synced, and its connection.
func (s *storm) crash(i int) {
	s.loose[i] = nil
	s.cut()
	s.boot(i)
}

// cut loses the connection with all that is on its way.
func (s *storm) cut() {
	if s.conn == 0 {
		return
	}
	for _, n := range s.nodes {
		n.Step(s.now, &PeerClosed{Conn: s.conn, Why: "cut"})
	}
	s.conn, s.wire = 0, nil
}

// flush writes what box i has to write, and puts what it says on the wire.
func (s *storm) flush(i int) {
	out := s.nodes[i].Flush(s.now)
	for _, r := range out.Records {
		s.loose[i] = append(s.loose[i], keep(r))
	}
	if out.MustSync {
		s.disk[i], s.loose[i] = append(s.disk[i], s.loose[i]...), nil
	}
	for _, l := range out.Links {
		s.wire = append(s.wire, parcel{i, s.conn, l})
	}
}

// keep copies a record as a disk does.
func keep(r lease.Record) lease.Record {
	switch r := r.(type) {
	case *lease.Lease:
		c := *r
		return &c
	case *lease.Peer:
		c := *r
		return &c
	case *lease.Object:
		c := *r
		return &c
	}
	return r
}

// carry takes one thing off the wire; false if there is none.
func (s *storm) carry() bool {
	for i := range s.nodes {
		s.flush(i)
	}
	if len(s.wire) == 0 {
		return false
	}
	p := s.wire[0]
	s.wire = s.wire[1:]
	switch l := p.link; {
	case l.Do == LinkDial && s.conn == 0:
		s.last++
		s.conn = s.last
		s.nodes[p.from].Step(s.now, &PeerConnected{Peer: "p", Conn: s.conn, Dialled: true})
		s.nodes[1-p.from].Step(s.now, &PeerConnected{Peer: "p", Conn: s.conn})
	case l.Do == LinkSend && l.Conn == s.conn:
		s.nodes[1-p.from].Step(s.now, &PeerReceived{Conn: s.conn, Message: l.Message})
	case l.Do == LinkHangup && l.Conn == s.conn:
		s.cut()
	}
	return true
}

// live lets time pass, with everything delivered.
func (s *storm) live(d time.Duration) {
	for end := s.now.Add(d); s.now.Mono < end.Mono; s.now = s.now.Add(500 * time.Millisecond) {
		for range 5000 {
			if !s.carry() {
				break
			}
		}
	}
}

// change makes or removes one of a few hosts on box i.
func (s *storm) change(rng *rand.Rand, i int) {
	n, name := s.nodes[i], fmt.Sprintf("h%d", rng.IntN(6))
	h := desk(name, name[1], fmt.Sprintf("10.0.20.%d", 1+rng.IntN(200)))
	if rng.IntN(8) == 0 {
		for range 60 {
			h.Statements += "option host-name \"a name that takes many octets of the line\";\n"
		}
	}
	there := n.cfg.Host(name) != nil
	switch {
	case there && rng.IntN(3) == 0:
		must(s.T, n.change(s.now, &omapi.DropHost{Name: name}))
	default:
		must(s.T, n.change(s.now, &omapi.PutHost{New: !there, Host: h}))
	}
	s.flush(i)
}

func TestHostsConvergeThroughStorms(t *testing.T) {
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 7))
		s := newStorm(t)
		s.live(20 * time.Second)
		for range 60 {
			switch k := rng.IntN(10); {
			case k < 5:
				s.change(rng, rng.IntN(2))
			case k < 7:
				for range rng.IntN(12) {
					s.carry()
				}
			case k == 7:
				s.cut()
			case k == 8:
				s.crash(rng.IntN(2))
			default:
				s.live(time.Duration(rng.IntN(30)) * time.Second)
			}
			s.now = s.now.Add(time.Duration(rng.IntN(2000)) * time.Millisecond)
		}
		s.live(3 * time.Minute)
		if a, b := s.nodes[0].hosts(), s.nodes[1].hosts(); a != b {
			t.Fatalf("seed %d: the boxes differ:\n%s\n%s", seed, a, b)
		}
		if a, b := s.nodes[0].objects.sum(), s.nodes[1].objects.sum(); a != b {
			t.Fatalf("seed %d: the versions differ", seed)
		}
		before := s.nodes[0].hosts()
		s.crash(0)
		s.crash(1)
		if a, b := s.nodes[0].hosts(), s.nodes[1].hosts(); a != before || b != before {
			t.Fatalf("seed %d: after power cuts\n%s\n%s\nand before\n%s", seed, a, b, before)
		}
	}
}
