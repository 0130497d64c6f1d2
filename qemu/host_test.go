package qemu

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/beevik/ntp"
)

var (
	here  = netip.MustParseAddr("192.0.2.1")
	there = netip.MustParseAddr("192.0.2.9")
)

// neighbour is a host and a tap that talks to it.
func neighbour(t *testing.T) (*Host, *tap) {
	t.Helper()
	s := NewSwitch("lan")
	t.Cleanup(s.Close)
	h, err := NewHost(s, "host", mac(1), here)
	if err != nil {
		t.Fatal(err)
	}
	return h, plug(t, s, "client")
}

func (p *tap) take(t *testing.T) []byte {
	t.Helper()
	select {
	case f := <-p.got:
		return f
	case <-time.After(10 * time.Second):
		t.Fatal("no answer")
		return nil
	}
}

// packet builds an IPv4 frame as a client would send it.
func packet(to netip.Addr, proto byte, body []byte) []byte {
	client := Host{MAC: mac(2), Addr: there}
	var sent []byte
	s := NewSwitch("builder")
	defer s.Close()
	got := make(chan []byte, 1)
	if _, err := s.Connect("out", func(f []byte) { got <- f }); err != nil {
		panic(err)
	}
	client.port, _ = s.Connect("in", func([]byte) {})
	client.send(mac(1), to, proto, body)
	sent = <-got
	return sent
}

func TestARP(t *testing.T) {
	_, client := neighbour(t)
	ask := func(target netip.Addr) []byte {
		f := append(append(append([]byte{}, broadcast[:]...), mac(2).slice()...), 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1)
		f = append(append(f, mac(2).slice()...), there.AsSlice()...)
		return append(append(f, make([]byte, 6)...), target.AsSlice()...)
	}
	client.port.Send(ask(there)) // not the host's: silence
	client.port.Send(ask(here))
	r := client.take(t)
	if !bytes.Equal(r[:6], mac(2).slice()) || r[21] != 2 || !bytes.Equal(r[22:28], mac(1).slice()) ||
		!bytes.Equal(r[28:32], here.AsSlice()) || !bytes.Equal(r[38:42], there.AsSlice()) {
		t.Errorf("answer % x", r)
	}
}

func (m MAC) slice() []byte { return m[:] }

func TestPing(t *testing.T) {
	_, client := neighbour(t)
	body := []byte{8, 0, 0, 0, 0x12, 0x34, 0, 1, 'h', 'i', '!'}
	client.port.Send(packet(there, protoICMP, body)) // somebody else's
	client.port.Send(packet(here, protoICMP, body))
	r := client.take(t)
	p := r[minFrame:]
	if checksum(0, p[:20]) != 0 || checksum(0, p[20:]) != 0 {
		t.Error("checksums are wrong")
	}
	if p[20] != 0 || !bytes.Equal(p[24:], body[4:]) || !bytes.Equal(p[12:16], here.AsSlice()) {
		t.Errorf("answer % x", p)
	}
}

func TestDatagram(t *testing.T) {
	h, client := neighbour(t)
	h.Serve(7, func(from netip.AddrPort, q []byte) []byte {
		if from != netip.AddrPortFrom(there, 999) || string(q) == "quiet" {
			return nil
		}
		return append([]byte("echo "), q...)
	})
	send := func(port uint16, text string) {
		u := binary.BigEndian.AppendUint16(nil, 999)
		u = binary.BigEndian.AppendUint16(u, port)
		u = binary.BigEndian.AppendUint16(u, uint16(8+len(text)))
		client.port.Send(packet(here, protoUDP, append(append(u, 0, 0), text...)))
	}
	send(8, "closed")
	send(7, "quiet")
	send(7, "hello")
	p := client.take(t)[minFrame:]
	if string(p[28:]) != "echo hello" || binary.BigEndian.Uint16(p[20:]) != 7 || binary.BigEndian.Uint16(p[22:]) != 999 {
		t.Errorf("answer %q", p)
	}
	if checksum(pseudo(here, there, len(p)-20), p[20:]) != 0 {
		t.Error("the UDP checksum is wrong")
	}
}

// Damaged packets of every length must neither be answered nor panic.
func FuzzHost(f *testing.F) {
	f.Add(packet(here, protoICMP, []byte{8, 0, 0, 0, 0, 0, 0, 0}))
	f.Add(packet(here, protoUDP, []byte{0, 1, 0, 7, 0, 9, 0, 0, 'x'}))
	s := NewSwitch("lan")
	h, err := NewHost(s, "host", mac(1), here)
	if err != nil {
		f.Fatal(err)
	}
	h.Serve(7, func(_ netip.AddrPort, q []byte) []byte { return q })
	h.Serve(NTPPort, new(Clock).Answer)
	f.Fuzz(func(_ *testing.T, b []byte) { h.receive(b) })
}

// The clock must satisfy an NTP client that others wrote.
func TestClock(t *testing.T) {
	var c Clock
	addr := serveUDP(t, &c)
	query := func() (*ntp.Response, error) {
		return ntp.QueryWithOptions(addr, ntp.QueryOptions{Timeout: 2 * time.Second})
	}
	r, err := query()
	if err != nil || r.Validate() != nil || r.ClockOffset.Abs() > time.Second || r.Stratum != 2 {
		t.Fatalf("honest: %+v %v", r, err)
	}
	c.Set(ClockSettings{Offset: -6 * 365 * 24 * time.Hour, Stratum: 5})
	if r, err = query(); err != nil || (r.ClockOffset-c.Settings().Offset).Abs() > time.Second || r.Stratum != 5 {
		t.Errorf("lying: %+v %v", r, err)
	}
	c.Set(ClockSettings{Unset: true})
	if r, err = query(); err != nil || r.Validate() == nil {
		t.Errorf("unset: %+v %v passes for good", r, err)
	}
	c.Set(ClockSettings{Dispersion: 3 * time.Second})
	if r, err = query(); err != nil || (r.RootDispersion-3*time.Second).Abs() > time.Millisecond {
		t.Errorf("dispersion: %+v %v", r, err)
	}
	c.Set(ClockSettings{Silent: true})
	q := make([]byte, 48)
	q[0] = 4<<3 | 3
	if c.Answer(netip.AddrPort{}, q) != nil {
		t.Error("a silent clock answered")
	}
	if c.Answer(netip.AddrPort{}, q[:47]) != nil {
		t.Error("answered a short request")
	}
	if n := c.Asked(); n != 5 {
		t.Errorf("asked %d times", n)
	}
}

// serveUDP puts a clock behind a socket on the loopback.
func serveUDP(t *testing.T, c *Clock) string {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if r := c.Answer(from, buf[:n]); r != nil {
				_, _ = conn.WriteToUDPAddrPort(r, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}
