package daemon

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tandem/failover/dhcp"
	"tandem/failover/node"
	"tandem/failover/omapi"
)

// Limits of managers' connections.
const (
	// maxManagers is the connections at once, the ones that the node has yet to
	// refuse, or that are being closed, included. Further ones wait in the
	// kernel.
	maxManagers = omapi.MaxSessions + omapi.MaxUnproven
	// managerRead is the octets taken from a connection at a time.
	managerRead = 16 << 10
	// managerWrite is how long a manager may take to read a reply.
	managerWrite = 10 * time.Second
)

// managers are the connections of omshell, between the loop and the sockets.
// Each is read only when the reply to what came before has been written, so
// that nobody who sends without reading holds memory.
type managers struct {
	inbox *inbox
	down  <-chan struct{}
	log   *Logger
	count *counters

	mu       sync.Mutex
	slots    chan struct{} // one for each connection
	want     string        // where to listen; empty for nowhere
	listener net.Listener
	open     map[uint64]*managerConn
	last     uint64
	running  sync.WaitGroup
}

// managerConn is one connection.
type managerConn struct {
	id      uint64
	conn    net.Conn
	replies chan node.OMAPIReply
}

func newManagers(in *inbox, down <-chan struct{}, log *Logger, count *counters) *managers {
	return &managers{inbox: in, down: down, log: log, count: count, open: map[uint64]*managerConn{}, slots: make(chan struct{}, maxManagers)}
}

// drawNumber gives a number that nobody can predict.
func drawNumber() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return binary.NativeEndian.Uint32(b[:])
}

// listenAddress is where managers are heard: everywhere if a key is required,
// else on this machine only.
func listenAddress(port uint16, loopback bool) string {
	switch {
	case port == 0:
		return ""
	case loopback:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port).String()
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), port).String()
}

// listen opens, moves or closes the port. A port that cannot be opened is tried
// again at every call; clients are served without it.
func (m *managers) listen(port uint16, loopback bool) {
	want := listenAddress(port, loopback)
	m.mu.Lock()
	defer m.mu.Unlock()
	if want == m.want && (m.listener != nil || want == "") {
		return
	}
	fresh := want != m.want
	m.want = want
	if m.listener != nil {
		m.listener.Close()
		m.listener = nil
	}
	if want == "" {
		return
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp4", want)
	if err != nil {
		if fresh {
			m.log.Sayf(dhcp.LevelError, "OMAPI: %v; trying again", err)
		}
		return
	}
	m.listener = l
	m.log.Sayf(dhcp.LevelInfo, "OMAPI: listening on %s", want)
	m.running.Go(func() { m.accept(l) })
}

// acceptPause is the rest after a connection that could not be accepted, as
// when there are no file descriptors left.
const acceptPause = 100 * time.Millisecond

func (m *managers) accept(l net.Listener) {
	for m.room() {
		conn, err := l.Accept()
		if err == nil {
			m.admit(conn)
			continue
		}
		<-m.slots
		if m.left(l) {
			return
		}
		select {
		case <-time.After(acceptPause):
		case <-m.down:
			return
		}
	}
}

// left tells whether another listener, or none, took the place of l.
func (m *managers) left(l net.Listener) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.listener != l
}

// room waits for a slot; false if the server ends.
func (m *managers) room() bool {
	select {
	case m.slots <- struct{}{}:
		return true
	default:
	}
	m.count.add(managersWaited, 1)
	select {
	case m.slots <- struct{}{}:
		return true
	case <-m.down:
		return false
	}
}

// admit begins to serve a connection that has a slot.
func (m *managers) admit(conn net.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.listener == nil { // closed meanwhile
		conn.Close()
		<-m.slots
		return
	}
	m.last++
	c := &managerConn{id: m.last, conn: conn, replies: make(chan node.OMAPIReply, 2)}
	m.open[c.id] = c
	m.running.Go(func() { m.serve(c) })
}

// serve runs one connection until it ends.
func (m *managers) serve(c *managerConn) {
	defer func() {
		c.conn.Close()
		m.mu.Lock()
		delete(m.open, c.id)
		m.mu.Unlock()
		<-m.slots
		m.inbox.send(m.down, &node.OMAPIClosed{ID: c.id})
	}()
	from := c.conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr()
	if !m.inbox.send(m.down, &node.OMAPIOpened{ID: c.id, From: from}) {
		return
	}
	buf := make([]byte, managerRead)
	for m.write(c) {
		n, err := c.conn.Read(buf)
		if err != nil {
			c.last()
			return
		}
		if !m.inbox.send(m.down, &node.OMAPIBytes{ID: c.id, Data: slices.Clone(buf[:n])}) {
			return
		}
	}
}

// write waits for the reply and writes it, with all that belongs to it. It is
// false if the connection is over.
func (m *managers) write(c *managerConn) bool {
	for {
		var r node.OMAPIReply
		select {
		case r = <-c.replies:
		case <-m.down:
			return false
		}
		if !c.put(r) || r.Close != "" {
			return false
		}
		if !r.More {
			return true
		}
		if !m.inbox.send(m.down, &node.OMAPIBytes{ID: c.id}) {
			return false
		}
	}
}

func (c *managerConn) put(r node.OMAPIReply) bool {
	if len(r.Bytes) == 0 {
		return true
	}
	if c.conn.SetWriteDeadline(time.Now().Add(managerWrite)) != nil {
		return false
	}
	_, err := c.conn.Write(r.Bytes)
	return err == nil
}

// last writes what came together with the order to hang up.
func (c *managerConn) last() {
	select {
	case r := <-c.replies:
		c.put(r)
	default:
	}
}

// deliver hands replies to their connections. What promises something that the
// disk had no room for is not said: the connection ends.
func (m *managers) deliver(list []node.OMAPIReply, kept bool) {
	if len(list) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range list {
		c := m.open[r.ID]
		if c == nil {
			continue
		}
		if !kept {
			r = node.OMAPIReply{ID: r.ID, Close: "the disk is full"}
		}
		select {
		case c.replies <- r:
		default: // it was to answer one thing at a time
			c.conn.Close()
		}
		if r.Close != "" {
			_ = c.conn.SetReadDeadline(time.Unix(1, 0)) // ends a Read that waits
		}
	}
}

// close ends every connection.
func (m *managers) close() error {
	m.mu.Lock()
	l := m.listener
	m.listener, m.want = nil, ""
	for _, c := range m.open {
		c.conn.Close()
	}
	m.mu.Unlock()
	var err error
	if l != nil {
		err = l.Close()
	}
	m.running.Wait()
	if err != nil {
		return fmt.Errorf("OMAPI: %w", err)
	}
	return nil
}
