package main

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tandem/cmd/lab/clients"
	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
)

// server is the program that the tests are about. LAB_SERVER=dhcpd runs them
// against ISC's, which shows whether a failure is the laboratory's own.
var server = peers.Dhcpfd

// patience bounds the wait for something that should come in a second or two
// on a machine that has other work.
const patience = 30 * time.Second

func TestMain(m *testing.M) {
	if s := os.Getenv("LAB_SERVER"); s != "" {
		server = peers.Kind(s)
	}
	prepare := peers.Build
	if server != peers.Dhcpfd {
		prepare = func(string) error { return nil }
	}
	if err := netlab.Enter(prepare); err != nil {
		fmt.Fprintln(os.Stderr, "laboratory:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// lab is one network with one server, made for one test.
type lab struct {
	*testing.T
	net    *netlab.Net
	lan    *netlab.LAN
	box    *netlab.Node // where the server runs, 10.0.0.1 on eth0
	server *netlab.Program
	dir    string // the server's files
}

// newLab makes a LAN 10.0.0.0/16 with a box to run a server on.
func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{T: t}
	dir := t.TempDir()
	// Servers and clients that give up root must get at their files.
	must0(t, os.Chmod(dir, 0o755))
	l.net = must(netlab.New(dir))(t)
	t.Cleanup(func() {
		if t.Failed() && l.server != nil {
			t.Logf("the server's last lines:\n%s", l.server.Tail(60))
		}
		if err := l.net.Close(); err != nil {
			t.Error(err)
		}
	})
	l.lan = must(l.net.LAN("lan"))(t)
	l.box = must(l.net.Node("box"))(t)
	must0(t, l.box.Plug(l.lan, "eth0", "10.0.0.1/16"))
	l.dir = filepath.Join(dir, "server")
	must0(t, os.Mkdir(l.dir, 0o755))
	return l
}

// must gives a value to the test or ends the test.
func must[V any](v V, err error) func(testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func must0(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// head begins every configuration of the tests.
const head = `authoritative;
default-lease-time 600;
max-lease-time 7200;
ping-check false;
ddns-update-style none;
`

// simple serves the LAN from a hundred addresses.
const simple = head + `subnet 10.0.0.0 netmask 255.255.0.0 {
  range 10.0.1.1 10.0.1.100;
  option routers 10.0.0.1;
}
`

// serve starts the server under test, or starts it again with its leases.
func (l *lab) serve(conf string) {
	l.Helper()
	l.server = must(server.StartConf(l.box, l.dir, conf, "eth0"))(l)
}

// client starts a client program on a machine of its own.
func (l *lab) client(k clients.Kind, name string, o clients.Options) *clients.Client {
	l.Helper()
	node := must(l.net.Node(name))(l)
	must0(l, node.Plug(l.lan, "eth0"))
	return must(k.Start(node, l.net.Dir, "eth0", o))(l)
}

// lease awaits the client's next lease and checks that it is in the range.
func (l *lab) lease(c *clients.Client, mark int, first, last string) clients.Lease {
	l.Helper()
	got := must(c.AwaitLease(mark, patience))(l)
	if a := got.Addr; a.Less(netip.MustParseAddr(first)) || netip.MustParseAddr(last).Less(a) {
		l.Fatalf("%s got %v, outside %s-%s", c.Kind, a, first, last)
	}
	return got
}

// otherUser leaves out a program that changes its user where there is none to
// change to.
func otherUser(t *testing.T, program string) {
	t.Helper()
	if netlab.OneUser() {
		t.Skipf("NOT TESTED: %s changes its user, which takes root", program)
	}
}
