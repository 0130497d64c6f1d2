package qemu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// MaxFrame is the largest Ethernet frame that passes: jumbo, VLAN tag, no FCS.
	MaxFrame  = 9216 + 18
	minFrame  = 14
	maxMACs   = 4096 // learned addresses; the table starts anew when it is full
	portQueue = 512  // frames that wait at a port; more are dropped and counted
)

// MAC is an Ethernet address.
type MAC [6]byte

// String writes an address as "52:54:00:12:34:56".
func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// group reports whether frames to the address go to many.
func (m MAC) group() bool { return m[0]&1 != 0 }

// Switch is a learning Ethernet switch in memory. With two ports it is a cable.
type Switch struct {
	Name string

	mu     sync.Mutex
	ports  []*Port
	macs   map[MAC]*Port
	record *recorder
	closed bool
}

// NewSwitch makes a switch without ports.
func NewSwitch(name string) *Switch {
	return &Switch{Name: name, macs: map[MAC]*Port{}}
}

// Connect adds a port. deliver gets every frame that leaves the switch there,
// one at a time and in order, on a goroutine of the port's own; the frame is
// its to keep. It ends with the port.
func (s *Switch) Connect(name string, deliver func(frame []byte)) (*Port, error) {
	p := &Port{Name: name, sw: s, queue: make(chan queued, portQueue), done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errors.New("switch " + s.Name + " is closed")
	}
	s.ports = append(s.ports, p)
	go p.run(deliver)
	return p, nil
}

// Close ends all ports.
func (s *Switch) Close() {
	s.mu.Lock()
	ports := append([]*Port{}, s.ports...)
	s.closed = true
	s.mu.Unlock()
	for _, p := range ports {
		p.Close()
	}
}

// remove forgets a port.
func (s *Switch) remove(p *Port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, q := range s.ports {
		if q == p {
			s.ports = append(s.ports[:i], s.ports[i+1:]...)
			break
		}
	}
	for m, q := range s.macs {
		if q == p {
			delete(s.macs, m)
		}
	}
}

// forward takes a frame that came in at a port to where it belongs.
func (s *Switch) forward(from *Port, frame []byte) {
	var to, source MAC
	copy(to[:], frame)
	copy(source[:], frame[6:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.record != nil {
		s.record.frame(time.Now(), frame)
	}
	if !source.group() {
		if len(s.macs) >= maxMACs {
			clear(s.macs)
		}
		s.macs[source] = from
	}
	if known := s.macs[to]; known != nil && !to.group() {
		if known != from {
			known.out(frame)
		}
		return
	}
	for _, p := range s.ports {
		if p != from {
			p.out(frame)
		}
	}
}

// Record writes every frame that passes from now on as a pcap file. nil ends
// the recording. A writer that fails ends it too.
func (s *Switch) Record(w io.Writer) error {
	var r *recorder
	if w != nil {
		r = &recorder{w: w}
		if err := r.head(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record = r
	return nil
}

// recorder writes a pcap file (microseconds, Ethernet).
type recorder struct {
	w   io.Writer
	err error
}

func (r *recorder) head() error {
	h := make([]byte, 24)
	le := binary.LittleEndian
	le.PutUint32(h[0:], 0xa1b2c3d4)
	le.PutUint16(h[4:], 2)
	le.PutUint16(h[6:], 4)
	le.PutUint32(h[16:], MaxFrame)
	le.PutUint32(h[20:], 1)
	_, err := r.w.Write(h)
	return err
}

func (r *recorder) frame(at time.Time, frame []byte) {
	if r.err != nil {
		return
	}
	b := make([]byte, 16, 16+len(frame))
	le := binary.LittleEndian
	le.PutUint32(b[0:], uint32(at.Unix()))
	le.PutUint32(b[4:], uint32(at.Nanosecond()/1000))
	le.PutUint32(b[8:], uint32(len(frame)))
	le.PutUint32(b[12:], uint32(len(frame)))
	_, r.err = r.w.Write(append(b, frame...))
}
