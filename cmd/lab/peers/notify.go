package peers

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tandem/cmd/lab/netlab"
)

// startNotify starts a program and waits until it says READY=1 in the way of
// sd_notify(3).
func startNotify(node *netlab.Node, dir string, c netlab.Command) (*netlab.Program, error) {
	path := filepath.Join(dir, "notify")
	os.Remove(path)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, err
	}
	c.Env = append(c.Env, "NOTIFY_SOCKET="+path)
	p, err := node.Start(c)
	if err != nil {
		conn.Close()
		return nil, err
	}
	ready := make(chan struct{})
	go listen(conn, ready)
	ended := make(chan struct{})
	go func() {
		_, _ = p.Wait(startPatience)
		close(ended)
	}()
	select {
	case <-ready:
		return p, nil
	case <-ended: // or out of patience
		p.Kill()
		return nil, fmt.Errorf("%s did not get ready\n%s", p.Name, p.Tail(30))
	}
}

// listen reads notifications as long as the laboratory lives, so that the
// sender never meets a full socket.
func listen(conn *net.UnixConn, ready chan<- struct{}) {
	buf := make([]byte, 4096)
	said := false
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		for line := range strings.Lines(string(buf[:n])) {
			if strings.TrimSpace(line) == "READY=1" && !said {
				said = true
				close(ready)
			}
		}
	}
}

func runQuiet(node *netlab.Node, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return node.Run(ctx, args...)
}
