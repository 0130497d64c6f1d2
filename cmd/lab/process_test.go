package main

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"tandem/cmd/lab/clients"
	"tandem/cmd/lab/load"
	"tandem/cmd/lab/netlab"
	"tandem/cmd/lab/peers"
)

// ours leaves out a test of what ISC's server does otherwise, when the tests
// run against that one.
func ours(t *testing.T) {
	t.Helper()
	if server != peers.Dhcpfd {
		t.Skip("only dhcpfd does this")
	}
}

// failctl asks the running server.
func (l *lab) failctl(words ...string) string {
	l.Helper()
	return must(l.box.Run(soon(l), peers.Failctl(l.dir, words...)...))(l)
}

// dhcpfd -t tells good from bad by its exit code, and says where and what.
func TestCheckExitCodes(t *testing.T) {
	ours(t)
	l := newLab(t)
	for _, c := range []struct {
		name, conf string
		code       int
		want       string
	}{
		{"good", simple, 0, ""},
		{"missing semicolon", "default-lease-time 600\nmax-lease-time 7200;\n", 1, `dhcpd\.conf.*1.*`},
		{"unknown word", head + "subnet 10.0.0.0 netmask 255.255.0.0 { rnage 10.0.1.1 10.0.1.9; }\n", 1, `rnage`},
	} {
		file := filepath.Join(l.net.Dir, "dhcpd.conf")
		must0(t, os.WriteFile(file, []byte(c.conf), 0o644))
		args := append(server.Args(file, l.dir)[:1], "-t", "-cf", file)
		p := must(l.box.Start(netlab.Command{Args: args}))(t)
		code := must(p.Wait(patience))(t)
		if code != c.code {
			t.Errorf("%s: exit code %d, not %d\n%s", c.name, code, c.code, p.Tail(20))
		}
		if c.want != "" && len(p.Find(0, regexp.MustCompile(c.want))) == 0 {
			t.Errorf("%s: nothing matches %q in\n%s", c.name, c.want, p.Tail(20))
		}
	}
}

// SIGHUP takes a good configuration and refuses a bad one; leases stay.
func TestReload(t *testing.T) {
	ours(t)
	l := newLab(t)
	l.serve(simple)
	w := l.wire("client")
	first := lease(t, w, 1, 1)
	file := filepath.Join(l.dir, "dhcpd.conf")

	moved := strings.NewReplacer("range 10.0.1.1 10.0.1.100", "range 10.0.1.1 10.0.1.100; range 10.0.2.1 10.0.2.100",
		"default-lease-time 600", "default-lease-time 1200").Replace(simple)
	must0(t, os.WriteFile(file, []byte(moved), 0o644))
	l.reload("good")
	again := lease(t, w, 1, 1)
	if !again.DHCP.YourIPAddr.Equal(first.DHCP.YourIPAddr) {
		t.Errorf("the reload moved the client from %v to %v", first.DHCP.YourIPAddr, again.DHCP.YourIPAddr)
	}
	if got := lease(t, w, 1, 2).DHCP.IPAddressLeaseTime(0); got != 1200*time.Second {
		t.Errorf("after the reload a lease lasts %v, not 1200 s", got)
	}

	must0(t, os.WriteFile(file, []byte("subnet 10.0.0.0 netmask {\n"), 0o644))
	l.reload("bad")
	if got := lease(t, w, 1, 3).DHCP.IPAddressLeaseTime(0); got != 1200*time.Second {
		t.Errorf("after the refused reload a lease lasts %v, not 1200 s", got)
	}
	if !l.server.Alive() {
		t.Error("the server has ended")
	}
}

// reload sends SIGHUP and waits until the server says what became of it.
func (l *lab) reload(what string) {
	l.Helper()
	mark := l.server.Mark()
	must0(l, l.server.Signal(syscall.SIGHUP))
	want := map[string]string{"good": `^configuration reloaded`, "bad": `^configuration not reloaded, the old one stays`}[what]
	must(l.server.Await(mark, regexp.MustCompile(want), patience))(l)
}

