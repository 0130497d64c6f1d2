package omapi

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"tandem/failover/lease"
)

// client is the other end of a Session in tests.
type client struct {
	t      *testing.T
	server *Server
	world  *world
	se     *Session
	now    lease.Now
	key    *Key
	authID uint32
	id     uint32
}

// newServer makes a server whose numbers are random.
func newServer(t *testing.T, c Config, w *world) *Server {
	t.Helper()
	server, err := NewServer(c, w, drawRandom)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// dial connects without a key and says hello.
func dial(t *testing.T, server *Server) *client {
	t.Helper()
	c := &client{t: t, server: server, world: server.authority.(*world), now: lease.Now{Wall: 0x6b00d667 * 1e9, Mono: 1e9}}
	var err error
	if c.se, _, err = server.Accept(c.now, 1, netip.MustParseAddr("127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	if out := c.se.Feed(c.now, c.se.Hello()); len(out.Bytes) > 0 || out.Close != "" {
		t.Fatalf("after hello: %+v", out)
	}
	return c
}

// dialKeyed connects and opens the key that the server requires.
func dialKeyed(t *testing.T, server *Server) *client {
	t.Helper()
	c := dial(t, server)
	c.key = server.required
	c.authID = c.openKey(c.key.Name, c.key.Algorithm).handle
	if c.authID == 0 {
		t.Fatal("no handle for the key")
	}
	return c
}

func (c *client) openKey(name, algorithm string) message {
	return c.ask(message{op: opOpen, values: values{{"type", []byte("authenticator")}},
		object: values{{"name", []byte(name)}, {"algorithm", []byte(algorithm + algorithmSuffix)}}})
}

// frame makes the octets of the next request, signed if the client has
// opened its key.
func (c *client) frame(m message) []byte {
	c.id++
	m.id = c.id
	if c.authID == 0 {
		return m.encode(nil)
	}
	m.authID = c.authID
	return m.encode(c.key)
}

func (c *client) feed(octets []byte) Output { return c.se.Feed(c.now, octets) }

// ask sends a request and checks that its answer is the only one, signed as
// it should be.
func (c *client) ask(m message) message {
	c.t.Helper()
	return c.only(c.feed(c.frame(m)))
}

// only decodes the one answer of out.
func (c *client) only(out Output) message {
	c.t.Helper()
	m, size, err := next(out.Bytes, headerLen)
	if err != nil || size == 0 || size != len(out.Bytes) || out.Close != "" {
		c.t.Fatalf("not one answer: %x close %q: %v", out.Bytes, out.Close, err)
	}
	if m.rid != c.id {
		c.t.Fatalf("answer to %d, want %d", m.rid, c.id)
	}
	if m.authID != 0 && (m.authID != c.authID || !c.key.signed(&m)) {
		c.t.Fatalf("wrong signature on %x", out.Bytes)
	}
	return m
}

// status checks that m is a result and gives it.
func (c *client) status(m message) Result {
	c.t.Helper()
	if m.op != opStatus {
		c.t.Fatalf("answer is no status: %+v", m)
	}
	return Result{Code(read32(m.values, "result")), readText(m.values, "message")}
}

// open opens an object and gives the answer, which must be the object.
func (c *client) open(typeName string, by ...value) message {
	c.t.Helper()
	m := c.ask(message{op: opOpen, values: values{{"type", []byte(typeName)}}, object: by})
	if m.op != opUpdate {
		c.t.Fatalf("open %s %v: %v", typeName, by, c.status(m))
	}
	return m
}

func (c *client) update(handle uint32, set ...value) Result {
	c.t.Helper()
	return c.status(c.ask(message{op: opUpdate, handle: handle, object: set}))
}

func (c *client) refresh(handle uint32) message {
	c.t.Helper()
	return c.ask(message{op: opRefresh, handle: handle})
}

// create makes an object, exclusively.
func (c *client) create(typeName string, set ...value) message {
	c.t.Helper()
	return c.ask(message{op: opOpen, object: set,
		values: values{{"create", u32(1)}, {"exclusive", u32(1)}, {"type", []byte(typeName)}}})
}

func text(name, s string) value           { return value{name, []byte(s)} }
func integer(name string, n uint32) value { return value{name, u32(n)} }

// later moves the client's clock.
func (c *client) later(d time.Duration) { c.now = c.now.Add(d) }

// expired collects what Expire delivers for the client's session.
func (c *client) expired() (all Output) {
	c.server.Expire(c.now, func(se *Session, out Output) {
		if se == c.se {
			all = Output{slices.Concat(all.Bytes, out.Bytes), out.Close}
		}
	})
	return all
}
