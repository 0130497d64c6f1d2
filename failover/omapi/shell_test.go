package omapi

import (
	"crypto/rand"
	"encoding/binary"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"tandem/failover/lease"
)

// shell serves a Server over TCP on loopback, as the daemon does.
type shell struct {
	t        *testing.T
	listener net.Listener
	mu       sync.Mutex // held around everything of server and world
	server   *Server
	world    *world
	conns    sync.WaitGroup
}

// drawRandom draws as the daemon does.
func drawRandom() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint32(b[:])
}

func startShell(t *testing.T, c Config, w *world) *shell {
	t.Helper()
	server, err := NewServer(c, w, drawRandom)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	sh := &shell{t: t, listener: l, server: server, world: w}
	sh.conns.Go(func() {
		for id := uint64(1); ; id++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			sh.conns.Go(func() { sh.serve(id, conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		sh.conns.Wait()
	})
	return sh
}

func (sh *shell) port() string {
	_, port, _ := net.SplitHostPort(sh.listener.Addr().String())
	return port
}

func clockNow() lease.Now {
	now := time.Now()
	return lease.Now{Wall: now.UnixNano(), Mono: now.UnixNano()}
}

func (sh *shell) serve(id uint64, conn net.Conn) {
	defer conn.Close()
	sh.mu.Lock()
	se, _, err := sh.server.Accept(clockNow(), id, conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr())
	sh.mu.Unlock()
	if err != nil {
		sh.t.Error(err)
		return
	}
	defer func() {
		sh.mu.Lock()
		sh.server.Release(se)
		sh.mu.Unlock()
	}()
	out := Output{Bytes: se.Hello()}
	buf := make([]byte, MaxFeed)
	for {
		if _, err := conn.Write(out.Bytes); err != nil || out.Close != "" {
			return
		}
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		out = sh.turn(se, buf[:n])
	}
}

// turn feeds what came and settles what was put off, as after a sync.
func (sh *shell) turn(se *Session, octets []byte) Output {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	out := se.Feed(clockNow(), octets)
	for (len(sh.world.pending) > 0 || se.More()) && out.Close == "" {
		var more Output
		if se.More() {
			more = se.Feed(clockNow(), nil)
		} else {
			_, more = sh.world.settle(sh.server, clockNow())
		}
		out = Output{append(out.Bytes, more.Bytes...), more.Close}
	}
	return out
}

// changes are those that were asked for so far.
func (sh *shell) changes() []Change {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.world.changes
}

// omshell types lines and gives what it printed, both outputs together.
func (sh *shell) omshell(lines ...string) string {
	sh.t.Helper()
	program, err := exec.LookPath("omshell")
	if err != nil {
		sh.t.Skip("omshell is not installed (Debian: isc-dhcp-server)")
	}
	cmd := exec.CommandContext(sh.t.Context(), program)
	cmd.Stdin = strings.NewReader(strings.Join(append([]string{"server 127.0.0.1", "port " + sh.port()}, lines...), "\n") + "\n")
	cmd.WaitDelay = time.Second
	timer := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	printed, err := cmd.CombinedOutput()
	if err != nil {
		sh.t.Errorf("omshell: %v\n%s", err, printed)
	}
	return string(printed)
}