// SIGTERM ends the server with code 0; the next one knows every lease.
func TestStopAndStart(t *testing.T) {
	ours(t)
	l := newLab(t)
	l.serve(wide)
	c := l.crowd("crowd", 1, 50)
	must0(t, c.Acquire(soon(t), 0, 50, 10))
	must0(t, l.server.Signal(syscall.SIGTERM))
	if code := must(l.server.Wait(patience))(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	l.serve(wide)
	q := l.querier()
	for _, a := range c.Held(time.Now()) {
		if r := must(q.QueryAddr(a.Addr))(t); r.MessageType() != load.LeaseActive {
			t.Errorf("%v of %v is forgotten: type %d", a.Addr, a.Client, r.MessageType())
		}
	}
}

// failctl says who has what and why.
func TestFailctl(t *testing.T) {
	ours(t)
	l := newLab(t)
	l.serve(simple)
	addr := lease(t, l.wire("client"), 1, 7).DHCP.YourIPAddr.String()
	if out := l.failctl("leases"); !strings.Contains(out, addr) || !strings.Contains(out, "02:01:00:00:00:07") {
		t.Errorf("leases:\n%s", out)
	}
	for _, what := range []string{addr, "02:01:00:00:00:07"} {
		if out := l.failctl("why", what); !strings.Contains(out, addr) || !strings.Contains(out, "10.0.1.1 10.0.1.100") {
			t.Errorf("why %s:\n%s", what, out)
		}
	}
	var status struct {
		Pools []struct{ Size, Active int }
	}
	must0(t, json.Unmarshal([]byte(l.failctl("status", "--json")), &status))
	if len(status.Pools) != 1 || status.Pools[0].Size != 100 || status.Pools[0].Active != 1 {
		t.Errorf("status: %+v", status)
	}
	if out := l.failctl("counters"); out == "" {
		t.Error("no counters")
	}
	if _, err := l.box.Run(soon(t), peers.Failctl(l.dir, "nonsense")...); err == nil {
		t.Error("a command that does not exist was taken")
	}
}

// A second server cannot open the store of a running one.
func TestOneWriter(t *testing.T) {
	ours(t)
	l := newLab(t)
	l.serve(simple)
	args := server.Args(filepath.Join(l.dir, "dhcpd.conf"), l.dir, "eth0")
	p := must(l.box.Start(netlab.Command{Args: append(args, "--control", filepath.Join(l.dir, "other"))}))(t)
	if code := must(p.Wait(patience))(t); code == 0 {
		t.Errorf("two servers share a store\n%s", p.Tail(20))
	}
	lease(t, l.wire("client"), 1, 1) // the first one goes on
}

// Clients that renew by their own clocks, at half their lease.
func TestRenewalByTheClock(t *testing.T) {
	for _, k := range []clients.Kind{clients.Dhclient, clients.Networkd} {
		t.Run(string(k), func(t *testing.T) {
			if k == clients.Networkd {
				otherUser(t, string(k))
			}
			l := newLab(t)
			l.serve(strings.Replace(simple, "default-lease-time 600", "default-lease-time 8; min-lease-time 8", 1))
			c := l.client(k, "client", clients.Options{})
			got := l.lease(c, 0, "10.0.1.1", "10.0.1.100")
			acked := regexp.MustCompile(`^DHCPACK on ` + regexp.QuoteMeta(got.Addr.String()) + ` `)
			must(l.server.Await(0, acked, patience))(t)
			mark := l.server.Mark()
			must(l.server.Await(mark, acked, patience))(t)
			if nak := l.server.Find(0, regexp.MustCompile(`DHCPNAK`)); len(nak) > 0 {
				t.Error(nak[0].Text)
			}
		})
	}
}

// dhclient finds its address in use and declines it; it gets another one.
func TestDhclientDeclines(t *testing.T) {
	l := newLab(t)
	l.serve(simple)
	l.client(clients.Dhclient, "client", clients.Options{Decline: true})
	declined := must(l.server.Await(0, regexp.MustCompile(`^DHCPDECLINE of (\S+) from .*: abandoned`), patience))(t)
	offered := must(l.server.Await(l.server.Mark(), regexp.MustCompile(`^DHCPOFFER on (\S+) `), patience))(t)
	if offered[1] == declined[1] {
		t.Errorf("%s was declined and offered again", declined[1])
	}
}

// With ping-check an address that somebody uses is not offered.
func TestProbeFindsSquatter(t *testing.T) {
	l := newLab(t)
	squatter := must(l.net.Node("squatter"))(t)
	must0(t, squatter.Plug(l.lan, "eth0", "10.0.1.1/16"))
	l.serve(strings.Replace(head, "ping-check false", "ping-check true", 1) +
		"subnet 10.0.0.0 netmask 255.255.0.0 { range 10.0.1.1 10.0.1.2; }\n")
	c := l.crowd("crowd", 1, 1)
	must0(t, c.Acquire(soon(t), 0, 1, 1))
	if got := c.Addr(0); got != netip.MustParseAddr("10.0.1.2") {
		t.Errorf("got %v, which another has", got)
	}
}

// dhcpd's clients keep their addresses when dhcpfd takes over its lease file.
func TestTakeOverFromDhcpd(t *testing.T) {
	ours(t)
	const n = 100
	l := newLab(t)
	old := must(peers.Dhcpd.StartConf(l.box, l.dir, wide, "eth0"))(t)
	c := l.crowd("crowd", 1, n)
	must0(t, c.Acquire(soon(t), 0, n, 20))
	old.Kill()
	store := filepath.Join(l.dir, "store")
	must0(t, os.Mkdir(store, 0o755))
	must0(t, os.Rename(filepath.Join(l.dir, "dhcpd.leases"), filepath.Join(store, "dhcpd.leases")))
	before := c.Held(time.Now())
	l.serve(wide)
	q := l.querier()
	for _, a := range before {
		r := must(q.QueryAddr(a.Addr))(t)
		if r.MessageType() != load.LeaseActive || load.MAC(r.ClientHWAddr) != a.Client {
			t.Errorf("%v of %v: type %d, client %v", a.Addr, a.Client, r.MessageType(), r.ClientHWAddr)
		}
	}
	must0(t, c.Renew(soon(t), 0, n, 20))
	if c.NAKs > 0 || len(c.Held(time.Now())) != n {
		t.Errorf("%d NAKs, %d leases", c.NAKs, len(c.Held(time.Now())))
	}
	noConflicts(t, &c.Books)
}

// An interface that is there only later is served from then on.
func TestLinkComesLater(t *testing.T) {
	ours(t)
	l := newLab(t)
	second := must(l.net.LAN("second"))(t)
	must0(t, os.WriteFile(filepath.Join(l.dir, "dhcpd.conf"), nil, 0o644))
	l.server = must(server.StartConf(l.box, l.dir, simple+"subnet 10.9.0.0 netmask 255.255.255.0 { range 10.9.0.10 10.9.0.20; }\n", "eth0", "eth1"))(t)
	lease(t, l.wire("first"), 1, 1)
	must0(t, l.box.Plug(second, "eth1", "10.9.0.1/24"))
	node := must(l.net.Node("late"))(t)
	must0(t, node.Plug(second, "eth0"))
	c := must(load.NewCrowd(node, "eth0", 2, 1))(t)
	t.Cleanup(func() { c.Close() })
	must0(t, c.Acquire(soon(t), 0, 1, 1))
	if got := c.Addr(0); !netip.MustParsePrefix("10.9.0.0/24").Contains(got) {
		t.Errorf("got %v", got)
	}
}

// A flood of one client is held back; others are served meanwhile.
func TestFloodOfOneClient(t *testing.T) {
	ours(t)
	l := newLab(t)
	l.serve(simple)
	w := l.wire("flooder")
	flood := discover(t, 1, 1)
	for i := range 5000 {
		flood.TransactionID = dhcpv4.TransactionID{1, 0, byte(i >> 8), byte(i)}
		must0(t, w.Send(load.MAC(flood.ClientHWAddr), netip.Addr{}, netip.Addr{}, flood))
	}
	lease(t, l.wire("other"), 2, 1)
	throttled := regexp.MustCompile(`client-throttled\s+([\d,]+)`).FindStringSubmatch(l.failctl("counters"))
	if throttled == nil {
		t.Fatal("no counter client-throttled")
	}
	if n := must(strconv.Atoi(strings.ReplaceAll(throttled[1], ",", "")))(t); n < 4000 {
		t.Errorf("only %d of 5000 packets were held back", n)
	}
}
