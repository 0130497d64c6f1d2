package failover

import (
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
	"tandem/failover/wire"
)

// lone is an endpoint that has started and has one accepted connection.
func lone(t *testing.T, edit func(*Config)) *Endpoint {
	t.Helper()
	table := lease.NewTable()
	table.SetPools([][]lease.Range{{{Low: 1, High: 20}}})
	cfg := Config{Name: "pair", Secondary: true, HBA: wire.Split(128), Digest: "10.0.0.1-10.0.0.20", MCLT: 3600, Boot: "b"}
	edit(&cfg)
	e := New(cfg, table, []int{0}, lease.Peer{Name: "pair", State: lease.Normal, LastContact: epoch - 9}, Boot{LastAlive: epoch - 5, Origin: "whole"})
	now := lease.Now{Wall: int64(epoch) * 1e9, Mono: 1e9}
	e.Step(now, ClockFacts{Trusted: true})
	e.Step(now, Started{})
	e.Effects()
	e.Step(now, Connected{Conn: 1})
	return e
}

func goodConnect() *wire.Connect {
	m := &wire.Connect{Relationship: wire.Some("pair"), MaxUnacked: wire.Some(uint32(10)), ReceiveTimer: wire.Some(lease.Seconds(20)),
		MCLT: wire.Some(lease.Seconds(3600)), HBA: wire.Some(wire.Split(128)),
		Vendor: wire.Some(wire.Greeting{Role: wire.RolePrimary, Pools: "10.0.0.1-10.0.0.20", Boot: "a",
			MCLT: wire.Some(lease.Seconds(3600)), Authority: wire.Some(lease.Seconds(3600))}.Encode())}
	m.Time = epoch
	return m
}

func greeted(g wire.Greeting) wire.Opt[string] { return wire.Some(g.Encode()) }

func TestConnectIsRefusedWithBothValues(t *testing.T) {
	cases := []struct {
		name   string
		cfg    func(*Config)
		edit   func(*wire.Connect)
		reason wire.Reject // RejectNone: accepted
		says   []string
	}{
		{"good", func(*Config) {}, func(*wire.Connect) {}, wire.RejectNone, nil},
		{"no name", func(*Config) {}, func(m *wire.Connect) { m.Relationship = wire.Opt[string]{} }, wire.RejectInvalidPartner, nil},
		{"other name", func(*Config) {}, func(m *wire.Connect) { m.Relationship = wire.Some("twins") }, wire.RejectInvalidPartner, []string{`"twins"`, `"pair"`}},
		{"both primary", func(c *Config) { c.Secondary = false }, func(*wire.Connect) {}, wire.RejectInvalidPartner, []string{"both", "primary"}},
		{"both secondary", func(*Config) {}, func(m *wire.Connect) { m.Vendor = greeted(wire.Greeting{Role: wire.RoleSecondary}) }, wire.RejectInvalidPartner, []string{"both", "secondary"}},
		{"clock, Tandem", func(*Config) {}, func(m *wire.Connect) { m.Time = epoch + 9 }, wire.RejectTimeMismatch, []string{"9 s", "5 s"}},
		{"clock, dhcpd within 60 s", func(c *Config) { c.MCLT = 0 }, func(m *wire.Connect) { m.Time, m.Vendor = epoch-59, wire.Opt[string]{} }, wire.RejectNone, nil},
		{"clock, dhcpd", func(*Config) {}, func(m *wire.Connect) { m.Time, m.Vendor = epoch-61, wire.Opt[string]{} }, wire.RejectTimeMismatch, []string{"61 s", "60 s"}},
		{"no HBA", func(*Config) {}, func(m *wire.Connect) { m.HBA = wire.Opt[wire.HBA]{} }, wire.RejectHBAConflict, nil},
		{"no MCLT", func(*Config) {}, func(m *wire.Connect) { m.MCLT = wire.Opt[lease.Seconds]{} }, wire.RejectInvalidMCLT, nil},
		{"other MCLT", func(*Config) {}, func(m *wire.Connect) { m.MCLT = wire.Some(lease.Seconds(60)) }, wire.RejectInvalidMCLT, []string{"60 s", "3600 s"}},
		{"other authority", func(c *Config) { c.Authority = 100 }, func(*wire.Connect) {}, wire.RejectInvalidMCLT, []string{"3600 s", "100 s"}},
		{"other pools", func(c *Config) { c.Digest = "10.0.0.1-10.0.0.30" }, func(*wire.Connect) {}, wire.RejectInvalidPartner, []string{`"10.0.0.1-10.0.0.20"`, `"10.0.0.1-10.0.0.30"`}},
		{"dhcpd, but a Tandem is expected", func(c *Config) { c.Expect = ExpectTandem }, func(m *wire.Connect) { m.Vendor = wire.Opt[string]{} }, wire.RejectInvalidPartner, []string{"no Tandem"}},
		{"a Tandem, but dhcpd is expected", func(c *Config) { c.Expect = ExpectISC }, func(*wire.Connect) {}, wire.RejectInvalidPartner, []string{"dhcpd is configured"}},
		{"clear text, but a key is pinned", func(c *Config) { c.TLS = wire.TLSRequired }, func(*wire.Connect) {}, wire.RejectTLSRequired, nil},
	}
	for _, c := range cases {
		e := lone(t, c.cfg)
		m := goodConnect()
		c.edit(m)
		e.Effects()
		e.Step(e.now, Received{1, m})
		var ack *wire.Connectack
		hung := false
		for _, x := range e.Effects() {
			switch x := x.(type) {
			case Send:
				if a, ok := x.Message.(*wire.Connectack); ok {
					ack = a
				}
			case Hangup:
				hung = true
			}
		}
		switch {
		case ack == nil:
			t.Errorf("%s: no CONNECTACK", c.name)
		case ack.Reject.V != c.reason || hung != (c.reason != wire.RejectNone) || (e.up != nil) != (c.reason == wire.RejectNone):
			t.Errorf("%s: %v %q, hung up %v; want %v", c.name, ack.Reject.V, ack.Message.V, hung, c.reason)
		case !ack.Relationship.Set:
			t.Errorf("%s: the relationship name is missing, dhcpd wants it in rejections too", c.name)
		}
		for _, s := range c.says {
			if !strings.Contains(ack.Message.V, s) {
				t.Errorf("%s: %q does not name %s", c.name, ack.Message.V, s)
			}
		}
	}
}

