package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// echo answers "count N" with N pieces and refuses everything else.
type echo struct{}

func (echo) Ask(words []string, done <-chan struct{}) <-chan Piece {
	ch := make(chan Piece)
	go func() {
		defer close(ch)
		n := 0
		if _, err := fmt.Sscan(words[len(words)-1], &n); err != nil || words[0] != "count" {
			send(ch, done, Piece{Error: "unknown: " + strings.Join(words, " ")})
			return
		}
		for i := range n {
			if !send(ch, done, Piece{Body: json.RawMessage(fmt.Sprint(i)), More: i < n-1}) {
				return
			}
		}
	}()
	return ch
}

func send(ch chan<- Piece, done <-chan struct{}, p Piece) bool {
	select {
	case ch <- p:
		return true
	case <-done:
		return false
	}
}

func start(t *testing.T) (path string, refused *atomic.Int32) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "dir", "sock")
	refused = new(atomic.Int32)
	s, err := Listen(path, echo{}, func() { refused.Add(1) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return path, refused
}

func dial(t *testing.T, path string) *Client {
	t.Helper()
	c, err := Dial(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestAskTwiceOnOneConnection(t *testing.T) {
	path, _ := start(t)
	c := dial(t, path)
	for _, n := range []int{1, 1000} {
		next := 0
		err := c.Ask([]string{"count", fmt.Sprint(n)}, func(body json.RawMessage) error {
			if string(body) != fmt.Sprint(next) {
				t.Fatalf("piece %d is %s", next, body)
			}
			next++
			return nil
		})
		if err != nil || next != n {
			t.Fatalf("%d pieces of %d, %v", next, n, err)
		}
	}
	var refusal ErrRefused
	if err := c.Ask([]string{"what"}, nil); !errors.As(err, &refusal) || string(refusal) != "unknown: what" {
		t.Fatalf("%v", err)
	}
}

func TestMode(t *testing.T) {
	path, _ := start(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o660 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}

func TestBadRequests(t *testing.T) {
	path, _ := start(t)
	for _, line := range []string{"status", "[]", `{"a":1}`, `[1]`, "[" + strings.Repeat(`"x",`, maxWords) + `"x"]`, strings.Repeat("x", maxRequest+1)} {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(conn, line)
		answer, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.HasPrefix(answer, `{"error":"`) {
			t.Errorf("%.20s: %q, %v", line, answer, err)
		}
		conn.Close()
	}
}

func TestLongRequests(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	s, err := ListenLong(path, echo{}, func() {}, 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var refusal ErrRefused
	if err := dial(t, path).Ask([]string{strings.Repeat("x", 3<<20)}, nil); !errors.As(err, &refusal) || !strings.HasPrefix(string(refusal), "unknown: x") {
		t.Errorf("within the limit: %.80v", err)
	}
	if err := dial(t, path).Ask([]string{strings.Repeat("x", 5<<20)}, nil); err == nil || strings.Contains(err.Error(), "unknown") {
		t.Errorf("beyond the limit: %.80v", err)
	}
}

func TestTooManyClients(t *testing.T) {
	path, refused := start(t)
	for range MaxClients {
		if err := dial(t, path).Ask([]string{"count", "1"}, func(json.RawMessage) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer, _ := bufio.NewReader(conn).ReadString('\n')
	if !strings.Contains(answer, "try again") || refused.Load() != 1 {
		t.Errorf("%q, %d refused", answer, refused.Load())
	}
}

func TestStaleSocketIsReplacedLiveOneIsNot(t *testing.T) {
	path, _ := start(t)
	if _, err := Listen(path, echo{}, nil); !errors.Is(err, ErrInUse) {
		t.Errorf("second server on one socket: %v", err)
	}
	stale := filepath.Join(t.TempDir(), "stale")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: stale, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	s, err := Listen(stale, echo{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(plain, echo{}, nil); err == nil || !strings.Contains(err.Error(), "no socket") {
		t.Errorf("a plain file: %v", err)
	}
}

func TestNoServer(t *testing.T) {
	if _, err := Dial(filepath.Join(t.TempDir(), "none")); err == nil || !strings.Contains(err.Error(), "start dhcpfd") {
		t.Errorf("%v", err)
	}
}

// Closing the server must not leave a client waiting.
func TestCloseEndsClients(t *testing.T) {
	path := filepath.Join(t.TempDir(), "sock")
	s, err := Listen(path, mute{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, path)
	got := make(chan error, 1)
	asked := make(chan struct{})
	go func() {
		close(asked)
		got <- c.Ask([]string{"count", "1"}, nil)
	}()
	<-asked
	s.Close()
	if err := <-got; err == nil {
		t.Error("an answer from nobody")
	}
}

type mute struct{}

func (mute) Ask([]string, <-chan struct{}) <-chan Piece { return nil }
