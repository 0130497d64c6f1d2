package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Asker answers requests.
type Asker interface {
	// Ask gives the channel on which the pieces of the answer come; it is
	// closed after the last one. done is closed when nobody waits any more.
	Ask(words []string, done <-chan struct{}) <-chan Piece
}

// idle is how long a client may take to say something, or to read an answer.
const idle = 5 * time.Minute

// Server listens on a socket in the file system.
type Server struct {
	listener *net.UnixListener
	asker    Asker
	refused  func()
	limit    int // octets of a request line

	mu    sync.Mutex
	conns map[net.Conn]struct{}
	done  chan struct{}
	all   sync.WaitGroup
}

// ErrInUse: another process listens on the socket.
var ErrInUse = errors.New("another server listens there")

// Listen makes the socket, its directory included, and serves in the
// background. A socket that a dead process left behind is replaced. refused is
// called for each client above MaxClients.
func Listen(path string, asker Asker, refused func()) (*Server, error) {
	return ListenLong(path, asker, refused, maxRequest)
}

// ListenLong is Listen for requests of up to limit octets: those that bring
// whole files.
func ListenLong(path string, asker Asker, refused func(), limit int) (*Server, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := clearStale(path); err != nil {
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return nil, errors.Join(fmt.Errorf("control socket: %w", err), l.Close())
	}
	s := &Server{listener: l, asker: asker, refused: refused, limit: limit, conns: map[net.Conn]struct{}{}, done: make(chan struct{})}
	s.all.Go(s.accept)
	return s, nil
}

// clearStale removes a socket on which nobody listens.
func clearStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSocket == 0 {
		return errors.New("the file exists and is no socket; move it away, or name another with --control")
	}
	if conn, err := net.Dial("unix", path); err == nil {
		return errors.Join(ErrInUse, conn.Close())
	}
	return os.Remove(path)
}

// Close ends the service and every connection.
func (s *Server) Close() error {
	err := s.listener.Close()
	s.mu.Lock()
	close(s.done)
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.all.Wait()
	return err
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil { // out of descriptors, say
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if !s.admit(conn) {
			s.refused()
			_ = write(conn, Piece{Error: fmt.Sprintf("%d clients are connected already; try again", MaxClients)})
			conn.Close()
			continue
		}
		s.all.Go(func() { s.serve(conn) })
	}
}

func (s *Server) admit(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.done:
		return false
	default:
	}
	if len(s.conns) >= MaxClients {
		return false
	}
	s.conns[conn] = struct{}{}
	return true
}

func (s *Server) serve(conn net.Conn) {
	defer func() {
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
		conn.Close()
	}()
	lines := bufio.NewScanner(conn)
	lines.Buffer(make([]byte, 0, 1024), s.limit)
	for {
		_ = conn.SetReadDeadline(time.Now().Add(idle)) // fails only once closed
		if !lines.Scan() {
			if errors.Is(lines.Err(), bufio.ErrTooLong) {
				_ = write(conn, Piece{Error: "the request is too long"})
			}
			return
		}
		if !s.answer(conn, lines.Bytes()) {
			return
		}
	}
}

// answer writes the answer to one request; false if the connection is dead.
func (s *Server) answer(conn net.Conn, line []byte) bool {
	words, err := parseRequest(line)
	if err != nil {
		return write(conn, Piece{Error: err.Error()}) == nil
	}
	done := make(chan struct{})
	defer close(done)
	pieces := s.asker.Ask(words, done)
	for {
		p, ok := Piece{}, false
		select {
		case p, ok = <-pieces:
		case <-s.done:
		}
		if !ok {
			p = Piece{Error: "the server ended before it could answer"}
		}
		if write(conn, p) != nil {
			return false
		}
		if !p.More || p.Error != "" {
			return ok
		}
	}
}

func write(conn net.Conn, p Piece) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := conn.SetWriteDeadline(time.Now().Add(idle)); err != nil {
		return err
	}
	_, err = conn.Write(append(line, '\n'))
	return err
}