// TestTLSComesBeforeAnythingElse: with a pinned key the first CONNECT is only
// a stimulus, and the one inside counts.
func TestTLSComesBeforeAnythingElse(t *testing.T) {
	e := lone(t, func(c *Config) { c.TLS = wire.TLSRequired })
	m := goodConnect()
	m.TLSRequest = wire.Some(wire.TLSRequired)
	m.Relationship = wire.Some("clear text does not count")
	e.Effects()
	e.Step(e.now, Received{1, m})
	out := e.Effects()
	s, ok := out[len(out)-1].(Secure)
	if !ok || s.Client || e.up != nil {
		t.Fatalf("no handshake: %+v", out)
	}
	e.Step(e.now, Received{1, goodConnect()})
	if e.up != nil {
		t.Fatal("CONNECT accepted while the handshake runs")
	}
	e.Step(e.now, Secured{Conn: 1})
	e.Step(e.now, Received{1, goodConnect()})
	if e.up == nil {
		t.Fatalf("CONNECT inside TLS refused: %v", e.Effects())
	}

	e = lone(t, func(c *Config) { c.TLS = wire.TLSRequired })
	e.Step(e.now, Received{1, m})
	e.Effects()
	e.Step(e.now, Secured{Conn: 1, Err: "the key is not the pinned one"})
	if e.find(1) != nil || e.State() != lease.Startup {
		t.Errorf("a wrong key keeps the connection, or changed the state to %v", e.State())
	}
}

func TestPrimaryStartsTLSAndRefusesClearText(t *testing.T) {
	primary := func(c *Config) { c.Secondary, c.TLS = false, wire.TLSRequired }
	ack := func() *wire.Connectack {
		m := &wire.Connectack{Relationship: wire.Some("pair"), MaxUnacked: wire.Some(uint32(9)), ReceiveTimer: wire.Some(lease.Seconds(20)),
			Vendor: greeted(wire.Greeting{Role: wire.RoleSecondary})}
		m.Time = epoch
		return m
	}
	e := lone(t, primary)
	m := ack()
	m.TLSReply = wire.Some(uint8(1))
	e.Effects()
	e.Step(e.now, Received{1, m})
	if out := e.Effects(); len(out) != 1 || out[0] != (Secure{Conn: 1, Client: true}) {
		t.Fatalf("want the handshake, got %+v", out)
	}
	e.Step(e.now, Secured{Conn: 1})
	again, ok := e.Effects()[0].(Send)
	if c, isConnect := again.Message.(*wire.Connect); !ok || !isConnect || c.TLSRequest.Set {
		t.Fatalf("want the CONNECT again without TLS-request, got %+v", again)
	}
	e.Step(e.now, Received{1, ack()})
	if e.up == nil {
		t.Error("CONNECTACK inside TLS refused")
	}

	e = lone(t, primary)
	e.Step(e.now, Received{1, ack()})
	if e.up != nil {
		t.Error("CONNECTACK in clear text accepted although a key is pinned")
	}
}

