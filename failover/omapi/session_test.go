package omapi

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"tandem/failover/lease"
)

// keyedServer requires the MD5 key.
func keyedServer(t *testing.T) *Server { return newServer(t, keyed("hmac-md5"), sampleWorld()) }

// dhcpd's hole: a request with the handle of a key, which needs no secret, and
// no signature at all. And every other way of not having the secret.
func TestSignatureIsChecked(t *testing.T) {
	update := func(c *client) []byte {
		h := c.open("failover-state", text("name", "dhcp")).handle
		return c.frame(message{op: opUpdate, handle: h, object: values{integer("local-state", 4)}})
	}
	resign := func(c *client, secret string, b []byte) []byte {
		k := *c.key
		k.Secret = []byte(secret)
		b = b[:len(b)-16]
		return append(b, k.sign(b[4:])...)
	}
	for name, spoil := range map[string]func(c *client, b []byte) []byte{
		"no signature": func(_ *client, b []byte) []byte {
			binary.BigEndian.PutUint32(b[4:], 0)
			return b[:len(b)-16]
		},
		"one octet": func(_ *client, b []byte) []byte {
			binary.BigEndian.PutUint32(b[4:], 1)
			return b[:len(b)-15]
		},
		"one octet too few": func(_ *client, b []byte) []byte {
			binary.BigEndian.PutUint32(b[4:], 15)
			return b[:len(b)-1]
		},
		"one octet too many": func(_ *client, b []byte) []byte {
			binary.BigEndian.PutUint32(b[4:], 17)
			return append(b, 0)
		},
		"last octet":        func(_ *client, b []byte) []byte { b[len(b)-1]++; return b },
		"another operation": func(_ *client, b []byte) []byte { b[11] = byte(opDelete); return b },
		"another id":        func(_ *client, b []byte) []byte { b[18]++; return b },
		"another handle":    func(_ *client, b []byte) []byte { b[15]++; return b },
		"another value":     func(_ *client, b []byte) []byte { b[len(b)-19]++; return b },
		"another secret":    func(c *client, b []byte) []byte { return resign(c, "guess", b) },
		"empty secret":      func(c *client, b []byte) []byte { return resign(c, "", b) },
	} {
		c := dialKeyed(t, keyedServer(t))
		out := c.feed(spoil(c, update(c)))
		m, size, err := next(out.Bytes, headerLen)
		if err != nil || size != len(out.Bytes) || m.authID != 0 || c.status(m) != (Result{Code: InvalidKey}) || out.Close != "" {
			t.Errorf("%s: %+v", name, out)
		}
		if len(c.world.changes) > 0 {
			t.Errorf("%s: %v was carried out", name, kinds(c.world.changes))
		}
		if r := c.status(c.only(c.feed(update(c)))); r.Code != OK {
			t.Errorf("%s: the right signature after it: %v", name, r)
		}
	}
}

func TestTooManyDoubts(t *testing.T) {
	for name, guess := range map[string]func(c *client) []byte{
		"unsigned": func(c *client) []byte { c.authID = 0; return c.frame(message{op: opRefresh, handle: 1}) },
		"wrong":    func(c *client) []byte { b := c.frame(message{op: opRefresh, handle: 1}); b[30]++; return b },
		"wrong name": func(c *client) []byte {
			c.authID = 0
			return c.frame(message{op: opOpen, values: values{text("type", "authenticator")}})
		},
	} {
		c := dialKeyed(t, keyedServer(t))
		for i := 1; ; i++ {
			out := c.feed(guess(c))
			if (out.Close != "") != (i == MaxRefusals) {
				t.Fatalf("%s: request %d of %d: %+v", name, i, MaxRefusals, out)
			}
			if out.Close != "" {
				break
			}
		}
		if out := c.feed(guess(c)); len(out.Bytes) > 0 || out.Close == "" {
			t.Errorf("%s: after the end: %+v", name, out)
		}
	}
}

