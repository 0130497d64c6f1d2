package heartbeat

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

var began = time.Now()

func clock() int64 { return int64(time.Since(began)) + second }

func freePorts(t *testing.T, n int) []netip.AddrPort {
	t.Helper()
	var all []netip.AddrPort
	for range n {
		c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		all = append(all, c.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	return all
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("never: " + what)
		}
	}
}

// Two services on two paths of loopback; one stops and comes back.
func TestTwoServices(t *testing.T) {
	ports := freePorts(t, 4)
	privA, pubA := key(t)
	privB, pubB := key(t)
	linksA := []Link{{LAN, ports[0], ports[1]}, {Direct, ports[2], ports[3]}}
	linksB := []Link{{LAN, ports[1], ports[0]}, {Direct, ports[3], ports[2]}}
	var all sync.WaitGroup
	start := func(links []Link, o Options) (*Service, context.CancelFunc) {
		o.Links, o.Clock = links, clock
		s := New(o)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		all.Go(func() { s.Run(ctx); close(done) })
		return s, func() { cancel(); <-done }
	}
	a, stopA := start(linksA, Options{Own: privA, Partner: pubB})
	b, stopB := start(linksB, Options{Own: privB, Partner: pubA})
	both := func(s *Service, after int64) func() bool {
		return func() bool {
			heard, proven := s.Heard()
			return heard["lan"] > after && heard["direct"] > after && proven["lan"] > after && proven["direct"] > after
		}
	}
	until(t, "a hears b", both(a, 0))
	until(t, "b hears a", both(b, 0))
	stopB()
	back := clock()
	b, stopB = start(linksB, Options{Own: privB, Partner: pubA})
	until(t, "a hears b again", both(a, back))
	until(t, "b hears a again", both(b, back))

	// Datagrams that count for nothing.
	stranger, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer stranger.Close()
	raw := Beat{LAN, 1, 1, 0, 0}.Sign(privB)
	if _, err := stranger.WriteToUDPAddrPort(raw, ports[0]); err != nil {
		t.Fatal(err)
	}
	until(t, "the stranger is counted", func() bool { return a.Counters()["heartbeat-stranger"] == 1 })
	neighbour, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer neighbour.Close()
	for range 5 * perSecond {
		if _, err := neighbour.WriteToUDPAddrPort([]byte("rubbish"), ports[0]); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "the flood is counted", func() bool { return a.Counters()["heartbeat-flood"] > 0 })
	stopA()
	stopB()
	all.Wait()
}

// While the address is not there, nothing is sent; nothing breaks.
func TestNoAddress(t *testing.T) {
	priv, pub := key(t)
	s := New(Options{Own: priv, Partner: pub, Clock: clock, Links: []Link{{LAN,
		netip.MustParseAddrPort("192.0.2.1:648"), netip.MustParseAddrPort("192.0.2.2:648")}}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { s.Run(ctx); close(done) }()
	until(t, "counted", func() bool { return s.Counters()["heartbeat-no-address"] > 0 })
	cancel()
	<-done
	if c := s.Counters(); c["heartbeat-sent"] != 0 {
		t.Errorf("%v", c)
	}
}
