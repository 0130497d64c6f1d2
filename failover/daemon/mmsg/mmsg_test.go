package mmsg

import (
	"errors"
	"fmt"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pair makes two UDP sockets on loopback.
func pair(t *testing.T) (a, b int, addrB *unix.SockaddrInet4) {
	t.Helper()
	open := func() (int, *unix.SockaddrInet4) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		sa, err := unix.Getsockname(fd)
		if err != nil {
			t.Fatal(err)
		}
		return fd, sa.(*unix.SockaddrInet4)
	}
	a, _ = open()
	b, addrB = open()
	return a, b, addrB
}

// await waits until something has come.
func await(t *testing.T, fd int) {
	t.Helper()
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 10000); n != 1 {
		t.Fatalf("nothing came: %v", err)
	}
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
	w, r := NewWriter(a, 8), NewReader(8)
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
		await(t, b)
		n, err := r.Read(b, bufs)
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
	w, r := NewWriter(a, 1), NewReader(1)
	put(w, make([]byte, 100), to)
	w.Flush(func(int, error) { t.Error("not sent") })
	await(t, b)
	if _, err := r.Read(b, [][]byte{make([]byte, 10)}); err != nil {
		t.Fatal(err)
	}
	if m := r.Message(0); !m.Truncated || m.Len != 10 {
		t.Fatalf("%+v", m)
	}
}

func TestFlushSkipsRefused(t *testing.T) {
	a, b, to := pair(t)
	w, r := NewWriter(a, 3), NewReader(3)
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
		await(t, b)
		n, err := r.Read(b, bufs)
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

func TestNothingThere(t *testing.T) {
	_, b, _ := pair(t)
	if n, err := NewReader(1).Read(b, [][]byte{make([]byte, 1)}); n != 0 || err != nil {
		t.Fatalf("%d, %v", n, err)
	}
}

func TestClosedSocket(t *testing.T) {
	_, _, to := pair(t)
	w := NewWriter(-1, 2)
	put(w, []byte("x"), to)
	put(w, []byte("y"), to)
	failed := 0
	if n := w.Flush(func(int, error) { failed++ }); n != 0 || failed != 2 || !w.Empty() {
		t.Fatalf("sent %d, failed %d", n, failed)
	}
	if _, err := NewReader(1).Read(-1, [][]byte{make([]byte, 1)}); !errors.Is(err, unix.EBADF) {
		t.Fatalf("%v", err)
	}
}