// Handles are of one connection: what was recorded on one means nothing on
// another, even under the handle that the key has there.
func TestRecordedRequestIsWorthless(t *testing.T) {
	server := keyedServer(t)
	victim, thief := dialKeyed(t, server), dialKeyed(t, server)
	if victim.authID == thief.authID {
		t.Fatal("the key has the same handle on both connections")
	}
	h := victim.open("failover-state", text("name", "dhcp")).handle
	recorded := victim.frame(message{op: opUpdate, handle: h, object: values{integer("local-state", 4)}})

	if out := thief.feed(recorded); out.Close == "" || len(out.Bytes) > 0 {
		t.Errorf("with the other's key handle: %+v", out)
	}
	thief = dialKeyed(t, server)
	thief.open("failover-state", text("name", "dhcp"))
	binary.BigEndian.PutUint32(recorded, thief.authID)
	thief.id = binary.BigEndian.Uint32(recorded[16:])
	if r := thief.status(thief.only(thief.feed(recorded))); r.Code != NotFound {
		t.Errorf("with the thief's key handle: %v", r)
	}
	if len(server.authority.(*world).changes) > 0 {
		t.Error("the recorded request was carried out")
	}
}

// A message that comes twice on its own connection ends it. What only reads
// may be repeated.
func TestRepeatedMessage(t *testing.T) {
	c := dialKeyed(t, keyedServer(t))
	h := c.open("failover-state", text("name", "dhcp")).handle
	read := c.frame(message{op: opRefresh, handle: h})
	c.only(c.feed(read))
	c.only(c.feed(read))
	change := c.frame(message{op: opUpdate, handle: h, object: values{integer("local-state", 4)}})
	c.only(c.feed(change))
	if out := c.feed(change); out.Close != "the client repeats an earlier message" || len(out.Bytes) > 0 {
		t.Errorf("repeated: %+v", out)
	}
	if s := c.server.Stats(); s.Repeated != 1 || len(c.world.changes) != 1 {
		t.Errorf("%+v, changes %v", s, c.world.changes)
	}
}

func TestRememberedIsBounded(t *testing.T) {
	var r remembered
	for i := range 3 * MaxRemembered {
		if r.again(u32(uint32(i))) {
			t.Fatalf("%d is new", i)
		}
	}
	if len(r.is) != MaxRemembered || len(r.oldest) != MaxRemembered {
		t.Errorf("%d and %d remembered", len(r.is), len(r.oldest))
	}
	if !r.again(u32(3*MaxRemembered-1)) || !r.again(u32(2*MaxRemembered)) || r.again(u32(0)) {
		t.Error("the latest are to be known, the first not")
	}
}

// oversize are messages that break a limit; each is cut where its breach shows.
func oversize() map[string][]byte {
	header := func(authID, authLen uint32) []byte {
		b := binary.BigEndian.AppendUint32(nil, authID)
		b = binary.BigEndian.AppendUint32(b, authLen)
		return append(b, make([]byte, headerLen-8)...)
	}
	name := func(n int) []byte {
		return append(binary.BigEndian.AppendUint16(nil, uint16(n)), bytes.Repeat([]byte("n"), min(n, MaxName))...)
	}
	list := func(entries, size int) (b []byte) {
		for i := range entries {
			b = append(b, name(1+i)...)
			b = binary.BigEndian.AppendUint32(b, uint32(size))
			b = append(b, make([]byte, size)...)
		}
		return b
	}
	return map[string][]byte{
		"name longer than MaxName":   append(header(0, 0), name(MaxName + 1)[:2]...),
		"value longer than MaxValue": append(append(header(0, 0), name(4)...), 0x7f, 0xff, 0xff, 0xf0),
		"more values than MaxValues": append(append(header(0, 0), list(MaxValues, 0)...), name(1)[:2]...),
		// The fifth value begins within the limit and would end beyond it.
		"message longer than MaxMessage":                   append(append(append(header(0, 0), list(3, MaxValue)...), name(200)...), 0, 1, 0, 0),
		"signature longer than any algorithm's":            header(1, maxSignature+1),
		"signature without a key":                          header(0, 16),
		"the client sends an operation that is no request": append(header(0, 0), 0, 0, 0, 0),
	}
}

