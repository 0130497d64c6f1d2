package qemu

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// socket is a switch port behind a Unix socket, in the framing of QEMU's
// "-netdev stream": four bytes of length, big-endian, then the frame. A machine
// that is switched off and on again finds its socket as before.
type socket struct {
	port *Port
	ln   *net.UnixListener
	wg   sync.WaitGroup

	mu   sync.Mutex
	conn net.Conn
}

// listen makes a port of the switch that the program connecting to path gets.
func (s *Switch) listen(name, path string) (*socket, error) {
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("switch %s: %w", s.Name, err)
	}
	k := &socket{ln: ln}
	if k.port, err = s.Connect(name, k.deliver); err != nil {
		ln.Close()
		return nil, err
	}
	k.wg.Add(1)
	go k.accept()
	return k, nil
}

func (k *socket) accept() {
	defer k.wg.Done()
	for {
		c, err := k.ln.Accept()
		if err != nil {
			return // closed
		}
		k.mu.Lock()
		if k.conn != nil {
			k.conn.Close() // the machine came anew
		}
		k.conn = c
		k.mu.Unlock()
		k.wg.Add(1)
		go k.read(c)
	}
}

func (k *socket) read(c net.Conn) {
	defer k.wg.Done()
	defer c.Close()
	r := bufio.NewReaderSize(c, 64<<10)
	for {
		frame, err := readFrame(r)
		if err != nil {
			return // the machine is off, or speaks nonsense
		}
		k.port.Send(frame)
	}
}

var errFrame = errors.New("frame length out of range")

func readFrame(r io.Reader) ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(head[:])
	if n > 64<<10 {
		return nil, errFrame
	}
	frame := make([]byte, n)
	_, err := io.ReadFull(r, frame)
	return frame, err
}

func (k *socket) deliver(frame []byte) {
	k.mu.Lock()
	c := k.conn
	k.mu.Unlock()
	if c == nil {
		return // nobody there: the cable ends in the air
	}
	b := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(frame)), uint32(len(frame)))
	if _, err := c.Write(append(b, frame...)); err != nil {
		c.Close()
	}
}

// close ends the port and its goroutines.
func (k *socket) close() {
	k.ln.Close()
	k.port.Close()
	k.mu.Lock()
	if k.conn != nil {
		k.conn.Close()
	}
	k.mu.Unlock()
	k.wg.Wait()
	os.Remove(k.ln.Addr().String())
}
