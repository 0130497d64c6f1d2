package qemu

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"
)

// dial is a machine's end of a cable.
func dial(t *testing.T, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func put(t *testing.T, c net.Conn, f []byte) {
	t.Helper()
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(f))), f...)); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, c net.Conn) []byte {
	t.Helper()
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	f, err := readFrame(c)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestSocketCarriesFrames(t *testing.T) {
	s := NewSwitch("lan")
	defer s.Close()
	path := filepath.Join(t.TempDir(), "a")
	k, err := s.listen("a", path)
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	other := plug(t, s, "other")
	first := dial(t, path)
	put(t, first, frame(broadcast, mac(1), 1))
	other.next(t, 1)
	other.port.Send(frame(mac(1), mac(2), 2))
	if f := get(t, first); f[14] != 2 {
		t.Errorf("got % x", f)
	}
	// Power pulled and given again: the same port, a new connection.
	second := dial(t, path)
	put(t, second, frame(broadcast, mac(1), 3))
	other.next(t, 3)
	other.port.Send(frame(mac(1), mac(2), 4))
	if f := get(t, second); f[14] != 4 {
		t.Errorf("got % x", f)
	}
	if _, err := first.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the old connection is still there: %v", err)
	}
}

func TestSocketEndsOnNonsense(t *testing.T) {
	s := NewSwitch("lan")
	defer s.Close()
	path := filepath.Join(t.TempDir(), "a")
	k, err := s.listen("a", path)
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	c := dial(t, path)
	if _, err := c.Write(bytes.Repeat([]byte{0xff}, 8)); err != nil {
		t.Fatal(err)
	}
	if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("a frame of 4 GB was taken")
	}
}