func TestLimits(t *testing.T) {
	for want, b := range oversize() {
		c := dial(t, newServer(t, Config{}, sampleWorld()))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		var out Output
		for part := range chunks(b, MaxFeed) {
			if out = c.feed(part); out.Close != "" {
				break
			}
		}
		runtime.ReadMemStats(&after)
		if out.Close != want || len(out.Bytes) > 0 {
			t.Errorf("closed %q with %d octets, want %q", out.Close, len(out.Bytes), want)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20 {
			t.Errorf("%s: %d octets allocated", want, used)
		}
		if c.server.Stats().Malformed != 1 || c.se.Deadline() != 0 {
			t.Errorf("%s: %+v, deadline %d", want, c.server.Stats(), c.se.Deadline())
		}
	}
}

// chunks cuts b into pieces of at most n octets.
func chunks(b []byte, n int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		for len(b) > 0 {
			size := min(n, len(b))
			if !yield(b[:size]) {
				return
			}
			b = b[size:]
		}
	}
}

func TestStart(t *testing.T) {
	for _, c := range []struct {
		version, header uint32
		ok              bool
	}{{100, 24, true}, {100, MaxHeader, true}, {100, MaxHeader + 1, false}, {100, 23, false}, {99, 24, false}, {100, 1<<32 - 1, false}} {
		server := newServer(t, Config{}, sampleWorld())
		se, _, err := server.Accept(lease.Now{}, 7, loopback)
		if err != nil || se.ID() != 7 {
			t.Fatal(err)
		}
		out := se.Feed(lease.Now{}, append(u32(c.version), u32(c.header)...))
		if (out.Close == "") != c.ok || len(out.Bytes) > 0 {
			t.Errorf("%d %d: %+v", c.version, c.header, out)
		}
	}
}

func TestMisuseCloses(t *testing.T) {
	for name, spoil := range map[string]func(b []byte){
		"an answer to nothing":   func(b []byte) { b[23] = 77 },
		"a key that is not open": func(b []byte) { b[3] = 5 },
		"an unknown operation":   func(b []byte) { b[11] = 7 },
		"a status":               func(b []byte) { b[11] = byte(opStatus) },
	} {
		c := dial(t, newServer(t, Config{}, sampleWorld()))
		b := c.frame(message{op: opRefresh})
		spoil(b)
		if out := c.feed(b); out.Close == "" || len(out.Bytes) > 0 {
			t.Errorf("%s: %+v", name, out)
		}
	}
}

