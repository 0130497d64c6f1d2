package config

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"

	"tandem/failover/daemon/control"
	"tandem/init/pair/version"
)

// Server is dhcpfd: its program, and its control socket.
type Server struct {
	Program string
	Control string
	// Peer is this box's failover peer block; empty if it has none.
	Peer string
	Temp string // directory for what a check needs; empty for the system's
}

// twoPeers is what the check says of a second block for one failover peer.
var twoPeers = regexp.MustCompile(`failover peer ".*" was declared`)

// maxSaid bounds what is kept of the words of a check, in octets.
const maxSaid = 32 << 10

// Check implements Engine by `dhcpfd -t`.
func (s Server) Check(ctx context.Context, dir string) error {
	tmp, err := os.MkdirTemp(s.Temp, "check-")
	if err != nil {
		return fmt.Errorf("the configuration cannot be checked: %w", err)
	}
	defer os.RemoveAll(tmp)
	main := filepath.Join(tmp, "box.conf")
	text := s.Peer + "include \"" + filepath.Join(dir, version.Main) + "\";\n"
	if err := os.WriteFile(main, []byte(text), 0o600); err != nil {
		return fmt.Errorf("the configuration cannot be checked: %w", err)
	}
	said, err := exec.CommandContext(ctx, s.Program, "-t", "-cf", main).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("the check of the configuration took longer than %v", checkTime)
	case !errors.As(err, &exit):
		return fmt.Errorf("the configuration cannot be checked: %w", err)
	}
	said = bytes.ReplaceAll(said, []byte(dir+"/"), nil)
	said = bytes.ReplaceAll(said, []byte(main), []byte("this box's peer block"))
	if len(said) > maxSaid {
		said = append(said[:maxSaid], "\n..."...)
	}
	problems := strings.TrimSpace(string(said))
	if s.Peer != "" && twoPeers.MatchString(problems) {
		problems += "\nThis box makes its own failover peer block from box.conf: take the one in the configuration out."
	}
	return errors.New(problems)
}

// runs tells whether a server listens on the socket.
func (s Server) runs() bool {
	conn, err := net.Dial("unix", s.Control)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
		return false
	}
	if err == nil {
		conn.Close()
	}
	return true
}

// Reload implements Engine by the word reload.
func (s Server) Reload(ctx context.Context) error {
	if !s.runs() {
		return nil
	}
	return s.ask(ctx, "reload")
}

// Health implements Engine by the word status.
func (s Server) Health(ctx context.Context) error {
	if !s.runs() {
		return errors.New("it does not run")
	}
	return s.ask(ctx, "status")
}

// ask puts a question; ctx bounds it.
func (s Server) ask(ctx context.Context, word string) error {
	c, err := control.Dial(s.Control)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { c.Close() })
	defer func() {
		if stop() {
			c.Close()
		}
	}()
	err = c.Ask([]string{word}, func(json.RawMessage) error { return nil })
	if ctx.Err() != nil {
		return errors.New("it does not answer")
	}
	return err
}
