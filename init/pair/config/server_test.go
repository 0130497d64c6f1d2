package config

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tandem/failover/daemon/control"
	"tandem/init/pair/version"
)

const peerBlock = `failover peer "x" {
  primary;
  address 10.0.0.2;
  port 647;
  peer address 10.0.0.3;
  peer port 647;
  max-response-delay 20;
  max-unacked-updates 100;
  mclt 3600;
  split 128;
}
`

// program builds dhcpfd.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dhcpfd")
	if out, err := exec.Command("go", "build", "-o", path, "tandem/cmd/dhcpfd").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

func directory(t *testing.T, files version.Files) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// The dhcpfd that ships checks what a box would serve: its own peer block, and
// a version with its includes.
func TestServerChecks(t *testing.T) {
	s := Server{Program: program(t), Peer: peerBlock, Temp: t.TempDir()}
	subnet := "subnet 10.0.0.0 netmask 255.255.255.0 { pool { failover peer \"x\"; range 10.0.0.10 10.0.0.20; } include \"more.conf\"; }\n"
	ctx := t.Context()
	if err := s.Check(ctx, directory(t, version.Files{"dhcpd.conf": []byte(subnet), "more.conf": []byte("option routers 10.0.0.1;\n")})); err != nil {
		t.Errorf("a good one: %v", err)
	}
	for _, c := range []struct{ main, more, want string }{
		{subnet, "option routers 10.0.0.1 10;\n", "more.conf:1:"},
		{subnet, "", "pool"},
		{"subnet 10.0.0.0 netmask {\n", "", "dhcpd.conf:1:25:"},
		{"include \"none.conf\";\n", "", "cannot read none.conf"},
		{peerBlock + subnet, "", "take the one in the configuration out"},
		{strings.Replace(subnet, "peer \"x\"", "peer \"y\"", 1), "", "dhcpd.conf:1:"},
	} {
		err := s.Check(ctx, directory(t, version.Files{"dhcpd.conf": []byte(c.main), "more.conf": []byte(c.more)}))
		if c.want == "pool" {
			if err != nil {
				t.Errorf("an empty include: %v", err)
			}
			continue
		}
		demand(t, err, c.want)
		if err != nil && (strings.Contains(err.Error(), "/") && !strings.Contains(c.want, "none")) {
			t.Errorf("a path of this machine in %q", err)
		}
	}
	if left, _ := os.ReadDir(s.Temp); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
	s.Program = filepath.Join(t.TempDir(), "none")
	demand(t, s.Check(ctx, directory(t, version.Files{"dhcpd.conf": nil})), "cannot be checked")
}

// A check of 40,000 hosts ends well within its time.
func TestServerChecksLarge(t *testing.T) {
	var conf strings.Builder
	conf.WriteString("subnet 10.0.0.0 netmask 255.0.0.0 { }\n")
	for i := range 40000 {
		fmt.Fprintf(&conf, "host client-%05d { hardware ethernet 02:00:00:%02x:%02x:%02x; fixed-address 10.%d.%d.%d; option host-name \"c%d\"; }\n",
			i, i>>16, i>>8&255, i&255, i>>16, i>>8&255, i&255, i)
	}
	s := Server{Program: program(t), Temp: t.TempDir()}
	dir := directory(t, version.Files{"dhcpd.conf": []byte(conf.String())})
	begin := time.Now()
	if err := s.Check(t.Context(), dir); err != nil {
		t.Fatalf("%.300v", err)
	}
	t.Logf("%d octets were checked in %v", conf.Len(), time.Since(begin).Round(time.Millisecond))
}

// engineRoom answers on dhcpfd's control socket.
type engineRoom struct{ reload, status string }

func (e *engineRoom) Ask(words []string, done <-chan struct{}) <-chan control.Piece {
	ch := make(chan control.Piece, 1)
	said := map[string]string{"reload": e.reload, "status": e.status}[words[0]]
	switch said {
	case "hang":
		return ch
	case "":
		ch <- control.Piece{Body: json.RawMessage(`"fine"`)}
	default:
		ch <- control.Piece{Error: said}
	}
	close(ch)
	return ch
}

func TestServerIsAsked(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "control")
	s := Server{Control: socket}
	ctx := t.Context()
	if err := s.Reload(ctx); err != nil {
		t.Errorf("a server that does not run: %v", err)
	}
	demand(t, s.Health(ctx), "does not run")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close() // what a server that was killed leaves behind
	if err := s.Reload(ctx); err != nil {
		t.Errorf("a server that was killed: %v", err)
	}
	room := &engineRoom{}
	server, err := control.Listen(socket, room, func() {})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	for _, err := range []error{s.Reload(ctx), s.Health(ctx)} {
		if err != nil {
			t.Error(err)
		}
	}
	room.reload, room.status = "dhcpd.conf:1:1: no", "hang"
	demand(t, s.Reload(ctx), "dhcpd.conf:1:1: no")
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	demand(t, s.Health(short), "does not answer")
}