// TestRogueConnectionsChangeNothing: a thousand connections, and messages on
// them that belong elsewhere.
func TestRogueConnectionsChangeNothing(t *testing.T) {
	e := inNormal(t, wire.Tandem, true)
	before, table := e.Peer(), e.table.Len()
	state := &wire.State{State: wire.Some(lease.PartnerDown), Flags: wire.Some(wire.ServerFlags(0))}
	for i := range ConnID(1000) {
		e.Step(e.now, Connected{Conn: 100 + i})
		e.Step(e.now, Received{100 + i, state})
		e.Step(e.now, Received{100 + i, news(lease.Active, 9, epoch, epoch+99)})
		e.Step(e.now, Received{100 + i, &wire.UpdreqAll{}})
		e.Effects()
	}
	if e.Peer() != before || e.State() != lease.Normal || e.table.Len() != table || len(e.conns) > maxConns {
		t.Errorf("state %v, %d records, %d connections, peer %+v", e.State(), e.table.Len(), len(e.conns), e.Peer())
	}
	if e.up == nil || e.up.id != 1 {
		t.Error("the relationship lost its connection")
	}
}

// TestHalfOpenConnectionGivesWay: a partner that was restarted without a word.
func TestHalfOpenConnectionGivesWay(t *testing.T) {
	e := lone(t, func(*Config) {})
	e.Step(e.now, Received{1, goodConnect()})
	e.Step(e.now, Connected{Conn: 2})
	e.Step(e.now, Received{2, goodConnect()})
	if e.up == nil || e.up.id != 1 {
		t.Fatal("a second connection of the same run took the place of the first")
	}
	m := goodConnect()
	m.Vendor = greeted(wire.Greeting{Role: wire.RolePrimary, Boot: "restarted"})
	e.Step(e.now, Connected{Conn: 3})
	e.Step(e.now, Received{3, m})
	if e.up == nil || e.up.id != 3 {
		t.Error("the new run of the partner is locked out")
	}
}

// TestTwoSecondariesAreToldSo: nobody sends CONNECT.
func TestTwoSecondariesAreToldSo(t *testing.T) {
	e := lone(t, func(*Config) {})
	e.Effects()
	e.now = e.now.Add(handshakeWait)
	e.wanted = 0
	e.Step(e.now, Tick{})
	for _, x := range e.Effects() {
		if s, ok := x.(Send); ok {
			if d, ok := s.Message.(*wire.Disconnect); ok && strings.Contains(d.Message.V, "secondary") {
				return
			}
		}
	}
	t.Error("hung up without a word")
}

// TestRedial: every five seconds, and once at a time.
func TestRedial(t *testing.T) {
	e := lone(t, func(*Config) {})
	e.Step(e.now, Closed{Conn: 1})
	start, dials := e.now.Mono, 0
	for e.now.Mono < start+int64(61*time.Second) {
		e.Step(lease.Now{Wall: e.now.Wall + max(e.Deadline()-e.now.Mono, 1), Mono: max(e.Deadline(), e.now.Mono+1)}, Tick{})
		for _, x := range e.Effects() {
			if _, ok := x.(Dial); ok {
				dials++
				e.Step(e.now, Closed{Why: "refused"})
			}
		}
	}
	if dials < 11 || dials > 13 {
		t.Errorf("%d dials in a minute", dials)
	}
}

// TestUntrustedClockTalksToNobody obeys R1.
func TestUntrustedClockTalksToNobody(t *testing.T) {
	e := inNormal(t, wire.Tandem, true)
	e.Step(e.now, ClockFacts{})
	if e.up != nil || e.State() != lease.CommunicationsInterrupt {
		t.Errorf("still connected in %v", e.State())
	}
	paused := false
	for _, x := range e.Effects() {
		if s, ok := x.(Send); ok {
			if m, ok := s.Message.(*wire.State); ok && m.State.V == lease.Paused {
				paused = true
			}
		}
	}
	if !paused {
		t.Error("the partner is not told")
	}
	e.Step(e.now, Connected{Conn: 5})
	if e.find(5) != nil {
		t.Error("accepts a connection")
	}
	if s := e.Stance(e.now); s.Posture != Silent || s.Rule != "R1" {
		t.Errorf("%v", s)
	}
}