func TestDeadlines(t *testing.T) {
	for name, c := range map[string]struct {
		who  func(*Server) *client
		wait time.Duration
		why  string
	}{
		"silent": {func(s *Server) *client {
			c := dial(t, s)
			s.Release(c.se)
			c.se, _, _ = s.Accept(c.now, 2, loopback)
			return c
		}, MessageTime, "idle for too long"},
		"said hello":  {func(s *Server) *client { return dial(t, s) }, UnprovenTime, "idle for too long"},
		"opened key":  {func(s *Server) *client { return dialKeyed(t, s) }, UnprovenTime, "idle for too long"},
		"used key":    {func(s *Server) *client { c := dialKeyed(t, s); c.open("control"); return c }, IdleTime, "idle for too long"},
		"in a header": {func(s *Server) *client { c := dialKeyed(t, s); c.feed(c.frame(message{})[:10]); return c }, MessageTime, "stopped within a message"},
		"in the end":  {func(s *Server) *client { c := dialKeyed(t, s); c.feed(c.frame(message{})[:43]); return c }, MessageTime, "stopped within a message"},
	} {
		server := keyedServer(t)
		who := c.who(server)
		if got := time.Duration(server.Deadline() - who.now.Mono); got != c.wait {
			t.Errorf("%s: waits for %v, want %v", name, got, c.wait)
		}
		who.later(c.wait - 1)
		if out := who.expired(); out.Close != "" {
			t.Errorf("%s: %s too early", name, out.Close)
		}
		who.later(1)
		if out := who.expired(); out.Close != c.why || server.Deadline() != 0 || who.se.Ready() {
			t.Errorf("%s: closed %q, want %q", name, out.Close, c.why)
		}
		if s := server.Stats(); s.Stalled+s.Idle != 1 || (s.Stalled == 1) != strings.HasPrefix(c.why, "stopped") {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// Asking for the key again and again does not keep a connection that has not
// shown the secret.
func TestUnprovenTimeIsFinal(t *testing.T) {
	c := dialKeyed(t, keyedServer(t))
	end := c.now.Add(UnprovenTime).Mono
	for c.now.Mono < end-int64(time.Minute) {
		c.later(time.Minute)
		c.only(c.feed((&message{op: opOpen, id: c.id, values: values{text("type", "authenticator")},
			object: values{text("name", "omapi_key"), text("algorithm", "hmac-md5")}}).encode(nil)))
		if c.se.Deadline() != end {
			t.Fatalf("deadline in %v", time.Duration(c.se.Deadline()-c.now.Mono))
		}
	}
}

// Without omapi-key, a key of the configuration may be used, and then rightly.
func TestVoluntaryKey(t *testing.T) {
	server := newServer(t, Config{Keys: keyed("hmac-md5").Keys}, sampleWorld())
	c := dial(t, server)
	c.key = server.key("OMAPI_KEY")
	c.authID = c.openKey("OMAPI_KEY", "HMAC-MD5").handle
	c.open("control")
	b := c.frame(message{op: opRefresh, handle: 1})
	b[len(b)-1]++
	m, _, err := next(c.feed(b).Bytes, headerLen)
	if err != nil || c.status(m).Code != InvalidKey {
		t.Errorf("%+v, %v", m, err)
	}
	b = c.frame(message{op: opRefresh, handle: 1})
	server.keys[0].Name = "renamed"
	if out := c.feed(b); out.Close == "" {
		t.Error("a key that is no longer there is still good")
	}
}

func TestEveryCounterIsTold(t *testing.T) {
	var s Stats
	fields := reflect.ValueOf(&s).Elem()
	for i := range fields.NumField() {
		fields.Field(i).SetUint(uint64(i) + 1)
	}
	told := map[string]uint64{}
	sum := uint64(0)
	s.Each(func(name string, v uint64) { told[name] = v; sum += v })
	if n := uint64(fields.NumField()); len(told) != int(n) || sum != n*(n+1)/2 {
		t.Errorf("%d counters, told %v", n, told)
	}
}

// Octets that drip in do not extend the time for a message.
func TestDrippingMessage(t *testing.T) {
	c := dial(t, newServer(t, Config{}, sampleWorld()))
	request := c.frame(message{op: opRefresh, handle: 1})
	c.feed(request[:1])
	before := c.server.Deadline()
	for i := 1; i < 20; i++ {
		c.later(time.Second)
		c.feed(request[i : i+1])
	}
	if c.server.Deadline() != before {
		t.Error("the deadline has moved")
	}
	c.feed(request[20:])
	if c.server.Deadline() <= before {
		t.Error("the deadline has not moved after the message")
	}
}

func TestLateChange(t *testing.T) {
	c := dialKeyed(t, keyedServer(t))
	c.world.slow = true
	h := c.open("failover-state", text("name", "dhcp")).handle
	if out := c.feed(c.frame(message{op: opUpdate, handle: h, object: values{integer("local-state", 4)}})); len(out.Bytes) > 0 || c.se.Ready() {
		t.Fatalf("answered too early: %+v", out)
	}
	// What comes meanwhile waits for its turn.
	next := c.frame(message{op: opRefresh, handle: h})
	if out := c.feed(next); len(out.Bytes) > 0 {
		t.Fatalf("answered out of turn: %+v", out)
	}
	c.later(ChangeTime)
	out := c.expired()
	all, _ := decodeAll(append(c.se.Hello(), out.Bytes...))
	if len(all) != 2 || c.status(all[0]).Code != TimedOut || all[1].op != opUpdate || !c.se.Ready() {
		t.Fatalf("%+v", all)
	}
	if se, out := c.world.settle(c.server, c.now); se != nil || len(out.Bytes) > 0 {
		t.Errorf("the late outcome went to somebody: %+v", out)
	}
	// Settled in the end, and refused: counted, and told to nobody.
	if se, _ := c.server.Resolve(c.now, 1, Result{Code: NoPermission}); se != nil {
		t.Error("a session waits for a change that it gave up")
	}
	if s := c.server.Stats(); s.Late != 1 || s.Refused != 1 || s.Changes != 1 {
		t.Errorf("%+v", s)
	}
}

// While a change is under way, a client cannot make the server hold more than
// the limit.
func TestFloodWhileWaiting(t *testing.T) {
	c := dialKeyed(t, keyedServer(t))
	c.world.slow = true
	h := c.open("failover-state", text("name", "dhcp")).handle
	c.feed(c.frame(message{op: opUpdate, handle: h, object: values{integer("local-state", 4)}}))
	for fed := 0; ; fed += MaxFeed {
		out := c.feed(make([]byte, MaxFeed))
		if out.Close != "" {
			break
		}
		if fed > MaxMessage+MaxFeed {
			t.Fatal("no limit")
		}
	}
	if se, out := c.world.settle(c.server, c.now); se != nil || out.Bytes != nil {
		t.Error("an outcome for a closed session")
	}
}

// Replies wait for a client that does not read.
func TestManyReplies(t *testing.T) {
	c := dial(t, newServer(t, Config{}, sampleWorld()))
	h := c.open("failover-state", text("name", "dhcp")).handle
	var requests []byte
	const n = 1000
	for range n {
		requests = append(requests, c.frame(message{op: opRefresh, handle: h})...)
	}
	out := c.feed(requests)
	replies := len(out.Bytes)
	for rounds := 0; c.se.More(); rounds++ {
		if c.se.Ready() || len(out.Bytes) < MaxReplies || len(out.Bytes) > MaxReplies+1024 || rounds > 20 {
			t.Fatalf("ready %v, %d octets in round %d", c.se.Ready(), len(out.Bytes), rounds)
		}
		out = c.feed(nil)
		replies += len(out.Bytes)
	}
	one := len(c.feed(c.frame(message{op: opRefresh, handle: h})).Bytes)
	if replies != n*one || !c.se.Ready() {
		t.Errorf("%d octets of replies, want %d of %d", replies, n, one)
	}
}

func TestHandlesAreBounded(t *testing.T) {
	w := sampleWorld()
	for i := range 2 * MaxHandles {
		w.leases = append(w.leases, Lease{Lease: lease.Lease{IP: lease.IP(i + 1), State: lease.Free}, Subnet: 1, Pool: 1})
	}
	c := dialKeyed(t, newServer(t, keyed("hmac-md5"), w))
	first := c.open("lease", integer("ip-address", 1))
	subnet := read32(first.object, "subnet")
	var last message
	for i := range 2 * MaxHandles {
		last = c.open("lease", integer("ip-address", uint32(i+1)))
		if read32(last.object, "subnet") != subnet {
			t.Fatal("the subnet has got another handle")
		}
	}
	if n := len(c.se.handles.named); n != MaxHandles || len(c.se.handles.of) != n || len(c.se.handles.used) != n {
		t.Errorf("%d handles", n)
	}
	if r := c.status(c.refresh(first.handle)); r.Code != NotFound {
		t.Errorf("the first lease: %v", r)
	}
	if m := c.refresh(last.handle); m.op != opUpdate {
		t.Error("the last lease is forgotten")
	}
	if c.server.Stats().Forgotten == 0 {
		t.Error("nothing counted")
	}
}

// A broken source of randomness gives no predictable handles.
func TestNoRandomness(t *testing.T) {
	server, err := NewServer(Config{}, sampleWorld(), func() uint32 { return 0 })
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, server)
	m := c.ask(message{op: opOpen, values: values{text("type", "control")}})
	if r := c.status(m); r.Code != OutOfEntropy {
		t.Error(r)
	}
}

func TestHandlesComeFromTheSource(t *testing.T) {
	drawn := []uint32{100, 0, 7, 7, 9}
	server, err := NewServer(Config{}, sampleWorld(), func() uint32 { n := drawn[0]; drawn = drawn[1:]; return n })
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, server)
	a, b := c.open("control"), c.open("failover-state", text("name", "dhcp"))
	if a.id != 100 || b.id != 101 || a.handle != 7 || b.handle != 9 {
		t.Errorf("ids %d %d, handles %d %d", a.id, b.id, a.handle, b.handle)
	}
}

func TestSessionsAreBounded(t *testing.T) {
	server := keyedServer(t)
	var strangers []*client
	for range MaxUnproven {
		strangers = append(strangers, dial(t, server))
	}
	_, evicted, err := server.Accept(lease.Now{}, 99, loopback)
	if err != nil || evicted != strangers[0].se || evicted.Feed(lease.Now{}, nil).Close == "" || server.Sessions() != MaxUnproven {
		t.Fatalf("evicted %v, %v; %d sessions", evicted, err, server.Sessions())
	}
	// Those who have shown a signature make room for nobody.
	server = keyedServer(t)
	var friends []*client
	for range MaxSessions {
		friends = append(friends, dialKeyed(t, server))
		friends[len(friends)-1].open("control")
	}
	if _, _, err := server.Accept(lease.Now{}, 99, loopback); err != ErrTooMany || server.Sessions() != MaxSessions {
		t.Errorf("%v, %d sessions", err, server.Sessions())
	}
	server.Release(friends[3].se)
	if _, _, err := server.Accept(lease.Now{}, 99, loopback); err != nil {
		t.Error(err)
	}
	if s := server.Stats(); s.Turned != 1 || s.Accepted != MaxSessions+1 {
		t.Errorf("%+v", s)
	}
}

func TestWithoutKeyLoopbackOnly(t *testing.T) {
	server := newServer(t, Config{}, sampleWorld())
	for from, ok := range map[string]bool{"127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"10.77.0.1": false, "::ffff:10.77.0.1": false, "0.0.0.0": false} {
		if _, _, err := server.Accept(lease.Now{}, 1, netip.MustParseAddr(from)); (err == nil) != ok {
			t.Errorf("%s: %v", from, err)
		}
	}
	// A connection from elsewhere does not become free of keys by a change of
	// the configuration.
	server = keyedServer(t)
	c := dial(t, server)
	c.se.from = netip.MustParseAddr("10.77.0.1")
	if err := server.Configure(Config{}); err != nil {
		t.Fatal(err)
	}
	if out := c.feed(c.frame(message{op: opRefresh, handle: 1})); out.Close != ErrNotLoopback.Error() || len(out.Bytes) > 0 {
		t.Errorf("%+v", out)
	}
}

func TestConfigure(t *testing.T) {
	md5, sha := keyed("hmac-md5").Keys[0], keyed("hmac-sha256").Keys[0]
	sha.Name = "new_key"
	for want, c := range map[string]Config{
		`there is no such key`:              {Required: "omapi_key"},
		`algorithm "hmac-md4" is not known`: {Keys: []Key{{Name: "k", Algorithm: "hmac-md4", Secret: []byte("x")}}, Required: "k"},
		`key "k" has no secret`:             {Keys: []Key{{Name: "k", Algorithm: "HMAC-MD5.sig-alg.reg.int."}}, Required: "K"},
	} {
		server := keyedServer(t)
		if err := server.Configure(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if server.LoopbackOnly() || server.required.Name != "omapi_key" {
			t.Error("the earlier configuration is gone")
		}
	}
	// A key of which OMAPI makes no use may be of any kind.
	server := newServer(t, Config{Keys: []Key{{Name: "ddns", Algorithm: "gss-tsig"}, md5}, Required: "omapi_key"}, sampleWorld())
	old := dialKeyed(t, server)
	old.open("control")
	if err := server.Configure(Config{Keys: []Key{md5, sha}, Required: "new_key"}); err != nil {
		t.Fatal(err)
	}
	if out := old.feed(old.frame(message{op: opRefresh, handle: 1})); out.Close == "" {
		t.Error("the old key is still good")
	}
	dialKeyed(t, server).open("control")
}
