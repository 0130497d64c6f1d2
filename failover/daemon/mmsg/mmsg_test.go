package mmsg

import (
	"errors"
	"fmt"
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pair makes two connected UDP sockets on loopback.
func pair(t *testing.T) (a, b *Conn, addrB *unix.SockaddrInet4) {
	t.Helper()
	open := func(name string) (*Conn, *unix.SockaddrInet4) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		sa, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		c, err := NewConn(fd, name)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c, sa.(*unix.SockaddrInet4)
	}
	a, _ = open("a")
	b, addrB = open("b")
	return a, b, addrB
}

// put queues payload for to.
func put(w *Writer, payload []byte, to *unix.SockaddrInet4) {
	s := w.Add(payload, unix.SizeofSockaddrInet4, 0)
	raw := (*unix.RawSockaddrInet4)(unsafe.Pointer(s.Name))
	*raw = unix.RawSockaddrInet4{Family: unix.AF_INET, Addr: to.Addr}
	p := (*[2]byte)(unsafe.Pointer(&raw.Port))
	p[0], p[1] = byte(to.Port>>8), byte(to.Port)
}

func TestBatchRoundTrip(t *testing.T) {
	a, b, to := pair(t)
	w, r := NewWriter(a, 8), NewReader(b, 8)
	for i := range 8 {
		if w.Full() {
			t.Fatalf("full after %d", i)
		}
		put(w, fmt.Appendf(nil, "datagram %d", i), to)
	}
	if !w.Full() {
		t.Fatal("eight of eight and not full")
	}
	if n := w.Flush(func(i int, err error) { t.Errorf("datagram %d: %v", i, err) }); n != 8 {
		t.Fatalf("%d sent", n)
	}
	bufs := make([][]byte, 8)
	for i := range bufs {
		bufs[i] = make([]byte, 32)
	}
	for next := 0; next < 8; {
		n, err := r.Read(bufs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			m := r.Message(i)
			if got, want := string(bufs[i][:m.Len]), fmt.Sprintf("datagram %d", next); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
			next++
		}
	}
}

func TestTruncated(t *testing.T) {
	a, b, to := pair(t)
	w, r := NewWriter(a, 1), NewReader(b, 1)
	put(w, make([]byte, 100), to)
	w.Flush(func(int, error) { t.Error("not sent") })
	if _, err := r.Read([][]byte{make([]byte, 10)}); err != nil {
		t.Fatal(err)
	}
	if m := r.Message(0); !m.Truncated || m.Len != 10 {
		t.Fatalf("%+v", m)
	}
}

func TestFlushSkipsRefused(t *testing.T) {
	a, b, to := pair(t)
	w, r := NewWriter(a, 3), NewReader(b, 3)
	put(w, []byte("one"), to)
	put(w, make([]byte, 70000), to) // longer than any datagram
	put(w, []byte("three"), to)
	var bad []int
	if n := w.Flush(func(i int, err error) {
		if !errors.Is(err, unix.EMSGSIZE) {
			t.Errorf("%v", err)
		}
		bad = append(bad, i)
	}); n != 2 || len(bad) != 1 || bad[0] != 1 {
		t.Fatalf("sent %d, refused %v", n, bad)
	}
	bufs := [][]byte{make([]byte, 9), make([]byte, 9), make([]byte, 9)}
	var got []string
	for len(got) < 2 {
		n, err := r.Read(bufs)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			got = append(got, string(bufs[i][:r.Message(i).Len]))
		}
	}
	if got[0] != "one" || got[1] != "three" {
		t.Fatalf("%q", got)
	}
}

func TestCloseWakesReader(t *testing.T) {
	_, b, _ := pair(t)
	r := NewReader(b, 1)
	done := make(chan error, 1)
	go func() {
		_, err := r.Read([][]byte{make([]byte, 1)})
		done <- err
	}()
	b.Close()
	if err := <-done; !errors.Is(err, os.ErrClosed) {
		t.Fatalf("%v", err)
	}
}

func TestFlushAfterClose(t *testing.T) {
	a, _, to := pair(t)
	w := NewWriter(a, 2)
	put(w, []byte("x"), to)
	put(w, []byte("y"), to)
	a.Close()
	failed := 0
	if n := w.Flush(func(int, error) { failed++ }); n != 0 || failed != 2 || !w.Empty() {
		t.Fatalf("sent %d, failed %d", n, failed)
	}
}
