package pair

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tandem/init/box"
)

// serviceVar makes this test program the pair service with the options in it.
const serviceVar = "TANDEM_PAIR_OPTIONS"

// portable are the options that fit into a variable.
type portable struct {
	Box, Keys, Dir, Run, DHCPd, Engine string
	EnrolAddr                          netip.Addr
}

func TestMain(m *testing.M) {
	raw, ok := os.LookupEnv(serviceVar)
	if !ok {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var p portable
	err := json.Unmarshal([]byte(raw), &p)
	if err == nil {
		err = Run(ctx, Options{Box: p.Box, Keys: p.Keys, Dir: p.Dir, Run: p.Run, DHCPd: p.DHCPd, Engine: p.Engine, EnrolAddr: p.EnrolAddr,
			Log: func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// lab is two network namespaces with a LAN and a direct cable between them.
type lab struct {
	t    *testing.T
	a, b string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root for network namespaces")
	}
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	l := &lab{t: t, a: fmt.Sprintf("tdpair%da", os.Getpid()), b: fmt.Sprintf("tdpair%db", os.Getpid())}
	for _, ns := range []string{l.a, l.b} {
		l.ip("netns", "add", ns)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
		l.ip("-n", ns, "link", "set", "lo", "up")
	}
	for _, name := range []string{"lan1", "lan2"} {
		l.ip("-n", l.a, "link", "add", name, "type", "veth", "peer", "name", name, "netns", l.b)
	}
	for i, ns := range []string{l.a, l.b} {
		l.ip("-n", ns, "addr", "add", fmt.Sprintf("10.0.0.%d/24", i+2), "dev", "lan1")
		l.ip("-n", ns, "addr", "add", fmt.Sprintf("169.254.77.%d/30", i+1), "dev", "lan2")
		l.ip("-n", ns, "link", "set", "lan1", "up")
		l.ip("-n", ns, "link", "set", "lan2", "up")
	}
	return l
}

func (l *lab) ip(args ...string) {
	l.t.Helper()
	if said, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v %s", strings.Join(args, " "), err, said)
	}
}

// labBox is a place whose service is a process in a namespace.
type labBox struct {
	*place
	ns  string
	cmd *exec.Cmd
}

func (l *lab) box(ns, name string, role box.Role, own, other int) *labBox {
	l.t.Helper()
	s := &site{t: l.t, net: "10.0.0", direct: "169.254.77"}
	p := s.box(fmt.Sprintf("name %s\nrole %s\nlan lan1 10.0.0.%d/24\ndirect lan2 169.254.77.%d/30\n"+
		"ntp 10.0.0.10 10.0.0.11 10.0.0.12\npartner 10.0.0.%d direct 169.254.77.%d\npeer dhcp\n", name, role, own+1, own, other+1, other))
	p.o.EnrolAddr = netip.MustParseAddr("169.254.78.1")
	return &labBox{place: p, ns: ns}
}

func (b *labBox) start() {
	b.t.Helper()
	raw, err := json.Marshal(portable{b.o.Box, b.o.Keys, b.o.Dir, b.o.Run, b.o.DHCPd, b.o.Engine, b.o.EnrolAddr})
	if err != nil {
		b.t.Fatal(err)
	}
	b.cmd = exec.Command("ip", "netns", "exec", b.ns, os.Args[0])
	b.cmd.Env = append(os.Environ(), serviceVar+"="+string(raw))
	b.cmd.Stderr = os.Stderr
	if err := b.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	cmd := b.cmd
	b.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
}

func (b *labBox) end(how os.Signal) {
	b.t.Helper()
	if err := b.cmd.Process.Signal(how); err != nil {
		b.t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := b.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		b.t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(b.o.Run, "status.json"))
}

func pin(t *testing.T, to, whose *labBox) {
	t.Helper()
	cert, pin, err := whose.key().Own()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := os.ReadFile(whose.o.Box)
	if err != nil {
		t.Fatal(err)
	}
	err = Install(to.o.Keys, to.o.Dir, Partnership{Peer: "dhcp", Pin: pin, PublicKey: publicKey(cert), BoxConf: conf})
	if err != nil {
		t.Fatal(err)
	}
}

func noAlarms(s Status) bool { return len(s.Alarms) == 0 }

func alarm(text string) func(Status) bool {
	return func(s Status) bool { return strings.Contains(strings.Join(s.Alarms, "\n"), text) }
}

// Two processes on real ports; the cable is cut and mended, then the LAN, then
// one box is killed.
func TestPathsAreCut(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	a, b := l.box(l.a, "dhcp-a", box.Primary, 1, 2), l.box(l.b, "dhcp-b", box.Secondary, 2, 1)
	pin(t, a, b)
	pin(t, b, a)
	a.start()
	b.start()
	for _, x := range []*labBox{a, b} {
		x.until("in touch on both paths", func(s Status) bool { return reachable(s) && bothPaths(s) && s.Partner.Path == "direct" })
	}

	l.ip("-n", l.b, "link", "set", "lan2", "down")
	a.until("in touch over the LAN", func(s Status) bool { return reachable(s) && s.Partner.Path == "lan" })
	a.until("an alarm about the cable", alarm("no heartbeat of the partner comes over the direct cable"))
	b.until("an alarm about the cable", alarm("over the direct cable"))
	l.ip("-n", l.b, "link", "set", "lan2", "up")
	a.until("no alarm", noAlarms)

	// One way only: what a sends over the LAN goes to a card that is not there.
	l.ip("-n", l.a, "neigh", "replace", "10.0.0.3", "lladdr", "02:00:00:00:00:99", "nud", "permanent", "dev", "lan1")
	a.until("an alarm about one way", alarm("does not hear this box there"))
	b.until("an alarm about the LAN", alarm("no heartbeat of the partner comes over the LAN"))
	l.ip("-n", l.a, "neigh", "del", "10.0.0.3", "dev", "lan1")
	a.until("no alarm, back on the cable", func(s Status) bool { return noAlarms(s) && reachable(s) && s.Partner.Path == "direct" })

	b.end(syscall.SIGKILL)
	killed := time.Now()
	a.until("b is out of reach", alarm("out of reach"))
	if took := time.Since(killed); took > 25*time.Second {
		t.Errorf("the alarm took %v", took)
	}
	b.start()
	a.until("no alarm", func(s Status) bool { return reachable(s) && noAlarms(s) })
	b.until("in touch on both paths", func(s Status) bool { return reachable(s) && bothPaths(s) })
	a.end(syscall.SIGTERM)
	b.end(syscall.SIGTERM)
}
