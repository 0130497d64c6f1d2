package heartbeat

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Link is one path's two ends.
type Link struct {
	Path          Path
	Local, Remote netip.AddrPort
}

// Options are what a Service works with.
type Options struct {
	Links   []Link
	Own     ed25519.PrivateKey
	Partner ed25519.PublicKey
	Clock   func() int64 // CLOCK_BOOTTIME in nanoseconds
}

// perSecond bounds how many datagrams of a path are looked at in a second:
// checking a signature costs some 0.1 ms.
const perSecond = 200

// Service sends and receives.
type Service struct {
	o    Options
	mu   sync.Mutex
	path []*line
	// counters of verdicts, and of what went wrong here.
	verdicts         [Verdicts]uint64
	sent             uint64
	sendErrors       uint64
	withoutAddresses uint64
}

// line is one link at work.
type line struct {
	Link
	rules  *Rules
	conn   *net.UDPConn // nil while the address is not there
	second int64        // that budget belongs to
	budget int
}

// New makes a service; Run sets it to work.
func New(o Options) *Service {
	s := &Service{o: o}
	for _, l := range o.Links {
		s.path = append(s.path, &line{Link: l, rules: NewRules(l.Path, newRun())})
	}
	return s
}

func newRun() uint64 {
	var b [8]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:]) | 1
}

// Run works until ctx ends.
func (s *Service) Run(ctx context.Context) {
	var readers sync.WaitGroup
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		for _, l := range s.path {
			s.beat(l, &readers)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.mu.Lock()
			for _, l := range s.path {
				if l.conn != nil {
					l.conn.Close()
					l.conn = nil
				}
			}
			s.mu.Unlock()
			readers.Wait()
			return
		}
	}
}

// beat sends a path's next datagram; the socket is made when the address is
// there, and made anew when sending fails, for the address may have gone.
func (s *Service) beat(l *line, readers *sync.WaitGroup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l.conn == nil {
		conn, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(l.Local))
		if err != nil {
			s.withoutAddresses++
			return
		}
		l.conn = conn
		readers.Go(func() { s.read(l, conn) })
	}
	raw := l.rules.Next(s.o.Clock()).Sign(s.o.Own)
	if _, err := l.conn.WriteToUDPAddrPort(raw, l.Remote); err != nil {
		s.sendErrors++
		l.conn.Close()
		l.conn = nil
		return
	}
	s.sent++
}

// read takes datagrams until the socket is closed.
func (s *Service) read(l *line, conn *net.UDPConn) {
	buf := make([]byte, Len+1)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the kernel tells of an earlier datagram
		}
		v := s.take(l, buf[:n], from)
		s.mu.Lock()
		s.verdicts[v]++
		s.mu.Unlock()
	}
}

func (s *Service) take(l *line, raw []byte, from netip.AddrPort) Verdict {
	if from.Addr().Unmap() != l.Remote.Addr() {
		return Stranger
	}
	now := s.o.Clock()
	if !s.spend(l, now) {
		return Flood
	}
	b, v := Open(raw, s.o.Partner)
	if v != Fresh {
		return v
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return l.rules.Take(now, b)
}

// spend takes one of this second's looks.
func (s *Service) spend(l *line, now int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if second := now / int64(time.Second); second != l.second {
		l.second, l.budget = second, perSecond
	}
	l.budget--
	return l.budget >= 0
}

// Heard gives by path the moments of Rules.Heard and Rules.Proven; a path on
// which there was none is left out.
func (s *Service) Heard() (heard, proven map[string]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	heard, proven = map[string]int64{}, map[string]int64{}
	for _, l := range s.path {
		if at := l.rules.Heard(); at != 0 {
			heard[l.Path.String()] = at
		}
		if at := l.rules.Proven(); at != 0 {
			proven[l.Path.String()] = at
		}
	}
	return heard, proven
}

// Counters gives the counters by name.
func (s *Service) Counters() map[string]uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := map[string]uint64{"heartbeat-sent": s.sent, "heartbeat-send-error": s.sendErrors, "heartbeat-no-address": s.withoutAddresses}
	for v, n := range s.verdicts {
		c[Verdict(v).String()] = n
	}
	return c
}
